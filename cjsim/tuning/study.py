"""The schema of study files: free values, objectives, constraints and search settings, with their validation."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cjsim.errors import short_repr, unknown_name_parts
from cjsim.scenario.fields import Integer, Name
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
    """Confirmation on fresh customers: the number of finalists, and of customers (by default twice those of a trial)."""

    finalists: Annotated[Integer, Field(ge=1, le=50)] = 5
    customers: Annotated[Integer, Field(ge=2, le=MAX_CUSTOMERS)] | None = None


class Study(Document):
    """A search for the best values of a scenario's policy.

    `batch` trials are chosen at a time, given the results of all previous batches, so that the result does not depend on the number of
    workers. `racing`: a trial stops after its first customers if it is surely worse. `pairing`: all trials use the same customers and are
    compared customer by customer; without it (to measure what it saves) each trial has its own customers.
    """

    name: Name
    title: str = ""
    scenario: Scenario
    customers: Annotated[Integer, Field(ge=2, le=MAX_CUSTOMERS)] | None = None
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = 1
    trials: Annotated[Integer, Field(ge=1, le=1_000_000)] = 100
    batch: Annotated[Integer, Field(ge=1, le=1000)] = 8
    sampler: SamplerName = "tpe"
    free: dict[str, Free] = {}
    mixes: dict[Name, Mix] = {}
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=6)]
    constraints: tuple[Constraint, ...] = ()
    draws: ParameterDrawSettings | None = None
    racing: bool = True
    pairing: bool = True
    confirm: ConfirmationSettings = ConfirmationSettings()

    @property
    def space(self) -> Space:
        """The search space of the free values."""
        return Space.from_settings(self.free, self.mixes)

    @property
    def search_problem(self) -> SearchProblem:
        """What the sampler is made for."""
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
        """Number of customers of a complete trial."""
        return self.scenario.customers if self.customers is None else self.customers

    def scenario_with(self, values: Mapping[str, Any]) -> Scenario:
        """The scenario with some values replaced.

        Parameters
        ----------
        values : Mapping of str to Any
            Values by path, as `Space.values` returns them.

        Raises
        ------
        InputError
            If the scenario with these values is invalid.
        """
        return self.scenario.with_values(values)

    def faults(self) -> Iterable[Fault]:
        """Faults of the study and of its scenario.

        Raises
        ------
        InputError
            If a free value is invalid at its path.
        """
        yield from (fault.under("scenario") for fault in self.scenario.faults())
        if not self.free and not self.mixes:
            yield Fault(("free",), "must name at least one value that may be chosen", "none", "Name a path and its bounds.")
        faults = [*space_faults(self.free, self.mixes), *self._place_faults()]
        yield from faults
        yield from self._metric_faults()
        yield from self._sampler_faults()
        if not faults:
            check_values(self.free, self.mixes, self.scenario, self.source())
            yield from self._draw_faults()

    def _free_paths(self) -> Iterable[tuple[str, tuple[str, str]]]:
        """All free paths, each with its location in the file."""
        yield from ((path, ("free", name)) for name, free in self.free.items() for path in (name, *free.also))
        yield from ((path, ("mixes", name)) for name, mix in self.mixes.items() for path in mix.of)

    def _place_faults(self) -> Iterable[Fault]:
        # All trials have the same customers and horizon: other values of a scenario are no choices.
        for path, location in self._free_paths():
            if (keys := parse_path(path)) and keys[0] not in ("policy", "journey"):
                yield Fault(
                    location, "must be a value of the policy or the journey", short_repr(path), "Take one below 'policy' or 'journey'."
                )

    def _metric_faults(self) -> Iterable[Fault]:
        # The metrics of a scenario depend on its stages, channels and desks. Imported here, as both modules load numba.
        from cjsim.compiler.compile_scenario import compile_scenario
        from cjsim.metrics.catalog import all_metric_definitions

        known = all_metric_definitions(compile_scenario(self.scenario).codebook)
        asked = {("objectives", i): one.metric for i, one in enumerate(self.objectives)}
        asked |= {("constraints", i): one.metric for i, one in enumerate(self.constraints)}
        for location, metric in asked.items():
            if metric not in known:
                yield Fault((*location, "metric"), *unknown_name_parts(metric, known, "metric"))
        yield from _duplicate_faults("objectives", [one.metric for one in self.objectives])
        yield from _duplicate_faults("constraints", [one.name for one in self.constraints])
        yield from self._confirm_faults(known)

    def _confirm_faults(self, known: "Mapping[str, MetricDefinition]") -> Iterable[Fault]:
        # With another number of customers, totals have another scale, and desks and budgets have another load.
        customers, metrics = self.confirm.customers, {one.metric for one in self.objectives} | {one.metric for one in self.constraints}
        is_total = any(known[name].is_total for name in metrics if name in known)
        is_whole_population = is_total or self.scenario.has_shared_resources or bool(self.scenario.journey.acquisition)
        if customers not in (None, self.customers_per_trial) and is_whole_population:
            must = f"must be the study's {self.customers_per_trial}, as customers meet, or a metric is a total"
            yield Fault(("confirm", "customers"), must, str(customers), "Leave it out.")

    def _draw_faults(self) -> Iterable[Fault]:
        if self.draws is None:
            return
        rows = read_parameter_draws(self.draws.file)
        if len(rows) < self.draws.rows:
            must, remedy = f"must be at most the {len(rows)} rows of the file", f"Write 'rows: {len(rows)}', or draw more."
            yield Fault(("draws", "rows"), must, str(self.draws.rows), remedy)
        rows = rows[: self.draws.rows]
        free = {path for path, _ in self._free_paths()}
        for path in rows[0].values:
            if path in free:
                yield Fault(("draws", "file"), "must not draw what is free", short_repr(path), "Leave the column out, or the free value.")
        self.scenario.with_values(rows[0].values, location=rows[0].location)
        if self.customers_per_trial < 2 * len(rows):
            yield Fault(("customers",), f"must be at least 2 for each of {len(rows)} draws", str(self.customers_per_trial), "Ask for more.")

    def _sampler_faults(self) -> Iterable[Fault]:
        if self.sampler in SAMPLERS:
            yield from sampler_faults(self.sampler, self.search_problem)
        if self.racing and not self.pairing:
            yield Fault(("racing",), "must be false without 'pairing'", "true", "Write 'racing: false' beside 'pairing: false'.")


def _duplicate_faults(key: str, names: Sequence[str]) -> Iterable[Fault]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Fault((key, i), "must be asked once", short_repr(name), "Leave one of them out.")
