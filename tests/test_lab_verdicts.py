"""Effects from sums, and verdicts from effects: held against the paired estimator, against definitions, against the truth."""

import math

import numpy as np
import pytest

from cjsim.lab.sums import Interval, Sums, spread
from cjsim.lab.verdict import decisive, judged, standard_errors
from cjsim.metrics.estimate import Terms, Z, paired
from cjsim.metrics.sample import Pairing, Sample

NAN = math.nan


def draws(seed: int, n: int = 400) -> tuple[Terms, Terms]:
    """Numerators and denominators of two policies that go together, some of them spent on acquisition."""
    random = np.random.default_rng(seed)
    x = random.random(n) < 0.7
    y = np.where(x, random.exponential(10.0, n), 0.0)
    more = np.where(random.random(n) < 0.3, random.normal(2.0, 3.0, n), 0.0)
    also = x | (random.random(n) < 0.05)
    return Terms(y, x, np.full(n, 0.1), -1.0), Terms(np.where(also, y + more, 0.0), also, np.full(n, 0.2), -1.0)


def grouped(customers: int, given: int, arrived: int, *, keys_from: int) -> Sample:
    """Roots that arrive under keys of their own, and descendants of them."""
    roots = given + arrived
    root = np.concatenate([np.arange(roots), np.arange(customers - roots) % roots])
    keys = np.concatenate([np.arange(given), 10_000 + keys_from + np.arange(arrived), 20_000 + np.arange(customers - roots)])
    return Sample(roots, given, root, keys.astype(np.uint64))


def pairings() -> dict[str, Pairing]:
    return {
        "alone": Pairing.of(Sample.alone(400), Sample.alone(400)),
        "families": Pairing.of(grouped(400, 200, 0, keys_from=0), grouped(400, 200, 0, keys_from=0)),
        "arrivals": Pairing.of(grouped(400, 150, 100, keys_from=0), grouped(400, 150, 100, keys_from=30)),
    }


@pytest.mark.parametrize("name", pairings())
def test_one_seed_has_the_interval_of_the_paired_estimator(name: str) -> None:
    (before, after), pairing = draws(3), pairings()[name]
    ours, theirs = Sums.of_terms(before, after, pairing).effect(Z), paired(before, after, pairing)
    assert tuple(ours) == pytest.approx((theirs.effect, theirs.low, theirs.high), rel=1e-9)


def test_a_total_is_a_sum_in_each_seed() -> None:
    pairing = pairings()["arrivals"]
    before, after = (terms._replace(summed=True) for terms in draws(4))
    one, theirs = Sums.of_terms(before, after, pairing), paired(before, after, pairing)
    assert tuple(one.effect(Z)) == pytest.approx((theirs.effect, theirs.low, theirs.high), rel=1e-9)
    assert (one + one).effect(Z).effect == pytest.approx(theirs.effect)


def test_the_same_customers_have_no_effect_and_no_width() -> None:
    before, _ = draws(5)
    for pairing in pairings().values():
        if pairing.places is None:
            sums = Sums.of_terms(before, before, pairing)
            assert sums.effect(Z) == sums.relative(Z) == (0.0, 0.0, 0.0)


def test_seeds_are_pooled_as_strata() -> None:
    parts = [draws(seed) for seed in (1, 2, 3)]
    pairing = pairings()["alone"]
    pooled = [Sums.of_terms(*part, pairing) for part in parts]
    total = pooled[0] + pooled[1] + pooled[2]
    joined = [
        Terms(*(np.concatenate([part[i][k] for part in parts]) for k in range(3)), -1.0)  # type: ignore[arg-type]
        for i in range(2)
    ]
    n = 3 * 400
    one_sample = paired(joined[0], joined[1], Pairing.of(Sample.alone(n), Sample.alone(n)))
    assert total.effect(Z).effect == pytest.approx(one_sample.effect, rel=1e-12)
    # Strata differ from one sample by the variance between their means alone: a percent or so for equal populations.
    assert total.effect(Z).high == pytest.approx(one_sample.high, rel=0.02)


def test_ends_of_the_relative_interval_are_where_the_contrast_is_just_clear() -> None:
    before, after = draws(6)
    pairing = pairings()["alone"]
    found = Sums.of_terms(before, after, pairing).relative(Z)
    for end, side in ((found.low, "low"), (found.high, "high")):
        scaled = Terms(before.y * (1 + end), before.x, before.spent, before.above * (1 + end))
        contrast = Sums.of_terms(scaled, after, pairing).effect(Z)
        assert getattr(contrast, side) == pytest.approx(0.0, abs=1e-9)


def test_relative_effects_of_a_loss_are_shares_of_its_size() -> None:
    before = Terms(np.array([-9.0, -11.0, -10.0, -10.0]), np.ones(4, bool))
    after = before._replace(y=before.y + 1.0)
    found = Sums.of_terms(before, after, Pairing.of(Sample.alone(4), Sample.alone(4))).relative(Z)
    assert found.effect == pytest.approx(0.1)
    assert found.low < 0.1 < found.high


def test_a_baseline_about_0_has_no_relative_interval() -> None:
    before = Terms(np.array([-1.0, 1.0, 0.1, 0.0]), np.ones(4, bool))
    sums = Sums.of_terms(before, before._replace(y=before.y + 1), Pairing.of(Sample.alone(4), Sample.alone(4)))
    assert math.isnan(sums.relative(Z).low)
    assert not math.isnan(sums.effect(Z).low)


def test_relative_intervals_cover_the_truth() -> None:
    # Binomial(1,000, 0.95) is outside [929, 968] once in 300 sets of draws; the seed is fixed.
    random, n, hits = np.random.default_rng(11), 200, 0
    pairing = Pairing.of(Sample.alone(n), Sample.alone(n))
    for _ in range(1000):
        y = random.gamma(4.0, 2.5, n)
        more = random.normal(1.0, 2.0, n)
        one = np.ones(n, bool)
        found = Sums.of_terms(Terms(y, one), Terms(y + more, one), pairing).relative(Z)
        hits += found.low <= 0.1 <= found.high
    assert 929 <= hits <= 968


def test_sums_survive_a_file_to_the_bit() -> None:
    sums = Sums.of_terms(*draws(8), pairings()["alone"])
    back = Sums.from_json(sums.to_json())
    assert (back.totals == sums.totals).all() and (back.moments == sums.moments).all()


def test_spread_is_1_for_independent_customers_and_more_for_seeds_apart() -> None:
    pairing = pairings()["alone"]
    parts = [Sums.of_terms(*draws(seed), pairing) for seed in range(60)]
    # The square has a chi-squared law with 59 degrees of freedom over 59: within [0.7, 1.35] but once in 1,500.
    assert 0.7 < spread(parts) ** 2 < 1.35
    before, after = draws(1)
    apart = [
        Sums.of_terms(before, after, pairing),
        Sums.of_terms(before, after._replace(y=np.where(after.x, after.y + 50, 0)), pairing),
    ]
    assert spread(apart) > 5
    assert math.isnan(spread(parts[:1]))


@pytest.mark.parametrize(
    ("interval", "sign", "size", "verdict"),
    [
        ((0.1, 0.08, 0.12), 1, 0.08, "supported"),
        ((0.1, 0.0799, 0.12), 1, 0.08, "undecided"),
        ((0.05, 0.03, 0.07), 1, 0.08, "refuted"),
        ((0.05, 0.03, 0.08), 1, 0.08, "undecided"),
        ((0.0, 0.0, 0.0), 1, 0.0, "refuted"),
        ((0.1, 0.0, 0.2), 1, 0.0, "undecided"),
        ((0.1, 0.01, 0.2), 1, 0.0, "supported"),
        ((-0.1, -0.2, 0.0), 1, 0.0, "refuted"),
        ((-0.1, -0.12, -0.08), -1, 0.08, "supported"),
        ((0.1, 0.08, 0.12), -1, 0.08, "refuted"),
        ((-0.1, -0.12, -0.08), -1, 0.1, "undecided"),
        ((-0.1, -0.2, -0.01), -1, 0.0, "supported"),
        ((NAN, NAN, NAN), 1, 0.0, "undecided"),
        ((0.1, NAN, NAN), 1, 0.0, "undecided"),
    ],
)
def test_verdicts(interval: tuple[float, float, float], sign: int, size: float, verdict: str) -> None:
    assert judged(Interval(*interval), sign=sign, size=size) == verdict


def test_any_is_refuted_only_if_all_are_and_all_supported_only_if_all_are() -> None:
    good, open_, bad = Interval(0.2, 0.1, 0.3), Interval(0.05, -0.1, 0.2), Interval(-0.2, -0.3, -0.1)
    verdicts = {
        (every, name): decisive(of, sign=1, size=0, every=every)
        for every in (False, True)
        for name, of in {"mixed": [bad, open_, good], "none": [bad, bad], "open": [open_, bad], "every": [good, good]}.items()
    }
    assert verdicts == {
        (False, "mixed"): (2, "supported"),
        (False, "none"): (0, "refuted"),
        (False, "open"): (0, "undecided"),
        (False, "every"): (0, "supported"),
        (True, "mixed"): (0, "refuted"),
        (True, "none"): (0, "refuted"),
        (True, "open"): (1, "refuted"),
        (True, "every"): (0, "supported"),
    }


def test_a_null_claim_about_any_of_many_is_rarely_supported() -> None:
    # 20 variants without effect, 2,000 times: the claim that any raises the metric is supported in at most 2.5 % (half of 5 %, as intervals
    # have two sides). Binomial(2,000, 0.025) is above 75 once in 1,700 sets of draws; single intervals support it in about 40 %.
    random, z = np.random.default_rng(2), standard_errors(0.95, 20)
    effects = random.normal(size=(2000, 20))
    wrong = [decisive([Interval(e, e - z, e + z) for e in row], sign=1, size=0, every=False)[1] == "supported" for row in effects]
    alone = [decisive([Interval(e, e - Z, e + Z) for e in row], sign=1, size=0, every=False)[1] == "supported" for row in effects]
    assert sum(wrong) <= 75
    assert sum(alone) > 600
