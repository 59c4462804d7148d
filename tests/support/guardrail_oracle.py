"""A simple oracle for guardrails that reads only the policy and the log, and a scenario with heavy traffic to compare it on."""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from chooser import ScenarioData
from in_memory_simulation import InMemoryResult, LogRow, simulate_in_memory

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.population import draw_population
from cjsim.kernels.codes import TouchCode
from cjsim.kernels.rng import uniforms
from cjsim.scenario.kinds.contact_limits import Cap, Gap, LimitRule
from cjsim.scenario.kinds.guardrail_rules import Blackout, QuietHours
from cjsim.simulation.documents import Scenario

TIME_TOLERANCE = 1e-9  # days; times that differ only by rounding count as equal
SUPPRESSIONS = [touch.name.lower() for touch in TouchCode if touch.name.startswith("SUPPRESSED")]
SEND_OUTCOMES = ("delivered", "deferred", *SUPPRESSIONS)
BOUNCES = ("bounced_soft", "bounced_hard")  # of sends that the guardrails allowed
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
            "letter": {
                "channel": "mail",
                "open_rate": 0.5,
                "unsubscribe_rate": 0.002,
                "complaint_rate": 0.001,
                "hard_bounce_rate": 0.001,
                "soft_bounce_rate": 0.02,
                "spam_rate": 0.05,
            },
            "receipt": {"channel": "mail", "open_rate": 0.5, "transactional": True},
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
            "invoice": {"on": {"event": "knock"}, "again_after": "2d", "holdout": 0.2, "steps": [{"send": "receipt"}]},
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
                {"at_most": 4, "per": "2d", "channels": ["bell"], "then": "defer", "drop_after": "12h"},
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
        actors = [("flow", name, actor) for name, actor in scenario.policy.flows.items()]
        actors += [("broadcast", name, actor) for name, actor in scenario.policy.broadcasts.items()]
        self.held_out_by_own = {name: self.customers_drawn(f"{kind}:{name}:holdout", actor.holdout) for kind, name, actor in actors}
        self.consents_cover = {name: channel.consent_covers for name, channel in scenario.journey.channels.items()}
        self.held_out_by_source = {name: self.holdout_of_source("flow", name, flow.holdout) for name, flow in scenario.policy.flows.items()}
        self.held_out_by_source |= {
            name: self.holdout_of_source("broadcast", name, cast.holdout) for name, cast in scenario.policy.broadcasts.items()
        }
        self.policy_holdout = self.customers_drawn("policy:holdout", self.rules.holdout)
        self.channel_kinds = {name: channel.kind for name, channel in scenario.journey.channels.items()} | {"": ""}
        self.zone_names = self.zones_of_customers()
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
        if row.message == "" or self.is_transactional(row):
            return False
        if self.channel_kinds[row.channel] == "human":
            return row.event in ("asked", "asked_again")
        return row.event in ("delivered", *BOUNCES)

    def is_transactional(self, row: LogRow) -> bool:
        """Whether the message of a row is transactional."""
        return self.scenario.journey.messages[row.message].transactional

    def holdout_of(self, row: LogRow) -> set[int]:
        """Customers to whom the message of a row is not sent because of a holdout."""
        return (self.held_out_by_own if self.is_transactional(row) else self.held_out_by_source)[row.source]

    def is_marketing_contact(self, row: LogRow) -> bool:
        """Whether the row is a delivery that the rules for marketing apply to."""
        return row.event == "delivered" and not self.is_transactional(row)

    def is_guardrail_decision(self, row: LogRow) -> bool:
        """Whether guardrails decided the row; on a human channel they decide at the request to the desk, not at the delivery."""
        return row.event in (*SEND_OUTCOMES, *BOUNCES) and not (row.event == "delivered" and self.channel_kinds[row.channel] == "human")

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

    def is_logged_since_entry(self, customer: int) -> bool:
        """Whether a customer entered on day 0 or later. The log lacks what happened to others before day 0."""
        return bool(self.result.outcomes.customers["entered"][customer] >= 0)

    def rows_by_customer(self) -> Iterator[tuple[int, list[LogRow]]]:
        for customer, rows in itertools.groupby(self.rows, key=lambda row: row.customer):
            yield customer, list(rows)

    def delivery_times(self, channels: tuple[str, ...]) -> Iterator[np.ndarray[Any, Any]]:
        """Times of the deliveries to each customer on these channels (all, if empty)."""
        for _, rows in self.rows_by_customer():
            delivered = [row for row in rows if self.is_marketing_contact(row) and self.is_guardrail_decision(row)]
            yield np.array([row.time for row in delivered if rule_applies(channels, row)])

    def zones_of_customers(self) -> list[str | None]:
        """The time zone of each customer; None without time zones."""
        declared, firm = self.scenario.journey.time_zones, self.scenario.time_zone
        if declared is None:
            return [firm] * len(self.keys)
        levels = self.result.plan.codebook.attributes[declared.attribute]
        column = list(self.result.plan.codebook.attributes).index(declared.attribute)
        registry = self.result.registry
        everyone = Cohort(registry.keys, self.result.outcomes.customers["entered"].copy(), registry.channels, np.zeros(len(self.keys)), 0)
        codes = draw_population(self.result.plan, self.scenario.seed, everyone).attributes[:, column]
        return [declared.zones.get(levels[int(code)]) or declared.default or firm for code in codes]

    def local_time(self, time: float, zone: str | None) -> float:
        """The local time in days since midnight of day 0, from zoneinfo."""
        if zone is None:
            return time
        midnight = datetime.combine(self.scenario.start, datetime.min.time(), tzinfo=ZoneInfo(str(self.scenario.time_zone)))
        moment = midnight.astimezone(UTC) + timedelta(days=time, microseconds=100)
        local = moment.astimezone(ZoneInfo(zone))
        return (local.replace(tzinfo=None) - midnight.replace(tzinfo=None)) / timedelta(days=1) - 1e-4 / 86_400

    def rule_time(self, time: float, rule: QuietHours | Blackout, customer: int) -> float:
        """The local time that counts for a rule."""
        return self.local_time(time, self.zone_names[customer] if rule.time_zone == "customer" else self.scenario.time_zone)

    def is_blacked_out(self, time: float, channel: str, customer: int, *outcomes: str) -> bool:
        """Whether a blackout with one of these outcomes, `defer` or `refuse`, covers a channel at this time."""
        for rule in self.rules.blackouts:
            day = int(np.floor(self.rule_time(time, rule, customer) + TIME_TOLERANCE))
            if rule.then in outcomes and rule.applies_to(channel) and rule.covers(self.scenario.start + timedelta(days=day)):
                return True
        return False

    def is_quiet(self, time: float, channel: str, customer: int) -> bool:
        """Whether quiet hours apply to a channel at this time."""
        return any(quiet.applies_to(channel) and self.is_within(time, quiet, customer) for quiet in self.rules.quiet_hours)

    def deferral_end(self, time: float, channel: str, customer: int) -> float | None:
        """When a send at this time is tried again; None if it is not deferred."""
        if self.is_blacked_out(time, channel, customer, "defer"):
            return self.first_quarter_hour(time, lambda end: not self.is_blacked_out(end, channel, customer, "defer"))
        first = next(
            (quiet for quiet in self.rules.quiet_hours if quiet.applies_to(channel) and self.is_within(time, quiet, customer)), None
        )
        return None if first is None else self.first_quarter_hour(time, lambda end: not self.is_within(end, first, customer))

    def is_within(self, time: float, quiet: QuietHours, customer: int) -> bool:
        """Whether a time is within quiet hours."""
        local = self.rule_time(time, quiet, customer) + TIME_TOLERANCE
        hour = (local - np.floor(local)) * 24
        return bool(quiet.start <= hour < quiet.end if quiet.start < quiet.end else hour < quiet.end or hour >= quiet.start)

    def first_quarter_hour(self, time: float, holds: Callable[[float], bool]) -> float:
        """The first quarter of an hour after a time at which something holds. All rules begin and end at local quarters of an hour."""
        quarter = np.floor(time * 96 + TIME_TOLERANCE) + 1
        while not holds(quarter / 96):
            quarter += 1
        return float(quarter / 96)


def rule_applies(channels: tuple[str, ...], row: LogRow) -> bool:
    """Whether a rule for these channels (all, if empty) applies to the channel of a row."""
    return not channels or row.channel in channels


class GuardrailOracle:
    """The expected outcome of each send to one customer, from the log rows before it."""

    def __init__(self, traffic: SimulatedTraffic, customer: int) -> None:
        self.traffic = traffic
        self.customer = customer
        self.consent = traffic.consented_channels(customer)
        self.contacts: list[LogRow] = []  # those that gaps and caps count
        self.n_contacts = 0
        self.bounced: set[str] = set()
        self.first_tries: dict[tuple[str, str], float] = {}  # of the sends that wait, by source and message
        self.retries: dict[tuple[str, str], float] = {}  # when they are tried again
        self.collisions = 0
        self.event_counts: Counter[str] = Counter()

    def record(self, row: LogRow) -> None:
        """Record a row of the log."""
        self.event_counts[row.event] += 1
        if row.event == "deferred":
            self.first_tries.setdefault((row.source, row.message), row.time)
        elif row.event in (*SEND_OUTCOMES, *BOUNCES):
            self.first_tries.pop((row.source, row.message), None)
        elif row.event == "flow_exited":
            self.first_tries = {send: time for send, time in self.first_tries.items() if send[0] != row.source}
        if row.event == "bounced_hard":
            self.bounced.add(row.channel)
        if row.event == "delivered":
            self.n_contacts += 1
            if not self.traffic.is_transactional(row):
                self.contacts.append(row)
        elif row.event in ("unsubscribed", "complained", "opted_out"):
            self.consent.discard(row.channel)
        elif row.event == "opted_in":
            self.consent.add(row.channel)

    def expected_outcome(self, row: LogRow, log_index: int) -> str:
        """The expected outcome of a send; `log_index` is its index in the log."""
        if row.time > self.retries.get((row.source, row.message), np.inf) + TIME_TOLERANCE:
            self.first_tries.pop((row.source, row.message), None)  # the `if` of a broadcast did not hold when its send was tried again
        is_transactional = self.traffic.is_transactional(row)
        if row.channel not in self.consent and not (is_transactional and self.traffic.consents_cover[row.channel] == "marketing"):
            return "suppressed_consent"
        if row.channel in self.bounced:
            return "suppressed_bounced"
        if self.customer in self.traffic.holdout_of(row):
            return "suppressed_holdout"
        if is_transactional:
            return "delivered"
        if self.is_after_exit(row):
            return "suppressed_exit"
        is_pull = self.traffic.channel_kinds[row.channel] == "pull"
        if self.traffic.is_blacked_out(row.time, row.channel, self.customer, "refuse", *(["defer"] if is_pull else [])):
            return "suppressed_blackout"
        end = self.traffic.deferral_end(row.time, row.channel, self.customer)
        if not is_pull and end is not None:
            self.retries[row.source, row.message] = end
            return "deferred"
        return self.expected_rule_outcome(row, log_index)

    def expected_rule_outcome(self, row: LogRow, log_index: int) -> str:
        """The expected outcome of gaps, caps and budgets, in this order; collisions are counted."""
        gaps = [gap for gap in self.traffic.rules.gaps if self.days_since_contact(gap.channels, row) < gap.at_least - TIME_TOLERANCE]
        caps = [cap for cap in self.traffic.rules.caps if self.contacts_within(cap.channels, cap.per, row) >= cap.at_most]
        for name, limits in (("gap", gaps), ("cap", caps)):
            for limit in limits:
                if self.is_refused(limit, row, self.end_of_limit(limit, row)):
                    self.collisions += self.is_collision(limit.channels, row)
                    return f"suppressed_{name}"
            if limits:
                self.retries[row.source, row.message] = max(self.end_of_limit(limit, row) for limit in limits)
                return "deferred"
        spent = []
        for budget, contacts in zip(self.traffic.rules.budgets, self.traffic.budgeted_contacts, strict=True):
            begin = np.floor((row.time + TIME_TOLERANCE) / budget.per) * budget.per
            before = bisect_left(contacts, (row.time, int(self.traffic.keys[self.customer]), log_index)) - bisect_left(
                contacts, (begin - TIME_TOLERANCE,)
            )
            if rule_applies(budget.channels, row) and before >= budget.at_most:
                spent.append((begin + budget.per, self.is_refused(budget, row, begin + budget.per)))
        if not spent:
            return "delivered"
        self.retries[row.source, row.message] = max(end for end, _ in spent)
        return "suppressed_budget" if any(is_refused for _, is_refused in spent) else "deferred"

    def end_of_limit(self, limit: Gap | Cap, row: LogRow) -> float:
        """When a gap or a cap allows the next send; infinite if never."""
        past = [contact.time for contact in self.contacts if rule_applies(limit.channels, contact)]
        if isinstance(limit, Gap):
            return past[-1] + limit.at_least
        return past[-limit.at_most] + limit.per if limit.at_most else np.inf

    def is_refused(self, limit: LimitRule, row: LogRow, end: float) -> bool:
        """Whether a limit that is used up refuses a send rather than defer it until its end."""
        is_pull = self.traffic.channel_kinds[row.channel] == "pull"
        longest = np.inf if limit.drop_after is None else limit.drop_after
        return (
            limit.then == "refuse" or is_pull or end > self.first_tries.get((row.source, row.message), row.time) + longest + TIME_TOLERANCE
        )

    def is_collision(self, channels: tuple[str, ...], row: LogRow) -> bool:
        """Whether the last contact on a rule's channels came from another source."""
        past = [contact for contact in self.contacts if rule_applies(channels, contact)]
        last = max((contact.time for contact in past), default=np.inf)
        return any(contact.time == last and contact.source != row.source for contact in past)

    def is_after_exit(self, row: LogRow) -> bool:
        """Whether `guardrails.exit` holds; for conditions that only the engine can evaluate, the log is trusted."""
        if self.traffic.rules.exit == HEAVY_TRAFFIC["policy"]["guardrails"]["exit"]:
            return self.n_contacts >= 150 or self.event_counts["shout"] >= 4
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
