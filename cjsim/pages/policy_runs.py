"""The runs of a page: one run, or the runs of a comparison, with their labels, colors and number formats."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, paired_difference
from cjsim.metrics.ratios import MetricDefinition, RatioTerms, ratio
from cjsim.metrics.replicated_estimates import combine_differences, combine_estimates
from cjsim.pages.charts.chart_kinds import POLICY_COLORS, Verdict
from cjsim.pages.model_titles import ModelTitles, find_titles
from cjsim.pages.page_parts import LegendEntry, Tone
from cjsim.pages.quantity_format import QuantityFormat, quantity_format, title_case
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.comparison_answer import OBJECTIVE, best_alternative, metric_label
from cjsim.simulation.comparison_summary import compared_metrics
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run

TermsOfRun = Callable[[Run], RatioTerms]


@dataclass(frozen=True, eq=False)
class PolicyRuns:
    """One run, or the runs of a comparison.

    Attributes
    ----------
    runs : Mapping of str to Run
        Runs by name; the first is the baseline.
    titles : Mapping of str to ModelTitles
        Titles of each run's model.
    comparison : Comparison or None
        The comparison; None for a single run.
    """

    runs: Mapping[str, Run]
    titles: Mapping[str, ModelTitles]
    comparison: Comparison | None = None

    @classmethod
    def of(cls, result: Run | Comparison, scenarios: Sequence[Scenario] = ()) -> "PolicyRuns":
        """Collect the runs of a result.

        Parameters
        ----------
        result : Run or Comparison
            The result.
        scenarios : sequence of Scenario
            Documents from which the runs may have been made.
        """
        runs = dict(result.runs) if isinstance(result, Comparison) else {result.scenario: result}
        titles = {name: find_titles(run, scenarios) for name, run in runs.items()}
        return cls(runs, titles, result if isinstance(result, Comparison) else None)

    @property
    def baseline_name(self) -> str:
        """Name of the first run."""
        return next(iter(self.runs))

    @property
    def baseline(self) -> Run:
        """The first run."""
        return self.runs[self.baseline_name]

    @property
    def model(self) -> ModelTitles:
        """Titles of the first run's model."""
        return self.titles[self.baseline_name]

    @property
    def currency(self) -> str | None:
        """Currency of the scenarios, if they name one."""
        return self.baseline.provenance.currency

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Title of each run's policy without a remark in parentheses; titles of run names if two policies share a title."""
        labels = {name: titles.policy(name).partition(" (")[0] for name, titles in self.titles.items()}
        return labels if len(set(labels.values())) == len(labels) else {name: title_case(name) for name in labels}

    @cached_property
    def definitions(self) -> Mapping[str, MetricDefinition]:
        """All metrics of the first run."""
        return all_metric_definitions(self.baseline.codebook)

    @cached_property
    def best(self) -> str:
        """Name of the alternative that is best on CLV, or else the first one; the run itself without alternatives."""
        if self.comparison is None:
            return self.baseline_name
        compared = compared_metrics(self.baseline, self.baseline_name, self.comparison.alternatives)
        return best_alternative(compared, OBJECTIVE) or next(iter(self.comparison.alternatives))

    @property
    def effects(self) -> Mapping[str, PairedDifference]:
        """Paired differences of the best alternative; empty without alternatives."""
        return {} if self.comparison is None else self.comparison.alternatives[self.best]

    def color(self, name: str) -> Verdict:
        """Return the color of a run: slate for the baseline, and one color for each of the first three alternatives."""
        return POLICY_COLORS[min(list(self.runs).index(name), len(POLICY_COLORS) - 1)]

    @property
    def legend(self) -> tuple[LegendEntry, ...]:
        """Labels and colors of all runs."""
        return tuple(LegendEntry(label, self.color(name)) for name, label in self.labels.items()) if len(self.runs) > 1 else ()

    def label_of(self, metric: str) -> str:
        """Return the name of a metric as a heading."""
        label = metric_label(self.definitions[metric]).removeprefix("the ")
        return label[:1].upper() + label[1:]

    def form(self, metric: str, effect: PairedDifference) -> QuantityFormat:
        """Return the number format of a difference."""
        half = (effect.high - effect.low) / 2
        return quantity_format(self.definitions[metric], [effect.baseline, effect.value], half_width=half, currency=self.currency)

    def level_form(self, metric: str, estimates: Sequence[MetricEstimate]) -> QuantityFormat:
        """Return the number format of the levels of a metric."""
        half = min(((one.high - one.low) / 2 for one in estimates if one.high > one.low), default=math.nan)
        return quantity_format(self.definitions[metric], [one.value for one in estimates], half_width=half, currency=self.currency)

    def tone(self, metric: str, effect: PairedDifference) -> Tone:
        """Return whether a difference is clearly better or worse. A metric without a declared direction is never either."""
        better = self.definitions[metric].better
        if better == "neither" or not effect.is_significant:
            return "flat"
        return "gain" if (effect.effect > 0) == (better == "higher") else "loss"

    def estimate(self, terms: TermsOfRun, unit: str, name: str) -> MetricEstimate:
        """Estimate a ratio in one run, over its replications.

        Parameters
        ----------
        terms : callable
            Returns the terms of a run.
        unit : str
            Unit of the ratio.
        name : str
            Name of the run.
        """
        found = [estimate_metric(terms(run), unit, ClusterSample.from_run(run)) for run in self.runs[name].replications]
        return found[0] if len(found) == 1 else combine_estimates(found).estimate

    def difference(self, terms: Callable[[Run, Run, bool], RatioTerms], name: str | None = None) -> PairedDifference:
        """Return the paired difference in a ratio between an alternative and the baseline.

        Parameters
        ----------
        terms : callable
            Takes the runs of the baseline and of the alternative, and whether the terms of the alternative are wanted.
        name : str, optional
            Name of the alternative; the best one by default.
        """
        pairs = list(zip(self.baseline.replications, self.runs[name or self.best].replications, strict=True))
        found = [(terms(*pair, False), terms(*pair, True)) for pair in pairs]
        if len(pairs) == 1:
            samples = [ClusterSample.from_run(run) for run in pairs[0]]
            return paired_difference(*found[0], CustomerPairing.match_by_key(samples[0], samples[1]))
        return combine_differences([ratio(one) for one, _ in found], [ratio(other) for _, other in found]).difference

    def caption(self, *sentences: str, n: str | None = None) -> str:
        """Return a caption with the number of customers, the replications, the seed and the days, then further sentences.

        Parameters
        ----------
        *sentences : str
            What else a reader must know, such as the unit.
        n : str, optional
            What n is, if not all customers.
        """
        run = self.baseline
        origin = run.provenance
        counts = sorted({len(one) for one in self.runs.values()})
        customers = n or f"n = {' to '.join(f'{count:,}' for count in (counts[:1] if len(counts) == 1 else [counts[0], counts[-1]]))}"
        seeds = f"{origin.replications} replications from seed {origin.seed}" if origin.replications > 1 else f"seed {origin.seed}"
        return " ".join([f"{customers}, {origin.horizon:g} days, {seeds}.", *filter(None, sentences)])
