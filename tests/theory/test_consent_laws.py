"""Consent that comes and goes, and sends in blackouts, against closed forms. Times are in days.

Each statistical test fails by chance with probability at most 1e-6; the other tests are exact.
"""

from typing import Any

import numpy as np
import pytest
from in_memory_simulation import simulate_in_memory
from small_scenarios import small_scenario
from statistical_checks import assert_plausible, mean_p_value, share_p_value

from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import ENGINES

MAIL: dict[str, Any] = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.01}}}
LEAVES, RETURNS = 9.0, 4.0  # mean days with and without consent
WEEKS, HORIZON = 4, 28
BEGIN, END = 7.0, 10.0  # of the blackout, in days
SEEDS = (1, 2, 3)


def consent_comes_and_goes(consent: float) -> Scenario:
    """Customers opt out and in at constant rates, and get a mail each Monday at noon."""
    events = {
        "leave": {"in": "anywhere", "wait": {"exponential": f"{LEAVES}d"}, "when": "consent(mail)", "effects": [{"opt_out": "mail"}]},
        "return": {"in": "anywhere", "wait": {"exponential": f"{RETURNS}d"}, "when": "not consent(mail)", "effects": [{"opt_in": "mail"}]},
    }
    news = {"schedule": {"weekdays": ["monday"], "at": "12:00"}, "send": "hello"}
    journey = {**MAIL, "channels": {"mail": {"consent": consent}}, "events": events}
    return small_scenario(journey=journey, policy={"broadcasts": {"news": news}}, horizon=f"{HORIZON}d")


def share_with_consent(day: float, at_entry: float) -> float:
    """The two-state Markov chain: pi + (p0 - pi) exp(-(a + b) t) with rates a of opt-outs and b of opt-ins, pi = b / (a + b)."""
    a, b = 1.0 / LEAVES, 1.0 / RETURNS
    stationary = b / (a + b)
    return float(stationary + (at_entry - stationary) * np.exp(-(a + b) * day))


@pytest.mark.parametrize("at_entry", [1.0, 0.3])
def test_contacts_of_a_weekly_broadcast_follow_the_two_state_chain_of_consent(at_entry: float) -> None:
    expected = sum(share_with_consent(7.0 * week + 0.5, at_entry) for week in range(WEEKS))
    runs = [simulate_in_memory(consent_comes_and_goes(at_entry), customers=4000, seed=seed) for seed in SEEDS]
    assert_plausible(*(mean_p_value(run.outcomes.customers["contacts"].astype(float), expected) for run in runs))


def test_opt_outs_less_opt_ins_are_the_consents_lost() -> None:
    run = simulate_in_memory(consent_comes_and_goes(1.0), customers=2000)
    changes = np.zeros((2000, 2), int)
    for row in run.log_rows():
        changes[row.customer] += (row.event == "opted_out", row.event == "opted_in")
    lost = changes[:, 0] - changes[:, 1]
    assert set(lost) == {0, 1}
    assert_plausible(share_p_value(1.0 - lost, share_with_consent(HORIZON, 1.0)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("then", ["defer", "refuse"])
def test_the_share_of_sends_in_a_blackout_is_that_of_the_exponential_wait(engine: str, then: str) -> None:
    mean = 6.0
    events = {"sign_up": {"in": "anywhere", "wait": {"exponential": f"{mean}d"}, "when": "count(sign_up) < 1"}}
    blackout = {"from": "2026-01-12", "to": "2026-01-14", "then": then}  # days 7 to 9
    policy = {"flows": {"f": {"on": {"event": "sign_up"}, "steps": [{"send": "hello"}]}}, "guardrails": {"blackouts": [blackout]}}
    scenario = small_scenario(journey={**MAIL, "events": events}, policy=policy, horizon=f"{HORIZON}d")
    customers = 400 if engine == "readable" else 4000
    within = float(np.exp(-BEGIN / mean) - np.exp(-END / mean))
    for seed in SEEDS[:2]:
        rows = simulate_in_memory(scenario, engine, customers=customers, seed=seed).log_rows()
        stopped = [row.time for row in rows if row.event in ("deferred", "suppressed_blackout")]
        delivered = [row.time for row in rows if row.event == "delivered"]
        assert all(BEGIN <= time < END for time in stopped)
        assert delivered.count(END) == (len(stopped) if then == "defer" else 0)
        assert len(delivered) + len(stopped) * (then == "refuse") == sum(row.event == "sign_up" for row in rows)
        assert_plausible(share_p_value(np.arange(customers) < len(stopped), within))
