"""A baseline that is simulated once, and what variants of it are worth beside it on the same customers.

Lives here: one metric and cost, paired. Does not live here: which variants there are (moves.py), trials of studies (evaluate.py).
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions, paired_difference
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, ratio
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run

if TYPE_CHECKING:
    from cjsim.progress import Progress

_COCHRAN_FACTOR = 25  # Cochran's factor
_ROUNDING_VARIANCE = 1e-20  # a variance this much smaller than the square is rounding


class VariantEffect(NamedTuple):
    """What a variant does: to the metric, to cost (money per customer), and whether anything is another for any customer.

    `rough`: so few customers make up the effect that its interval holds the truth less often than it says.
    """

    metric_effect: PairedDifference
    cost_effect: PairedDifference
    has_unreliable_interval: bool
    changes_any_customer: bool


class PairedRunner:
    """The baseline and what each variant is worth beside it.

    Attributes
    ----------
    baseline_run : Run
        Of the scenario as it is.
    definition : MetricDefinition
        Of the metric.
    baseline_value : float
        The metric of the scenario as it is.
    progress : Progress
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
        from cjsim.progress import NoProgress

        self.progress = progress or NoProgress()
        self._run_options: dict[str, Any] = {
            "customers": scenario.customers if customers is None else customers,
            "seed": scenario.seed if seed is None else seed,
            "threads": threads,
        }
        self._metric = metric
        _require_metric(scenario, metric)
        self.baseline_run = self._simulate(scenario)
        self.definition: MetricDefinition = find_metric_definition(self.baseline_run, metric)
        self._sample = ClusterSample.from_run(self.baseline_run)
        self._terms = self._metric_and_cost_terms(self.baseline_run)
        if self._sample.n_roots < 2:
            raise InputError(format_error("customers", "must be at least 2", f"{self._sample.n_roots}", "Ask for more: they must differ."))
        self.baseline_value = ratio(self._terms[0])
        if math.isnan(self.baseline_value):
            remedy = "Ask for more customers, or for another metric."
            raise InputError(format_error("metric", "must be defined for the scenario as it is", f"'{metric}', which is not", remedy))

    def effect_of(self, variant: Scenario) -> VariantEffect:
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
        run = self._simulate(variant)
        pairing, terms = CustomerPairing.match_by_key(self._sample, ClusterSample.from_run(run)), self._metric_and_cost_terms(run)
        found, cost = (paired_difference(before, after, pairing) for before, after in zip(self._terms, terms, strict=True))
        rough = not math.isnan(found.effect) and is_too_skewed(customer_contributions(self._terms[0], terms[0], pairing))
        return VariantEffect(found, cost, rough, _runs_differ(self.baseline_run, run))

    def metric_of(self, variant: Scenario) -> float:
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
        run = self._simulate(variant)
        return ratio(find_metric_definition(run, self._metric).terms(run))

    def _simulate(self, scenario: Scenario) -> Run:
        from cjsim.simulation.simulate import simulate

        return simulate(scenario, **self._run_options, progress=_notes_only(self.progress))

    def _metric_and_cost_terms(self, run: Run) -> tuple[RatioTerms, RatioTerms]:
        return find_metric_definition(run, self._metric).terms(run), find_metric_definition(run, "cost").terms(run)


def is_too_skewed(contributions: Array) -> bool:
    """Whether a mean of such numbers is too far from normal for its interval: fewer of them than 25 times their skewness squared.

    With as many as that a 95 % interval misses the truth at most 6 % of the time (Cochran 1977, Sampling Techniques, section 2.15).

    Parameters
    ----------
    contributions : ndarray of float64, shape (n,)
        What each customer adds.

    Examples
    --------
    >>> is_too_skewed(np.array([0.0] * 999 + [1.0])), is_too_skewed(np.array([0.0, 1.0] * 500))
    (True, False)
    """
    apart = contributions - contributions.mean()
    second = float(np.square(apart).mean())
    if second <= _ROUNDING_VARIANCE * float(np.square(contributions).mean()):
        return False
    skewness = float((apart**3).mean()) / second**1.5
    return bool(len(contributions) < _COCHRAN_FACTOR * skewness * skewness)


def _require_metric(scenario: Scenario, metric: str) -> None:
    """Refuse a metric that does not exist, before anything is simulated."""
    from cjsim.compiler.compile_scenario import compile_scenario

    known = all_metric_definitions(compile_scenario(scenario.checked()).codebook)
    if metric not in known:
        raise InputError(format_error("metric", *unknown_name_parts(metric, known, "metric")))


def _notes_only(progress: "Progress") -> "Progress":
    """Whoever is told how far the moves are hears of one simulation only what is worth a line."""
    from cjsim.progress import NoProgress

    class _Notes(NoProgress):
        def note(self, text: str) -> None:
            progress.note(text)

    return _Notes()


def _runs_differ(base: Run, other: Run) -> bool:
    """Whether any outcome of any customer is another, or what the staff is paid, which all customers bear."""
    return base.wages != other.wages or any(
        before.tobytes() != after.tobytes() for before, after in zip(base.outcomes, other.outcomes, strict=True)
    )
