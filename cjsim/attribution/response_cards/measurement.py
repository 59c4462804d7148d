"""`responses`: what each message of a policy causes per 1,000 deliveries, and what last-touch reports would credit it with.

The incremental effect is measured by not sending the message to the same customers. It includes everything that follows from the message:
lifts, swayed choices, effects, contact pressure and opt-outs.
"""

import math
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cjsim.argument_types import checked_arguments
from cjsim.attribution.claims import Interval
from cjsim.attribution.log_paths import TOUCH_KINDS, TouchKind, purchase_events
from cjsim.attribution.response_cards.card_data import MIN_REACHED, PER, Response, ResponseCard
from cjsim.attribution.response_cards.card_result import ResponseCards
from cjsim.attribution.response_cards.touch_log import PURCHASES, ResponseLog
from cjsim.attribution.touch_paths import FloatArray, IntArray
from cjsim.errors import InputError, format_error, quote_choices, unknown_name_parts
from cjsim.eventlog.event_table import EventLog
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.multiple_testing import holm, interval_p_value
from cjsim.metrics.run_notes import firm_notes
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.scenario.touchpoints import Message
from cjsim.scenario.traversal import iterate_effects
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.simulate import simulate
from cjsim.simulation.switching.switch_off import Touchpoint, list_touchpoints, switch_off
from cjsim.validate.number_sources import number_sources

WINDOW_DAYS = 5.0  # of last touch, as in the reports of Klaviyo


@checked_arguments
def responses(
    scenario: ScenarioSource,
    *,
    only: Sequence[str] = (),
    customers: int | None = None,
    seed: int | None = None,
    touch: TouchKind = "opened",
    window_days: float = WINDOW_DAYS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> ResponseCards:
    """Measure the responses to each message: incremental purchases and events per 1,000 deliveries, and those by last touch.

    Parameters
    ----------
    scenario : Scenario, str or path
        Scenario whose policy sends messages, the path of its file, or its name in the library.
    only : sequence of str
        Messages; by default, all that the policy sends.
    customers, seed : int, optional
        Override the settings of the scenario.
    touch : {'opened', 'delivered', 'clicked'}
        What counts as a touch.
    window_days : float
        Longest time from the last touch to an outcome that is credited to it, in days.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in messages.

    Returns
    -------
    ResponseCards

    Raises
    ------
    InputError
        If the policy sends no messages or does not send one of `only`, or an argument is invalid.

    Notes
    -----
    The incremental effect per delivery is a ratio: the paired difference of occurrences, divided by the deliveries. Its interval comes from
    linearization (Cochran 1977, Sampling Techniques, section 6.3), with customers and those whom they refer as sampling units.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "28d", "customers": 50,
    ...     "journey": {
    ...         "name": "j", "starts_in": "here", "stages": {"here": {}}, "channels": {"mail": {}},
    ...         "events": {"order": {"effects": [{"purchase": {"value": 5}}]}},
    ...         "messages": {"news": {"channel": "mail", "open_rate": 0.5, "effects": {"delivered": [{"fire": "order"}]}}},
    ...     },
    ...     "policy": {"name": "p", "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}}},
    ... }
    >>> [card] = responses(Scenario.from_dict(tiny), touch="delivered").cards
    >>> card.message, card.deliveries, float(card.responses[0].incremental.value), float(card.responses[0].last_touch.value)
    ('news', 200, 1000.0, 1000.0)
    """
    started, progress, scenario = time.perf_counter(), progress or NoProgress(), as_scenario(scenario)
    messages = _chosen_messages(scenario, only)
    _check_arguments(touch, window_days)
    measured: list[_Measured] = []
    undelivered = []
    with tempfile.TemporaryDirectory() as folder:
        lab = _PairedLogs(scenario, Path(folder), customers=customers, seed=seed, threads=threads)
        last_touches = lab.base.log.last_touches(touch=touch, window_days=window_days)
        with progress_task(progress, len(messages), f"messages of {scenario.name}"):
            for name in messages:
                if lab.base.log.touch_counts(name, len(lab.base.run)).any():
                    measured.append(lab.measure(name, last_touches))
                else:
                    undelivered.append(name)
                progress.advance(1)
    tested = [interval_p_value(*incremental) for one in measured for _, incremental, _ in one.outcomes]
    verdicts = iter(zip(tested, holm(tested), strict=True))
    cards = [one.card._replace(responses=tuple(Response(*parts, *next(verdicts)) for parts in one.outcomes)) for one in measured]
    origin = lab.base.run.provenance
    return ResponseCards(
        scenario=scenario.name,
        customers=origin.customers,
        seed=origin.seed,
        touch=touch,
        window_days=window_days,
        days=scenario.simulated_days,
        has_shared_resources=scenario.has_shared_resources,
        cards=tuple(cards),
        undelivered=tuple(undelivered),
        seconds=time.perf_counter() - started,
        notes=tuple(firm_notes(lab.base.run)),
    )


def _chosen_messages(scenario: Scenario, only: Sequence[str]) -> list[str]:
    sent = [one.name for one in list_touchpoints(scenario, only=["message"])]
    for name in only:
        if name not in sent:
            raise InputError(format_error("only", *unknown_name_parts(name, sent, "message of the policy")))
    return [name for name in sent if not only or name in only]


def _check_arguments(touch: str, window_days: float) -> None:
    if touch not in TOUCH_KINDS:
        raise InputError(format_error("touch", f"must be one of {quote_choices(TOUCH_KINDS)}", repr(touch), "Choose one of these."))
    if not window_days > 0:
        raise InputError(format_error("window_days", "must be above 0", f"{window_days:g}", "Use a value such as 5."))


class _LoggedRun(NamedTuple):
    """A run with its log and its sampling units."""

    run: Run
    log: ResponseLog
    sample: ClusterSample


class _Measured(NamedTuple):
    """A card without responses, and for each outcome its name, the incremental effect and the last-touch credit."""

    card: ResponseCard
    outcomes: list[tuple[str, Interval, Interval]]


class _PairedLogs:
    """The run of a scenario, and runs of the same customers without one of the messages."""

    def __init__(self, scenario: Scenario, folder: Path, *, customers: int | None, seed: int | None, threads: int | None) -> None:
        self._scenario, self._file = scenario, folder / "log.parquet"
        self._options = {"customers": customers, "seed": seed, "threads": threads, "replications": 1}
        journey = scenario.journey
        self._outcomes = {name: _lifted_events(scenario, message) for name, message in journey.messages.items()}
        self._events = [name for name in journey.events if any(name in found for found in self._outcomes.values())]
        self.base = self._simulate(scenario)
        self._lift_kinds = _lift_kinds(scenario)

    def measure(self, message: str, last_touches: IntArray) -> _Measured:
        """Simulate the customers without a message, and compare. `last_touches` is that of the base log."""
        base, other = self.base, self._simulate(switch_off(self._scenario, Touchpoint("message", message)))
        pairing = CustomerPairing.match_by_key(base.sample, other.sample)
        n, spec = len(base.run), self._scenario.journey.messages[message]
        deliveries, opens, clicks = (base.log.touch_counts(message, n, touch=touch) for touch in TOUCH_KINDS)
        delivered = -pairing.difference_by_root(base.sample.sum_by_root(deliveries), np.zeros(other.sample.n_roots))
        purchases = purchase_events(self._scenario.journey)
        lifted = [name for name in self._outcomes[message] if purchases != (name,)]  # the only purchase event is counted as such
        outcomes = []
        for outcome in (*([PURCHASES] if purchases else []), *lifted):
            before = base.sample.sum_by_root(base.log.outcome_counts(outcome, n))
            after = other.sample.sum_by_root(other.log.outcome_counts(outcome, len(other.run)))
            caused = _ratio(-pairing.difference_by_root(before, after), delivered, pairing.combined, PER)
            credited = base.log.credited_counts(message, outcome, last_touches, n)
            outcomes.append((outcome, caused, self._rate(credited, deliveries, PER)))
        rates = self._rate(opens, deliveries), self._rate(clicks, deliveries)
        card = ResponseCard(message, spec.title, spec.channel, int(deliveries.sum()), *rates, (), self._lift_kinds.get(message, {}))
        return _Measured(card, outcomes)

    def _rate(self, counts: FloatArray, deliveries: FloatArray, per: int = 1) -> Interval:
        sample = self.base.sample
        return _ratio(sample.sum_by_root(counts), sample.sum_by_root(deliveries), sample.roots_only, per)

    def _simulate(self, scenario: Scenario) -> _LoggedRun:
        run = simulate(scenario, log=self._file, **self._options)  # type: ignore[arg-type]
        journey = scenario.journey
        purchases = purchase_events(journey)
        log = ResponseLog.read(EventLog(self._file), messages=list(journey.messages), outcomes=self._events, purchases=purchases)
        return _LoggedRun(run, log, ClusterSample.from_run(run))


def _lifted_events(scenario: Scenario, message: Message) -> list[str]:
    """Return the events in the log that a message is meant to change, in the order of the journey: by a lift, a sway or firing them."""
    named = {event for _, lifts in message.lift for event in lifts} | {event for _, sways in message.sway for event in sways}
    effects = (effect for _, listed in message.effects for _, effect in iterate_effects(listed, ()))
    named |= {str(effect.body) for effect in effects if effect.key == "fire"}
    return [name for name, event in scenario.journey.events.items() if name in named and event.observed]


def _lift_kinds(scenario: Scenario) -> dict[str, dict[str, int]]:
    """Return, by message, how many of the numbers that state its effects have each kind of source."""
    found: dict[str, Counter[str]] = {}
    for one in number_sources(scenario):
        section, name, *rest = one.path.removeprefix("journey.").split(".", 2) if one.path.startswith("journey.") else ("", "")
        if section == "messages" and rest and rest[0].startswith(("lift.", "sway.", "effects.")):
            found.setdefault(name, Counter())[one.kind] += 1
    return {name: dict(counts.most_common()) for name, counts in found.items()}


def _ratio(numerator: FloatArray, denominator: FloatArray, sample: ClusterSample, per: int) -> Interval:
    """Estimate a ratio of sums over roots, with its 95 % interval; without an interval if few roots have a denominator."""
    total = float(denominator.sum())
    if not total:
        return Interval(math.nan, math.nan, math.nan)
    value = float(numerator.sum()) / total
    if np.count_nonzero(denominator) < MIN_REACHED:
        return Interval(per * value, math.nan, math.nan)
    half_width = NORMAL_QUANTILE_95 * math.sqrt(sample.variance((numerator - value * denominator) / total))
    return Interval(per * value, per * (value - half_width), per * (value + half_width))
