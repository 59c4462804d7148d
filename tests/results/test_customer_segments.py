"""Conditions on customers, groups, and who gains and who loses."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_firms import desk_firm, growing_firm
from small_scenarios import small_scenario
from trial_worlds import trial_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.simulation.requested_tables import check_requested_tables
from cjsim.simulation.segments.group_gains import find_gains
from cjsim.simulation.segments.policy_differences import PolicyDifference

SMALL = {"customers": 60, "horizon": "20d", "countries": True}


@pytest.fixture(scope="module")
def run() -> cj.Run:
    return cj.simulate(desk_firm(**SMALL), replications=1)


@pytest.fixture(scope="module")
def comparison() -> cj.Comparison:
    return cj.compare({"one": desk_firm(**SMALL), "two": desk_firm(agents=2, **SMALL)}, replications=1)


def effect(value: float, half: float, by_replication: list[float] | None = None) -> PolicyDifference:
    difference = PairedDifference(0.0, value, value, value - half, value + half, 1.0)
    return PolicyDifference(difference, None, np.array(by_replication or []))


def test_condition_restricts_the_metrics_and_not_the_simulation(run: cj.Run) -> None:
    found = run.by(where="country == 'DE'").groups["chosen"]
    is_german = np.asarray(run.profiles().attributes["country"] == "DE")
    assert found["revenue"].value == pytest.approx(run.outcomes.customers["revenue"][is_german].mean())
    assert found["revenue"].n == is_german.sum()


def test_condition_combines_persona_and_attributes(run: cj.Run) -> None:
    found = run.by(where="persona == hasty and country in [FR, US]").entered["chosen"]
    countries, personas = run.profiles().attributes["country"], run.outcomes.customers["persona"]
    assert found == np.count_nonzero((personas == 1) & (countries != "DE"))


def test_condition_on_the_month_of_entry() -> None:
    run = cj.simulate(growing_firm())
    entered = run.outcomes.customers["entered"]
    assert run.by(where="entry_month == '2026-02'").entered["chosen"] == np.count_nonzero((entered >= 27) & (entered < 55))


def test_groups_by_month_of_entry_are_in_order() -> None:
    assert list(cj.simulate(growing_firm()).by("entry_month").entered) == ["2026-01", "2026-02", "2026-03"]


def test_groups_by_acquisition_channel() -> None:
    run = cj.simulate(growing_firm())
    assert run.by("acquired_by").entered == {"ads": len(run) - 40, "none": 40}


def test_personas_are_marked_as_the_truth(run: cj.Run) -> None:
    assert "the firm cannot see it" in run.by("persona").summary()


def test_small_groups_are_named(run: cj.Run) -> None:
    assert "Fewer than 50 customers, so intervals are unreliable: DE (" in run.by("country").summary()


@pytest.mark.parametrize("where", ["purchases > 2", "1", "satisfaction > 0.5", "stage == active"])
def test_condition_must_use_what_is_fixed_at_entry(run: cj.Run, where: str) -> None:
    with pytest.raises(InputError, match=r"where: .*country, persona, entry_month"):
        run.by(where=where)


@pytest.mark.parametrize("where", ["country == ", "country == UK", "region == 'DE'"])
def test_errors_name_what_a_condition_can_use(run: cj.Run, where: str) -> None:
    with pytest.raises(InputError, match="It can use country, persona, entry_month"):
        run.by(where=where)


def test_condition_must_hold_for_a_customer(run: cj.Run) -> None:
    with pytest.raises(InputError, match="must hold for at least one customer"):
        run.by(where="entry_month == '2030-01'")


def two_customers(value: int = 10) -> cj.Scenario:
    """A firm with so few customers that a country can be missing from a replication."""
    order = {"in": ["here"], "wait": {"fixed": "9d"}, "effects": [{"purchase": {"value": value}}]}
    return small_scenario(journey={"attributes": {"country": {"DE": 0.4, "FR": 0.6}}, "events": {"order": order}}, customers=2)


@pytest.fixture(scope="module")
def replicated() -> cj.Comparison:
    return cj.compare({"ten": two_customers(), "twelve": two_customers(12)}, replications=8, monthly=True)


@pytest.fixture(scope="module")
def n_german(replicated: cj.Comparison) -> np.ndarray:
    found = np.array([np.count_nonzero(one.customers["country"] == "DE") for one in replicated.runs["ten"].replications])
    assert 0 < np.count_nonzero(found) < 8
    return found


def test_replications_without_customers_who_meet_the_condition_count_as_0_in_totals(replicated: cj.Comparison, n_german: Any) -> None:
    found = replicated.runs["ten"].by(where="country == 'DE'")
    assert found.groups["chosen"]["total_revenue"].value == pytest.approx(30 * n_german.mean())
    assert found.groups["chosen"]["revenue"][:3] == pytest.approx((30, 30, 30))


def test_replications_without_customers_who_meet_the_condition_are_noted(replicated: cj.Comparison, n_german: Any) -> None:
    n_empty = np.count_nonzero(n_german == 0)
    run = replicated.runs["ten"]
    tables = [run.by(where="country == 'DE'"), run.by("month", where="country == 'DE'"), run.cohorts(where="country == 'DE'")]
    tables += [replicated.by(by, where="country == 'DE'") for by in (None, "month")]
    for table in tables:
        assert f"In {n_empty} of 8 replications, no customer meets the condition" in " ".join(table.summary().split())


def test_effects_leave_out_replications_without_customers_who_meet_the_condition(replicated: cj.Comparison, n_german: Any) -> None:
    [by_metric] = replicated.by(where="country == 'DE'").alternatives["twelve"].values()
    assert by_metric["revenue"].effect == pytest.approx(6)
    assert by_metric["total_revenue"].effect == pytest.approx(6 * n_german.mean())


def test_months_count_replications_without_customers_who_meet_the_condition_as_0(replicated: cj.Comparison, n_german: Any) -> None:
    months = replicated.runs["ten"].by("month", where="country == 'DE'").groups.values()
    assert math.fsum(metrics["total_revenue"].value for metrics in months) == pytest.approx(30 * n_german.mean())


def test_condition_that_no_replication_meets_is_refused(replicated: cj.Comparison) -> None:
    for use in (lambda where: replicated.runs["ten"].by(where=where), lambda where: replicated.by(where=where)):
        with pytest.raises(InputError, match="where: must hold for at least one customer who entered"):
            use("entry_month == '2030-01'")


@pytest.mark.parametrize("where", ["country == 'DE' and country == 'FR'", "entry_month == '2026-03' and country != 'DE'"])
def test_condition_that_no_customer_can_meet_is_refused_before_the_simulation(where: str) -> None:
    with pytest.raises(InputError, match="where: must hold for at least one customer who entered"):
        check_requested_tables({"firm": two_customers()}, where=where)  # from January 5 to February 3, 2026


@pytest.mark.parametrize("where", ["country == 'DE' or country == 'FR'", "entry_month == '2026-02' and country != 'DE'"])
def test_condition_that_a_customer_can_meet_is_accepted_before_the_simulation(where: str) -> None:
    check_requested_tables({"firm": two_customers()}, where=where)


def test_existing_customers_can_have_entered_before_day_0() -> None:
    check_requested_tables(
        {"firm": two_customers().with_values({"existing": {"customers": 3, "years": 0.5}})}, where="entry_month == '2025-10'"
    )


def test_grouping_must_exist(run: cj.Run) -> None:
    with pytest.raises(InputError, match="must be one of 'country', 'persona', 'entry_month'"):
        run.by("region")


def test_effects_of_groups_average_to_the_effect_of_all(comparison: cj.Comparison) -> None:
    grouped = comparison.by("country")
    weights = np.array(list(grouped.entered.values()))
    effects = [by["revenue"].effect for by in grouped.alternatives["two"].values()]
    assert float(weights @ effects / weights.sum()) == pytest.approx(comparison.alternatives["two"]["revenue"].effect)


def test_fixed_wages_do_not_vary_within_a_group(comparison: cj.Comparison) -> None:
    found = comparison.by("country").alternatives["two"]["DE"]["staff_cost"]
    assert found.high - found.low == pytest.approx(0, abs=1e-9 * found.value)


def test_equal_policies_differ_by_0_in_every_group() -> None:
    grouped = cj.compare({"a": desk_firm(**SMALL), "b": desk_firm(**SMALL)}, replications=2).by("country")
    assert {by["clv"].effect for by in grouped.alternatives["b"].values()} == {0}
    assert grouped.gains["b"].startswith("No clear difference between groups")


def test_clearly_different_groups_are_named() -> None:
    gains = find_gains({"DE": effect(5, 1), "FR": effect(-2, 1), "US": effect(1, 30)})
    assert gains == ("DE", "FR", 3)


def test_lower_values_can_be_gains() -> None:
    assert find_gains({"DE": effect(5, 1), "FR": effect(-2, 1)}, is_lower_better=True)[:2] == ("FR", "DE")


def test_groups_within_sampling_error_are_not_named() -> None:
    assert find_gains({"DE": effect(1, 2), "FR": effect(-1, 2)}) == (None, None, 1)


def test_holm_corrects_for_all_pairs() -> None:
    # The only pair alone would be significant (z = 2.1); among 45 pairs it is not.
    two = {"a": effect(2.97, 1.96), "b": effect(0, 1.96)}
    assert find_gains(two).most == "a"
    assert find_gains(two | {f"c{k}": effect(1.5, 1.96) for k in range(8)}).most is None


def test_replicated_groups_are_compared_by_replication() -> None:
    together = {"DE": effect(2, 9, [1.0, 9.0, -4.0, 2.0]), "FR": effect(1, 9, [0.1, 8.0, -5.1, 1.0])}
    assert find_gains(together)[:2] == ("DE", "FR")


def test_false_alarms_are_rare() -> None:
    # Five equal groups, 2,000 times: Holm's rate is at most .05 (standard error .005); fails with probability below 1e-6 if it is .05.
    generator = np.random.default_rng(7)
    alarms = sum(
        find_gains({str(k): effect(float(value), 1.959964) for k, value in enumerate(generator.normal(size=5))}).most is not None
        for _ in range(2000)
    )
    assert alarms / 2000 < 0.075


def test_grouped_effects_are_saved(comparison: cj.Comparison, tmp_path: Path) -> None:
    comparison.by("country").save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"group_effects.csv", "group_effects.json"}


def test_undefined_effects_are_left_out_of_gains() -> None:
    assert find_gains({"DE": effect(5, 1), "FR": effect(math.nan, 1)}).n_pairs == 0


def test_customers_of_an_arm_are_compared_only_if_the_arms_are_the_same() -> None:
    mail = [{"send": "promo_mail"}]
    found = cj.compare({"half": trial_scenario(treated=mail), "fifth": trial_scenario(treated=mail, share=0.2)}, customers=50)
    for chosen in ({"by": "arm"}, {"where": "arm == 'treated'"}):
        with pytest.raises(InputError, match=f"^{next(iter(chosen))}: must have the same arms and shares in every scenario as in 'half'"):
            found.by(**chosen)
