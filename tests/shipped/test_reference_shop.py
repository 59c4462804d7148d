"""The reference shop reproduces the rates that it cites, its scenarios differ as described, and it agrees with a handwritten model."""

import pytest
from conftest import ROOT

import cjsim as cj
from benchmarks import handwritten_shop
from experiments.e02_shop_rates import TARGETS, TargetResult, compare_with_targets

SCENARIOS = ROOT / "configs" / "scenarios"


@pytest.fixture(scope="module")
def target_results() -> dict[str, TargetResult]:
    """The shop's rates on 8,000 customers."""
    landings, _ = compare_with_targets(8000, seed=2)
    return {landing.target.figure: landing for landing in landings}


@pytest.mark.parametrize("figure", [target.figure for target in TARGETS])
def test_shop_matches_the_published_rate(target_results: dict[str, TargetResult], figure: str) -> None:
    # The tolerance of the experiment plus 4.5 standard errors of 8,000 customers: if the means are within the tolerance, the 19 tests
    # together fail by chance for at most 1.3e-4 of seeds. The seed is fixed.
    target, rate = target_results[figure].target, target_results[figure].rate
    noise = 4.5 * (rate.high - rate.low) / (2 * 1.96)
    assert abs(rate.value - target.published) <= target.tolerance + noise


def test_shop_has_the_required_number_of_elements() -> None:
    shop = cj.Scenario.load(SCENARIOS / "shop.yaml")
    assert len(shop.journey.stages) >= 6
    assert len(shop.journey.personas) >= 3
    assert {"email", "sms", "push"} <= set(shop.journey.channels)
    assert {"welcome", "cart", "after_order", "win_back"} <= set(shop.policy.flows)
    assert shop.policy.broadcasts["newsletter"].schedule.every_weeks == 1
    assert shop.policy.guardrails.caps
    assert shop.policy.guardrails.quiet_hours


def test_less_mail_scenario_halves_newsletters() -> None:
    names = ("shop", "shop_less_mail")
    runs = [cj.simulate(cj.Scenario.load(SCENARIOS / f"{name}.yaml"), customers=300, seed=1) for name in names]
    contacts = [int(run.outcomes.customers["contacts"].sum()) for run in runs]
    # Newsletters fall from 44 to 22 of the 82 contacts; the others stay.
    assert 0.65 < contacts[1] / contacts[0] < 0.80


@pytest.mark.slow
def test_handwritten_model_counts_the_same_events() -> None:
    # Two independent models of one shop. The standard deviation of visits per customer is 110 % of the mean, so a rate over 8,000
    # customers has a standard error of 1.2 %. Rarer kinds are compared if there are at least 500 events: 15 % exceeds 5 standard errors.
    customers = 8000
    theirs = handwritten_shop.simulate_shop(customers, seed=1)
    ours = _events_by_kind(customers)
    common = {kind for kind in ours if max(ours[kind], theirs.get(kind, 0)) >= 500}
    assert len(common) >= 18
    assert {kind: theirs.get(kind, 0) / ours[kind] for kind in common if abs(theirs.get(kind, 0) / ours[kind] - 1) > 0.15} == {}
    assert abs(sum(theirs.values()) / sum(ours.values()) - 1) < 0.05


def _events_by_kind(customers: int) -> dict[str, int]:
    import tempfile
    from pathlib import Path

    shop = cj.Scenario.load(SCENARIOS / "shop.yaml")
    with tempfile.TemporaryDirectory() as folder:
        run = cj.simulate(shop, customers=customers, seed=1, log=Path(folder) / "log.parquet")
        assert run.log is not None
        counts = run.log.query("select event::varchar as event, count(*) as n from log group by 1")
    return dict(zip(counts["event"], counts["n"], strict=True))
