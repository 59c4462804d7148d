"""When a trial is given up: in exact examples, and how often the best is lost."""

import numpy as np
import pytest

from cjsim.optimize.race import Lead, is_beaten, is_broken, rungs


def leads(differences: np.ndarray) -> Lead:
    return Lead(float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences))))


@pytest.mark.parametrize("customers", [2, 499, 2000, 7900, 8000, 100_000])
def test_rungs_grow_to_all_customers_from_no_fewer_than_500(customers: int) -> None:
    found = rungs(customers)
    assert found == sorted(set(found)) and found[-1] == customers
    assert all(rung >= 500 for rung in found[:-1])
    assert (len(found) == 3) == (customers >= 8000)


def test_who_is_better_for_every_customer_is_never_given_up() -> None:
    better = np.abs(np.random.default_rng(1).standard_cauchy(500))
    assert not any(is_beaten([leads(better[: n + 2])]) for n in range(498))
    assert is_beaten([leads(-np.minimum(better, 10))])


def test_who_is_better_in_one_objective_is_not_beaten() -> None:
    worse, better = Lead(-100.0, 1.0), Lead(0.0, 1.0)
    assert is_beaten([worse, worse]) and not is_beaten([worse, better])


def test_what_is_not_known_gives_nobody_up() -> None:
    nan = float("nan")
    assert not is_beaten([Lead(nan, 1.0)]) and not is_beaten([Lead(-5.0, nan)])
    assert not is_broken(Lead(nan, nan)) and not is_broken(Lead(1.0, 0.0))


def test_a_trial_that_is_as_good_as_its_rival_is_rarely_lost() -> None:
    # Two looks at sums of normals, the second on four times as many: at most 2 * 0.00135 of 400,000, that is 1,080 expected at most;
    # 1,210 is four standard deviations more (once in 30,000). Were the looks at 2 standard errors, 15,000 would be lost.
    rng = np.random.default_rng(1)
    first = rng.standard_normal(400_000)
    second = (first + np.sqrt(3) * rng.standard_normal(400_000)) / 2
    lost = sum(is_beaten([Lead(a, 1.0)]) or is_beaten([Lead(b, 1.0)]) for a, b in zip(first.tolist(), second.tolist(), strict=True))
    assert 540 < lost < 1210
