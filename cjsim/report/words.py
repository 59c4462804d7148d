"""What happened to a customer, in words: what it was, and why.

Lives here: the words of each kind of log row, and of what is in no log. Does not live here: how a life is stepped through
(engine/diary.py), how its diary is laid out (diary.py).

What the firm could know and what is true differ in the reasons too: the firm sees which message an event came after, only the simulator
knows which one sped its clock up.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from cjsim.engine.diary import Step
from cjsim.model.codes import FIRST_REFUSAL, MINUTES_A_DAY, TOUCHES, Happening, Touch, Verdict
from cjsim.model.plan import Codebook
from cjsim.model.scenario import Scenario
from cjsim.model.vocabulary import hour_text
from cjsim.model.walk import steps_in
from cjsim.model.world import Records

FEELINGS = ((0.2, "furious"), (0.4, "annoyed"), (0.6, "neutral"), (0.8, "content"), (math.inf, "delighted"))
_UNITS = ((365.0, "y"), (1.0, "d"), (1 / 24, "h"), (1 / 1440, "min"), (0.0, "s"))
_RECENT = 3.0  # days after which the firm no longer connects an event with a message
_FELT = 0.25  # a lift that changes a clock's speed by less is no reason
_LIFTS = {Touch.DELIVERED: ("delivered", "getting"), Touch.OPENED: ("opened", "opening"), Touch.CLICKED: ("clicked", "clicking in")}


class Words(NamedTuple):
    """What happened, and why ('' where there is nothing to say); and whether it is as always."""

    text: str
    why: str = ""
    is_routine: bool = False


class Lift(NamedTuple):
    """What a message did to an event's clock."""

    time: float  # days
    gain: float
    act: str  # such as "opening 'Welcome'"


def feeling(satisfaction: float) -> str:
    """The band of satisfaction, in a word.

    Examples
    --------
    >>> feeling(0.1), feeling(0.5), feeling(0.8)
    ('furious', 'neutral', 'delighted')
    """
    return next(word for upto, word in FEELINGS if satisfaction < upto)


def span(days: float) -> str:
    """Days in few characters.

    Examples
    --------
    >>> span(0.25), span(3.04), span(30.2), span(400), span(1 / 1440)
    ('6 h', '3 d', '30 d', '1.1 y', '1 min')
    """
    size, unit = next((unit for unit in _UNITS[:-1] if days >= unit[0] * 0.995), (1 / 86_400, "s"))
    count = days / size
    return f"{count:.1f}".removesuffix(".0") + f" {unit}" if count < 9.95 else f"{count:.0f} {unit}"


def money(value: float) -> str:
    """Money with two decimals, more where it would be nothing.

    Examples
    --------
    >>> money(1234.5), money(0.0001), money(0.0)
    ('1,234.50', '0.0001', '0.00')
    """
    return f"{value:,.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.2g}"


class Teller:
    """Puts one customer's life into words, in the order in which it happens; it remembers what came before.

    Parameters
    ----------
    scenario : Scenario
        What was lived.
    codebook : Codebook
        Its names by code.
    persona : str
        Of the customer.
    origin : str
        How it came, in words; '' for an initial customer.
    is_truth : bool
        Tell what only the simulator knows as well.
    """

    def __init__(self, scenario: Scenario, codebook: Codebook, *, persona: str, origin: str, is_truth: bool) -> None:
        self.journey, self.policy = scenario.journey, scenario.policy
        self.names = codebook
        self.persona = scenario.journey.personas[persona]
        self.is_truth = is_truth
        self.contacts: list[tuple[float, str]] = []  # time, channel
        self.arrived: dict[tuple[str, str], float] = {}  # last delivery, by message and source
        self.refused: dict[tuple[str, str], Verdict] = {}  # last refusal without a delivery since, likewise
        self.seen: tuple[float, str] | None = None  # the last opening or click, in words
        self.lifts: dict[str, list[Lift]] = {}
        self.past: list[str] = []  # events so far
        self._step_events: list[str] = []  # events of the step under way
        self._step_touch = ""  # the opening or click that it began with, in words
        self._told: dict[Touch, Callable[[Records, Step], Words]] = {
            Touch.DELIVERED: self._delivered,
            Touch.OPENED: self._opened,
            Touch.CLICKED: self._clicked,
            Touch.UNSUBSCRIBED: lambda row, _: Words(f"Unsubscribes from {self._channel(row)}", f"after '{self._message(row)}'"),
            Touch.COMPLAINED: lambda row, _: Words(f"Complains: no more {self._channel(row)}", f"about '{self._message(row)}'"),
            Touch.DEFERRED: self._deferred,
            Touch.PLACED: lambda row, _: Words(f"{self._subject(row)} waits for the next visit", self._sender(row)),
            Touch.FLOW_STARTED: lambda row, _: Words(f"Flow '{self._source(row)}' starts", self._trigger(row)),
            Touch.FLOW_EXITED: lambda row, _: Words(f"Flow '{self._source(row)}' ends early", f"at {self._last_event()}"),
            Touch.OPTED_OUT: lambda row, _: Words(f"Opts out of {self._channel(row)}"),
            Touch.EXPOSED: self._exposed,
            Touch.OFFERED: lambda row, _: Words(f"Gets the offer '{self._source(row)}'", self._offer(self._source(row))),
            Touch.REDEEMED: lambda row, _: Words(f"Uses the offer '{self._source(row)}'", f"{money(float(row['value']))} off"),
            Touch.ASKED: self._asked,
            Touch.ASKED_AGAIN: lambda row, _: Words(f"Asks {self._source(row)} again", "a conversation is open"),
            Touch.ANSWERED_IN_TIME: self._answered,
            Touch.ANSWERED_LATE: self._answered,
            Touch.UNANSWERED: lambda row, _: Words(f"Gives up on {self._source(row)}", f"after {self._waited(row)} without an answer"),
            Touch.REFERRAL: lambda row, _: Words("Brings a friend, who will join", self._cause_of_effect()),
            Touch.ENTERED: lambda row, _: Words("Enters", origin),
        }

    def row(self, row: Records, step: Step) -> Words:
        """One log row.

        Parameters
        ----------
        row : record of ROW
            The row.
        step : Step
            What it belongs to.
        """
        code = int(row["event"])
        if code >= TOUCHES:
            return self.event(self.names.events[code], step, value=float(row["value"]))
        touch = Touch(code)
        words = self._told[touch](row, step) if touch in self._told else self._refused(row, step)
        if touch in _LIFTS:
            self._note_lifts(touch, row)
        return words

    def event(self, name: str, step: Step, *, value: float = 0.0) -> Words:
        """A journey event, hidden or not.

        Parameters
        ----------
        name : str
            Of the event.
        step : Step
            What it belongs to.
        value : float
            Money.
        """
        text = self._event(name) + (f" for {money(value)}" if value else "")
        first = step.kind is Happening.CLOCK and not self.past_in(step)
        why = self._clock_reason(name, step.time) if first else self._cause_of_effect()
        self.past.append(name)
        self._step_events.append(name)
        return Words(text, why)

    def begin(self, step: Step) -> None:
        """Begin with what happened at one time.

        Parameters
        ----------
        step : Step
            It.
        """
        self._step_events, self._step_touch = [], ""
        for row in step.rows[:1]:
            if int(row["event"]) in (Touch.OPENED, Touch.CLICKED):
                self._step_touch = f"{_LIFTS[Touch(int(row['event']))][1]} '{self._message(row)}'"

    def past_in(self, step: Step) -> bool:
        """Whether an event of this step has been told."""
        return bool(self._step_events)

    def _listed(self, events: tuple[str, ...] | None) -> str:
        return ", ".join(f"'{self._event(name)}'" for name in events or ()) or "anything"

    def _event(self, name: str) -> str:
        return self.journey.events[name].title or name

    def _cause_of_effect(self) -> str:
        """What an event that was fired, or an effect, follows from."""
        if self._step_events:
            return f"follows from '{self._event(self._step_events[-1])}'"
        return f"follows from {self._step_touch}" if self._step_touch else ""

    def _last_event(self) -> str:
        return f"'{self._event(self.past[-1])}'" if self.past else "an event"

    def _clock_reason(self, event: str, now: float) -> str:
        """Why an event happens now: in truth what moved its clock most, for the firm what it came after."""
        if not self.is_truth:
            recent = self.seen is not None and now - self.seen[0] <= _RECENT
            return f"{span(now - self.seen[0])} after {self.seen[1]}" if recent and self.seen is not None else ""
        half_life = self.journey.events[event].half_life
        left = [(lift.gain * 0.5 ** ((now - lift.time) / half_life), lift) for lift in self.lifts.get(event, [])]
        gain, lift = max(left, key=lambda pair: abs(pair[0]), default=(0.0, Lift(now, 0.0, "")))
        if abs(gain) < _FELT:
            return ""
        return f"{'sped up' if gain > 0 else 'held back'} by {lift.act} {span(now - lift.time)} before"

    def _note_lifts(self, touch: Touch, row: Records) -> None:
        """Remember what a message does to clocks."""
        when, doing = _LIFTS[touch]
        name = self.names.messages[int(row["message"])]
        gains = dict(getattr(self.journey.messages[name].lift, when))
        answers = {event: gain * self.persona.responds.get(event, 1.0) for event, gain in gains.items()}
        if touch is Touch.DELIVERED:
            for event, gain in self.persona.contact_lift.items():
                answers[event] = answers.get(event, 0.0) + gain
        for event, gain in answers.items():
            self.lifts.setdefault(event, []).append(Lift(float(row["time"]), gain, f"{doing} '{self._message(row)}'"))

    def _message(self, row: Records) -> str:
        name = self.names.messages[int(row["message"])]
        return self.journey.messages[name].title or name

    def _channel(self, row: Records) -> str:
        name = self.names.channels[int(row["channel"])]
        return (self.journey.channels[name].title or name).lower()

    def _source(self, row: Records) -> str:
        return self.names.sources[int(row["source"])]

    def _subject(self, row: Records) -> str:
        kind = self._channel(row)
        return f"{kind[0].upper()}{kind[1:]} '{self._message(row)}'"

    def _sender(self, row: Records) -> str:
        name = self._source(row)
        return f"flow {name}" if name in self.policy.flows else f"broadcast {name}"

    def _delivered(self, row: Records, step: Step) -> Words:
        self.contacts.append((float(row["time"]), self.names.channels[int(row["channel"])]))
        self.arrived[self._message(row), self._source(row)] = float(row["time"])
        self.refused.pop((self._message(row), self._source(row)), None)
        return Words(f"{self._subject(row)} arrives", self._sender(row), is_routine=self._source(row) in self.policy.broadcasts)

    def _opened(self, row: Records, step: Step) -> Words:
        return self._answered_message("Opens", "opening", row)

    def _clicked(self, row: Records, step: Step) -> Words:
        return self._answered_message("Clicks in", "clicking in", row)

    def _answered_message(self, does: str, doing: str, row: Records) -> Words:
        message, time = self._message(row), float(row["time"])
        came = self.arrived.get((message, self._source(row)))
        self.seen = (time, f"{doing} '{message}'")
        return Words(f"{does} '{message}'", f"{span(time - came)} after it came" if came is not None and time > came else "")

    def _deferred(self, row: Records, step: Step) -> Words:
        until = f" until {hour_text((step.resumes % 1) * 24)}" if math.isfinite(step.resumes) else ""
        return Words(f"{self._subject(row)} waits{until}", f"quiet hours; {self._sender(row)}")

    def _refused(self, row: Records, step: Step) -> Words:
        verdict, send = Verdict(int(row["event"]) - FIRST_REFUSAL), (self._message(row), self._source(row))
        is_known = self.refused.get(send) is verdict
        self.refused[send] = verdict
        why = "as before" if is_known else f"{self._reason(verdict, row)}; {self._sender(row)}"
        return Words(f"{self._subject(row)} is not sent", why, is_routine=is_known)

    def _reason(self, verdict: Verdict, row: Records) -> str:
        """Which guardrail refused a send."""
        rules, now, name = self.policy.guardrails, float(row["time"]), self.names.channels[int(row["channel"])]
        if verdict is Verdict.GAP:
            for gap in rules.gaps:
                last = max((time for time, by in self.contacts if not gap.channels or by in gap.channels), default=-math.inf)
                if (not gap.channels or name in gap.channels) and now - last < gap.at_least:
                    return f"the last contact was {span(now - last)} before, the gap is {span(gap.at_least)}"
        if verdict is Verdict.CAP:
            for cap in rules.caps:
                recent = [time for time, by in self.contacts if (not cap.channels or by in cap.channels) and now - time < cap.per]
                if (not cap.channels or name in cap.channels) and len(recent) >= cap.at_most:
                    return f"{len(recent)} contacts in {span(cap.per)}, the cap is {cap.at_most}"
        said = {
            Verdict.CONSENT: f"no consent to {name}",
            Verdict.HOLDOUT: "in the holdout",
            Verdict.EXIT: f"not when {rules.exit}",
            Verdict.BUDGET: "the budget of all customers is spent",
        }
        return said.get(verdict, verdict.name.lower())

    def _trigger(self, row: Records) -> str:
        """What started a flow."""
        on = self.policy.flows[self._source(row)].on
        if on.event is not None:
            return f"at '{self._event(on.event)}'"
        if on.stage is not None:
            return f"enters {on.stage}"
        if on.inactivity is not None:
            return f"{span(on.inactivity)} without {self._listed(on.of)}"
        if on.score is not None:
            return f"score {on.score} {f'above {on.above:g}' if on.above is not None else f'below {on.below:g}'}"
        return "its date" if on.unopened is None else f"none of the last {on.unopened} opened"

    def _exposed(self, row: Records, step: Step) -> Words:
        arm, flow = int(row["value"]), self.policy.flows[self._source(row)]
        splits = {step.experiment: list(step.split or {}) for _, step in steps_in(flow.steps, ()) if step.experiment is not None}
        told = [f"'{arms[arm]}' of experiment {name}" for name, arms in splits.items() if arm < len(arms)]
        return Words(f"Is in arm {' or '.join(told)}", self._sender(row))

    def _offer(self, name: str) -> str:
        offer = self.journey.offers[name]
        worth = f"{100 * offer.discount:g} % off" if offer.discount is not None else f"{money(offer.amount or 0.0)} off"
        return f"{worth}, valid {span(offer.valid)}"

    def _asked(self, row: Records, step: Step) -> Words:
        if int(row["message"]) >= 0:
            return Words(f"{self._source(row)} is asked to speak of '{self._message(row)}'")
        return Words(f"Asks {self._source(row)}", self._cause_of_effect())

    def _answered(self, row: Records, step: Step) -> Words:
        late = ", late" if int(row["event"]) == Touch.ANSWERED_LATE else ""
        return Words(f"Is answered by {self._source(row)}{late}", f"waited {self._waited(row)}")

    def _waited(self, row: Records) -> str:
        return span(float(row["value"]) / MINUTES_A_DAY)
