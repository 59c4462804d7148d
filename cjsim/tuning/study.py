"""The schema and validation of study files: free values, objectives, constraints and search settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from cjsim.errors import short_repr, unknown_name_parts
from cjsim.scenario.fields import Integer, Name, Title, ValuePath
from cjsim.scenario.search_space import Free, Mix, Space
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.documents import Scenario
from cjsim.tuning.objectives import Constraint, Objective, ParameterDrawSettings
from cjsim.tuning.parameter_draws import read_parameter_draws
from cjsim.tuning.samplers import SAMPLERS, SamplerName, SearchProblem, sampler_faults
from cjsim.validate.search_space_checks import check_values, space_faults
from cjsim.yaml.document import Document
from cjsim.yaml.paths import Fault, parse_path
from cjsim.yaml.strict_model import StrictModel

if TYPE_CHECKING:
    from cjsim.metrics.ratios import MetricDefinition


class ConfirmationSettings(StrictModel):
    """Confirmation of the best choices on fresh customers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"finalists": 8}]})

    finalists: Annotated[Integer, Field(ge=1, le=50)] = Field(5, examples=[8])
    """Number of choices that are simulated again on fresh customers."""
    customers: Annotated[Integer, Field(ge=2, le=MAX_CUSTOMERS)] | None = Field(None, examples=[40_000])
    """Number of fresh customers in each set, by default twice the number in a trial, or the same if results depend on the number."""


class Study(Document):
    """A search for the best values in a scenario's policy.

    `cjsim explain study` describes every field.
    """

    name: Name = Field(examples=["timing"])
    """Name of the study."""
    title: Title = Field("", examples=["When to send cart reminders"])
    """Title shown in output."""
    scenario: Scenario = Field(examples=["../scenarios/shop.yaml"])
    """Baseline without any changes: a scenario, or the path of its file relative to this file."""
    customers: Annotated[Integer, Field(ge=2, le=MAX_CUSTOMERS)] | None = Field(None, examples=[20_000])
    """Number of initial customers in each trial, by default that of the scenario."""
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = Field(1, examples=[7])
    """Seed of the customers and of the sampler."""
    trials: Annotated[Integer, Field(ge=1, le=1_000_000)] = Field(100, examples=[200])
    """Number of trials; each one evaluates one combination of the free values."""
    batch: Annotated[Integer, Field(ge=1, le=1000)] = Field(8, examples=[16])
    """Number of trials that the sampler chooses at a time, given the results of all earlier batches; also the most that run in parallel."""
    sampler: SamplerName = "tpe"
    """Method that chooses the trials."""
    free: dict[ValuePath, Free] = {}
    """Values that the search may change, by their path under `policy` or `journey`."""
    mixes: dict[Annotated[Name, Field(examples=["media_budget"])], Mix] = {}
    """Totals to split among paths, by name."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=6)]
    """One to six metrics to optimize; with several, the study reports the trade-offs between them."""
    constraints: tuple[Constraint, ...] = ()
    """Bounds on metrics that the chosen values must respect."""
    draws: ParameterDrawSettings | None = None
    """Parameter draws of a calibrated journey, for a choice that holds under uncertainty about the journey."""
    racing: bool = Field(True, examples=[False])
    """Whether to stop a trial early if it is clearly worse on its first customers."""
    pairing: bool = Field(True, examples=[False])
    """Whether all trials simulate the same customers and are compared customer by customer; turn it off only to measure what it gains."""
    confirm: ConfirmationSettings = ConfirmationSettings()
    """How the best choices are confirmed on fresh customers."""

    @property
    def space(self) -> Space:
        """Search space of the free values."""
        return Space.from_settings(self.free, self.mixes)

    @property
    def search_problem(self) -> SearchProblem:
        """Properties of the study that the sampler depends on."""
        return SearchProblem(
            seed=self.seed,
            batch=self.batch,
            n_coordinates=len(self.free) + sum(len(mix.of) - 1 for mix in self.mixes.values()),
            n_objectives=len(self.objectives),
            has_constraints=bool(self.constraints),
            has_choices=any(value.choices is not None for value in self.free.values()),
        )

    @property
    def customers_per_trial(self) -> int:
        """Number of customers in a complete trial."""
        return self.scenario.customers if self.customers is None else self.customers

    def scenario_with(self, values: Mapping[str, Any]) -> Scenario:
        """Return the scenario with some values replaced.

        Parameters
        ----------
        values : Mapping of str to Any
            Values keyed by path, as returned by `Space.values`.

        Raises
        ------
        InputError
            If the scenario with these values is invalid.
        """
        return self.scenario.with_values(values)

    def faults(self) -> Iterable[Fault]:
        """Yield the faults of the study and its scenario.

        Raises
        ------
        InputError
            If a free value is invalid at its path.
        """
        in_scenario = [fault.under("scenario") for fault in self.scenario.faults()]
        yield from in_scenario
        if not self.free and not self.mixes:
            yield Fault(("free",), "must contain at least one free value", "none", "Add a path with bounds or choices.")
        faults = [*space_faults(self.free, self.mixes), *self._path_faults()]
        yield from faults
        yield from _duplicate_faults("objectives", [one.metric for one in self.objectives])
        yield from _duplicate_faults("constraints", [one.name for one in self.constraints])
        if not in_scenario:
            yield from self._metric_faults()
        yield from self._sampler_faults()
        if not faults and not in_scenario:
            check_values(self.free, self.mixes, self.scenario, self.source())
            yield from self._draw_faults()

    def _free_paths(self) -> Iterable[tuple[str, tuple[str, str]]]:
        """Yield all free paths, each with its location in the file."""
        yield from ((path, ("free", name)) for name, free in self.free.items() for path in (name, *free.also))
        yield from ((path, ("mixes", name)) for name, mix in self.mixes.items() for path in mix.of)

    def _path_faults(self) -> Iterable[Fault]:
        # All trials have the same customers and horizon, so other values of a scenario cannot be free.
        for path, location in self._free_paths():
            if (keys := parse_path(path)) and keys[0] not in ("policy", "journey"):
                remedy = "Use a path below 'policy' or 'journey'."
                yield Fault(location, "must be a value in the policy or the journey", short_repr(path), remedy)

    def _metric_faults(self) -> Iterable[Fault]:
        # The metrics of a scenario depend on its stages, channels and desks. The imports are local, because both modules load numba.
        from cjsim.compiler.compile_scenario import compile_scenario
        from cjsim.metrics.catalog import all_metric_definitions

        known = all_metric_definitions(compile_scenario(self.scenario).codebook)
        asked = {("objectives", i): one.metric for i, one in enumerate(self.objectives)}
        asked |= {("constraints", i): one.metric for i, one in enumerate(self.constraints)}
        for location, metric in asked.items():
            if metric not in known:
                yield Fault((*location, "metric"), *unknown_name_parts(metric, known, "metric"))
        yield from self._confirm_faults(known)

    def _confirm_faults(self, known: "Mapping[str, MetricDefinition]") -> Iterable[Fault]:
        # A different number of customers would change the scale of totals, the load on desks and budgets, and shares of fixed costs.
        customers, metrics = self.confirm.customers, {one.metric for one in self.objectives} | {one.metric for one in self.constraints}
        is_total = any(known[name].is_total for name in metrics if name in known)
        is_whole_population = is_total or self.scenario.depends_on_population_size
        if customers not in (None, self.customers_per_trial) and is_whole_population:
            must = f"must equal the study's {self.customers_per_trial}, because outcomes or totals depend on the number of customers"
            yield Fault(("confirm", "customers"), must, str(customers), "Remove it.")

    def _draw_faults(self) -> Iterable[Fault]:
        if self.draws is None:
            return
        rows = read_parameter_draws(self.draws.file)
        if len(rows) < self.draws.rows:
            must, remedy = f"must be at most the {len(rows)} rows in the file", f"Set 'rows: {len(rows)}', or add draws to the file."
            yield Fault(("draws", "rows"), must, str(self.draws.rows), remedy)
        rows = rows[: self.draws.rows]
        free = {path for path, _ in self._free_paths()}
        for path in rows[0].values:
            if path in free:
                yield Fault(("draws", "file"), "must not draw a free value", short_repr(path), "Remove the column or the free value.")
        self.scenario.with_values(rows[0].values, location=rows[0].location)
        if self.customers_per_trial < 2 * len(rows):
            yield Fault(("customers",), f"must be at least 2 for each of {len(rows)} draws", str(self.customers_per_trial), "Increase it.")

    def _sampler_faults(self) -> Iterable[Fault]:
        if self.sampler in SAMPLERS:
            yield from sampler_faults(self.sampler, self.search_problem)
        if self.racing and not self.pairing:
            yield Fault(("racing",), "must be false without 'pairing'", "true", "Add 'racing: false' or remove 'pairing: false'.")


def _duplicate_faults(key: str, names: Sequence[str]) -> Iterable[Fault]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Fault((key, i), "must be listed only once", short_repr(name), "Remove the duplicate.")
