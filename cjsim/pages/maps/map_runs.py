"""What a map is drawn from: runs, the documents that they were made from, and counts by stage from their logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cjsim.errors import InputError, format_error
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.stage_counts import StageCounts
from cjsim.pages.page_parts import EstimateRecord
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import title_case
from cjsim.scenario.journey import Stage
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.tuning.cliffs.cliff_ranking import CliffRanking

Level = Literal["overview", "stage", "touchpoint"]
PER = 100  # customers, to which rates refer
_LEAST = 0.005  # of the customers who get to a stage


@dataclass(frozen=True, eq=False)
class MapRuns:
    """The runs of a map, one or two, with their scenarios.

    Attributes
    ----------
    runs : PolicyRuns
        The run, or the two runs that are compared.
    scenarios : tuple of Scenario
        What each run was made from.
    level : {'overview', 'stage', 'touchpoint'}
        Level of detail.
    cliffs : CliffRanking or None
        Moves between stages that lose value.
    """

    runs: PolicyRuns
    scenarios: tuple[Scenario, ...]
    level: Level = "stage"
    cliffs: CliffRanking | None = None

    @classmethod
    def of(cls, runs: PolicyRuns, *, level: Level = "stage", cliffs: CliffRanking | None = None) -> "MapRuns":
        """Collect the scenarios of runs.

        Parameters
        ----------
        runs : PolicyRuns
            The runs, with their titles.
        level : {'overview', 'stage', 'touchpoint'}
            Level of detail.
        cliffs : CliffRanking, optional
            Moves between stages that lose value.

        Raises
        ------
        InputError
            If the scenario of a run is not known, or a run has no event log.
        """
        scenarios = []
        for name, titles in runs.titles.items():
            if titles.scenario is None or not titles.has_policy:
                must, got = "must come with the scenario that it was made from", "a scenario that is not in the library, or was changed"
                raise InputError(format_error(f"the run of '{name}'", must, got, "Name the file of its scenario in `scenarios`."))
            if runs.runs[name].log_path is None:
                must, remedy = "must have an event log", "Simulate it again with an event log, or map the scenario instead of the run."
                raise InputError(format_error(f"the run of '{name}'", must, "a run without one", remedy))
            scenarios.append(titles.scenario)
        return cls(runs, tuple(scenarios), level, cliffs)

    @property
    def scenario(self) -> Scenario:
        """The first scenario."""
        return self.scenarios[0]

    @property
    def journey(self) -> Journey:
        """The journey of the first scenario."""
        return self.scenario.journey

    @property
    def policy(self) -> Policy:
        """The policy of the first scenario."""
        return self.scenario.policy

    @cached_property
    def stages(self) -> Mapping[str, Stage]:
        """All stages by name: those of the first journey, then those that only the second has, each where the second has it."""
        found = dict(self.journey.stages)
        for scenario in self.scenarios[1:]:
            names = list(found)
            for i, name in enumerate(scenario.journey.stages):
                if name not in found:
                    before = list(scenario.journey.stages)[i - 1] if i else ""
                    names.insert(names.index(before) + 1 if before in names else 0, name)
            found = {name: found.get(name) or scenario.journey.stages[name] for name in names}
        return found

    @cached_property
    def shown_stages(self) -> tuple[str, ...]:
        """Names of the stages in the order of the columns."""
        return tuple(self.stages)

    @cached_property
    def counts(self) -> tuple[StageCounts, ...]:
        """Counts by stage, one for each run; of several replications, from the first one."""
        return tuple(StageCounts(run) for run in self.runs.runs.values())

    def stage_title(self, name: str) -> str:
        """Return the title of a stage."""
        return self.stages[name].title or title_case(name)

    def title(self, family: str, name: str) -> str:
        """Return the title of a part of a journey, from the first scenario that has it."""
        for scenario in self.scenarios:
            found = getattr(scenario.journey, family).get(name)
            if found is not None:
                return getattr(found, "title", "") or title_case(name)
        return title_case(name)

    def source_title(self, source: str) -> str:
        """Return the title of a flow or a broadcast."""
        for scenario in reversed(self.scenarios):
            found = scenario.policy.flows.get(source) or scenario.policy.broadcasts.get(source)
            if found is not None:
                return found.title or title_case(source)
        return title_case(source)

    def channel_of(self, message: str) -> str:
        """Return the channel of a message; '' if no scenario has it."""
        for scenario in self.scenarios:
            if message in scenario.journey.messages:
                return scenario.journey.messages[message].channel
        return ""

    def least(self, stage: str) -> float:
        """Return the rate per customer from which a stage shows something: 5 in 1,000 of those who get there; 0 at the finest level."""
        if self.level == "touchpoint":
            return 0.0
        reached = [found for i in range(len(self.scenarios)) if (found := self.metric(f"stage_reached[{stage}]", i)) is not None]
        return _LEAST * max((one.value for one in reached), default=1.0)

    def metric(self, name: str, run: int = 0) -> MetricEstimate | None:
        """Return a metric of a run; None if it is undefined."""
        found = list(self.runs.runs.values())[run].metrics.get(name)
        return None if found is None or found.value != found.value else found


def record_of(name: str, estimate: MetricEstimate) -> EstimateRecord:
    """Return an estimate as a record of the JSON file.

    Parameters
    ----------
    name : str
        Name of the metric.
    estimate : MetricEstimate
        The estimate.
    """
    return EstimateRecord(name, estimate.unit, estimate.n, estimate.value, estimate.low, estimate.high)


def rate_text(rate: float) -> str:
    """Return a rate per customer as a number per 100 customers, with about two digits.

    Examples
    --------
    >>> rate_text(6.634), rate_text(0.068), rate_text(0.00042)
    ('663', '6.8', '0.042')
    """
    shown = PER * rate
    if shown >= 9.95:
        return f"{shown:,.0f}"
    return f"{shown:.1f}" if shown >= 0.95 else f"{shown:.2g}" if shown else "0"


def share_of(estimate: MetricEstimate, *, with_interval: bool = False) -> str:
    """Return a share as a percentage, without decimals if its interval is wider than 2 points, and with its interval on request."""
    is_wide = not estimate.high - estimate.low < 0.02
    decimals = 0 if estimate.value == 1 or (is_wide and 0.1 <= estimate.value <= 0.995) else 1
    text = f"{100 * estimate.value:.{decimals}f}%"
    return f"{text} {interval_of(estimate, decimals)}" if with_interval else text


def interval_of(estimate: MetricEstimate, decimals: int, scale: float = 100.0) -> str:
    """Return the interval of an estimate, such as '[41.3, 43.1]'; empty if it is undefined."""
    if estimate.low != estimate.low:
        return ""
    return f"[{scale * estimate.low:,.{decimals}f}, {scale * estimate.high:,.{decimals}f}]"


def whole_share(share: float) -> str:
    """Return a share as a percentage without decimals, with one below 10 %.

    Examples
    --------
    >>> whole_share(0.878), whole_share(0.0234), whole_share(1.0)
    ('88%', '2.3%', '100%')
    """
    if share >= 0.095 or share == 0:
        return f"{100 * share:.0f}%"
    return f"{100 * share:.1f}%" if share >= 0.00095 else f"{100 * share:.2g}%"


def sentence_case(text: str) -> str:
    """Return a text whose first letter is a capital."""
    return text[:1].upper() + text[1:]


def summed_rates(rates: Sequence[MetricEstimate]) -> MetricEstimate:
    """Return the sum of rates. Its interval is exact for one rate, and conservative otherwise."""
    value, low, high = (sum(float(one[i]) for one in rates) for i in range(3))
    return MetricEstimate(value, low, high, rates[0].n, rates[0].unit)
