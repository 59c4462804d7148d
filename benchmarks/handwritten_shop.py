"""The shop of configs/scenarios/shop.yaml, handwritten in SimPy without this package.

It is the reference for the speed of cjsim. It uses several processes per customer, `timeout` and `interrupt`, and random numbers from the
standard library. It counts the rows that the event log of cjsim would contain, by kind. The YAML file contains the numbers and their
sources; tests/shipped/test_reference_shop.py checks that both models have the same event rates.

Run `python benchmarks/handwritten_shop.py --customers 1000`.
"""

import argparse
import json
import math
import random
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

import simpy

MINUTE, HOUR = 1 / 1440, 1 / 24
START = date(2026, 1, 5)
Process = Generator[simpy.Event, Any, None]


class Profile:
    """Activity of customers: cumulative hours of activity since the start, at each hour."""

    def __init__(self, hours: Sequence[float], weekdays: Sequence[float], seasons: Sequence[tuple[str, str, float]], days: int):
        year = [START + timedelta(days=d) for d in range(-2, max(days, 365) + 2)]

        def factor(day: date) -> float:
            return math.prod(times for first, last, times in seasons if first <= f"{day:%m-%d}" <= last)

        mean_season = sum(factor(day) for day in year[2:367]) / 365
        mean_hour, mean_weekday = sum(hours) / 24, sum(weekdays) / 7
        weights = [w / mean_hour * weekdays[day.weekday()] / mean_weekday * factor(day) / mean_season for day in year for w in hours]
        self.knots = [0.0, *accumulate(weight / 24 for weight in weights)]

    def later(self, now: float, gap: float, shift: float) -> float:
        """The time after `gap` more days of activity, for a customer whose daily rhythm is `shift` days late."""
        hours = (now - shift + 2) * 24
        hour = int(hours)
        target = self.knots[hour] + (hours - hour) * (self.knots[hour + 1] - self.knots[hour]) + gap
        after = bisect_right(self.knots, target, hour)
        if after >= len(self.knots):
            return math.inf
        part = (target - self.knots[after - 1]) / (self.knots[after] - self.knots[after - 1])
        return (after - 1 + part) / 24 - 2 + shift


@dataclass(frozen=True)
class Persona:
    """A persona."""

    share: float
    satisfaction: float
    speed: dict[str, float]
    affinity: dict[str, float]
    responds: dict[str, float]
    sms_consent: float = 0.35
    contact_lift: float = 0.0


@dataclass(frozen=True)
class Clock:
    """An event with a rate that messages can change."""

    mean: float
    stages: frozenset[str]
    half_life: float = 3.0
    satisfaction_effect: float = 0.0
    depends_on_interest: bool = False
    uses_shopping_hours: bool = False
    is_logged: bool = True


@dataclass(frozen=True)
class Channel:
    """A channel."""

    delay: tuple[float, float]  # median (days) and sigma
    click_delay: tuple[float, float]
    lifetime: float
    survival: float  # E[exp(-delay / lifetime)]
    fatigue: float
    annoyance: float
    satisfaction_effect: float
    pressure: float
    delivery_gain: float
    cost: float
    cap: tuple[int, float]
    gap: float = 0.0
    has_quiet_hours: bool = False


@dataclass(frozen=True)
class Message:
    """A message."""

    channel: str
    open_rate: float
    click_rate: float
    unsubscribe_rate: float
    complaint_rate: float
    opened: dict[str, float]
    clicked: dict[str, float]
    satisfaction_gain: float = 0.0
    delivered: tuple[tuple[str, float], ...] = ()
    cart_sway: float = 0.0  # log odds that a visit fills the cart, added when the message is opened
    cost: float = 0.0  # in addition to the channel's
    is_transactional: bool = False  # exempt from quiet hours, gaps and caps; from consent, except on push channels


def survival(median: float, sigma: float, lifetime: float) -> float:
    """The share of readers who read a message within its lifetime."""
    draws = [random.Random(n).gauss(0, 1) for n in range(4000)]
    return sum(math.exp(-median * math.exp(sigma * z) / lifetime) for z in draws) / len(draws)


PERSONAS = {
    "enthusiast": Persona(0.22, 0.62, {"visit": 1.7, "drift_off": 0.6, "lapse": 0.6, "leave": 0.5}, {"email": 0.35, "push": 0.3}, {}),
    "bargain_hunter": Persona(0.40, 0.5, {}, {"sms": 0.3}, {"visit": 1.3, "return_to_cart": 1.2}),
    "gift_buyer": Persona(0.28, 0.52, {"visit": 0.55, "drift_off": 1.4, "lapse": 1.4}, {"email": -0.25}, {"visit": 0.7}),
    "sleeping_dog": Persona(0.10, 0.44, {"visit": 0.8}, {"email": -0.4, "sms": -0.5}, {}, 0.10, 0.6),
}
ACTIVE = frozenset({"consideration", "acquisition", "retention", "advocacy"})
CLOCKS = {
    "first_visit": Clock(12, frozenset({"awareness"}), half_life=2, depends_on_interest=True, uses_shopping_hours=True),
    "visit": Clock(11, ACTIVE, half_life=2, satisfaction_effect=1.0, depends_on_interest=True, uses_shopping_hours=True),
    "comes_right_back": Clock(3 * HOUR, ACTIVE, half_life=0.25),
    "decides_against_it": Clock(3 * HOUR, ACTIVE | {"awareness", "lapsed", "gone"}, is_logged=False),
    "return_to_cart": Clock(40, ACTIVE, half_life=0.5, satisfaction_effect=1.0, uses_shopping_hours=True),
    "forgets_cart": Clock(4, ACTIVE | {"lapsed"}, is_logged=False),
    "becomes_advocate": Clock(120, frozenset({"retention"}), satisfaction_effect=4.0),
    "recommends": Clock(60, frozenset({"advocacy"}), satisfaction_effect=3.0),
    "drift_off": Clock(4, frozenset({"acquisition"}), half_life=14, satisfaction_effect=-3.0, is_logged=False),
    "lapse": Clock(38, frozenset({"retention", "advocacy"}), half_life=14, satisfaction_effect=-3.0, is_logged=False),
    "returns": Clock(450, frozenset({"lapsed"}), half_life=7, uses_shopping_hours=True),
    "leave": Clock(500, ACTIVE | {"awareness", "lapsed"}, half_life=7, satisfaction_effect=-3.0, is_logged=False),
}
CHANNELS = {
    "email": Channel(
        (10.1 * HOUR, 2.354),
        (2 * MINUTE, 1.2),
        14,
        survival(10.1 * HOUR, 2.354, 14),
        0.18,
        0.04,
        0.8,
        1.0,
        -0.001,
        0.0001,
        (4, 7),
        4 * HOUR,
    ),
    "sms": Channel(
        (3 * MINUTE, 1.6),
        (MINUTE, 1.0),
        3,
        survival(3 * MINUTE, 1.6, 3),
        0.05,
        0.12,
        0.6,
        2.0,
        -0.006,
        0.018,
        (2, 30),
        has_quiet_hours=True,
    ),
    "push": Channel(
        (25 * MINUTE, 1.8), (MINUTE, 0.0), 1, survival(25 * MINUTE, 1.8, 1), 0.05, 0.10, 0.6, 0.5, -0.001, 0.0, (3, 7), has_quiet_hours=True
    ),
}
EARLY = (("comes_right_back", -1.0),)
WELCOME = Message("email", 0.442, 0.133, 0.0064, 0.0002, {"first_visit": 2, "visit": 0.5}, {"first_visit": 6, "visit": 3}, cart_sway=0.5)
CART = Message("email", 0.46, 0.2255, 0.0064, 0.0002, {"return_to_cart": 2}, {"return_to_cart": 14}, delivered=EARLY)
WIN_BACK = Message("email", 0.13, 0.133, 0.0064, 0.0003, {"returns": 28, "visit": 1}, {"returns": 20, "visit": 3}, cart_sway=0.7)
NEWS_OPENED, NEWS_CLICKED = {"visit": 0.5, "first_visit": 0.3, "returns": 11}, {"visit": 2, "first_visit": 2, "returns": 11}
MESSAGES = {
    "welcome_1": WELCOME,
    "welcome_2": WELCOME,
    "welcome_3": WELCOME,
    "thanks": Message("email", 0.442, 0.133, 0.002, 0.0002, {"visit": 0.2}, {"visit": 1}, 0.04),
    "care_tips": Message("email", 0.442, 0.133, 0.003, 0.0002, {"visit": 0.3, "drift_off": -0.3}, {"visit": 2, "drift_off": -0.3}, 0.04),
    "something_new": Message("email", 0.442, 0.133, 0.0064, 0.0002, {"visit": 1}, {"visit": 4}, cart_sway=0.8),
    "cart_mail": CART,
    "cart_mail_2": CART,
    "cart_text": Message("sms", 0.9, 0.13, 0.0065, 0.0, {"return_to_cart": 1}, {"return_to_cart": 14}, delivered=EARLY),
    "win_back": WIN_BACK,
    "win_back_2": WIN_BACK,
    "newsletter": Message("email", 0.251, 0.128, 0.0022, 0.0002, NEWS_OPENED, NEWS_CLICKED, cart_sway=1.0, cost=0.0075),
    "parcel_push": Message("push", 0.128, 0.0, 0.0, 0.0, {"visit": 0.5}, {}, is_transactional=True),
    "weekend_push": Message("push", 0.0425, 0.0, 0.002, 0.0, {"visit": 5}, {}, cost=0.0024),
}
SWAY_HALF_LIFE = 2  # days of activity
PROMISED_DAYS = 5  # for a package


def logit(p: float) -> float:
    """Log odds."""
    return math.log(p / (1 - p)) if p > 0 else -math.inf


def logistic(x: float) -> float:
    """The probability for given log odds."""
    return 1 / (1 + math.exp(-x))


class Shop:
    """State shared by all customers: simulation clock, activity profiles, counts."""

    def __init__(self, days: int, seed: int):
        self.env = simpy.Environment()
        self.rng = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.customers: list[Customer] = []
        self.revenue = self.cost = 0.0
        shopping = [
            0.3,
            0.15,
            0.1,
            0.05,
            0.05,
            0.1,
            0.3,
            0.6,
            0.9,
            1.1,
            1.2,
            1.2,
            1.3,
            1.2,
            1.1,
            1.1,
            1.2,
            1.3,
            1.5,
            1.9,
            2.3,
            2.2,
            1.5,
            0.8,
        ]
        inbox = [
            0.4,
            0.25,
            0.2,
            0.15,
            0.2,
            0.4,
            0.8,
            1.2,
            1.4,
            1.4,
            1.35,
            1.3,
            1.3,
            1.25,
            1.2,
            1.2,
            1.25,
            1.3,
            1.3,
            1.3,
            1.35,
            1.25,
            0.9,
            0.6,
        ]
        seasons = [("11-23", "11-30", 2.2), ("12-01", "12-20", 1.4)]
        self.shopping = Profile(shopping, [1.05, 1.0, 0.95, 0.95, 0.9, 0.95, 1.2], seasons, days)
        self.inbox = Profile(inbox, [1.1, 1.1, 1.05, 1.05, 1.0, 0.85, 0.85], [], days)

    def sign_up(self, days: float) -> Process:
        """Add a customer after a number of days."""
        yield self.env.timeout(days)
        self.customers.append(Customer(self))

    def broadcast(self, name: str, weekday: int, hour: float) -> Process:
        """A weekly message to everyone."""
        yield self.env.timeout((weekday - START.weekday()) % 7 + hour * HOUR)
        while True:
            for customer in self.customers:
                customer.try_to_send(name)
            yield self.env.timeout(7)


class Customer:
    """One customer: latent traits, state and processes."""

    def __init__(self, shop: Shop):
        self.shop, self.env, self.rng = shop, shop.env, shop.rng
        rng = shop.rng
        self.persona = rng.choices(list(PERSONAS.values()), [persona.share for persona in PERSONAS.values()])[0]
        self.interest = rng.gammavariate(1.0, 1.0)
        self.basket = rng.lognormvariate(0, 0.4)
        self.email_taste = rng.gauss(0, 0.8)
        self.shift = rng.gauss(0, 2.5) * HOUR
        self.consent = {"email": True, "sms": rng.random() < self.persona.sms_consent, "push": rng.random() < 0.62}
        self.stored_satisfaction, self.satisfaction_updated_at = self.persona.satisfaction, self.env.now
        self.pressure, self.pressure_at = 0.0, self.env.now
        self.lifts: dict[str, tuple[float, float]] = {}
        self.sway, self.swayed_at = 0.0, 0.0
        self.clocks: dict[str, simpy.Process] = {}
        self.flows: dict[str, simpy.Process] = {}
        self.flow_started: dict[str, float] = {}
        self.sent: dict[str, deque[float]] = {name: deque() for name in CHANNELS}
        self.wants_cart = self.deciding = self.paying = self.parcel = self.was_pleased = False
        self.purchases = 0
        self.parcel_arrived = self.env.event()
        self.stage = ""
        self.log("entered")
        self.enter("awareness")
        self.start_flow("welcome", self.welcome, again_after=math.inf)

    def log(self, kind: str) -> None:
        """Count one event."""
        self.shop.counts[kind] += 1

    # --- satisfaction and clocks

    def satisfaction(self) -> float:
        """Current satisfaction, which decays to its baseline."""
        rest = self.persona.satisfaction
        return rest + (self.stored_satisfaction - rest) * 0.5 ** ((self.env.now - self.satisfaction_updated_at) / 60)

    def satisfy(self, gain: float) -> None:
        """Change satisfaction; clocks are updated unless the change is as small as the annoyance of a message."""
        now = self.satisfaction()
        self.stored_satisfaction, self.satisfaction_updated_at = now + gain * ((1 - now) if gain > 0 else now), self.env.now
        if abs(gain) > 0.01:
            for name in self.clocks:
                self.redraw(name)

    def lift_of(self, name: str) -> float:
        """The current lift of a clock."""
        if name not in self.lifts:
            return 0.0
        value, at = self.lifts[name]
        return value * 0.5 ** ((self.env.now - at) / CLOCKS[name].half_life)

    def lift(self, name: str, gain: float) -> None:
        """Lift a clock; because it is memoryless, it can be redrawn."""
        self.lifts[name] = (max(-1.0, self.lift_of(name) + gain * self.persona.responds.get(name, 1.0)), self.env.now)
        self.redraw(name)

    def redraw(self, name: str) -> None:
        """Redraw a running clock whose rate has changed."""
        process = self.clocks.get(name)
        if process is not None and process.is_alive and process is not self.env.active_process:
            process.interrupt()

    def enter(self, stage: str) -> None:
        """Stop the clocks of the old stage and start those of the new one."""
        self.stage = stage
        for name in self.clocks:
            self.redraw(name)
        for name, clock in CLOCKS.items():
            if stage in clock.stages and self.allowed(name):
                self.start_clock(name)

    def allowed(self, name: str) -> bool:
        """Whether a clock can run."""
        if self.stage not in CLOCKS[name].stages:
            return False
        if name in ("comes_right_back", "decides_against_it"):
            return self.deciding and not self.paying
        if name in ("return_to_cart", "forgets_cart"):
            return self.wants_cart and not self.paying
        if name == "becomes_advocate":
            return self.purchases >= 3 and self.was_pleased
        return True

    def start_clock(self, name: str) -> None:
        """Start a clock unless it is running."""
        if name not in self.clocks or not self.clocks[name].is_alive:
            self.clocks[name] = self.env.process(self.run_clock(name))

    def run_clock(self, name: str) -> Process:
        """Wait for an event with a varying rate: draw at the highest rate, then thin."""
        clock = CLOCKS[name]
        happens = getattr(self, name)
        while self.allowed(name):
            bound = 1 + max(0.0, self.lift_of(name))
            rate = (
                bound / clock.mean * self.persona.speed.get(name, 1.0) * math.exp(clock.satisfaction_effect * (self.satisfaction() - 0.5))
            )
            gap = self.rng.expovariate(rate * self.interest if clock.depends_on_interest else rate)
            due = self.shop.shopping.later(self.env.now, gap, self.shift) if clock.uses_shopping_hours else self.env.now + gap
            try:
                yield self.env.timeout(due - self.env.now)
            except simpy.Interrupt:
                continue
            if self.allowed(name) and self.rng.random() * bound < 1 + self.lift_of(name):
                if clock.is_logged:
                    self.log(name)
                happens()

    def chooses_against(self, weight: float, bend: float, against: float) -> bool:
        """A choice with odds that depend on satisfaction."""
        odds = weight * math.exp(bend * (self.satisfaction() - 0.5))
        return self.rng.random() < odds / (odds + against)

    def cart_sway(self) -> float:
        """The log odds that messages add to filling the cart at a visit."""
        return self.sway * 0.5 ** ((self.env.now - self.swayed_at) / SWAY_HALF_LIFE)

    # --- events

    def first_visit(self) -> None:
        """Visits the site for the first time."""
        self.enter("consideration")
        if self.chooses_against(0.09, 0, 0.91):
            self.fill_cart()

    def visit(self) -> None:
        """Visits the site."""
        if self.chooses_against(0.10 * math.exp(self.cart_sway()), 1.0, 0.90):
            self.fill_cart()

    def fill_cart(self) -> None:
        """Adds an item to the cart, then orders or leaves."""
        self.log("cart")
        self.wants_cart = True
        if self.chooses_against(0.13, 0.8, 0.71 + 0.16):
            self.return_to_cart()
        else:
            if self.rng.random() < 0.16 / (0.71 + 0.16):
                self.deciding = True
                self.start_clock("comes_right_back")
                self.start_clock("decides_against_it")
        if not self.paying:
            self.start_clock("return_to_cart")
            self.start_clock("forgets_cart")
        self.start_flow("cart", self.remind_of_cart, again_after=3)

    def return_to_cart(self) -> None:
        """Returns to the cart and orders."""
        if not self.paying:
            self.paying = True
            self.env.process(self.order())

    def comes_right_back(self) -> None:
        """Returns to the cart within hours and orders."""
        self.return_to_cart()

    def decides_against_it(self) -> None:
        """Decides against the cart."""
        self.deciding = False

    def forgets_cart(self) -> None:
        """Loses interest in the cart."""
        self.wants_cart = False

    def order(self) -> Process:
        """Orders; then the parcel is sent and the stage updated."""
        yield self.env.timeout(self.rng.lognormvariate(math.log(8 * MINUTE), 0.8))
        if self.stage == "gone":
            return
        self.log("order")
        self.paying = self.wants_cart = self.deciding = False
        self.purchases += 1
        self.shop.revenue += self.basket * self.rng.lognormvariate(math.log(72), 0.5)
        if not self.parcel:
            self.parcel = True
            self.env.process(self.parcel_arrives())
        self.end_flow("welcome")
        self.end_flow("cart")
        self.start_flow("after_order", self.thank, again_after=14)
        self.env.process(self.watch_for_silence())
        if self.stage == "consideration":
            self.log("becomes_customer")
            self.enter("acquisition")
        if self.stage == "acquisition" and self.purchases >= 2:
            self.log("becomes_regular")
            self.enter("retention")
        elif self.allowed("becomes_advocate"):
            self.start_clock("becomes_advocate")

    def parcel_arrives(self) -> Process:
        """Receives the parcel, and is pleased or disappointed."""
        days = self.rng.lognormvariate(math.log(3), 0.4)
        while days > PROMISED_DAYS:
            yield self.env.timeout(PROMISED_DAYS)
            days -= PROMISED_DAYS
            self.log("waits_too_long")
            self.satisfy(-0.2)
        yield self.env.timeout(days)
        self.log("parcel_arrives")
        self.parcel = False
        self.parcel_arrived.succeed()
        self.parcel_arrived = self.env.event()
        if self.rng.random() < 0.9:
            self.satisfy(0.15)
            self.was_pleased = True
            self.log("pleased")
            if self.allowed("becomes_advocate"):
                self.start_clock("becomes_advocate")
        else:
            self.satisfy(-0.35)
            self.log("disappointed")

    def becomes_advocate(self) -> None:
        """Becomes an advocate."""
        self.enter("advocacy")

    def recommends(self) -> None:
        """Recommends the shop."""
        self.satisfy(0.05)

    def drift_off(self) -> None:
        """Lapses after one order."""
        self.enter("lapsed")

    def lapse(self) -> None:
        """Lapses."""
        self.enter("lapsed")

    def returns(self) -> None:
        """Returns after a lapse."""
        self.enter("retention")
        if self.chooses_against(0.21, 0, 0.79):
            self.fill_cart()

    def leave(self) -> None:
        """Churns."""
        self.enter("gone")

    # --- what the shop sends

    def start_flow(self, name: str, steps: Callable[[], Process], again_after: float) -> None:
        """Start a flow unless it is running or ran too recently."""
        running = name in self.flows and self.flows[name].is_alive
        if not running and self.env.now - self.flow_started.get(name, -math.inf) >= again_after:
            self.log("flow_started")
            self.flow_started[name] = self.env.now
            self.flows[name] = self.env.process(self.run_flow(steps))

    def run_flow(self, steps: Callable[[], Process]) -> Process:
        """Run a flow until it ends or is stopped."""
        try:
            yield from steps()
        except simpy.Interrupt:
            self.log("flow_exited")

    def end_flow(self, name: str) -> None:
        """Stop a running flow."""
        if name in self.flows and self.flows[name].is_alive:
            self.flows[name].interrupt()

    def welcome(self) -> Process:
        """Three welcome emails."""
        yield from self.send("welcome_1")
        yield self.env.timeout(3)
        yield from self.send("welcome_2")
        yield self.env.timeout(5)
        yield from self.send("welcome_3")

    def remind_of_cart(self) -> Process:
        """Two emails and a text message about a cart."""
        yield self.env.timeout(1)
        yield from self.send("cart_mail")
        yield self.env.timeout(1)
        yield from self.send("cart_text")
        yield self.env.timeout(2)
        yield from self.send("cart_mail_2")

    def thank(self) -> Process:
        """Thank-you, shipping notice, care tips and cross-sell."""
        yield from self.send("thanks")
        yield self.env.timeout(1)
        yield from self.send("parcel_push")
        yield self.parcel_arrived | self.env.timeout(10)
        yield self.env.timeout(2)
        yield from self.send("care_tips")
        yield self.env.timeout(10)
        if self.purchases == 1:
            yield from self.send("something_new")

    def watch_for_silence(self) -> Process:
        """Start the win-back after four months without an order."""
        purchases = self.purchases
        yield self.env.timeout(120)
        if self.purchases == purchases:
            self.start_flow("win_back", self.win_back, again_after=0)

    def win_back(self) -> Process:
        """Two win-back emails."""
        purchases = self.purchases
        yield from self.send("win_back")
        yield self.env.timeout(14)
        if self.purchases == purchases:
            yield from self.send("win_back_2")

    def send(self, name: str) -> Process:
        """Send a message, after quiet hours if necessary."""
        message = MESSAGES[name]
        if CHANNELS[message.channel].has_quiet_hours and self.consent[message.channel] and not message.is_transactional:
            hour = self.env.now % 1 * 24
            if hour >= 21 or hour < 8:
                self.log("deferred")
                yield self.env.timeout((8 - hour) % 24 * HOUR)
        self.try_to_send(name)

    def try_to_send(self, name: str) -> None:
        """Deliver a message unless a guardrail forbids it."""
        channel_name = MESSAGES[name].channel
        channel, sent, now = CHANNELS[channel_name], self.sent[channel_name], self.env.now
        at_most, period = channel.cap
        while sent and sent[0] < now - period + MINUTE:
            sent.popleft()
        if MESSAGES[name].is_transactional and (channel_name != "push" or self.consent["push"]):
            self.receive(MESSAGES[name], channel)
        elif not self.consent[channel_name]:
            self.log("suppressed_consent")
        elif sent and now - sent[-1] < channel.gap:
            self.log("suppressed_gap")
        elif len(sent) >= at_most:
            self.log("suppressed_cap")
        else:
            sent.append(now)
            self.receive(MESSAGES[name], channel)

    def receive(self, message: Message, channel: Channel) -> None:
        """Receive a message and draw the responses to it."""
        self.log("delivered")
        self.shop.cost += channel.cost + message.cost
        pressure = self.pressure * 0.5 ** ((self.env.now - self.pressure_at) / 7)
        mood = channel.satisfaction_effect * (self.satisfaction() - 0.5)
        taste = self.persona.affinity.get(message.channel, 0.0) + (self.email_taste if message.channel == "email" else 0.0)
        annoyed = channel.annoyance * pressure - mood
        opens = self.rng.random() < logistic(logit(message.open_rate / channel.survival) + taste + mood - channel.fatigue * pressure)
        unsubscribes = message.unsubscribe_rate > 0 and self.rng.random() < logistic(
            logit(message.unsubscribe_rate / channel.survival) + annoyed
        )
        complains = message.complaint_rate > 0 and self.rng.random() < logistic(logit(message.complaint_rate / channel.survival) + annoyed)
        if opens or unsubscribes or complains:
            delay = self.rng.lognormvariate(math.log(channel.delay[0]), channel.delay[1])
            due = self.shop.inbox.later(self.env.now, delay, self.shift) if message.channel == "email" else self.env.now + delay
            if self.rng.random() < math.exp((self.env.now - due) / channel.lifetime):
                self.env.process(self.read(message, channel, due, opens, unsubscribes, complains))
        self.pressure, self.pressure_at = pressure + channel.pressure, self.env.now
        self.satisfy(channel.delivery_gain)
        if self.persona.contact_lift:
            self.lift("leave", self.persona.contact_lift)
        for name, gain in message.delivered:
            self.lift(name, gain)

    def read(self, message: Message, channel: Channel, due: float, opens: bool, unsubscribes: bool, complains: bool) -> Process:
        """Open, click, unsubscribe, complain."""
        yield self.env.timeout(due - self.env.now)
        if opens:
            self.log("opened")
            if message.satisfaction_gain:
                self.satisfy(message.satisfaction_gain)
            for name, gain in message.opened.items():
                self.lift(name, gain)
            if message.cart_sway:
                self.sway = self.cart_sway() + message.cart_sway * self.persona.responds.get("visit", 1.0)
                self.swayed_at = self.env.now
        if (unsubscribes or complains) and self.consent[message.channel]:
            self.log("unsubscribed" if unsubscribes else "complained")
            self.consent[message.channel] = False
        if opens and self.rng.random() < message.click_rate:
            yield self.env.timeout(self.rng.lognormvariate(math.log(channel.click_delay[0]), channel.click_delay[1]))
            self.log("clicked")
            for name, gain in message.clicked.items():
                self.lift(name, gain)


def simulate_shop(customers: int, days: int = 365, seed: int = 1) -> dict[str, int]:
    """Counts of events by kind, for `customers` customers who sign up within the first 28 days."""
    shop = Shop(days, seed)
    shop.env.process(shop.broadcast("newsletter", weekday=1, hour=10))
    shop.env.process(shop.broadcast("weekend_push", weekday=4, hour=17.5))
    for _ in range(customers):
        shop.env.process(shop.sign_up(shop.rng.uniform(0, 28)))
    shop.env.run(until=days)
    return dict(sorted(shop.counts.items()))


def main() -> None:
    """Time one run and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    counts = simulate_shop(options.customers, options.days, options.seed)
    seconds = time.perf_counter() - began
    events = sum(counts.values())
    print(json.dumps({"events": events, "seconds": seconds, "events_per_second": events / seconds, "counts": counts}))


if __name__ == "__main__":
    main()
