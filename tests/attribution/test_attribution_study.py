"""The study of attribution methods: its random policies, and its statistics on rows with known answers."""

import numpy as np
import pytest
from attribution_methods import JOURNEYS, Row, ceiling, random_policy, summary_of

from cjsim.attribution.switch_off import list_touchpoints


def row(policy: int, *, credited: float, incremental: float, error: float = 0.0, gain: float = 1.0, clv: float = 1.0) -> Row:
    return Row(policy, "shop", "flow", "x", {"last": credited}, incremental, error, {"last": gain}, clv, is_decided=clv != 0)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_random_policies_are_valid_and_differ(journey: str) -> None:
    scenarios = [random_policy(journey, seed, 100) for seed in range(1, 5)]
    assert len({scenario.policy.digest() for scenario in scenarios}) == 4
    assert all(list_touchpoints(scenario) for scenario in scenarios)


def test_r_squared_is_1_for_proportional_credit() -> None:
    found = summary_of([row(i, credited=3.0 * i, incremental=1.0 * i) for i in range(1, 5)], "last")
    assert found["r_squared"]["value"] == pytest.approx(1.0)
    assert found["credited_over_incremental"]["value"] == pytest.approx(3.0)


def test_wrong_decisions_count_touchpoints_with_a_decided_effect() -> None:
    rows = [
        row(1, credited=1, incremental=1, gain=1, clv=1),
        row(2, credited=1, incremental=1, gain=1, clv=-1),
        row(3, credited=1, incremental=1, gain=-1, clv=0),
    ]
    found = summary_of(rows, "last")
    assert (found["wrong_decisions"]["value"], found["decided"]) == (0.5, 2)


def test_ceiling_is_the_share_of_variance_that_is_not_error() -> None:
    rng = np.random.default_rng(1)
    rows = [row(i, credited=0, incremental=float(value), error=1.0) for i, value in enumerate(rng.normal(0, 2, 20_000))]
    assert ceiling(rows) == pytest.approx(0.75, abs=0.01)
