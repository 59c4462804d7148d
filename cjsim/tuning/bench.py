"""A baseline that is simulated once, and what variants of it are worth beside it on the same customers.

Lives here: one metric and cost, paired. Does not live here: which variants there are (moves.py), trials of studies (evaluate.py).
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.engine.result import Run
from cjsim.errors import InputError, complaint, unknown_name
from cjsim.metrics.catalog import definition_of, definitions
from cjsim.metrics.estimate import Definition, Effect, Terms, contributions, paired, ratio
from cjsim.metrics.sample import Pairing, Sample
from cjsim.model.scenario import Scenario
from cjsim.model.world import Records

if TYPE_CHECKING:
    from cjsim.engine.run import Progress

_ENOUGH = 25  # Cochran's factor
_ROUNDING = 1e-20  # a variance this much smaller than the square is rounding


class Outcome(NamedTuple):
    """What a variant does: to the metric, to cost (money per customer), and whether anything is another for any customer.

    `rough`: so few customers make up the effect that its interval holds the truth less often than it says.
    """

    found: Effect
    cost: Effect
    rough: bool
    touches: bool


class Bench:
    """The baseline and what each variant is worth beside it.

    Attributes
    ----------
    base : Run
        Of the scenario as it is.
    definition : Definition
        Of the metric.
    value : float
        The metric of the scenario as it is.
    told : Progress
        Hears of single simulations only what is worth a line.
    """

    def __init__(
        self,
        scenario: Scenario,
        metric: str,
        *,
        customers: int | None = None,
        seed: int | None = None,
        threads: int | None = None,
        progress: "Progress | None" = None,
    ) -> None:
        from cjsim.engine.run import Silent

        self.told = progress or Silent()
        self._how: dict[str, Any] = {
            "customers": scenario.customers if customers is None else customers,
            "seed": scenario.seed if seed is None else seed,
            "threads": threads,
        }
        self._metric = metric
        _require_metric(scenario, metric)
        self.base = self._simulated(scenario)
        self.definition: Definition = definition_of(self.base, metric)
        self._sample = Sample.of(self.base)
        self._terms = self._terms_of(self.base)
        if self._sample.roots < 2:
            raise InputError(complaint("customers", "must be at least 2", f"{self._sample.roots}", "Ask for more: they must differ."))
        self.value = ratio(self._terms[0])
        if math.isnan(self.value):
            remedy = "Ask for more customers, or for another metric."
            raise InputError(complaint("metric", "must be defined for the scenario as it is", f"'{metric}', which is not", remedy))

    def outcome(self, variant: Scenario) -> Outcome:
        """What is different under a variant of the baseline.

        Parameters
        ----------
        variant : Scenario
            With the same start, horizon and entry.

        Raises
        ------
        InputError
            If it cannot be simulated.
        """
        run = self._simulated(variant)
        pairing, terms = Pairing.of(self._sample, Sample.of(run)), self._terms_of(run)
        found, cost = (paired(before, after, pairing) for before, after in zip(self._terms, terms, strict=True))
        rough = not math.isnan(found.effect) and is_rough(contributions(self._terms[0], terms[0], pairing))
        return Outcome(found, cost, rough, _differ(self.base, run))

    def value_of(self, variant: Scenario) -> float:
        """The metric of a variant.

        Parameters
        ----------
        variant : Scenario
            With the same start, horizon and entry.

        Raises
        ------
        InputError
            If it cannot be simulated.
        """
        run = self._simulated(variant)
        return ratio(definition_of(run, self._metric).terms(run))

    def _simulated(self, scenario: Scenario) -> Run:
        from cjsim.engine.run import simulate

        return simulate(scenario, **self._how, progress=_notes_for(self.told))

    def _terms_of(self, run: Run) -> tuple[Terms, Terms]:
        return definition_of(run, self._metric).terms(run), definition_of(run, "cost").terms(run)


def is_rough(moved: Records) -> bool:
    """Whether a mean of such numbers is too far from normal for its interval: fewer of them than 25 times their skewness squared.

    With as many as that a 95 % interval misses the truth at most 6 % of the time (Cochran 1977, Sampling Techniques, section 2.15).

    Parameters
    ----------
    moved : ndarray of float64, shape (n,)
        What each customer adds.

    Examples
    --------
    >>> is_rough(np.array([0.0] * 999 + [1.0])), is_rough(np.array([0.0, 1.0] * 500))
    (True, False)
    """
    apart = moved - moved.mean()
    second = float(np.square(apart).mean())
    if second <= _ROUNDING * float(np.square(moved).mean()):
        return False
    skewness = float((apart**3).mean()) / second**1.5
    return bool(len(moved) < _ENOUGH * skewness * skewness)


def _require_metric(scenario: Scenario, metric: str) -> None:
    """Refuse a metric that does not exist, before anything is simulated."""
    from cjsim.model.tables import compile_world

    known = definitions(compile_world(scenario.checked()).codebook)
    if metric not in known:
        raise InputError(complaint("metric", *unknown_name(metric, known, "metric")))


def _notes_for(told: "Progress") -> "Progress":
    """Whoever is told how far the moves are hears of one simulation only what is worth a line."""
    from cjsim.engine.run import Silent

    class _Notes(Silent):
        def note(self, text: str) -> None:
            told.note(text)

    return _Notes()


def _differ(base: Run, other: Run) -> bool:
    """Whether any outcome of any customer is another, or what the staff is paid, which all customers bear."""
    return base.wages != other.wages or any(
        before.tobytes() != after.tobytes() for before, after in zip(base.outcomes, other.outcomes, strict=True)
    )
