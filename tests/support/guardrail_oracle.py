"""A simple oracle for guardrails that reads only the policy and the log, and a scenario with heavy traffic to compare it on."""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
from chooser import ScenarioData
from in_memory_simulation import InMemoryResult, LogRow, simulate_in_memory

from cjsim.kernels.codes import TouchCode
from cjsim.kernels.rng import uniforms
from cjsim.simulation.documents import Scenario

TIME_TOLERANCE = 1e-9  # days; times that differ only by rounding count as equal
SUPPRESSIONS = [touch.name.lower() for touch in TouchCode if touch.name.startswith("SUPPRESSED")]
SEND_OUTCOMES = ("delivered", "deferred", *SUPPRESSIONS)
PUSH_CHANNEL = {"consent": 1.0, "open_delay": {"exponential": "2h"}}
HEAVY_TRAFFIC: ScenarioData = {
    "name": "heavy",
    "start": "2026-01-05",
    "horizon": "60d",
    "customers": 60,
    "entry": {"over": "3d"},
    "journey": {
        "name": "heavy",
        "starts_in": "in",
        "stages": {"in": {}},
        "events": {
            "knock": {"in": "anywhere", "wait": {"exponential": "8h"}},
            "shout": {
                "in": "anywhere",
                "wait": {"exponential": "25d"},
                "effects": [{"choose": [{"weight": 3}, {"weight": 1, "effects": [{"opt_out": "text"}]}]}],
            },
        },
        "channels": {
            "mail": PUSH_CHANNEL,
            "text": PUSH_CHANNEL | {"consent": 0.7},
            "bell": PUSH_CHANNEL | {"consent": 0.9},
            "app": {"kind": "pull", "visits": ["knock"], "lifetime": "1d"},
            "ad": {"kind": "paid", "open_delay": {"exponential": "2h"}},
        },
        "messages": {
            "letter": {"channel": "mail", "open_rate": 0.5, "unsubscribe_rate": 0.002, "complaint_rate": 0.001},
            "note": {"channel": "text", "open_rate": 0.5, "unsubscribe_rate": 0.003},
            "ring": {"channel": "bell", "open_rate": 0.5},
            "hint": {"channel": "app", "open_rate": 0.5},
            "banner": {"channel": "ad", "open_rate": 0.1},
        },
    },
    "policy": {
        "name": "heavy",
        "flows": {
            "answer": {"on": {"event": "knock"}, "holdout": 0.2, "steps": [{"wait": "1h"}, {"send": "letter"}]},
            "echo": {"on": {"event": "knock"}, "again_after": "3h", "steps": [{"send": "note"}, {"wait": "5min"}, {"send": "ring"}]},
            "tip": {"on": {"event": "knock"}, "again_after": "6h", "steps": [{"send": "hint"}, {"send": "banner"}]},
            "poke": {"on": {"inactivity": "6h"}, "again_after": "1d", "exit_on": ["knock"], "steps": [{"send": "ring"}]},
        },
        "broadcasts": {
            "morning": {"schedule": {"weekdays": ["monday", "wednesday", "friday"], "at": "10:00"}, "send": "letter"},
            "noon": {"schedule": {"weekdays": ["monday", "saturday"], "at": "12:00"}, "priority": 3, "send": "letter"},
            "night": {"schedule": {"weekdays": ["monday", "sunday"], "at": "22:30"}, "holdout": 0.3, "send": "note"},
        },
        "guardrails": {
            "holdout": 0.15,
            "spared": ["night", "tip"],
            "exit": "contacts >= 150 or count(shout) >= 4",
            "blackouts": [
                {"dates": ["2026-01-26", "2026-02-10"], "channels": ["mail"]},
                {"from": "2026-01-24", "to": "2026-01-25", "channels": ["mail", "bell"]},
                {"dates": ["02-14"], "then": "refuse"},
                {"dates": ["2026-02-20"], "channels": ["app", "ad", "text"]},
            ],
            "quiet_hours": [
                {"from": "21:00", "to": "08:00", "channels": ["text", "bell"]},
                {"from": "12:00", "to": "13:30", "channels": ["mail"]},
                {"from": "08:00", "to": "09:00", "channels": ["bell"]},
            ],
            "gaps": [{"at_least": "20min"}, {"at_least": "4h", "channels": ["text"]}],
            "caps": [
                {"at_most": 2, "per": "1d", "channels": ["mail"]},
                {"at_most": 25, "per": "7d"},
                {"at_most": 5, "per": "3d", "channels": ["bell", "text"]},
            ],
            "budgets": [{"at_most": 120, "per": "1d", "channels": ["mail", "app"]}, {"at_most": 900, "per": "7d"}],
        },
    },
}


class SimulatedTraffic:
    """A simulated scenario, and properties of its customers from the random draws documented in docs/model.md."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.rules = scenario.policy.guardrails
        self.result: InMemoryResult = simulate_in_memory(scenario)
        self.rows = self.result.log_rows()
        self.keys = self.result.registry.keys
        self.held_out_by_source = {name: self.holdout_of_source("flow", name, flow.holdout) for name, flow in scenario.policy.flows.items()}
        self.held_out_by_source |= {
            name: self.holdout_of_source("broadcast", name, cast.holdout) for name, cast in scenario.policy.broadcasts.items()
        }
        self.policy_holdout = self.customers_drawn("policy:holdout", self.rules.holdout)
        self.channel_kinds = {name: channel.kind for name, channel in scenario.journey.channels.items()} | {"": ""}
        self.budgeted_contacts = [self.contacts_on(budget.channels) for budget in self.rules.budgets]

    def customers_drawn(self, stream: str, share: float) -> set[int]:
        return set(np.flatnonzero(uniforms(self.scenario.seed, self.keys, stream) < share).tolist())

    def holdout_of_source(self, kind: str, name: str, share: float) -> set[int]:
        """Customers held out by a flow or broadcast: its own holdout, and that of the policy unless the source is exempt."""
        own = self.customers_drawn(f"{kind}:{name}:holdout", share)
        return own if name in self.rules.spared else own | self.customers_drawn("policy:holdout", self.rules.holdout)

    def contacts_on(self, channels: tuple[str, ...]) -> list[tuple[float, int, int]]:
        """Sorted contacts of all customers on these channels (all, if empty): time, customer key, index in the log."""
        contacts = [
            (row.time, int(self.keys[row.customer]), index)
            for index, row in enumerate(self.rows)
            if self.is_charged_to_budget(row) and rule_applies(channels, row)
        ]
        return sorted(contacts)

    def is_charged_to_budget(self, row: LogRow) -> bool:
        """Whether a budget paid for the row: a delivery, or on a human channel the request before it."""
        if self.channel_kinds[row.channel] == "human":
            return row.event in ("asked", "asked_again") and row.message != ""
        return row.event == "delivered"

    def is_guardrail_decision(self, row: LogRow) -> bool:
        """Whether guardrails decided the row; on a human channel they decide at the request to the desk, not at the delivery."""
        return row.event in SEND_OUTCOMES and not (row.event == "delivered" and self.channel_kinds[row.channel] == "human")

    def consented_channels(self, customer: int) -> set[str]:
        """Channels on which the customer may be contacted at entry."""
        journey = self.scenario.journey
        persona = journey.personas[self.result.plan.codebook.personas[self.result.outcomes.customers["persona"][customer]]]
        return {
            name
            for name, channel in journey.channels.items()
            if uniforms(self.scenario.seed, self.keys[customer : customer + 1], f"channel:{name}:consent")[0]
            < persona.consent.get(name, channel.consent)
        }

    def rows_by_customer(self) -> Iterator[tuple[int, list[LogRow]]]:
        for customer, rows in itertools.groupby(self.rows, key=lambda row: row.customer):
            yield customer, list(rows)

    def delivery_times(self, channels: tuple[str, ...]) -> Iterator[np.ndarray[Any, Any]]:
        """Times of the deliveries to each customer on these channels (all, if empty)."""
        for _, rows in self.rows_by_customer():
            delivered = [row for row in rows if row.event == "delivered" and self.is_guardrail_decision(row)]
            yield np.array([row.time for row in delivered if rule_applies(channels, row)])

    def is_blacked_out(self, time: float, channel: str, *outcomes: str) -> bool:
        """Whether a blackout with one of these outcomes, `defer` or `refuse`, covers a channel at this time."""
        day = self.scenario.start + timedelta(days=int(np.floor(time + TIME_TOLERANCE)))
        return any(rule.then in outcomes and rule.applies_to(channel) and rule.covers(day) for rule in self.rules.blackouts)

    def deferral_end(self, time: float, channel: str) -> float | None:
        """When a send at this time is tried again; None if it is not deferred."""
        if not self.is_blacked_out(time, channel, "defer"):
            return self.quiet_hours_end(time, channel)
        end = np.floor(time + TIME_TOLERANCE)
        while self.is_blacked_out(end, channel, "defer"):
            end += 1
        return float(end)

    def quiet_hours_end(self, time: float, channel: str) -> float | None:
        """The end of the quiet hours at this time; None outside of quiet hours."""
        day = np.floor(time + TIME_TOLERANCE)
        hour = (time + TIME_TOLERANCE - day) * 24
        for quiet in self.rules.quiet_hours:
            if quiet.channels and channel not in quiet.channels:
                continue
            if quiet.start < quiet.end and quiet.start <= hour < quiet.end:
                return float(day + quiet.end / 24)
            if quiet.start > quiet.end and (hour < quiet.end or hour >= quiet.start):
                return float(day + (hour >= quiet.start) + quiet.end / 24)
        return None


def rule_applies(channels: tuple[str, ...], row: LogRow) -> bool:
    """Whether a rule for these channels (all, if empty) applies to the channel of a row."""
    return not channels or row.channel in channels


class GuardrailOracle:
    """The expected outcome of each send to one customer, from the log rows before it."""

    def __init__(self, traffic: SimulatedTraffic, customer: int) -> None:
        self.traffic = traffic
        self.customer = customer
        self.consent = traffic.consented_channels(customer)
        self.contacts: list[LogRow] = []
        self.collisions = 0
        self.event_counts: Counter[str] = Counter()

    def record(self, row: LogRow) -> None:
        """Record a row of the log."""
        self.event_counts[row.event] += 1
        if row.event == "delivered":
            self.contacts.append(row)
        elif row.event in ("unsubscribed", "complained", "opted_out"):
            self.consent.discard(row.channel)
        elif row.event == "opted_in":
            self.consent.add(row.channel)

    def expected_outcome(self, row: LogRow, log_index: int) -> str:
        """The expected outcome of a send; `log_index` is its index in the log."""
        if row.channel not in self.consent:
            return "suppressed_consent"
        if self.customer in self.traffic.held_out_by_source[row.source]:
            return "suppressed_holdout"
        if self.is_after_exit(row):
            return "suppressed_exit"
        is_pull = self.traffic.channel_kinds[row.channel] == "pull"
        if self.traffic.is_blacked_out(row.time, row.channel, "refuse", *(["defer"] if is_pull else [])):
            return "suppressed_blackout"
        if not is_pull and self.traffic.deferral_end(row.time, row.channel) is not None:
            return "deferred"
        return self.expected_rule_outcome(row, log_index)

    def expected_rule_outcome(self, row: LogRow, log_index: int) -> str:
        """The expected outcome of gaps, caps and budgets, in this order; collisions are counted."""
        for gap in self.traffic.rules.gaps:
            if self.days_since_contact(gap.channels, row) < gap.at_least - TIME_TOLERANCE:
                self.collisions += self.is_collision(gap.channels, row)
                return "suppressed_gap"
        for cap in self.traffic.rules.caps:
            if self.contacts_within(cap.channels, cap.per, row) >= cap.at_most:
                self.collisions += self.is_collision(cap.channels, row)
                return "suppressed_cap"
        for budget, contacts in zip(self.traffic.rules.budgets, self.traffic.budgeted_contacts, strict=True):
            begin = np.floor((row.time + TIME_TOLERANCE) / budget.per) * budget.per
            before = bisect_left(contacts, (row.time, int(self.traffic.keys[self.customer]), log_index)) - bisect_left(
                contacts, (begin - TIME_TOLERANCE,)
            )
            if rule_applies(budget.channels, row) and before >= budget.at_most:
                return "suppressed_budget"
        return "delivered"

    def is_collision(self, channels: tuple[str, ...], row: LogRow) -> bool:
        """Whether the last contact on a rule's channels came from another source."""
        past = [contact for contact in self.contacts if rule_applies(channels, contact)]
        last = max((contact.time for contact in past), default=np.inf)
        return any(contact.time == last and contact.source != row.source for contact in past)

    def is_after_exit(self, row: LogRow) -> bool:
        """Whether `guardrails.exit` holds; for conditions that only the engine can evaluate, the log is trusted."""
        if self.traffic.rules.exit == HEAVY_TRAFFIC["policy"]["guardrails"]["exit"]:
            return len(self.contacts) >= 150 or self.event_counts["shout"] >= 4
        return self.traffic.rules.exit is not None and row.event == "suppressed_exit"

    def days_since_contact(self, channels: tuple[str, ...], row: LogRow) -> float:
        """Days since the last contact under a gap rule; infinite if the rule does not cover this send."""
        if not rule_applies(channels, row):
            return np.inf
        return min((row.time - past.time for past in self.contacts if rule_applies(channels, past)), default=np.inf)

    def contacts_within(self, channels: tuple[str, ...], per: float, row: LogRow) -> int:
        """Contacts under a cap in the period before this send; -1 if the cap does not cover it."""
        if not rule_applies(channels, row):
            return -1
        return sum(row.time - past.time < per - TIME_TOLERANCE for past in self.contacts if rule_applies(channels, past))
