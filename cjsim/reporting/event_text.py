"""Descriptions of events in words, with their reasons, for log rows and hidden events.

Reasons differ between the firm's view and the ground truth. The firm sees which message preceded an event. Only the simulator knows which
message sped up its clock.
"""

import math
from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from typing import NamedTuple

from cjsim.compiler.plan import Codebook
from cjsim.engine.trace import TraceStep
from cjsim.kernels.codes import MINUTES_PER_DAY, N_TOUCH_CODES, REFUSAL_TO_TOUCH, DueKind, SendDecision, TouchCode
from cjsim.kernels.world import Array
from cjsim.metrics.number_format import MONEY_UNIT, with_unit
from cjsim.scenario.fields import hour_text
from cjsim.scenario.kinds.channel_rules import PastContact
from cjsim.scenario.kinds.effects import TOUCH_SENTENCES
from cjsim.scenario.kinds.steps import SplitStep
from cjsim.scenario.time_zones import zone_table
from cjsim.scenario.traversal import iterate_steps
from cjsim.simulation.documents import Scenario

SATISFACTION_BANDS = ((0.2, "furious"), (0.4, "annoyed"), (0.6, "neutral"), (0.8, "content"), (math.inf, "delighted"))
_SHORT_TIME_UNITS = ((365.0, "y"), (1.0, "d"), (1 / 24, "h"), (1 / 1440, "min"), (0.0, "s"))
_MIN_NOTABLE_GAIN = 0.25  # smaller changes in clock speed are not reported as a reason
_DELIVERY, _REFUSAL = "arrives", "is not sent"
_LIFT_BY_TOUCH = {
    TouchCode.DELIVERED: ("delivered", "receiving"),
    TouchCode.OPENED: ("opened", "opening"),
    TouchCode.CLICKED: ("clicked", "clicking on"),
}


class EventText(NamedTuple):
    """An event in words, its reason ('' if none), and whether it is routine."""

    text: str
    why: str = ""
    is_routine: bool = False


class ClockLift(NamedTuple):
    """Effect of a message on the clock of an event."""

    time: float  # days
    gain: float
    cause: str  # such as "opening 'Welcome'"


def satisfaction_band(satisfaction: float) -> str:
    """Return the satisfaction band as a word.

    Examples
    --------
    >>> satisfaction_band(0.1), satisfaction_band(0.5), satisfaction_band(0.8)
    ('furious', 'neutral', 'delighted')
    """
    return next(word for limit, word in SATISFACTION_BANDS if satisfaction < limit)


def routine_phrase(text: str, count: int) -> str:
    """Return a phrase for a routine event that happened `count` times, for use in a list of such events.

    Examples
    --------
    >>> routine_phrase("Email 'News' arrives", 2), routine_phrase("Text 'Sale' is not sent", 1)
    ("email 'News' delivered twice", "text 'Sale' not sent")
    """
    text = text[:1].lower() + text[1:]
    for ending, participle in ((_DELIVERY, "delivered"), (_REFUSAL, "not sent")):
        text = f"{text.removesuffix(ending)}{participle}" if text.endswith(ending) else text
    times = {1: "", 2: " twice"}.get(count, f" {count:,} times")
    return f"{text}{times}"


def format_short_duration(days: float) -> str:
    """Format a duration in days with a short unit.

    Examples
    --------
    >>> [format_short_duration(days) for days in (0.25, 3.04, 30.2, 400, 1 / 1440)]
    ['6 h', '3 d', '30 d', '1.1 y', '1 min']
    """
    size, unit = next((one for one in _SHORT_TIME_UNITS[:-1] if days >= one[0] * 0.995), (1 / 86_400, "s"))
    count = days / size
    return f"{count:.1f}".removesuffix(".0") + f" {unit}" if count < 9.95 else f"{count:.0f} {unit}"


def format_money(value: float, currency: str | None = None) -> str:
    """Format money with two decimals, or with more if it would round to zero.

    Examples
    --------
    >>> format_money(1234.5, "EUR"), format_money(0.0001), format_money(0.0)
    ('1,234.50 EUR', '0.0001', '0.00')
    """
    return with_unit(f"{value:,.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.2g}", MONEY_UNIT, currency)


class EventDescriber:
    """Describes the events of one customer in chronological order, with reasons that refer to earlier events.

    Parameters
    ----------
    scenario : Scenario
        Simulated scenario.
    codebook : Codebook
        Names in the scenario, keyed by code.
    persona : str
        Persona of the customer.
    origin : str
        How the customer was acquired; '' for an initial customer.
    zone : int
        Time zone of the customer.
    is_truth : bool
        Whether to include what only the simulator knows.
    """

    def __init__(self, scenario: Scenario, codebook: Codebook, *, persona: str, origin: str, zone: int, is_truth: bool) -> None:
        self.journey, self.policy, self.start = scenario.journey, scenario.policy, scenario.start
        self.zones, self.zone = zone_table(scenario), zone
        self.codebook, self.currency = codebook, scenario.currency
        self.persona = scenario.journey.personas[persona]
        self.is_truth = is_truth
        self.past_contacts: list[PastContact] = []
        self.last_delivery_times: dict[tuple[str, str], float] = {}  # by message and source
        self.last_refusals: dict[tuple[str, str], SendDecision] = {}  # refusals since the last delivery, by message and source
        self.lifts_by_event: dict[str, list[ClockLift]] = {}
        self.past_events: list[str] = []
        self._step_events: list[str] = []  # described in the current step
        self._step_touch = ""  # description of the open or click that started the current step
        channel, message, source = self._channel_title, self._message_title, self._source_name
        sender, wait = self._sender_phrase, self._waiting_time
        self._describer_by_touch: dict[TouchCode, Callable[[Array, TraceStep], EventText]] = {
            TouchCode.DELIVERED: self._describe_delivery,
            TouchCode.OPENED: partial(self._describe_response, "Opens"),
            TouchCode.CLICKED: partial(self._describe_response, "Clicks on"),
            TouchCode.UNSUBSCRIBED: lambda row, _: EventText(f"Unsubscribes from {channel(row)}", f"after '{message(row)}'"),
            TouchCode.COMPLAINED: lambda row, _: EventText(f"Complains and opts out of {channel(row)}", f"about '{message(row)}'"),
            TouchCode.DEFERRED: self._describe_deferral,
            TouchCode.BOUNCED_SOFT: lambda row, _: EventText(f"{self._message_phrase(row)} soft-bounces", sender(row)),
            TouchCode.BOUNCED_HARD: lambda row, _: EventText(f"{self._message_phrase(row)} hard-bounces", sender(row)),
            TouchCode.PLACED: lambda row, _: EventText(f"{self._message_phrase(row)} is placed for the next visit", sender(row)),
            TouchCode.FLOW_STARTED: lambda row, _: EventText(f"Flow '{source(row)}' starts", self._trigger_phrase(row)),
            TouchCode.FLOW_EXITED: lambda row, _: EventText(f"Flow '{source(row)}' ends early", f"after {self._last_event_title()}"),
            TouchCode.EXPOSED: self._describe_exposure,
            TouchCode.OFFERED: lambda row, _: EventText(f"Receives offer '{source(row)}'", self._offer_terms(source(row))),
            TouchCode.REDEEMED: lambda row, _: EventText(
                f"Redeems offer '{source(row)}'", f"{format_money(float(row['value']), scenario.currency)} off"
            ),
            TouchCode.ASKED: self._describe_request,
            TouchCode.ASKED_AGAIN: lambda row, _: EventText(f"Contacts {source(row)} again", "a request is already open"),
            TouchCode.ANSWERED_IN_TIME: self._describe_answer,
            TouchCode.ANSWERED_LATE: self._describe_answer,
            TouchCode.UNANSWERED: lambda row, _: EventText(f"Gives up on {source(row)}", f"after {wait(row)} without an answer"),
            TouchCode.REFERRAL: lambda row, _: EventText("Refers a friend, who joins later", self._preceding_cause()),
            TouchCode.ENTERED: lambda row, _: EventText("Enters the simulation", origin),
        }

    def describe_row(self, row: Array, step: TraceStep) -> EventText:
        """Describe a log row.

        Parameters
        ----------
        row : record of LOG_ROW
            The row.
        step : TraceStep
            The step that wrote the row.
        """
        code = int(row["event"])
        if code >= N_TOUCH_CODES:
            return self.describe_event(self.codebook.events[code], step, value=float(row["value"]))
        touch = TouchCode(code)
        if touch in TOUCH_SENTENCES:
            return EventText(TOUCH_SENTENCES[touch].format(channel=self._channel_title(row)))
        described = self._describer_by_touch[touch](row, step) if touch in self._describer_by_touch else self._describe_refusal(row, step)
        if touch in _LIFT_BY_TOUCH and row["by_machine"] == 0:
            self._record_lifts(touch, row)
        return described

    def describe_event(self, name: str, step: TraceStep, *, value: float = 0.0) -> EventText:
        """Describe a journey event, visible or hidden.

        Parameters
        ----------
        name : str
            Name of the event.
        step : TraceStep
            The step in which the event occurred.
        value : float
            Amount of a purchase, money; 0 for other events.
        """
        text = self._event_title(name) + (f" for {format_money(value, self.currency)}" if value else "")
        is_first = step.kind is DueKind.CLOCK and not self._step_events
        why = self._reason_for_timing(name, step.time) if is_first else self._preceding_cause()
        self.past_events.append(name)
        self._step_events.append(name)
        return EventText(text, why)

    def begin_step(self, step: TraceStep) -> None:
        """Begin a step. Must be called before its rows and events are described.

        Parameters
        ----------
        step : TraceStep
            The step.
        """
        self._step_events, self._step_touch = [], ""
        for row in step.rows[:1]:
            if int(row["event"]) in (TouchCode.OPENED, TouchCode.CLICKED):
                self._step_touch = f"{_LIFT_BY_TOUCH[TouchCode(int(row['event']))][1]} '{self._message_title(row)}'"

    def _event_title(self, name: str) -> str:
        return self.journey.events[name].title or name

    def _preceding_cause(self) -> str:
        """Return the event or touch that triggered an event or effect, in words."""
        if self._step_events:
            return f"triggered by '{self._event_title(self._step_events[-1])}'"
        return f"triggered by {self._step_touch}" if self._step_touch else ""

    def _last_event_title(self) -> str:
        return f"'{self._event_title(self.past_events[-1])}'" if self.past_events else "an event"

    def _reason_for_timing(self, event: str, now: float) -> str:
        """Return the reason for the timing of an event: the strongest lift of its clock. Empty in the firm's view."""
        if not self.is_truth:
            return ""
        half_life = self.journey.events[event].half_life
        decayed = [(lift.gain * 0.5 ** ((now - lift.time) / half_life), lift) for lift in self.lifts_by_event.get(event, [])]
        gain, lift = max(decayed, key=lambda pair: abs(pair[0]), default=(0.0, ClockLift(now, 0.0, "")))
        if abs(gain) < _MIN_NOTABLE_GAIN:
            return ""
        return f"{'sped up' if gain > 0 else 'slowed down'} by {lift.cause} {format_short_duration(now - lift.time)} earlier"

    def _record_lifts(self, touch: TouchCode, row: Array) -> None:
        """Record the effects of a message on event clocks."""
        field, verb = _LIFT_BY_TOUCH[touch]
        name = self.codebook.messages[int(row["message"])]
        message_gains = dict(getattr(self.journey.messages[name].lift, field))
        gains = {event: gain * self.persona.responds.get(event, 1.0) for event, gain in message_gains.items()}
        if touch is TouchCode.DELIVERED:
            for event, gain in self.persona.contact_lift.items():
                gains[event] = gains.get(event, 0.0) + gain
        for event, gain in gains.items():
            self.lifts_by_event.setdefault(event, []).append(ClockLift(float(row["time"]), gain, f"{verb} '{self._message_title(row)}'"))

    def _message_title(self, row: Array) -> str:
        name = self.codebook.messages[int(row["message"])]
        return self.journey.messages[name].title or name

    def _channel_title(self, row: Array) -> str:
        name = self.codebook.channels[int(row["channel"])]
        return (self.journey.channels[name].title or name).lower()

    def _source_name(self, row: Array) -> str:
        return self.codebook.sources[int(row["source"])]

    def _message_phrase(self, row: Array) -> str:
        channel = self._channel_title(row)
        return f"{channel[0].upper()}{channel[1:]} '{self._message_title(row)}'"

    def _sender_phrase(self, row: Array) -> str:
        name = self._source_name(row)
        return f"flow {name}" if name in self.policy.flows else f"broadcast {name}"

    def _describe_delivery(self, row: Array, step: TraceStep) -> EventText:
        if not self.journey.messages[self.codebook.messages[int(row["message"])]].transactional:
            self.past_contacts.append(PastContact(float(row["time"]), self.codebook.channels[int(row["channel"])]))
        self.last_delivery_times[self._message_title(row), self._source_name(row)] = float(row["time"])
        self.last_refusals.pop((self._message_title(row), self._source_name(row)), None)
        return EventText(
            f"{self._message_phrase(row)} {_DELIVERY}",
            self._sender_phrase(row),
            is_routine=self._source_name(row) in self.policy.broadcasts,
        )

    def _describe_response(self, verb: str, row: Array, step: TraceStep) -> EventText:
        message, time = self._message_title(row), float(row["time"])
        if self.is_truth and row["by_machine"] == 1:
            return EventText(f"A machine {verb.lower()} '{message}'", "the customer does not see it")
        delivered = self.last_delivery_times.get((message, self._source_name(row)))
        why = f"{format_short_duration(time - delivered)} after delivery" if delivered is not None and time > delivered else ""
        return EventText(f"{verb} '{message}'", why)

    def _describe_deferral(self, row: Array, step: TraceStep) -> EventText:
        until, channel = "", self.codebook.channels[int(row["channel"])]
        if math.isfinite(step.resumes):
            date = f"{self._local_time(step.resumes):%Y-%m-%d} " if step.resumes - step.time > 1 else ""
            until = f" until {date}{hour_text((step.resumes % 1) * 24)}"
        firm, customer = self.zones.zones[0], self.zones.zones[self.zone]
        moments = {"firm": self._local_time(firm.at(step.time)), "customer": self._local_time(customer.at(step.time))}
        reason = self.policy.guardrails.deferral_reason(channel, moments, step.time, self.past_contacts)
        return EventText(f"{self._message_phrase(row)} is deferred{until}", f"{reason}; {self._sender_phrase(row)}")

    def _local_time(self, days: float) -> datetime:
        return datetime.combine(self.start, time()) + timedelta(days=days)

    def _describe_refusal(self, row: Array, step: TraceStep) -> EventText:
        decision, send = SendDecision(int(row["event"]) - REFUSAL_TO_TOUCH), (self._message_title(row), self._source_name(row))
        is_repeated = self.last_refusals.get(send) is decision
        self.last_refusals[send] = decision
        why = "same reason as before" if is_repeated else f"{self._refusal_reason(decision, row)}; {self._sender_phrase(row)}"
        return EventText(f"{self._message_phrase(row)} {_REFUSAL}", why, is_routine=is_repeated)

    def _refusal_reason(self, decision: SendDecision, row: Array) -> str:
        """Describe the guardrail that suppressed a send."""
        channel = self.codebook.channels[int(row["channel"])]
        return self.policy.guardrails.refusal_reason(decision, channel, float(row["time"]), self.past_contacts)

    def _trigger_phrase(self, row: Array) -> str:
        """Return the trigger that started a flow, in words."""
        return self.policy.flows[self._source_name(row)].on.reason(self._event_title, format_short_duration)

    def _describe_exposure(self, row: Array, step: TraceStep) -> EventText:
        arm, flow = int(row["value"]), self.policy.flows[self._source_name(row)]
        steps = (step for _, step in iterate_steps(flow.steps, ()) if isinstance(step, SplitStep) and step.experiment is not None)
        splits = {step.experiment: list(step.split) for step in steps}
        arm_names = [f"'{arms[arm]}' of experiment {name}" for name, arms in splits.items() if arm < len(arms)]
        return EventText(f"Is assigned to arm {' or '.join(arm_names)}", self._sender_phrase(row))

    def _offer_terms(self, name: str) -> str:
        offer = self.journey.offers[name]
        discount = (
            f"{100 * offer.discount:g} % off" if offer.discount is not None else f"{format_money(offer.amount or 0.0, self.currency)} off"
        )
        return f"{discount}, valid {format_short_duration(offer.valid)}"

    def _describe_request(self, row: Array, step: TraceStep) -> EventText:
        if int(row["message"]) >= 0:
            return EventText(f"{self._source_name(row)} is asked to bring up '{self._message_title(row)}'")
        return EventText(f"Contacts {self._source_name(row)}", self._preceding_cause())

    def _describe_answer(self, row: Array, step: TraceStep) -> EventText:
        late = ", late" if int(row["event"]) == TouchCode.ANSWERED_LATE else ""
        return EventText(f"Gets an answer from {self._source_name(row)}{late}", f"after {self._waiting_time(row)}")

    def _waiting_time(self, row: Array) -> str:
        return format_short_duration(float(row["value"]) / MINUTES_PER_DAY)
