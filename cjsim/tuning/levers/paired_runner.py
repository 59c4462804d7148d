"""Effects of scenario variants on one metric and on cost, paired with the baseline on the same customers."""

import math
from typing import Any, NamedTuple

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.errors import InputError, format_error
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import is_too_skewed
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions, paired_difference
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, ratio
from cjsim.progress import NoProgress, Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run


class VariantEffect(NamedTuple):
    """Effect of a variant.

    Attributes
    ----------
    metric_effect, cost_effect, profit_effect : PairedDifference
        Effects on the metric (in its unit), on cost (money per customer) and on profit (money from all customers).
    has_unreliable_interval : bool
        Whether the effect on the metric stems from so few customers that its interval has less than nominal coverage.
    changes_any_customer : bool
        Whether any outcome of any customer differs.
    """

    metric_effect: PairedDifference
    cost_effect: PairedDifference
    profit_effect: PairedDifference
    has_unreliable_interval: bool
    changes_any_customer: bool


class PairedRunner:
    """Simulates a baseline once, then variants on the same customers.

    Parameters
    ----------
    scenario : Scenario
        The baseline.
    metric : str
        Name of the metric.
    customers, seed : int, optional
        Override the settings of the scenario.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives the messages of individual simulations, but not their progress.

    Attributes
    ----------
    baseline_run : Run
        Run of the baseline.
    definition : MetricDefinition
        Definition of the metric.
    baseline_value : float
        Value of the metric under the baseline.

    Raises
    ------
    InputError
        If the metric is unknown or undefined for the baseline, or there are fewer than two customers.
    """

    def __init__(
        self,
        scenario: Scenario,
        metric: str,
        *,
        customers: int | None = None,
        seed: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.progress = progress or NoProgress()
        self._run_options: dict[str, Any] = {
            "customers": scenario.customers if customers is None else customers,
            "seed": scenario.seed if seed is None else seed,
            "threads": threads,
        }
        self._metric = metric
        find_metric_definition(compile_scenario(scenario.checked()), metric)  # raises before any simulation
        self.baseline_run = self.simulate(scenario)
        self.definition: MetricDefinition = find_metric_definition(self.baseline_run, metric)
        self._sample = ClusterSample.from_run(self.baseline_run)
        self._terms = self._terms_of(self.baseline_run)
        if self._sample.n_roots < 2:
            raise InputError(format_error("customers", "must be at least 2", f"{self._sample.n_roots}", "Simulate more customers."))
        self.baseline_value = ratio(self._terms[0])
        if math.isnan(self.baseline_value):
            remedy = "Simulate more customers, or choose another metric."
            raise InputError(format_error("metric", "must be defined for the baseline", f"'{metric}', which is undefined", remedy))

    def effect_of(self, variant: Scenario) -> VariantEffect:
        """Simulate a variant and return its effect.

        Parameters
        ----------
        variant : Scenario
            A scenario with the same start, horizon and entry.

        Raises
        ------
        InputError
            If the variant cannot be simulated.
        """
        return self.effect_of_run(self.simulate(variant))

    def effect_of_run(self, run: Run) -> VariantEffect:
        """Return the effect of a variant, given its run.

        Parameters
        ----------
        run : Run
            Return value of `simulate`.
        """
        pairing, terms = CustomerPairing.match_by_key(self._sample, ClusterSample.from_run(run)), self._terms_of(run)
        effect, cost, profit = (paired_difference(before, after, pairing) for before, after in zip(self._terms, terms, strict=True))
        is_unreliable = not math.isnan(effect.effect) and is_too_skewed(customer_contributions(self._terms[0], terms[0], pairing))
        return VariantEffect(effect, cost, profit, is_unreliable, _runs_differ(self.baseline_run, run))

    def metric_of(self, variant: Scenario) -> float:
        """Simulate a variant and return its metric.

        Parameters
        ----------
        variant : Scenario
            A scenario with the same start, horizon and entry.

        Raises
        ------
        InputError
            If the variant cannot be simulated.
        """
        run = self.simulate(variant)
        return ratio(find_metric_definition(run, self._metric).terms(run))

    def simulate(self, scenario: Scenario) -> Run:
        """Simulate a scenario with the customers, the seed and the threads of this runner, once."""
        from cjsim.simulation.simulate import simulate

        return simulate(scenario, **self._run_options, replications=1, progress=_NotesOnly(self.progress))

    def _terms_of(self, run: Run) -> list[RatioTerms]:
        """Return the terms of the metric, of cost and of profit."""
        return [find_metric_definition(run, name).terms(run) for name in (self._metric, "cost", "profit")]


class _NotesOnly(NoProgress):
    """Forwards the messages of a simulation, and drops its progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def note(self, text: str) -> None:
        """Forward a message."""
        self._progress.note(text)


def _runs_differ(base: Run, other: Run) -> bool:
    """Return whether the outcomes of any customer or the wages or fixed costs differ."""
    return (base.wages, base.fixed_costs) != (other.wages, other.fixed_costs) or any(
        before.tobytes() != after.tobytes() for before, after in zip(base.outcomes, other.outcomes, strict=True)
    )
