"""Pull and paid channels, costs of clicks, relevance, and preferred contact frequency.

Error rates: see statistical_checks.py; exact tests say so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from statistical_checks import assert_plausible, moment_times, probabilities_p_value, share_p_value, simulate_small, time_p_value

from cjsim.kernels.codes import TouchCode
from cjsim.simulation.run import Run

CUSTOMERS = 40_000
START = np.datetime64("2026-01-05", "ns")
ON_DAY_2 = {"b": {"schedule": {"dates": ["2026-01-07"], "at": "12:00"}, "send": "m"}}
SENT = 2.5
DAILY = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]}


def touches_per_customer(run: Run, touch: TouchCode) -> np.ndarray[Any, Any]:
    """The number of such touches of each customer on the first channel."""
    return np.asarray(run.outcomes.touch_counts[:, 0, touch].astype(int))


def days_and_events(run: Run, *events: str) -> list[tuple[float, str]]:
    """Days and names of these events in the log, in order."""
    assert run.log is not None
    rows = run.log.to_pandas()
    rows = rows[rows["event"].isin(events)]
    return [(float((time - START) / np.timedelta64(1, "D")), str(event)) for time, event in zip(rows["time"], rows["event"], strict=True)]


def in_app_journey(visit: dict[str, Any], **channel: Any) -> dict[str, Any]:
    """A journey with visits, and an in-app channel whose messages appear at visits."""
    return {
        "events": {"visit": {"in": "anywhere", "wait": visit}, "shown": {}, "seen": {}},
        "channels": {"app": {"kind": "pull", "visits": ["visit"], **channel}},
        "messages": {
            "m": {"channel": "app", "open_rate": 0.6, "effects": {"delivered": [{"fire": "shown"}], "opened": [{"fire": "seen"}]}},
        },
        "moments": {"shown": "shown", "seen": "seen", "visit": "visit"},
    }


def test_placed_message_is_shown_at_the_next_visit_within_its_lifetime() -> None:
    journey = in_app_journey({"exponential": "3d"}, lifetime="4d")
    run = simulate_small(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="30d")
    assert np.all(touches_per_customer(run, TouchCode.PLACED) == 1)
    waited = moment_times(run, "shown") - SENT
    assert np.nanmax(waited) <= 4.0
    assert np.nanmax(waited) > 3.9
    shown = ~np.isnan(waited)
    np.testing.assert_array_equal(run.outcomes.customers["contacts"], shown)
    opened = ~np.isnan(moment_times(run, "seen"))
    assert np.all(shown[opened])
    assert_plausible(time_p_value(waited, stats.expon(scale=3).cdf, 4.0), share_p_value(opened[shown], 0.6))


def test_pull_channel_lifetime_counts_from_placement_only() -> None:
    # The open rate applies to each message shown, no matter how late it is opened.
    journey = in_app_journey({"exponential": "3d"}, lifetime="4d", open_delay={"exponential": "6d"})
    run = simulate_small(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="100d")
    shown = run.outcomes.customers["contacts"] > 0
    delay = moment_times(run, "seen")[shown] - moment_times(run, "shown")[shown]
    read = ~np.isnan(delay)
    assert_plausible(share_p_value(read, 0.6), time_p_value(delay[read], stats.expon(scale=6).cdf))


def test_newer_message_of_the_same_source_replaces_the_older(tmp_path: Path) -> None:
    # Visits on days 4, 8, ...; messages are placed daily at noon for three days, then no more.
    dates = ["2026-01-05", "2026-01-06", "2026-01-07"]
    policy = {"broadcasts": {"b": {"schedule": {"dates": dates, "at": "12:00"}, "send": "m"}}}
    run = simulate_small(in_app_journey({"fixed": "4d"}), policy=policy, customers=1, horizon="20d", log=tmp_path / "log.parquet")
    assert days_and_events(run, "placed", "delivered") == [(0.5, "placed"), (1.5, "placed"), (2.5, "placed"), (4.0, "delivered")]


def test_guardrails_of_pull_channels_apply_at_the_visit(tmp_path: Path) -> None:
    journey = in_app_journey({"fixed": "1d 3h"})
    journey["channels"]["mail"] = {}
    journey["messages"]["letter"] = {"channel": "mail", "open_rate": 0.1}
    schedules = {"m": ["2026-01-05", "2026-01-07"], "letter": ["2026-01-06"]}
    policy = {
        "broadcasts": {name: {"schedule": {"dates": days, "at": "01:00"}, "send": name} for name, days in schedules.items()},
        "guardrails": {"quiet_hours": [{"from": "00:30", "to": "24:00", "channels": ["app"]}], "gaps": [{"at_least": "12h"}]},
    }
    # The letter of day 1 at 01:00 is two hours before the visit at 03:00; placed on day 2 at 01:00, the next visit is at 06:00.
    run = simulate_small(journey, policy=policy, customers=1, horizon="4d", log=tmp_path / "log.parquet")
    seen = [(round(24 * day), event) for day, event in days_and_events(run, "placed", "delivered", "suppressed_gap", "deferred")]
    assert seen == [(1, "placed"), (25, "delivered"), (27, "suppressed_gap"), (49, "placed"), (54, "delivered")]


def test_customers_who_opt_out_before_the_visit_see_nothing(tmp_path: Path) -> None:
    journey = in_app_journey({"fixed": "4d"})
    journey["events"]["leave"] = {"in": "anywhere", "wait": {"fixed": "3d"}, "effects": [{"opt_out": "app"}]}
    run = simulate_small(journey, policy={"broadcasts": ON_DAY_2}, customers=1, horizon="9d", log=tmp_path / "log.parquet")
    assert days_and_events(run, "placed", "delivered", "suppressed_consent") == [(2.5, "placed"), (4.0, "suppressed_consent")]


def test_message_placed_during_a_visit_is_shown_at_the_next_visit(tmp_path: Path) -> None:
    policy = {"flows": {"f": {"on": {"event": "visit"}, "again_after": "never", "steps": [{"send": "m"}]}}}
    run = simulate_small(in_app_journey({"fixed": "4d"}), policy=policy, customers=1, horizon="20d", log=tmp_path / "log.parquet")
    assert days_and_events(run, "placed", "delivered") == [(4.0, "placed"), (8.0, "delivered")]


@pytest.mark.parametrize("kind", ["push", "paid"])
def test_impressions_and_clicks_are_charged_when_they_occur(kind: str) -> None:
    journey = {
        "channels": {"ad": {"kind": kind, "cost": 0.3, "click_cost": 2.0, "open_delay": {"exponential": "3d"}, "lifetime": "5d"}},
        "messages": {"m": {"channel": "ad", "open_rate": 0.4, "click_rate": 0.3}},
    }
    run = simulate_small(
        journey, policy={"broadcasts": {"b": {"schedule": {**DAILY, "at": "12:00"}, "send": "m"}}}, customers=2000, horizon="30d"
    )
    of = run.outcomes.customers
    assert 0 < of["opens"].sum() < of["contacts"].sum()
    paid = of["opens"] if kind == "paid" else of["contacts"]
    np.testing.assert_allclose(of["cost"], 0.3 * paid + 2.0 * of["clicks"], rtol=1e-12)
    assert np.all(of["clv"] < 0)


TOPICS = {"sport": 0.5, "music": 0.3, "food": 0.2}
LIKES = {"fan": {"share": 0.6, "interests": {"sport": 0.9, "food": 0.1}}, "any": {"share": 0.4}}
LOGIT = special.logit(0.2)


def test_interest_shares_and_the_lift_of_matching_topics() -> None:
    message = {"channel": "mail", "open_rate": 0.2, "topic": "food", "relevance": 1.7}
    journey = {"channels": {"mail": {}}, "messages": {"m": message}, "interests": TOPICS, "personas": LIKES}
    run = simulate_small(journey, policy={"broadcasts": ON_DAY_2}, customers=CUSTOMERS, horizon="5d")
    of, found = run.outcomes.customers, []
    for persona, shares in enumerate(({"sport": 0.9, "food": 0.1}, TOPICS)):
        here = of["persona"] == persona
        found += [share_p_value(of["interest"][here] == i, shares.get(topic, 0.0)) for i, topic in enumerate(TOPICS)]
    for i, topic in enumerate(TOPICS):
        here = of["interest"] == i
        found.append(share_p_value(of["opens"][here], special.expit(LOGIT + 1.7 * (topic == "food"))))
    assert_plausible(*found)


def test_personal_topic_matches_with_the_stated_accuracy_at_each_send() -> None:
    message = {"channel": "mail", "open_rate": 0.2, "topic": "personal", "relevance": 2.5}
    journey = {
        "channels": {"mail": {}},
        "messages": {"m": message},
        "interests": TOPICS,
        "attributes": {"tier": {"known": 0.4, "asked": 0.3, "new": 0.3}},
    }
    twice = {"b": {"schedule": {"dates": ["2026-01-07", "2026-01-09"], "at": "12:00"}, "send": "m"}}
    levels = [{"if": "tier == known", "accuracy": 0.9}, {"if": "tier != new", "accuracy": 0.6}]
    run = simulate_small(journey, policy={"broadcasts": twice, "personalisation": levels}, customers=2 * CUSTOMERS, horizon="8d")
    found = []
    for tier, accuracy in (("known", 0.9), ("asked", 0.6), ("new", 1 / 3)):
        opens = run.outcomes.customers["opens"][run.profiles().attributes["tier"] == tier]
        p = accuracy * special.expit(LOGIT + 2.5) + (1 - accuracy) * special.expit(LOGIT)
        # Redrawn for each send: two independent opens, not one draw of the match for both.
        found += [share_p_value(opens == 2, p * p), share_p_value(opens == 0, (1 - p) ** 2)]
    assert_plausible(*found)


def test_personalization_condition_is_evaluated_before_the_send_is_counted() -> None:
    # Accuracy 1 at the first contact and 0 after it.
    message = {"channel": "mail", "open_rate": 0.2, "topic": "personal", "relevance": 20}
    journey = {"channels": {"mail": {}}, "messages": {"m": message}, "interests": TOPICS}
    policy = {"broadcasts": ON_DAY_2, "personalisation": [{"if": "contacts == 0", "accuracy": 1}, {"accuracy": 0}]}
    run = simulate_small(journey, policy=policy, customers=500, horizon="5d")
    assert run.outcomes.customers["opens"].all()


def test_fatigue_depends_only_on_pressure_above_the_preferred_frequency(tmp_path: Path) -> None:
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
    run = simulate_small(journey, policy={"broadcasts": casts}, customers=2 * CUSTOMERS, horizon="5d", log=tmp_path / "log.parquet")
    calm = run.profiles().traits["likes"] / 7 * tau
    found = []
    for i, pressure in enumerate((0.0, 2**-0.5, 2**-0.5 + 2**-1.0)):
        strain = np.maximum(pressure - calm, 0.0)
        got = customers_with_event(run, "delivered", f"b{i}")
        for event, logit in (("opened", -0.8 * strain), ("unsubscribed", special.logit(0.05) + 0.5 * strain)):
            did = customers_with_event(run, event, f"b{i}")
            found += [
                probabilities_p_value(did[part], special.expit(logit[part]))
                for part in (got & (strain == 0), got & (strain > 0))
                if part.any()
            ]
    assert_plausible(*found)


def customers_with_event(run: Run, event: str, source: str) -> np.ndarray[Any, Any]:
    """Whether each customer has a log row with this event and source."""
    assert run.log is not None
    found = np.zeros(len(run), bool)
    found[run.log.query(f"select customer from log where event = '{event}' and source = '{source}'")["customer"]] = True
    return found


def test_unopened_count_is_reset_by_an_open(tmp_path: Path) -> None:
    journey = {"channels": {"mail": {}}, "messages": {"m": {"channel": "mail", "open_rate": 0.4}}}
    policy = {"broadcasts": {"b": {"schedule": {**DAILY, "at": "12:00"}, "send": "m", "if": "unopened < 3 and unopened(mail) < 3"}}}
    run = simulate_small(journey, policy=policy, customers=300, horizon="40d", log=tmp_path / "log.parquet")
    assert run.log is not None
    rows = run.log.query("select customer, event from log where event in ('delivered', 'opened')")
    ended = 0
    for customer in range(300):
        events = "".join(event[0] for event in rows["event"][rows["customer"] == customer])
        assert "dddd" not in events
        assert events.endswith("ddd") or events.count("d") == 40
        ended += events.endswith("ddd")
    assert ended > 250
