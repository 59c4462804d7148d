"""Shared parts of the tests against theory: an assertion with a known error rate, p-values, small simulations, and integrals as oracles.

Each test passes its p-values to `assert_plausible` once. If the theory holds, `assert_plausible` fails with probability at most
ALPHA = 1e-6, for any number of p-values (Bonferroni). The tests in tests/theory call it fewer than 200 times,
so that with new seeds, fewer than 1 in 5,000 runs of all of them would fail by chance. Seeds are fixed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from small_scenarios import small_scenario

from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

ALPHA = 1e-6
Floats = NDArray[Any]
_MIN_CELL_COUNT = 25.0  # minimum expected count of a cell in the chi-square test


def assert_plausible(*p_values: float) -> None:
    """Fail if a p-value is too small; if the theory holds, this happens with probability at most ALPHA."""
    found = np.array(p_values, dtype=np.float64)
    assert np.all(found * len(found) >= ALPHA), f"p-values {found}, of which the least should be at least {ALPHA / len(found):.1g}"


def mean_p_value(values: Floats, expected: float) -> float:
    """Two-sided z test of the mean of independent values against the expected one."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    if error == 0.0:
        return float(np.isclose(np.mean(values), expected, rtol=1e-12, atol=0.0))
    return float(2.0 * stats.norm.sf(abs(np.mean(values) - expected) / error))


def share_p_value(seen: Floats, expected: float) -> float:
    """Exact two-sided binomial test of the share of independent binary outcomes."""
    return float(stats.binomtest(int(np.sum(seen)), len(seen), expected).pvalue)


def probabilities_p_value(seen: Floats, chances: Floats) -> float:
    """Two-sided z test of independent binary outcomes, each with its own probability."""
    z = np.sum(seen - chances) / np.sqrt(np.sum(chances * (1.0 - chances)))
    return float(2.0 * stats.norm.sf(abs(z)))


def time_p_value(times: Floats, cdf: Callable[[Floats], Floats], until: float = np.inf) -> float:
    """Kolmogorov-Smirnov test of event times censored at `until` (nan); conservative if some are censored."""
    n, seen = len(times), np.sort(times[~np.isnan(times)])
    ranks = np.arange(len(seen) + 1) / n
    reached = cdf(seen)
    gaps = [reached - ranks[:-1], ranks[1:] - reached]
    if len(seen) < n:
        gaps.append(abs(cdf(np.array([until])) - ranks[-1]))
    return float(stats.kstwo.sf(np.max(np.concatenate(gaps)), n))


def counts_p_value(seen: Floats, chances: Floats) -> float:
    """Chi-square test of counts per cell against the probabilities of the cells; small cells are merged."""
    wanted = np.asarray(chances, np.float64) * np.sum(seen)
    assert np.isclose(np.sum(chances), 1.0, rtol=1e-8), "cells must cover all outcomes"
    if np.any(np.asarray(seen)[wanted == 0] > 0):
        return 0.0
    order = np.argsort(wanted)
    cells = np.unique(np.floor(np.cumsum(wanted[order]) / _MIN_CELL_COUNT), return_inverse=True)[1]
    got, expected = np.bincount(cells, np.asarray(seen)[order]), np.bincount(cells, wanted[order])
    statistic = np.sum((got - expected) ** 2 / expected)
    return float(stats.chi2.sf(statistic, len(expected) - 1))


def simulate_small(
    journey: dict[str, Any], *, customers: int, policy: dict[str, Any] | None = None, log: Any = None, **settings: Any
) -> Run:
    """Simulate a single run of the smallest scenario with this journey and policy; `settings` are those of the scenario."""
    return simulate(small_scenario(journey=journey, policy=policy, **settings), customers=customers, log=log, replications=1)


def moment_times(run: Run, moment: str) -> Floats:
    """Days since the start at which each customer reached a moment; nan if never."""
    return np.asarray(run.outcomes.moments[:, run.codebook.moments.index(moment)])


def customers_per_stage(run: Run) -> Floats:
    """The number of customers in each stage at the horizon."""
    return np.bincount(run.outcomes.customers["stage"], minlength=len(run.codebook.stages))


def cumulative_integral(
    speed: Callable[[Floats], Floats], until: float, *, since: float = 0.0, steps: int = 400_000
) -> Callable[[Floats], Floats]:
    """The integral of a speed from `since`, as a function of time up to `until`, by the midpoint rule."""
    knots = np.linspace(since, until, steps + 1)
    total = np.concatenate([[0.0], np.cumsum(speed((knots[1:] + knots[:-1]) / 2) * np.diff(knots))])
    return lambda t: np.interp(t, knots, total)


def decaying_lift(lifts: list[tuple[float, float]], half_life: float) -> Callable[[Floats], Floats]:
    """A(t): the lift of a clock's speed by touches, given as (time, gain)."""
    tau = half_life / np.log(2.0)

    def lift(t: Floats) -> Floats:
        value, at, total = 0.0, 0.0, np.zeros_like(t)
        for when, gain in lifts:
            value, at = max(value * np.exp(-(when - at) / tau) + gain, -1.0), when
            total = np.where(t >= when, value * np.exp(-np.maximum(t - when, 0.0) / tau), total)
        return total

    return lift


def broadcasts_with_lift(event: str, lifts: list[tuple[str, str, float]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts of a journey and a policy with broadcasts that lift an event, given as (date, hour, gain)."""
    messages = {
        f"m{i}": {"channel": "mail", "open_rate": 0.5, "lift": {"delivered": {event: gain}}} for i, (_, _, gain) in enumerate(lifts)
    }
    broadcasts = {f"b{i}": {"schedule": {"dates": [day], "at": hour}, "send": f"m{i}"} for i, (day, hour, _) in enumerate(lifts)}
    return {"channels": {"mail": {}}, "messages": messages}, {"broadcasts": broadcasts}
