"""Desks against Erlang C (M/M/c) and Erlang A (M/M/c+M), alone and in full scenarios.

Error rates: see statistical_checks.py. Waits in one queue are not independent, so the tests are t tests of the mean of
independent replications.
"""

import math

import numpy as np
import pytest
from agent_oracle import Call, simulate_agents
from e04_erlang import erlang_a
from scipy import stats
from statistical_checks import assert_plausible, simulate_small

from cjsim.engine.desk_queues import simulate_queue
from cjsim.kernels.codes import ReplyCode
from cjsim.scenario.rosters import Crew
from cjsim.simulation.run import Run

REPLICATIONS, REQUESTS, SKIPPED = 40, 3_000, 500


def replication_p_value(values: list[float], expected: float) -> float:
    """Two-sided t test of the mean of independent replications."""
    return float(stats.ttest_1samp(values, expected).pvalue)


@pytest.mark.parametrize(("rate", "people", "impatience"), [(0.7, 1, 0.0), (8.0, 10, 0.0), (12.0, 10, 0.5), (4.0, 5, 2.0)])
def test_desk_follows_erlang_formulas(rate: float, people: int, impatience: float) -> None:
    rng = np.random.default_rng(people)
    seen: list[tuple[float, float, float]] = []
    for _ in range(REPLICATIONS):
        arrivals = np.cumsum(rng.exponential(1.0 / rate, REQUESTS))
        patience = rng.exponential(1.0 / impatience, REQUESTS) if impatience else None
        served = simulate_queue([Crew(0.0, math.inf, people)], arrivals, rng.exponential(1.0, REQUESTS), patience)
        waited, reply = served.waited[SKIPPED:], served.reply[SKIPPED:]
        seen.append((np.mean(waited > 0), np.mean(waited), np.mean(reply == ReplyCode.UNANSWERED)))
    expected = erlang_a(people, rate, impatience)
    columns = np.array(seen).T
    assert_plausible(*(replication_p_value(list(column), value) for column, value in zip(columns, expected, strict=True) if column.any()))


@pytest.mark.parametrize("seed", range(20))
def test_shift_handover_agrees_with_agents_as_objects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crews = sorted(Crew(begins, begins + rng.uniform(1, 9), int(rng.integers(1, 4))) for begins in rng.uniform(0, 40, 12).tolist())
    crews += [Crew(last.ends, last.ends + 3.0, 2) for last in crews[-2:]]  # adjacent shifts
    crews.sort()
    asked = np.cumsum(rng.exponential(0.15, 300))
    service, patience = rng.exponential(0.4, 300), np.where(rng.random(300) < 0.5, math.inf, rng.exponential(2.0, 300))
    calls = [Call(*values) for values in zip(asked.tolist(), service.tolist(), patience.tolist(), strict=True)]
    simulate_agents(crews, calls)
    outcome = simulate_queue(crews, asked, service, patience)
    assert outcome.waited.tobytes() == np.array([call.waited for call in calls]).tobytes()
    assert 0.2 < np.mean(outcome.waited > 0) < 0.99


def callers(horizon: str, seed: int) -> Run:
    """40 new customers per day who contact the desk once, at entry: 5 agents, mean service of 0.1 days, mean patience of 0.2 days."""
    journey = {
        "stages": {"new": {}, "done": {}},
        "starts_in": "new",
        "acquisition": {"word": {"baseline": 40}},
        "desks": {"help": {"service": {"exponential": "144min"}, "patience": {"exponential": "288min"}}},
        "events": {"call": {"in": ["new"], "wait": {"fixed": "0s"}, "effects": [{"ask": "help"}, {"go": "done"}]}},
    }
    return simulate_small(journey, customers=0, policy={"desks": {"help": {"agents": 5}}}, horizon=horizon, seed=seed)


def test_scenario_desk_follows_erlang_formulas() -> None:
    gone, waited = [], []
    for seed in range(12):
        outcomes = callers("80d", seed).outcomes
        steady = (outcomes.customers["entered"] > 5) & (outcomes.customers["entered"] < 75)
        served = outcomes.desks[steady, 0]
        assert served["asks"].sum() == len(served) == served["replies"].sum() > 2_000
        gone.append(served["replies"][:, ReplyCode.UNANSWERED].mean())
        waited.append(served["waited"].sum() / len(served))
    assert_plausible(replication_p_value(gone, erlang_a(5, 4.0, 0.5).share_leaving))
    assert 0 < np.mean(waited) < 0.1
