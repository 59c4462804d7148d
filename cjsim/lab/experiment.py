"""The `Experiment` document: a hypothesis, the claimed effect, a baseline and its variants, and their validation."""

import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from cjsim.errors import short_repr, unknown_name_parts
from cjsim.lab.arms import ExperimentArm, build_arms
from cjsim.lab.variants import Sweep, Variant
from cjsim.scenario.fields import Integer, MetricName, Name, RealNumber, Title, check_listed_once
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.documents import Scenario
from cjsim.validate.search_space_checks import space_faults
from cjsim.yaml.document import Document, as_document
from cjsim.yaml.paths import Fault
from cjsim.yaml.strict_model import FieldError, StrictModel

ANY_VARIANT, ALL_VARIANTS = "any", "all"
_PERCENT_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_BASELINE_SETTINGS = ("start", "horizon", "value_horizon", "entry", "discount_rate", "currency")  # must be the same in all variants


class ClaimedSize(NamedTuple):
    """The claimed minimum effect, in the unit of the metric or as a fraction of the baseline value."""

    amount: float
    is_relative: bool


def _validate_size(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if not is_number and not (isinstance(value, str) and _PERCENT_PATTERN.fullmatch(value)):
        must = "must be a nonnegative size in the unit of the metric, such as 0.02, or relative to the baseline, such as '8 %'"
        raise FieldError(must, "Write a number, or a percentage in quotes; 'direction' gives the sign.")
    return value


class DecisionRule(StrictModel):
    """The decision rule: the confidence level of the intervals."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"confidence": 0.9}]})

    confidence: Annotated[RealNumber, Field(ge=0.5, lt=1)] = Field(0.95, examples=[0.9])
    """Confidence level of the interval that decides the verdict."""


class Experiment(Document):
    """A hypothesis and the simulations that test it.

    `cjsim explain experiment` describes every field.
    """

    name: Name = Field(examples=["faster_cart_mail"])
    """Name of the experiment."""
    title: Title = Field("", examples=["Faster cart reminders"])
    """Title shown in output."""
    hypothesis: Annotated[str, Field(min_length=1)] = Field(examples=["A cart reminder after 2 hours raises conversion by 8 %."])
    """The claim that the experiment tests, in words."""
    claimed_by: str = Field("", examples=["a vendor's white paper"])
    """Source of the claim."""
    scenario: Scenario = Field(examples=["../scenarios/shop.yaml"])
    """Baseline: a scenario, or the path of its file relative to this file."""
    variants: dict[Annotated[str, Field(min_length=1, max_length=60, examples=["sooner"])], Variant] = {}
    """Changes to the baseline, by name; either these or `sweep` are required."""
    sweep: Sweep | None = None
    """Many variants at once: all combinations of values, rows of values, or points of a search space."""
    claim: str | None = Field(None, examples=["any"])
    """Variant that the claim is about, or `any` or `all`; required if there are several variants."""
    metric: MetricName = Field(examples=["conversion"])
    """Metric that the claim is about, as in the output of `cjsim metrics`."""
    direction: Literal["rises", "falls"]
    """Whether the claim is that the metric rises or falls."""
    by: Annotated[float | str, BeforeValidator(_validate_size)] = Field(0, examples=[0.02, "8 %"])
    """Claimed size of the effect, in the unit of the metric or as a percentage of its value under the baseline; at least 0."""
    watch: Annotated[tuple[MetricName, ...], AfterValidator(check_listed_once)] = ()
    """Other metrics to report."""
    customers: Annotated[Integer, Field(ge=0, le=MAX_CUSTOMERS)] | None = Field(None, examples=[20_000])
    """Number of initial customers per seed, by default that of the scenario."""
    seed: Annotated[Integer, Field(ge=0, lt=2**62)] = Field(1, examples=[7])
    """Seed of the first replication."""
    replications: Annotated[Integer, Field(ge=1, le=10_000)] = Field(1, examples=[5])
    """Number of seeds, from `seed` upward; their customers are pooled."""
    decide: DecisionRule = DecisionRule()
    """How the verdict is reached."""

    @property
    def claimed_size(self) -> ClaimedSize:
        """Claimed minimum size of the effect, at least 0."""
        if isinstance(self.by, str):
            match = _PERCENT_PATTERN.fullmatch(self.by)
            assert match is not None
            return ClaimedSize(float(match[1]) / 100, True)
        return ClaimedSize(float(self.by), False)

    @property
    def claimed_sign(self) -> int:
        """1 for a claimed rise of the metric, -1 for a claimed fall."""
        return 1 if self.direction == "rises" else -1

    @property
    def customers_per_seed(self) -> int:
        """Number of customers simulated per seed."""
        return self.scenario.customers if self.customers is None else self.customers

    @property
    def seeds(self) -> range:
        """Seeds, one per replication."""
        return range(self.seed, self.seed + self.replications)

    def arms(self) -> tuple[ExperimentArm, ...]:
        """Return the arms, one per variant or sweep point.

        Raises
        ------
        InputError
            If a value is invalid at its path or the sweep has too many points.
        """
        return build_arms(self.scenario, self.variants, self.sweep, self.source())

    def claimed_arms(self, arms: Iterable[ExperimentArm]) -> tuple[ExperimentArm, ...]:
        """Return the arms that the hypothesis is about. If there are several, arms that equal the baseline are excluded.

        Parameters
        ----------
        arms : Iterable of ExperimentArm
            The return value of `arms()`.
        """
        all_arms = tuple(arms)
        if self.claim not in (None, ANY_VARIANT, ALL_VARIANTS):
            return tuple(arm for arm in all_arms if arm.name == self.claim)
        return tuple(arm for arm in all_arms if arm.is_different) or all_arms

    def faults(self) -> Iterable[Fault]:
        """Yield errors that field types do not catch.

        Raises
        ------
        InputError
            If a value of a variant is invalid at its path.
        """
        faults = [fault.under("scenario") for fault in self.scenario.faults()]
        faults += self._variant_faults()
        yield from faults
        if not faults:
            arms = self.arms()
            yield from self._arm_faults(arms)
            yield from self._claim_faults(arms)
            yield from self._metric_faults()

    def _variant_faults(self) -> Iterable[Fault]:
        if bool(self.variants) == (self.sweep is not None):
            got = "both" if self.variants else "neither"
            yield Fault(("variants",), "must have exactly one of 'variants' and 'sweep'", got, "Define what to compare with the baseline.")
        for name, variant in self.variants.items():
            where = ("variants", name)
            if name in (ANY_VARIANT, ALL_VARIANTS):
                yield Fault(where, f"must not be named '{ANY_VARIANT}' or '{ALL_VARIANTS}'", short_repr(name), "Choose another name.")
            if not variant.set and not variant.merge and variant.scenario is None:
                remedy = "Set a value by its path, or merge a new flow."
                yield Fault(where, "must change something", "no 'set', 'merge' or 'scenario'", remedy)
            elif variant.scenario is not None:
                yield from (fault.under("scenario").under(name).under("variants") for fault in variant.scenario.faults())
        if self.sweep is not None and self.sweep.sobol is not None:
            faults = space_faults(self.sweep.sobol.free, self.sweep.sobol.mixes)
            yield from (fault.under("sobol").under("sweep") for fault in faults)
        if self.customers_per_seed < 2 and not self.scenario.journey.acquisition:
            yield Fault(("customers",), "must be at least 2", str(self.customers_per_seed), "Intervals require at least two customers.")

    def _arm_faults(self, arms: tuple[ExperimentArm, ...]) -> Iterable[Fault]:
        for arm in arms:
            setting = next((name for name in _BASELINE_SETTINGS if getattr(self.scenario, name) != getattr(arm.scenario, name)), None)
            if setting is not None:
                baseline_value, arm_value = getattr(self.scenario, setting), getattr(arm.scenario, setting)
                remedy = "Change only the journey and the policy."
                yield Fault(arm.yaml_path, f"must have the same {setting} as the baseline, {baseline_value}", short_repr(arm_value), remedy)
            elif self.variants and not arm.is_different:
                remedy = "Change it, or remove the variant."
                yield Fault(("variants", arm.name), "must differ from the baseline", "the same journey and policy", remedy)

    def _claim_faults(self, arms: tuple[ExperimentArm, ...]) -> Iterable[Fault]:
        names = [ANY_VARIANT, ALL_VARIANTS, *(arm.name for arm in arms)]
        if self.claim is not None and self.claim not in names:
            yield Fault(("claim",), *unknown_name_parts(self.claim, names, "variant"))
        if self.claim is None and len(arms) > 1:
            got, remedy = f"no claim for {len(arms)} variants", "Name one, or write any or all."
            yield Fault(("claim",), "must name the variant that the hypothesis is about", got, remedy)

    def _metric_faults(self) -> Iterable[Fault]:
        # Imported here because the compiler imports numba, which is slow. Metric names depend on the compiled stages, channels and desks.
        from cjsim.compiler.compile_scenario import compile_scenario
        from cjsim.metrics.catalog import all_metric_definitions

        requested = {("metric",): self.metric} | {("watch", i): metric for i, metric in enumerate(self.watch)}
        in_baseline = all_metric_definitions(compile_scenario(self.scenario).codebook)
        for where, metric in requested.items():
            if metric not in in_baseline:
                yield Fault(where, *unknown_name_parts(metric, in_baseline, "metric"))
        for name, variant in self.variants.items():
            if variant.scenario is not None:
                in_variant = all_metric_definitions(compile_scenario(variant.scenario).codebook)
                for where, metric in requested.items():
                    if metric in in_baseline and metric not in in_variant:
                        must = "must be a metric of the baseline and of all variants"
                        yield Fault(where, must, f"{short_repr(metric)}, which '{name}' lacks", "Choose another metric.")


def as_experiment(source: Experiment | str | os.PathLike[str]) -> Experiment:
    """Return a validated experiment, loaded if a path is given.

    Parameters
    ----------
    source : Experiment, str or path
        The experiment or its file.

    Raises
    ------
    InputError
        If `source` is neither an experiment nor a path, or the experiment is invalid.
    """
    return as_document(source, Experiment, argument="experiment").checked()
