"""Clocks that continue or restart at moves and after pauses, against closed forms of the time of their first event.

Error rates: see statistical_checks.py. A clock that continues is due when the integral of its speed over all its stages and spells
reaches its target, so these integrals follow the wait distribution. A clock that restarts survives each spell independently, so the
survival function of the first event is the product of those of the spells.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statistical_checks import Floats, assert_plausible, cumulative_integral, moment_times, simulate_small, time_p_value

CUSTOMERS = 100_000
DAYS = 60.0
LAWS: dict[str, tuple[dict[str, Any], Any]] = {  # by their hazard
    "rising": ({"weibull": {"scale": "5d", "shape": 1.8}}, stats.weibull_min(1.8, scale=5)),
    "falling": ({"weibull": {"scale": "6d", "shape": 0.6}}, stats.weibull_min(0.6, scale=6)),
    "constant": ({"exponential": "6d"}, stats.expon(scale=6)),
}
STAGES = {"a": {}, "b": {}, "c": {}, "out": {}, "gone": {}}
ONCE = {"in": ["a", "b", "c"], "effects": [{"go": "gone"}]}


def move(origin: str, target: str, wait: dict[str, Any], *effects: dict[str, Any]) -> dict[str, Any]:
    return {"in": [origin], "wait": wait, "effects": [*effects, {"go": target}]}


def moments(event: dict[str, Any], events: dict[str, Any], **parts: Any) -> dict[str, Floats]:
    """First times of `e` and of the other events within DAYS, by customer; nan if never."""
    every = {**events, "e": {**ONCE, **event}}
    journey = {"starts_in": "a", "stages": STAGES, "moments": {name: {"event": name} for name in every}, "events": every, **parts}
    run = simulate_small(journey, customers=CUSTOMERS, horizon=f"{DAYS:g}d")
    return {name: moment_times(run, name) for name in every}


@pytest.mark.parametrize("law", LAWS)
def test_targets_across_random_moves_follow_the_wait_distribution(law: str) -> None:
    # The speed is constant between entry, the two moves and the event. Each move changes satisfaction, which decays in between, and sets
    # the speed anew. `e` happens when (u1 v1 + u2 v2 + u3 v3), the sum over the stages, reaches the target.
    wait, known = LAWS[law]
    weight, rest, tau = 2.0, 0.4, 4.0 / np.log(2.0)
    found = moments(
        {"wait": wait, "satisfaction": weight},
        {
            "on": move("a", "b", {"exponential": "4d"}, {"satisfy": 0.5}),
            "off": move("b", "c", {"gamma": {"mean": "3d", "shape": 2}}),
        },
        personas={"one": {"share": 1.0, "satisfaction": rest}},
        satisfaction={"half_life": "4d"},
    )
    first = np.where(np.isnan(found["on"]), np.inf, found["on"])
    second = np.where(np.isnan(found["off"]), np.inf, found["off"])
    raised = rest + 0.5 * (1.0 - rest)
    with np.errstate(invalid="ignore"):
        decayed = rest + (raised - rest) * np.exp(-(second - first) / tau)
    speeds = [np.exp(weight * (level - 0.5)) for level in (np.full(CUSTOMERS, rest), np.full(CUSTOMERS, raised), decayed)]

    def reached(until: Floats) -> Floats:
        bounds = [np.zeros(CUSTOMERS), np.minimum(first, until), np.minimum(second, until), until]
        return sum(
            np.where(later > earlier, (later - earlier) * v, 0.0) for earlier, later, v in zip(bounds, bounds[1:], speeds, strict=False)
        )

    done = ~np.isnan(found["e"])
    targets = reached(np.where(done, found["e"], DAYS))
    uniforms = known.cdf(targets)
    # Targets censored by the horizon are replaced by draws above them, so that all of them are uniform if the law holds.
    censored = uniforms + (1.0 - uniforms) * np.random.default_rng(1).uniform(size=CUSTOMERS)
    assert np.mean(second[done] < found["e"][done]) > 0.05
    assert_plausible(time_p_value(np.where(done, uniforms, censored), stats.uniform.cdf))


@pytest.mark.parametrize("restart", [None, "move"])
def test_speed_is_set_anew_at_each_move(restart: str | None) -> None:
    # Satisfaction is raised at day 1 and decays; only the moves at days 3, 5 and 7 set the speed anew. Exponential waits are memoryless.
    rest, weight, tau = 0.3, 3.0, 2.0 / np.log(2.0)
    raised = rest + 0.8 * (1.0 - rest)
    found = moments(
        {"wait": LAWS["constant"][0], "satisfaction": weight, "restart": restart},
        {
            "cheer": {"in": ["a"], "wait": {"fixed": "1d"}, "effects": [{"satisfy": 0.8}], "when": "count(cheer) == 0"},
            "on": move("a", "b", {"fixed": "3d"}),
            "off": move("b", "c", {"fixed": "2d"}),
            "again": move("c", "c", {"fixed": "2d"}) | {"when": "count(again) == 0"},
        },
        personas={"one": {"share": 1.0, "satisfaction": rest}},
        satisfaction={"half_life": "2d"},
    )

    def level(t: Floats) -> Floats:
        return np.where(t < 1.0, rest, rest + (raised - rest) * np.exp(-(t - 1.0) / tau))

    def speed(t: Floats) -> Floats:
        set_at = np.select([t < 1, t < 3, t < 5, t < 7], [0.0, 1.0, 3.0, 5.0], 7.0)
        return np.exp(weight * (level(set_at) - 0.5))

    run = cumulative_integral(speed, DAYS, steps=600_000)
    assert_plausible(time_p_value(found["e"], lambda t: LAWS["constant"][1].cdf(run(t)), DAYS))


# Stages a, b, c from days 0, 2 and 5 on; the tag is set on days [0, 1), [3, 6) and from 10 on.
MOVES = {"on": move("a", "b", {"fixed": "2d"}), "off": move("b", "c", {"fixed": "3d"})}
TAGS = {
    f"{change}_{day}": {
        "in": "anywhere",
        "wait": {"fixed": f"{day}d"},
        "when": f"count({change}_{day}) == 0",
        "effects": [{change: "open"}],
    }
    for change, day in (("untag", 1), ("tag", 3), ("untag", 6), ("tag", 10))
} | {"begin": {"in": "anywhere", "wait": {"fixed": "0s"}, "when": "count(begin) == 0", "effects": [{"tag": "open"}]}}
OPEN = [(0.0, 1.0), (3.0, 6.0), (10.0, DAYS)]
# Spells in which one target runs, by what restarts the clock: lists of the periods in which it runs.
SPELLS = {
    None: [OPEN],
    "move": [[(0.0, 1.0)], [(3.0, 5.0)], [(5.0, 6.0), (10.0, DAYS)]],
    "when": [[period] for period in OPEN],
    "both": [[(0.0, 1.0)], [(3.0, 5.0)], [(5.0, 6.0)], [(10.0, DAYS)]],
}


def survival(t: Floats, spells: list[list[tuple[float, float]]], known: Any) -> Floats:
    """Probability that no target is reached by t: the product over spells, each with the time that it has run by then."""
    run = [sum(np.clip(t - begin, 0.0, end - begin) for begin, end in periods) for periods in spells]
    return np.prod([known.sf(u) for u in run], axis=0)


@cache
def first_switched(restart: str | None, law: str) -> Floats:
    """First times of an event with these moves and tags."""
    return moments({"wait": LAWS[law][0], "when": "tagged(open)", "restart": restart}, MOVES | TAGS)["e"]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("restart", SPELLS)
def test_first_event_survives_each_spell_independently(restart: str | None, law: str) -> None:
    found = first_switched(restart, law)
    assert_plausible(time_p_value(found, lambda t: 1.0 - survival(t, SPELLS[restart], LAWS[law][1]), DAYS))


@pytest.mark.parametrize(("law", "sign"), [("rising", 1.0), ("falling", -1.0)])
def test_restarts_delay_a_rising_hazard_and_hasten_a_falling_one(law: str, sign: float) -> None:
    # For a rising hazard, S(x + y) < S(x) S(y). In closed form, the differences at day 14 are at least 0.03, more than 10 standard errors.
    late = {restart: sign * float(np.mean(~(first_switched(restart, law) <= 14.0))) for restart in SPELLS}
    assert late[None] < min(late["when"], late["move"])
    assert late["both"] > max(late["when"], late["move"])


def test_a_return_from_outside_starts_a_new_target() -> None:
    found = moments(
        {"wait": LAWS["rising"][0], "in": ["a", "b"]},
        {"leave": move("a", "out", {"fixed": "3d"}), "back": move("out", "b", {"fixed": "2d"})},
    )
    spells = [[(0.0, 3.0)], [(5.0, DAYS)]]
    assert_plausible(time_p_value(found["e"], lambda t: 1.0 - survival(t, spells, LAWS["rising"][1]), DAYS))
