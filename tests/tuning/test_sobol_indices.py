"""Sobol indices: of a function with known indices, and of a small scenario with additive or interacting levers.

Points belong to a shifted Sobol sequence with a fixed seed. With random seeds, the tests of intervals would fail with a probability of 1 in
250 for each of six indices.
"""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from cjsim.errors import InputError
from cjsim.tuning.levers.rank import levers
from cjsim.tuning.levers.sobol import add_sobol_indices
from cjsim.tuning.levers.sobol_indices import estimate_indices, evaluate_saltelli_points

sys.path.insert(0, str(ROOT / "experiments"))
import e14_levers as e14

A, B = 7.0, 0.1


def ishigami(unit: np.ndarray) -> float:
    x = math.pi * (2 * unit - 1)
    return float(math.sin(x[0]) + A * math.sin(x[1]) ** 2 + B * x[2] ** 4 * math.sin(x[0]))


def ishigami_indices() -> tuple[list[float], list[float]]:
    """Ishigami and Homma (1990): first-order and total indices in closed form."""
    variance = A * A / 8 + B * math.pi**4 / 5 + B * B * math.pi**8 / 18 + 0.5
    first = [0.5 * (1 + B * math.pi**4 / 5) ** 2, A * A / 8, 0.0]
    third = 8 * B * B * math.pi**8 / 225
    return [one / variance for one in first], [(first[0] + third) / variance, first[1] / variance, third / variance]


def test_ishigami_indices_match_the_closed_form() -> None:
    found = estimate_indices(evaluate_saltelli_points(ishigami, 3, 2_048, seed=1), seed=1)
    for shares, true in zip(found, ishigami_indices(), strict=True):
        assert [share.value for share in shares] == pytest.approx(true, abs=0.02)


def test_intervals_cover_known_indices_and_shrink_with_sample_size() -> None:
    widths = []
    for points in (256, 4_096):
        found = estimate_indices(evaluate_saltelli_points(ishigami, 3, points, seed=2), seed=2)
        for shares, true in zip(found, ishigami_indices(), strict=True):
            assert all(share.low <= one <= share.high for share, one in zip(shares, true, strict=True))
        widths.append(found[0][0].high - found[0][0].low)
    assert widths[1] < widths[0] / 3


def test_indices_of_a_constant_are_undefined() -> None:
    first, total = estimate_indices(evaluate_saltelli_points(lambda _: 3.0, 2, 8, seed=1), seed=1)
    assert all(math.isnan(share.value) for share in (*first, *total))


def test_additive_levers_share_the_variance() -> None:
    """Letters and notes are on or off, and their revenues add up. Each variance is (effect / 2)^2, without interaction."""
    world = e14.lever_scenario()
    found = levers(world, metric="revenue", customers=400, seed=1, only=["policy.broadcasts.letters", "policy.broadcasts.notes"])
    found = replace(found, levers=tuple(lever for lever in found.levers if lever.move.after == "off"))
    sobol = add_sobol_indices(found, world, points=256).sobol_indices
    assert sobol is not None
    off = [lever.metric_effect.effect for lever in found.levers]
    shares = [one * one / sum(x * x for x in off) for one in off]
    assert [index.path for index in sobol.indices] == ["policy.broadcasts.letters", "policy.broadcasts.notes"]
    assert [index.total_order.value for index in sobol.indices] == pytest.approx(shares, abs=0.03)
    assert [index.first_order.value for index in sobol.indices] == pytest.approx(shares, abs=0.1)
    assert sobol.simulations == 4  # of 1,024 points: each policy once
    assert sobol.standard_deviation == pytest.approx(math.hypot(*off) / 2, rel=0.03)


def test_multiplicative_levers_have_interactions() -> None:
    """Letters are on or off, and all or no customers are held out. Letters matter only without holdout: total indices sum to above 1."""
    world = e14.lever_scenario().with_values({f"policy.broadcasts.{name}.if": "day < 0" for name in ("notes", "tips")})
    found = levers(world, metric="revenue", customers=400, seed=1, only=["policy.broadcasts.letters", "policy.guardrails.holdout"])
    all_or_nobody = [
        lever._replace(move=lever.move._replace(after=1.0)) if lever.move.kind == "share" else lever
        for lever in found.levers
        if lever.move.kind in ("share", "onoff")
    ]
    sobol = add_sobol_indices(replace(found, levers=tuple(all_or_nobody)), world, points=16, max_levers=None).sobol_indices
    assert sobol is not None
    first, total = (sum(getattr(index, name).value for index in sobol.indices) for name in ("first_order", "total_order"))
    assert total > first + 0.05


def test_lever_range_spans_its_moves() -> None:
    world = e14.lever_scenario()
    found = levers(world, metric="revenue", customers=100, seed=1, only=["policy.flows.welcome.steps[0].wait", "policy.guardrails.caps"])
    sobol = add_sobol_indices(found, world, points=16, max_levers=None).sobol_indices
    assert sobol is not None
    assert {index.path: (index.low, index.high) for index in sobol.indices} == {
        "policy.flows.welcome.steps[0].wait": ("2d", "8d"),
        "policy.guardrails.caps[0].at_most": (1, 3),
        "policy.guardrails.caps[0].per": ("3.5d", "2w"),
    }
    assert sobol.simulations <= 16 * 5


def test_no_indices_without_a_significant_lever() -> None:
    world = e14.lever_scenario()
    found = levers(world, metric="revenue", customers=100, only=["policy.broadcasts.letters.schedule.at"])
    with pytest.raises(InputError, match="points: must have significant levers"):
        add_sobol_indices(found, world)
