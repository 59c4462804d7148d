"""The data of response cards: what each message causes per 1,000 deliveries, and what last touch credits it with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.attribution.claims import Interval
from cjsim.json_records import plain_values

PER = 1000  # deliveries
MIN_REACHED = 30  # customers; with fewer, the normal approximation of a ratio is poor, and there is no interval


class Response(NamedTuple):
    """One outcome of a message, per 1,000 deliveries.

    Attributes
    ----------
    outcome : str
        'any purchase', or the name of an event.
    incremental : Interval
        Occurrences with the message, minus occurrences for the same customers without it, over the whole simulation. The interval is nan
        if fewer than 30 customers received the message.
    last_touch : Interval
        Occurrences within the window after a touch of the message, if it is the customer's last touch before the outcome.
    p_value : float
        Unadjusted two-sided p-value for the null hypothesis that the message causes none.
    holds : bool
        Whether the incremental effect is significant after Holm's correction for all messages and outcomes.
    """

    outcome: str
    incremental: Interval
    last_touch: Interval
    p_value: float
    holds: bool


class ResponseCard(NamedTuple):
    """The responses to one message.

    Attributes
    ----------
    message, title, channel : str
        The message, its title and its channel.
    deliveries : int
        Number of deliveries.
    open_rate, click_rate : Interval
        Opens and clicks per delivery.
    responses : tuple of Response
        Purchases first, then the events that the message is meant to change.
    lift_sources : Mapping of str to int
        Number of the message's lifts, sways and effects by kind of source, such as {'assumed': 2}; 'unstated' without `sources`.
    """

    message: str
    title: str
    channel: str
    deliveries: int
    open_rate: Interval
    click_rate: Interval
    responses: tuple[Response, ...]
    lift_sources: Mapping[str, int]

    @property
    def source_text(self) -> str:
        """Where the strength of the message's effects comes from."""
        return ", ".join(self.lift_sources) or "no numbers"

    def rows(self) -> list[dict[str, Any]]:
        """Return rows of `responses.csv` by column name: one for each outcome, or one without an outcome."""
        facts = {"message": self.message, "channel": self.channel, "deliveries": self.deliveries}
        rates = _columns("open_rate", self.open_rate) | _columns("click_rate", self.click_rate)
        undefined = Interval(math.nan, math.nan, math.nan)
        return [
            facts
            | rates
            | {"outcome": one.outcome}
            | _columns("incremental", one.incremental)
            | _columns("last_touch", one.last_touch)
            | {"p_value": one.p_value, "holds": one.holds, "source": self.source_text}
            for one in self.responses or (Response("", undefined, undefined, math.nan, holds=False),)
        ]

    def record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        responses = [
            {
                "outcome": one.outcome,
                "incremental": one.incremental._asdict(),
                "last_touch": one.last_touch._asdict(),
                "p_value": one.p_value,
                "holds": one.holds,
            }
            for one in self.responses
        ]
        rates = {"open_rate": self.open_rate._asdict(), "click_rate": self.click_rate._asdict()}
        facts = {"message": self.message, "title": self.title, "channel": self.channel, "deliveries": self.deliveries}
        return facts | rates | {"lift_sources": dict(self.lift_sources), "responses": responses}


@dataclass(frozen=True, repr=False)
class CardData:
    """The response card of each message that the policy sends.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    customers, seed : int
        Number of initial customers and seed of the runs.
    touch : {'delivered', 'opened', 'clicked'}
        What counts as a touch.
    window_days : float
        Longest time from the last touch to an outcome that is credited to it, in days.
    days : float
        Simulated days, over which incremental effects are counted.
    has_shared_resources : bool
        Whether customers share desks or budgets, so that intervals are too narrow.
    cards : tuple of ResponseCard
        In the order of the journey's messages.
    undelivered : tuple of str
        Messages of the policy that nobody received.
    seconds : float
        Wall time, in seconds.
    notes : tuple of str
        A note if the number of customers differs from the scenario's, and the firm's other customers and costs do not.
    """

    scenario: str
    customers: int
    seed: int
    touch: str
    window_days: float
    days: float
    has_shared_resources: bool
    cards: tuple[ResponseCard, ...]
    undelivered: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def n_effects(self) -> int:
        """Number of effects that are tested together."""
        return sum(len(one.responses) for one in self.cards)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null. Responses are per 1,000 deliveries."""
        facts = {"scenario": self.scenario, "customers": self.customers, "seed": self.seed, "seconds": self.seconds}
        terms = {"touch": self.touch, "window_days": self.window_days, "days": self.days, "per": PER}
        terms |= {"has_shared_resources": self.has_shared_resources}
        noted = {"notes": list(self.notes)} if self.notes else {}
        lists = {"messages": [one.record() for one in self.cards], "undelivered": list(self.undelivered)}
        return plain_values(facts | terms | noted | lists)


def _columns(name: str, one: Interval) -> dict[str, float]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
