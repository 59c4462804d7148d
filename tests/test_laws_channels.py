"""Laws of channels: pull and paid ones, what a click costs, relevance, how often customers like to be contacted.

Error rates: see laws.py; what is exact says so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laws import agrees, by_chance, by_share, by_time, live, times
from scipy import special, stats

from cjsim.engine.result import Run
from cjsim.model.codes import Touch

CUSTOMERS = 40_000
START = np.datetime64("2026-01-05", "ns")
ON_DAY_2 = {"b": {"schedule": {"dates": ["2026-01-07"], "at": "12:00"}, "send": "m"}}
SENT = 2.5
DAILY = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]}


def counted(run: Run, touch: Touch) -> np.ndarray[Any, Any]:
    """How often each customer was touched so, on the first channel."""
    return np.asarray(run.outcomes.reach[:, 0, touch].astype(int))


def told(run: Run, *events: str) -> list[tuple[float, str]]:
    """Days and names of these events in the log, in order."""
    assert run.log is not None
    rows = run.log.to_pandas()
    rows = rows[rows["event"].isin(events)]
    return [(float((time - START) / np.timedelta64(1, "D")), str(event)) for time, event in zip(rows["time"], rows["event"], strict=True)]


# ------------------------------------------------------------------------------------------------------------------- pull channels


def app(visit: dict[str, Any], **channel: Any) -> dict[str, Any]:
    """A journey whose customers come by, and an in-app channel that they see then."""
    return {
        "events": {"visit": {"in": "anywhere", "wait": visit}, "shown": {}, "seen": {}},
        "channels": {"app": {"kind": "pull", "visits": ["visit"], **channel}},
        "messages": {
            "m": {"channel": "app", "open_rate": 0.6, "effects": {"delivered": [{"fire": "shown"}], "opened": [{"fire": "seen"}]}},
        },
        "moments": {"shown": "shown", "seen": "seen", "visit": "visit"},
    }


def test_a_placed_message_is_seen_at_the_next_visit_and_never_after_its_lifetime() -> None:
    journey = app({"exponential": "3d"}, lifetime="4d")
    run = live(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="30d")
    assert np.all(counted(run, Touch.PLACED) == 1)
    waited = times(run, "shown") - SENT
    assert np.nanmax(waited) <= 4.0
    assert np.nanmax(waited) > 3.9
    shown = ~np.isnan(waited)
    np.testing.assert_array_equal(run.outcomes.customers["contacts"], shown)
    opened = ~np.isnan(times(run, "seen"))
    assert np.all(shown[opened])
    agrees(by_time(waited, stats.expon(scale=3).cdf, 4.0), by_share(opened[shown], 0.6))


def test_the_lifetime_of_a_pull_channel_counts_from_placing_alone() -> None:
    # A reading may come late: the open rate is that of each message shown, whatever the delay.
    journey = app({"exponential": "3d"}, lifetime="4d", open_delay={"exponential": "6d"})
    run = live(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="100d")
    shown = run.outcomes.customers["contacts"] > 0
    delay = times(run, "seen")[shown] - times(run, "shown")[shown]
    read = ~np.isnan(delay)
    agrees(by_share(read, 0.6), by_time(delay[read], stats.expon(scale=6).cdf))


def test_a_newer_message_of_the_same_flow_replaces_the_older_and_each_is_tried_once(tmp_path: Path) -> None:
    # Visits on days 4, 8, ...; placed daily at noon for three days, then never again.
    dates = ["2026-01-05", "2026-01-06", "2026-01-07"]
    policy = {"broadcasts": {"b": {"schedule": {"dates": dates, "at": "12:00"}, "send": "m"}}}
    run = live(app({"fixed": "4d"}), policy=policy, customers=1, horizon="20d", log=tmp_path / "log.parquet")
    assert told(run, "placed", "delivered") == [(0.5, "placed"), (1.5, "placed"), (2.5, "placed"), (4.0, "delivered")]


def test_guardrails_but_for_quiet_hours_are_asked_at_the_visit_and_not_at_placing(tmp_path: Path) -> None:
    journey = app({"fixed": "1d 3h"})
    journey["channels"]["mail"] = {}
    journey["messages"]["letter"] = {"channel": "mail", "open_rate": 0.1}
    schedules = {"m": ["2026-01-05", "2026-01-07"], "letter": ["2026-01-06"]}
    policy = {
        "broadcasts": {name: {"schedule": {"dates": days, "at": "01:00"}, "send": name} for name, days in schedules.items()},
        "guardrails": {"quiet_hours": [{"from": "00:30", "to": "24:00", "channels": ["app"]}], "gaps": [{"at_least": "12h"}]},
    }
    # The letter of day 1 at 01:00 is two hours before the visit at 03:00; placed on day 2 at 01:00, the next visit is at 06:00.
    run = live(journey, policy=policy, customers=1, horizon="4d", log=tmp_path / "log.parquet")
    seen = [(round(24 * day), event) for day, event in told(run, "placed", "delivered", "suppressed_gap", "deferred")]
    assert seen == [(1, "placed"), (25, "delivered"), (27, "suppressed_gap"), (49, "placed"), (54, "delivered")]


def test_who_opts_out_before_the_visit_sees_nothing(tmp_path: Path) -> None:
    journey = app({"fixed": "4d"})
    journey["events"]["leave"] = {"in": "anywhere", "wait": {"fixed": "3d"}, "effects": [{"opt_out": "app"}]}
    run = live(journey, policy={"broadcasts": ON_DAY_2}, customers=1, horizon="9d", log=tmp_path / "log.parquet")
    assert told(run, "placed", "delivered", "suppressed_consent") == [(2.5, "placed"), (4.0, "suppressed_consent")]


def test_a_message_placed_at_a_visit_waits_for_the_next_one(tmp_path: Path) -> None:
    policy = {"flows": {"f": {"on": {"event": "visit"}, "again_after": "never", "steps": [{"send": "m"}]}}}
    run = live(app({"fixed": "4d"}), policy=policy, customers=1, horizon="20d", log=tmp_path / "log.parquet")
    assert told(run, "placed", "delivered") == [(4.0, "placed"), (8.0, "delivered")]


# -------------------------------------------------------------------------------------------------------------------------- costs


@pytest.mark.parametrize("kind", ["push", "paid"])
def test_an_impression_costs_when_it_is_seen_and_a_click_when_it_is_made(kind: str) -> None:
    journey = {
        "channels": {"ad": {"kind": kind, "cost": 0.3, "click_cost": 2.0, "open_delay": {"exponential": "3d"}, "lifetime": "5d"}},
        "messages": {"m": {"channel": "ad", "open_rate": 0.4, "click_rate": 0.3}},
    }
    run = live(journey, policy={"broadcasts": {"b": {"schedule": {**DAILY, "at": "12:00"}, "send": "m"}}}, customers=2000, horizon="30d")
    of = run.outcomes.customers
    assert 0 < of["opens"].sum() < of["contacts"].sum()
    paid = of["opens"] if kind == "paid" else of["contacts"]
    np.testing.assert_allclose(of["cost"], 0.3 * paid + 2.0 * of["clicks"], rtol=1e-12)
    assert np.all(of["clv"] < 0)


# ---------------------------------------------------------------------------------------------------------------------- relevance

TOPICS = {"sport": 0.5, "music": 0.3, "food": 0.2}
LIKES = {"fan": {"share": 0.6, "interests": {"sport": 0.9, "food": 0.1}}, "any": {"share": 0.4}}
LOGIT = special.logit(0.2)


def test_interests_have_the_shares_of_persona_or_journey_and_matching_topics_open_more() -> None:
    message = {"channel": "mail", "open_rate": 0.2, "topic": "food", "relevance": 1.7}
    journey = {"channels": {"mail": {}}, "messages": {"m": message}, "interests": TOPICS, "personas": LIKES}
    run = live(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="5d")
    of, found = run.outcomes.customers, []
    for persona, shares in enumerate(({"sport": 0.9, "food": 0.1}, TOPICS)):
        here = of["persona"] == persona
        found += [by_share(of["interest"][here] == i, shares.get(topic, 0.0)) for i, topic in enumerate(TOPICS)]
    for i, topic in enumerate(TOPICS):
        here = of["interest"] == i
        found.append(by_share(of["opens"][here], special.expit(LOGIT + 1.7 * (topic == "food"))))
    agrees(*found)


def test_a_personal_topic_is_right_with_the_accuracy_that_the_policy_states_anew_each_time() -> None:
    message = {"channel": "mail", "open_rate": 0.2, "topic": "personal", "relevance": 2.5}
    journey = {
        "channels": {"mail": {}},
        "messages": {"m": message},
        "interests": TOPICS,
        "attributes": {"tier": {"known": 0.4, "told": 0.3, "new": 0.3}},
    }
    twice = {"b": {"schedule": {"dates": ["2026-01-07", "2026-01-09"], "at": "12:00"}, "send": "m"}}
    levels = [{"if": "tier == known", "accuracy": 0.9}, {"if": "tier != new", "accuracy": 0.6}]
    run = live(journey, policy={"broadcasts": twice, "personalisation": levels}, customers=2 * CUSTOMERS, horizon="8d")
    found = []
    for tier, accuracy in (("known", 0.9), ("told", 0.6), ("new", 1 / 3)):
        opens = run.outcomes.customers["opens"][run.people().attributes["tier"] == tier]
        p = accuracy * special.expit(LOGIT + 2.5) + (1 - accuracy) * special.expit(LOGIT)
        # Drawn anew for each send: two independent openings, and not one draw of the match for both.
        found += [by_share(opens == 2, p * p), by_share(opens == 0, (1 - p) ** 2)]
    agrees(*found)


def test_what_the_firm_knows_is_asked_before_the_message_counts() -> None:
    # Accuracy 1 at the first contact and 0 after it.
    message = {"channel": "mail", "open_rate": 0.2, "topic": "personal", "relevance": 20}
    journey = {"channels": {"mail": {}}, "messages": {"m": message}, "interests": TOPICS}
    policy = {"broadcasts": ON_DAY_2, "personalisation": [{"if": "contacts == 0", "accuracy": 1}, {"accuracy": 0}]}
    run = live(journey, policy=policy, customers=500, horizon="5d")
    assert run.outcomes.customers["opens"].all()


# ------------------------------------------------------------------------------------------------------------ how often one likes it


def test_nobody_tires_of_less_than_the_preferred_frequency_and_only_of_the_pressure_above_it(tmp_path: Path) -> None:
    # Three contacts a day apart at a half-life of 2 days; P* of f contacts a week is f/7 tau.
    tau = 2 / np.log(2)
    channel = {"fatigue": 0.8, "annoyance": 0.5}
    message = {"channel": "mail", "open_rate": 0.5, "unsubscribe_rate": 0.05}
    journey = {
        "channels": {"mail": channel},
        "messages": {f"m{i}": message for i in range(3)},
        "traits": {"likes": {"uniform": {"low": 0.0, "high": 7.0}}},
        "preferred_contacts": "likes",
        "pressure": {"half_life": "2d"},
    }
    casts = {f"b{i}": {"schedule": {"dates": [f"2026-01-{5 + i:02d}"], "at": "12:00"}, "send": f"m{i}"} for i in range(3)}
    run = live(journey, policy={"broadcasts": casts}, customers=2 * CUSTOMERS, horizon="5d", log=tmp_path / "log.parquet")
    calm = run.people().traits["likes"] / 7 * tau
    found = []
    for i, pressure in enumerate((0.0, 2**-0.5, 2**-0.5 + 2**-1.0)):
        strain = np.maximum(pressure - calm, 0.0)
        got = shown(run, "delivered", f"b{i}")
        for event, logit in (("opened", -0.8 * strain), ("unsubscribed", special.logit(0.05) + 0.5 * strain)):
            did = shown(run, event, f"b{i}")
            found += [by_chance(did[part], special.expit(logit[part])) for part in (got & (strain == 0), got & (strain > 0)) if part.any()]
    agrees(*found)


def shown(run: Run, event: str, source: str) -> np.ndarray[Any, Any]:
    """Which customers show this in the log."""
    assert run.log is not None
    found = np.zeros(len(run), bool)
    found[run.log.query(f"select customer from log where event = '{event}' and source = '{source}'")["customer"]] = True
    return found


def test_deliveries_since_the_last_opening_are_counted_and_an_opening_ends_the_count(tmp_path: Path) -> None:
    journey = {"channels": {"mail": {}}, "messages": {"m": {"channel": "mail", "open_rate": 0.4}}}
    policy = {"broadcasts": {"b": {"schedule": {**DAILY, "at": "12:00"}, "send": "m", "if": "unopened < 3 and unopened(mail) < 3"}}}
    run = live(journey, policy=policy, customers=300, horizon="40d", log=tmp_path / "log.parquet")
    assert run.log is not None
    rows = run.log.query("select customer, event from log where event in ('delivered', 'opened')")
    ended = 0
    for customer in range(300):
        said = "".join(event[0] for event in rows["event"][rows["customer"] == customer])
        assert "dddd" not in said
        assert said.endswith("ddd") or said.count("d") == 40
        ended += said.endswith("ddd")
    assert ended > 250
