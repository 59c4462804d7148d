"""`attribution`: the credit that rules give to each touchpoint of a scenario, and its true incremental effect.

The true effect is measured by switching the touchpoint off for the same customers. Credit comes from the event log of the scenario, as a
firm would compute it.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cjsim.argument_types import checked_arguments
from cjsim.attribution.attribution_data import CREDITED, MEASURES, TouchpointResult
from cjsim.attribution.attribution_result import Attribution
from cjsim.attribution.claims import BeforeAfter, Interval, jackknife_ratio, trial_claim
from cjsim.attribution.log_paths import LogColumn, LoggedTouches, purchase_events
from cjsim.attribution.rule_set import CreditSettings
from cjsim.attribution.touch_paths import FloatArray, IntArray, Paths, sums_by_code
from cjsim.errors import InputError, format_error
from cjsim.eventlog.event_table import EventLog
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import RatioTerms
from cjsim.progress import NoProgress, Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.simulate import simulate
from cjsim.simulation.switching.switch_off import Touchpoint, TouchpointKind, list_touchpoints, switch_off

JACKKNIFE_GROUPS = 20
_MIN_CUSTOMERS = 2 * JACKKNIFE_GROUPS
_COLUMNS: dict[TouchpointKind, LogColumn] = {"channel": "channel", "flow": "source", "broadcast": "source", "message": "message"}
_TESTED = ("purchases", "revenue", "clv")


@checked_arguments
def attribution(
    scenario: ScenarioSource,
    *,
    customers: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = (),
    settings: CreditSettings | None = None,
    test_size: int = 10_000,
    before_after: bool = True,
    progress: Progress | None = None,
) -> Attribution:
    """Compare the credit of each touchpoint under attribution rules with its true incremental effect.

    Parameters
    ----------
    scenario : Scenario, str or path
        Scenario whose policy sends messages, the path of its file, or its name in the library.
    customers, seed : int, optional
        Override the settings of the scenario.
    only : sequence of str
        Kinds of touchpoints, such as 'channel', or touchpoints, such as 'flow cart'. By default, all.
    settings : CreditSettings, optional
        What counts as a touch, the look-back window, and the rules.
    test_size : int
        Number of customers in the A/B test, at least 4.
    before_after : bool
        Whether to simulate a before/after comparison of the introduction of each touchpoint, which doubles the number of simulations.
    progress : Progress, optional
        Receives the number of completed simulations.

    Returns
    -------
    Attribution

    Raises
    ------
    InputError
        If the scenario sends no messages or has no purchases, there are fewer than 40 customers, or an argument is invalid.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "56d", "customers": 200,
    ...     "journey": {
    ...         "name": "j", "starts_in": "here", "stages": {"here": {}}, "channels": {"mail": {}},
    ...         "events": {"order": {"in": ["here"], "wait": {"exponential": "10d"}, "effects": [{"purchase": {"value": 5}}]}},
    ...         "messages": {"news": {"channel": "mail", "open_rate": 0.5}},
    ...     },
    ...     "policy": {"name": "p", "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}}},
    ... }
    >>> found = attribution(Scenario.from_dict(tiny), seed=1, only=["channel"], before_after=False).touchpoints[0]
    >>> found.credits["last"]["purchases"] > 400, float(found.incremental["purchases"].value)
    (True, 0.0)
    """
    started, progress, settings = time.perf_counter(), progress or NoProgress(), settings or CreditSettings()
    scenario = as_scenario(scenario)
    _check_arguments(scenario, customers, test_size)
    touchpoints = list_touchpoints(scenario, only=only)
    with tempfile.TemporaryDirectory() as folder:
        lab = _PairedRuns(scenario, customers=customers, seed=seed, log=Path(folder) / "log.parquet", progress=progress)
        logged = LoggedTouches(EventLog(lab.log), events=lab.events, touch=settings.touch)
        credited = {
            column: _Credited.of(logged.paths(column, window_days=settings.window_days), settings, lab.groups)
            for column in dict.fromkeys(_COLUMNS[one.kind] for one in touchpoints)
        }
        progress.start(len(touchpoints) * (2 if before_after else 1), f"touchpoints of {scenario.name}")
        try:
            results = [
                lab.result_of(one, credited[_COLUMNS[one.kind]], test_size=test_size, before_after=before_after) for one in touchpoints
            ]
        finally:
            progress.finish()
    paths = next(iter(credited.values())).paths
    origin = lab.run.provenance
    return Attribution(
        scenario=scenario.name,
        customers=origin.customers,
        seed=origin.seed,
        touch=settings.touch,
        window_days=settings.window_days,
        rules={rule.name: rule.title for rule in settings.rules},
        totals=dict(zip(CREDITED, (float(paths.conversions.sum()), float(paths.value.sum())), strict=True)),
        touched=dict(zip(CREDITED, (float(one[paths.touched].sum()) for one in (paths.conversions, paths.value)), strict=True)),
        has_shared_resources=scenario.has_shared_resources,
        touchpoints=tuple(results),
        seconds=time.perf_counter() - started,
        currency=scenario.currency,
    )


def _check_arguments(scenario: Scenario, customers: int | None, test_size: int) -> None:
    if not purchase_events(scenario.journey):
        remedy = "Add an event with a purchase."
        raise InputError(format_error("journey.events", "must have an event with the effect 'purchase'", "none", remedy))
    if (count := scenario.customers if customers is None else customers) < _MIN_CUSTOMERS:
        raise InputError(format_error("customers", f"must be at least {_MIN_CUSTOMERS}", f"{count}", "Simulate more customers."))
    if test_size < 4:
        raise InputError(format_error("test_size", "must be at least 4", f"{test_size}", "Use a value such as 10000."))


class _Credited(NamedTuple):
    """Credits from one column of the log, with jackknife replicates."""

    paths: Paths
    touches: FloatArray  # (n_touchpoints,)
    replicates: Mapping[str, FloatArray]  # by rule: (n_groups + 1, n_touchpoints, 2), with all customers first

    @classmethod
    def of(cls, paths: Paths, settings: CreditSettings, groups: IntArray) -> "_Credited":
        """Return the credits from all customers, and from all customers but one group, for each group."""
        assert paths.owners is not None
        group, scale = groups[paths.owners], JACKKNIFE_GROUPS / (JACKKNIFE_GROUPS - 1)
        parts = [paths, *(paths.select(group != i) for i in range(JACKKNIFE_GROUPS))]
        replicates = {}
        for rule in settings.rules:
            found = [np.column_stack(rule.credits(part)[1:3]) for part in parts]
            replicates[rule.name] = np.array([found[0], *(scale * one for one in found[1:])])
        touches = np.ones(len(paths.touches))
        return cls(paths, sums_by_code(paths.touches, touches, len(paths.touchpoints)), replicates)

    def replicates_of(self, name: str) -> dict[str, FloatArray]:
        """Replicates of one touchpoint by rule, (n_groups + 1, 2); 0 if the log has no touch of it."""
        if name not in self.paths.touchpoints:
            return {rule: np.zeros((JACKKNIFE_GROUPS + 1, 2)) for rule in self.replicates}
        return {rule: found[:, self.paths.touchpoints.index(name)] for rule, found in self.replicates.items()}


class _PairedRuns:
    """The run of a scenario with its log, and runs of the same customers without a touchpoint."""

    def __init__(self, scenario: Scenario, *, customers: int | None, seed: int | None, log: Path, progress: Progress) -> None:
        self._scenario, self._progress, self.log = scenario, progress, log
        self._customers = scenario.customers if customers is None else customers
        self._seed = scenario.seed if seed is None else seed
        self.events = purchase_events(scenario.journey)
        self.run = simulate(scenario, customers=self._customers, seed=self._seed, replications=1, log=log, progress=progress)
        self.groups = _jackknife_groups(self.run)
        self._sample, self._terms = ClusterSample.from_run(self.run), _terms_by_measure(self.run)

    def result_of(self, touchpoint: Touchpoint, credited: _Credited, *, test_size: int, before_after: bool) -> TouchpointResult:
        """Simulate the customers without a touchpoint, and compare the outcomes."""
        run = self._simulate(switch_off(self._scenario, touchpoint))
        without = _terms_by_measure(run)
        incremental = {
            name: _paired_interval(without[name], self._terms[name], ClusterSample.from_run(run), self._sample) for name in MEASURES
        }
        replicates = credited.replicates_of(touchpoint.name)
        scale = JACKKNIFE_GROUPS / (JACKKNIFE_GROUPS - 1)
        ratios: dict[str, dict[str, Interval]] = {rule: {} for rule in replicates}
        for i, measure in enumerate(CREDITED):
            by_group = _sums_by_group(self._terms[measure], self.groups) - _sums_by_group(without[measure], _jackknife_groups(run))
            total = by_group.sum()
            denominators = np.concatenate([[total], scale * (total - by_group)])
            for rule, found in replicates.items():
                ratios[rule][measure] = jackknife_ratio(found[:, i], denominators)
        tested = {name: (self._terms[name].numerator_with_cost, without[name].numerator_with_cost) for name in _TESTED}
        code = credited.paths.touchpoints.index(touchpoint.name) if touchpoint.name in credited.paths.touchpoints else None
        return TouchpointResult(
            touchpoint=touchpoint,
            touches=0 if code is None else int(credited.touches[code]),
            credits={rule: dict(zip(CREDITED, found[0].tolist(), strict=True)) for rule, found in replicates.items()},
            incremental=incremental,
            ratios=ratios,
            ab_test={name: trial_claim(*outcomes, size=test_size) for name, outcomes in tested.items()},
            before_after=self._before_after(touchpoint, run) if before_after else {},
        )

    def _before_after(self, touchpoint: Touchpoint, without: Run) -> dict[str, BeforeAfter]:
        """Simulate the introduction of a touchpoint halfway through."""
        day = max(int(self._scenario.horizon / 2), 1)
        log = self.log.with_name("introduced.parquet")
        run = self._simulate(switch_off(self._scenario, touchpoint, until_day=day), log=log)
        logged = LoggedTouches(EventLog(log), events=self.events, touch="opened")
        days = (logged.times - np.datetime64(self._scenario.start, "us").astype(np.int64)) / 86_400e6
        is_after, is_counted = days >= day, (days < 2 * day) & (logged.value > 0)
        sign = np.where(is_counted, np.where(is_after, 1.0, -1.0), 0.0)
        claims = {"purchases": float(sign.sum()), "revenue": float((sign * logged.value).sum())}
        before, after, samples = _terms_by_measure(without), _terms_by_measure(run), map(ClusterSample.from_run, (without, run))
        sample_before, sample_after = samples
        return {
            name: BeforeAfter(day, claim, _paired_interval(before[name], after[name], sample_before, sample_after))
            for name, claim in claims.items()
        }

    def _simulate(self, scenario: Scenario, log: Path | None = None) -> Run:
        run = simulate(scenario, customers=self._customers, seed=self._seed, replications=1, log=log)
        self._progress.advance(1)
        return run


def _terms_by_measure(run: Run) -> dict[str, RatioTerms]:
    """Return the terms of the total of each measure."""
    return {name: find_metric_definition(run, name).terms(run)._replace(is_total=True) for name in MEASURES}


def _paired_interval(before: RatioTerms, after: RatioTerms, sample_before: ClusterSample, sample_after: ClusterSample) -> Interval:
    difference = paired_difference(before, after, CustomerPairing.match_by_key(sample_before, sample_after))
    return Interval(difference.effect, difference.low, difference.high)


def _jackknife_groups(run: Run) -> IntArray:
    """Return the jackknife group of each customer. Referred customers are in the group of their root."""
    return np.asarray((run.keys[run.roots] % np.uint64(JACKKNIFE_GROUPS)).astype(np.int64))


def _sums_by_group(terms: RatioTerms, groups: IntArray) -> FloatArray:
    return sums_by_code(groups, terms.numerator, JACKKNIFE_GROUPS)
