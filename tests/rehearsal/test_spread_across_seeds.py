"""The reported standard errors of a rehearsal cover what another seed of the simulations would give."""

import math
from itertools import combinations

import numpy as np
import pytest

import cjsim as cj
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.effect_estimates import jackknife_deviations, true_effect
from cjsim.rehearsal.results.design_report import Rate
from cjsim.testing.small_worlds import independent_customers

SETTINGS = cj.RehearsalSettings(runs=500, analyses=(FixedHorizon(),), replications=5)
SEEDS = range(100, 1300, 100)


def referring_customers() -> cj.Scenario:
    """Members are asked to order and to invite friends, or not."""
    base = independent_customers()
    opened = {"opened": [{"refer": {"invites": 3, "joins": 0.1}}]}
    invite = {"channel": "email", "open_rate": 0.99, "lift": {"opened": {"order": 3}}, "effects": opened}
    messages = base.journey.to_dict()["messages"] | {"invite": invite}
    return base.with_values({"customers": 400, "entry.over": "20d", "horizon": "60d", "journey.messages": messages})


def customers_who_share_nothing() -> cj.Scenario:
    base = referring_customers()
    events = {name: one for name, one in base.journey.to_dict()["events"].items() if name != "recommend"}
    return base.with_values({"journey.events": events, "journey.messages.invite.effects": {}})


def rehearsals(base: cj.Scenario) -> list[cj.Rehearsal]:
    ask = {"on": {"event": "join"}, "again_after": "never", "steps": [{"send": "invite"}]}
    asked = base.with_values({"name": "asked", "policy.flows": base.policy.to_dict()["flows"] | {"ask": ask}})
    options = {"metric": "revenue", "sizes": [400], "days": [40], "settings": SETTINGS}
    return [cj.rehearse(base.with_values({"seed": seed}), {"asked": asked.with_values({"seed": seed})}, **options) for seed in SEEDS]


@pytest.fixture(scope="module")
def joint() -> list[cj.Rehearsal]:
    return rehearsals(referring_customers())


@pytest.fixture(scope="module")
def reused() -> list[cj.Rehearsal]:
    return rehearsals(customers_who_share_nothing())


def share_within_3_errors(found: list[Rate]) -> float:
    pairs = list(combinations(found, 2))
    return sum(abs(one.value - other.value) <= 3 * math.hypot(one.error, other.error) for one, other in pairs) / len(pairs)


@pytest.mark.parametrize("name", ["power", "coverage", "sign_error", "wrong_decision"])
@pytest.mark.parametrize("mode", ["joint", "reuse"])
def test_rates_of_two_seeds_differ_by_at_most_3_errors(mode: str, name: str, joint: list[cj.Rehearsal], reused: list[cj.Rehearsal]) -> None:
    found = joint if mode == "joint" else reused
    assert {one.mode for one in found} == {mode}
    assert share_within_3_errors([getattr(one.alternatives["asked"].designs[0], name) for one in found]) >= 0.95


@pytest.mark.parametrize("mode", ["joint", "reuse"])
def test_errors_of_the_power_are_as_large_as_its_spread_between_seeds(
    mode: str, joint: list[cj.Rehearsal], reused: list[cj.Rehearsal]
) -> None:
    rates = [one.alternatives["asked"].designs[0].power for one in (joint if mode == "joint" else reused)]
    spread, error = np.std([rate.value for rate in rates], ddof=1), np.mean([rate.error for rate in rates])
    assert 0.5 < spread / error < 1.7  # a ratio of 12 values outside this range has a probability below 0.01


def test_tests_of_mixed_assignment_estimate_the_true_effect_plus_the_bias(joint: list[cj.Rehearsal]) -> None:
    report = joint[0].alternatives["asked"]
    design, expected = report.designs[0], report.truth_by_days[40].effect + report.interference[40].bias
    assert design.needed_size == pytest.approx(design.size * (design.mde / expected) ** 2)


def test_populations_get_a_given_effect_without_a_change_in_variance() -> None:
    rng = np.random.default_rng(1)
    base, alternative = rng.exponential(size=(2, 2, 50))
    shifted = ArmPopulations(base, alternative, has_denominator=True).with_effect(0.25)
    linearized = [one[0] - one[0].sum() / one[1].sum() * one[1] for one in (alternative, shifted.alternative)]
    assert true_effect(shifted) == pytest.approx(0.25) and np.allclose(*linearized)


def test_jackknife_deviations_have_the_standard_error_of_a_paired_difference() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(size=(1, 20_000))
    difference = rng.normal(size=20_000)
    found = jackknife_deviations(ArmPopulations(base, base + difference), n_groups=2000)
    assert math.sqrt(np.mean(found.effect**2)) == pytest.approx(difference.std() / math.sqrt(20_000), rel=0.1)
