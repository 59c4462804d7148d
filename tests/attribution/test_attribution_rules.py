"""Attribution rules: published credits, axioms, and slow oracles."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjsim.attribution import shapley
from cjsim.attribution.credit_rules import FirstTouch, LastTouch, Linear, Rule, TimeDecay
from cjsim.attribution.markov import Markov, removal_effects
from cjsim.attribution.path_reader import read_paths
from cjsim.attribution.rule_set import RULES
from cjsim.attribution.shapley import Shapley, ShapleyRate
from cjsim.attribution.touch_paths import Paths
from cjsim.errors import InputError

# Credits of ChannelAttribution's paths, as computed outside this package.
KNOWN_CREDITS: dict[str, tuple[Rule, float, dict[str, float]]] = {
    "first": (FirstTouch(), 0, {"alpha": 6308, "beta": 2831, "eta": 3164, "iota": 4606, "theta": 1606}),
    "last": (LastTouch(), 0, {"alpha": 8447, "eta": 4167, "iota": 3355, "beta": 989}),
    "linear": (Linear(), 0.005, {"alpha": 7574.72, "iota": 3857.10, "eta": 3539.95, "beta": 2083.50}),
    "markov": (
        Markov(),
        0.0501,
        {"alpha": 5344.9, "iota": 3884.6, "eta": 3340.8, "beta": 2527.4, "theta": 1971.9, "lambda": 1282.8, "epsilon": 599.6},
    ),
}
PATH_LISTS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12
)


def paths_of(rows: list[tuple[list[str], int, int]]) -> Paths:
    days = [list(range(len(sequence), 0, -1)) for sequence, _, _ in rows]
    sequences, conversions, nulls = zip(*rows, strict=True)
    return Paths.from_sequences(sequences, conversions=conversions, nulls=nulls, days_before=days)


def by_name(rule: Rule, paths: Paths) -> dict[str, float]:
    found = rule.credits(paths)
    return dict(zip(found.touchpoints, found.conversions.tolist(), strict=True))


@pytest.fixture(scope="module")
def known_paths(data_dir: Path) -> Paths:
    return read_paths(data_dir / "channelattribution_paths.csv.gz")


@pytest.mark.parametrize("name", KNOWN_CREDITS)
def test_credits_of_channel_attribution_paths_are_the_known_ones(name: str, known_paths: Paths) -> None:
    rule, tolerance, known = KNOWN_CREDITS[name]
    found = by_name(rule, known_paths)
    assert {channel: found[channel] for channel in known} == pytest.approx(known, abs=tolerance)


def test_removal_effect_of_alpha_is_the_known_one(known_paths: Paths) -> None:
    alpha = known_paths.touchpoints.index("alpha")
    assert removal_effects(known_paths)[alpha, 0] == pytest.approx(0.5584, abs=5e-5)


def test_totals_of_channel_attribution_paths_are_the_known_ones(known_paths: Paths) -> None:
    totals = known_paths.conversions.sum(), round(known_paths.value.sum(), 4), known_paths.nulls.sum()
    assert totals == (19785, pytest.approx(74802.9716, abs=1e-4), 68602)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(rows=PATH_LISTS)
@settings(max_examples=40)
def test_credits_sum_to_the_totals(rule: Rule, rows: list[Any]) -> None:
    paths = paths_of(rows)
    found = rule.credits(paths)
    assert (found.conversions.sum(), found.value.sum()) == pytest.approx((paths.conversions.sum(), paths.value.sum()))


@pytest.mark.parametrize("rule", [Linear(), Markov(), Shapley(), ShapleyRate()], ids=lambda rule: rule.name)
@given(rows=PATH_LISTS)
@settings(max_examples=40)
def test_symmetric_touchpoints_get_equal_credit(rule: Rule, rows: list[Any]) -> None:
    swap = {"a": "b", "b": "a"}
    mirrored = [([swap.get(name, name) for name in sequence], conversions, nulls) for sequence, conversions, nulls in rows]
    found = by_name(rule, paths_of([*rows, *mirrored, (["a"], 0, 1), (["b"], 0, 1)]))
    assert found["a"] == pytest.approx(found["b"], abs=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_touchpoint_in_no_path_gets_no_credit(rule: Rule) -> None:
    paths = Paths(("a", "unused"), np.array([0, 0]), np.array([0, 1, 2]), np.ones(2), np.ones(2), np.zeros(2), np.ones(2))
    assert rule.credits(paths).conversions.tolist() == [2.0, 0.0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_conversion_without_touch_is_not_credited(rule: Rule) -> None:
    paths = Paths(("a",), np.array([0]), np.array([0, 0, 1]), np.array([7.0, 2.0]), np.array([7.0, 2.0]), np.zeros(2), np.ones(1))
    assert rule.credits(paths).conversions.tolist() == [2.0]


def test_time_decay_halves_the_weight_per_half_life() -> None:
    paths = Paths.from_sequences([["a", "b"]], conversions=[3], days_before=[[2009.0, 2002.0]])
    assert by_name(TimeDecay(7.0), paths) == pytest.approx({"a": 1.0, "b": 2.0})


def test_time_decay_without_times_is_refused() -> None:
    with pytest.raises(InputError, match="time decay: must be applied to paths with times, got paths without times"):
        TimeDecay().credits(Paths.from_sequences([["a"]], conversions=[1]))


def slow_removal_effects(rows: list[tuple[list[str], int, int]], order: int) -> dict[str, float]:
    """Power iteration on a chain of dictionaries, for each removed touchpoint."""
    counts: dict[Any, dict[Any, float]] = {}
    for sequence, conversions, nulls in rows:
        states = ["start", *(tuple(sequence[max(0, i - order + 1) : i + 1]) for i in range(len(sequence)))]
        for end, weight in (("conversion", conversions), ("null", nulls)):
            for here, there in itertools.pairwise([*states, end]):
                counts.setdefault(here, {}).setdefault(there, 0.0)
                counts[here][there] += weight

    def chance(removed: str | None) -> float:
        at, total = {"start": 1.0}, 0.0
        for _ in range(3000):
            moved: dict[Any, float] = {}
            for state, mass in at.items():
                if removed is not None and removed in state and state != "start":
                    continue
                for target, count in counts[state].items():
                    moved[target] = moved.get(target, 0.0) + mass * count / max(sum(counts[state].values()), 1e-300)
            total += moved.pop("conversion", 0.0)
            moved.pop("null", None)
            at = {state: mass for state, mass in moved.items() if mass > 1e-15}
        return total

    return {name: 1 - chance(name) / chance(None) for name in {name for sequence, _, _ in rows for name in sequence}}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_markov_removal_effects_agree_with_power_iteration(order: int) -> None:
    rows = [(list("abac"), 3, 1), (list("ba"), 1, 4), (list("c"), 2, 5), (list("cbba"), 0, 2), (list("aabb"), 2, 1)]
    paths = paths_of(rows)
    found = removal_effects(paths, order=order)[:, 0]
    assert dict(zip(paths.touchpoints, found, strict=True)) == pytest.approx(slow_removal_effects(rows, order))


def slow_shapley(rows: list[tuple[list[str], int, int]], *, by_rate: bool) -> dict[str, float]:
    """Mean marginal contributions over all orders of all touchpoints, from the definition of the game."""
    observed: dict[frozenset[str], list[int]] = {}
    for sequence, conversions, nulls in rows:
        found = observed.setdefault(frozenset(sequence), [0, 0])
        found[0] += conversions
        found[1] += conversions + nulls

    def rate(members: frozenset[str]) -> float:
        conversions, count = observed.get(members, (0, 0))
        return conversions / count if count else 0.0

    def worth(coalition: frozenset[str]) -> float:
        if by_rate:
            return sum(count * rate(members & coalition) for members, (_, count) in observed.items())
        return sum(conversions for members, (conversions, _) in observed.items() if members <= coalition)

    names = sorted({name for sequence, _, _ in rows for name in sequence})
    totals = dict.fromkeys(names, 0.0)
    for order in itertools.permutations(names):
        for i, name in enumerate(order):
            totals[name] += worth(frozenset(order[: i + 1])) - worth(frozenset(order[:i]))
    return {name: total / math.factorial(len(names)) for name, total in totals.items()}


@pytest.mark.parametrize(("rule", "by_rate"), [(Shapley(), False), (ShapleyRate(), True)], ids=["shapley", "shapley_rate"])
@given(rows=PATH_LISTS)
@settings(max_examples=40)
def test_shapley_values_agree_with_all_orders(rule: Rule, by_rate: bool, rows: list[Any]) -> None:
    assert by_name(rule, paths_of(rows)) == pytest.approx(slow_shapley(rows, by_rate=by_rate), abs=1e-9)


def test_sampled_shapley_value_is_within_its_error(known_paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each of 12 touchpoints may lie beyond 4.5 standard errors with probability 7e-6, so the test fails by chance in 1 of 10,000 seeds.
    exact = ShapleyRate().credits(known_paths)
    monkeypatch.setattr(shapley, "MAX_EXACT_SIZE", 2)
    sampled = ShapleyRate(orders=300, seed=4).credits(known_paths)
    assert exact.conversions_error is None
    assert sampled.conversions_error is not None
    distance = np.abs(sampled.conversions - exact.conversions)
    assert 0 < distance.max() < 30
    assert np.all(distance <= 4.5 * sampled.conversions_error + 1e-9)


def test_order_too_high_for_the_touchpoints_is_refused() -> None:
    with pytest.raises(InputError, match="order: must be low enough for the number of touchpoints, got 4 touchpoints at order 40"):
        Markov(order=40).credits(paths_of([(list("abcd"), 1, 0)]))
