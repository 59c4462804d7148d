"""An experiment: a hypothesis in words, the metric, the direction and the size that it claims, a baseline, and what is tried against it.

Lives here: what stands in an experiment's file, and what is wrong with it. Does not live here: what variants and sweeps come to (arms.py),
the verdict (verdict.py), running it (trying.py).
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from cjsim.errors import InputError, complaint, shown, unknown_name
from cjsim.lab.arms import Arm, arms_of
from cjsim.lab.variants import Sweep, Variant
from cjsim.model.document import Document
from cjsim.model.paths import Fault
from cjsim.model.scenario import MAX_CUSTOMERS, Scenario
from cjsim.model.space import space_faults
from cjsim.model.vocabulary import Base, Name, Real, Whole

ANY, ALL = "any", "all"
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_WORLD = ("start", "horizon", "entry", "discount_rate")  # what all variants share with the baseline


class Size(NamedTuple):
    """How large an effect is claimed: in the unit of the metric, or as a share of the baseline's value."""

    amount: float
    is_relative: bool


def _size(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if not is_number and not (isinstance(value, str) and _PERCENT.fullmatch(value)):
        raise ValueError("must be a size in the unit of the metric such as 0.02, or one relative to the baseline such as '8 %'; 0 or more")
    return value


class Decision(Base):
    """The rule by which the verdict is found: the confidence of the interval."""

    confidence: Annotated[Real, Field(ge=0.5, lt=1)] = 0.95


class Experiment(Document):
    """A hypothesis, and how it is tried.

    `by`: the size claimed, as a number in the unit of the metric (a share as 0.02) or as '8 %' of the baseline's value. `claim`: which
    variant is claimed to do it, or `any`, or `all`; needed where there are several. `watch`: further metrics that are shown.
    `replications`: so many seeds, from `seed` on, each with as many customers.
    """

    name: Name
    title: str = ""
    hypothesis: Annotated[str, Field(min_length=1)]
    claimed_by: str = ""
    scenario: Scenario
    variants: dict[Annotated[str, Field(min_length=1, max_length=60)], Variant] = {}
    sweep: Sweep | None = None
    claim: str | None = None
    metric: str
    direction: Literal["rises", "falls"]
    by: Annotated[float | str, BeforeValidator(_size)] = 0
    watch: tuple[str, ...] = ()
    customers: Annotated[Whole, Field(ge=0, le=MAX_CUSTOMERS)] | None = None
    seed: Annotated[Whole, Field(ge=0, lt=2**62)] = 1
    replications: Annotated[Whole, Field(ge=1, le=10_000)] = 1
    decide: Decision = Decision()

    @property
    def size(self) -> Size:
        """The size that is claimed, 0 or more."""
        if isinstance(self.by, str):
            found = _PERCENT.fullmatch(self.by)
            assert found is not None
            return Size(float(found[1]) / 100, True)
        return Size(float(self.by), False)

    @property
    def sign(self) -> int:
        """1 if the metric is claimed to rise, -1 if to fall."""
        return 1 if self.direction == "rises" else -1

    @property
    def count(self) -> int:
        """Customers of each seed."""
        return self.scenario.customers if self.customers is None else self.customers

    @property
    def seeds(self) -> range:
        """One a replication."""
        return range(self.seed, self.seed + self.replications)

    def arms(self) -> tuple[Arm, ...]:
        """What is tried, one scenario a variant or point of the sweep.

        Raises
        ------
        InputError
            If a value cannot stand at its path.
        """
        return arms_of(self.scenario, self.variants, self.sweep, self.source())

    def claimed(self, arms: Iterable[Arm]) -> tuple[Arm, ...]:
        """Those of the arms that the hypothesis is about; one that changes nothing is never among several.

        Parameters
        ----------
        arms : Iterable of Arm
            As `arms` gives them.
        """
        all_of_them = tuple(arms)
        if self.claim not in (None, ANY, ALL):
            return tuple(arm for arm in all_of_them if arm.name == self.claim)
        return tuple(arm for arm in all_of_them if arm.differs) or all_of_them

    def faults(self) -> Iterable[Fault]:
        """What is wrong beyond types.

        Raises
        ------
        InputError
            If a value of a variant cannot stand at its path.
        """
        faults = [fault.under("scenario") for fault in self.scenario.faults()]
        faults += self._shape_faults()
        yield from faults
        if not faults:
            arms = self.arms()
            yield from self._arm_faults(arms)
            yield from self._claim_faults(arms)
            yield from self._metric_faults()

    def _shape_faults(self) -> Iterable[Fault]:
        if bool(self.variants) == (self.sweep is not None):
            got = "both" if self.variants else "neither"
            yield Fault(("variants",), "must have either 'variants' or 'sweep'", got, "Say what is tried against the baseline.")
        for name, variant in self.variants.items():
            where = ("variants", name)
            if name in (ANY, ALL):
                yield Fault(where, f"must not be called '{ANY}' or '{ALL}'", shown(name), "Choose another name.")
            if not variant.set and not variant.merge and variant.scenario is None:
                yield Fault(
                    where, "must change something", "no 'set', 'merge' or 'scenario'", "Set a value by its path, or merge a new flow."
                )
            elif variant.scenario is not None:
                yield from (fault.under("scenario").under(name).under("variants") for fault in variant.scenario.faults())
        if self.sweep is not None and self.sweep.sobol is not None:
            inside = space_faults(self.sweep.sobol.free, self.sweep.sobol.mixes)
            yield from (fault.under("sobol").under("sweep") for fault in inside)
        if self.count < 2 and not self.scenario.journey.acquisition:
            yield Fault(("customers",), "must be at least 2", str(self.count), "An interval needs more than one customer.")

    def _arm_faults(self, arms: tuple[Arm, ...]) -> Iterable[Fault]:
        for arm in arms:
            other = next((what for what in _WORLD if getattr(self.scenario, what) != getattr(arm.scenario, what)), None)
            if other is not None:
                ours, theirs = getattr(self.scenario, other), getattr(arm.scenario, other)
                yield Fault(
                    arm.where, f"must have the {other} of the baseline, {ours}", shown(theirs), "Journey and policy alone may differ."
                )
            elif self.variants and not arm.differs:
                remedy = "Change it, or remove the variant."
                yield Fault(("variants", arm.name), "must differ from the baseline", "the same journey and policy", remedy)

    def _claim_faults(self, arms: tuple[Arm, ...]) -> Iterable[Fault]:
        names = [ANY, ALL, *(arm.name for arm in arms)]
        if self.claim is not None and self.claim not in names:
            yield Fault(("claim",), *unknown_name(self.claim, names, "variant"))
        if self.claim is None and len(arms) > 1:
            got, remedy = f"nothing, for {len(arms)} variants", "Name one, or write any or all."
            yield Fault(("claim",), "must say which variant the hypothesis is about", got, remedy)

    def _metric_faults(self) -> Iterable[Fault]:
        # Names of metrics depend on those of stages, channels and desks, which compiling the scenario numbers.
        from cjsim.metrics.catalog import definitions
        from cjsim.model.tables import compile_world

        asked = {("metric",): self.metric} | {("watch", i): metric for i, metric in enumerate(self.watch)}
        known = definitions(compile_world(self.scenario).codebook)
        for where, metric in asked.items():
            if metric not in known:
                yield Fault(where, *unknown_name(metric, known, "metric"))
        for name, variant in self.variants.items():
            if variant.scenario is not None:
                theirs = definitions(compile_world(variant.scenario).codebook)
                for where, metric in asked.items():
                    if metric in known and metric not in theirs:
                        must = "must be a metric of the baseline and of all variants"
                        yield Fault(where, must, f"{shown(metric)}, which '{name}' does not have", "Choose another metric.")


def experiment_of(given: object) -> Experiment:
    """An experiment, from itself or from its file.

    Parameters
    ----------
    given : Experiment, str or path
        What a caller names.

    Raises
    ------
    InputError
        If it is neither, or the file is wrong.
    """
    if isinstance(given, Experiment):
        return given.checked()
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return Experiment.load(given)
    must, remedy = "must be an Experiment or its file", "Load one with Experiment.load(FILE)."
    raise InputError(complaint("experiment", must, type(given).__name__, remedy))
