"""Mixed assignment where customers share something, and switches in mid-journey."""

from datetime import date
from typing import Any

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.mixed_policy import mixed_scenario
from cjsim.rehearsal.rehearsed_scenarios import simulate_until
from cjsim.testing.small_worlds import independent_customers, sharing_customers

FIXED = cj.RehearsalSettings(runs=300, analyses=(FixedHorizon(),), replications=5)
WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def with_reminder(base: cj.Scenario) -> cj.Scenario:
    """The baseline with one more flow, and another message in the weekly broadcast."""
    flows = base.policy.to_dict()["flows"] | {"reminder": {"on": {"event": "order"}, "steps": [{"wait": "1d"}, {"send": "news"}]}}
    return base.with_values({"name": "reminder", "policy.flows": flows, "policy.broadcasts.weekly.send": "nudge"})


def outcomes_of(run: cj.Run) -> bytes:
    return run.outcomes.customers.tobytes()


@pytest.mark.parametrize("base", [independent_customers, sharing_customers])
def test_share_of_0_gives_the_outcomes_under_the_baseline(base: Any) -> None:
    mixed = mixed_scenario(base(), with_reminder(base()), share=0.0)
    assert outcomes_of(cj.simulate(mixed)) == outcomes_of(cj.simulate(base()))


def test_share_of_1_gives_the_outcomes_under_the_alternative() -> None:
    base = sharing_customers()
    flows = base.policy.to_dict()["flows"] | {"reminder": {"on": {"event": "order"}, "steps": [{"wait": "1d"}, {"send": "news"}]}}
    alternative = base.with_values({"policy.flows": flows})
    mixed = mixed_scenario(base, alternative, share=1.0)
    assert outcomes_of(cj.simulate(mixed)) == outcomes_of(cj.simulate(alternative))


def test_nothing_differs_before_the_day_of_the_switch() -> None:
    base = sharing_customers()
    mixed = mixed_scenario(base, with_reminder(base), share=1.0, since_day=60)
    assert outcomes_of(simulate_until(mixed, 60)) == outcomes_of(simulate_until(base, 60))
    assert outcomes_of(simulate_until(mixed, 90)) != outcomes_of(simulate_until(base, 90))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("policy.guardrails.caps[0].at_most", 1, "policy.guardrails"),
        ("policy.desks.help.cost_per_minute", 2, "policy.desks"),
        ("policy.acquisition.search.per_day", 40, "policy.acquisition"),
        ("journey.events.order.wait.exponential", "9d", "journey.events"),
    ],
)
def test_what_all_customers_share_must_be_equal(path: str, value: Any, named: str) -> None:
    base = sharing_customers()
    with pytest.raises(InputError, match=rf"must have the {named} of 'sharing', because all customers of a mixed test share it"):
        mixed_scenario(base, base.with_values({path: value}), share=0.5)


@pytest.mark.parametrize("document", ["journey", "policy"])
def test_titles_and_accepted_warnings_may_differ(document: str) -> None:
    base = sharing_customers()
    notes = {f"{document}.title": "other", f"{document}.accept_warnings": {"messages": "a reason"}}
    assert mixed_scenario(base, base.with_values(notes), share=0.5).customers == base.customers


def test_equal_policies_have_no_effect_and_no_interference() -> None:
    base = sharing_customers()
    found = cj.rehearse(base, {"same": base.with_values({"title": "x"})}, metric="clv", sizes=[60], days=[60], settings=FIXED)
    report = found.alternatives["same"]
    assert found.mode == "joint" and report.truth.effect == 0
    assert report.interference[60].bias == pytest.approx(0, abs=1e-12)


def test_customers_who_share_nothing_are_reused() -> None:
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml").with_values({"customers": 200, "horizon": "40d"})
    other = base.with_values({"name": "other", "policy.flows.cart.steps[0].wait": "2h"})
    assert cj.rehearse(base, {"other": other}, metric="revenue", sizes=[100], days=[10], settings=FIXED).mode == "reuse"


@pytest.fixture(scope="module")
def busy_desk() -> cj.Rehearsal:
    """Calls to everyone in the trial, by one agent who works half days."""
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "saas.yaml")
    success = {"shifts": [{"agents": 1, "from": "09:00", "to": "13:00", "weekdays": WORKDAYS}]}
    desks = base.policy.to_dict()["desks"] | {"success": success}
    base = base.with_values({"customers": 6000, "horizon": "30d", "policy.desks": desks})
    call = {"on": {"stage": "step_2"}, "again_after": "never", "priority": 60, "steps": [{"wait": "4h"}, {"send": "first_call"}]}
    called = base.with_values({"name": "calls", "policy.flows": base.policy.to_dict()["flows"] | {"call": call}})
    return cj.rehearse(base, {"calls": called}, metric="activation", sizes=[6000], days=[28], settings=FIXED)


def test_half_of_the_calls_overstate_the_effect_of_all_calls_at_a_busy_desk(busy_desk: cj.Rehearsal) -> None:
    report = busy_desk.alternatives["calls"]
    assert report.interference[28].low > 0.5 * report.truth_by_days[28].effect > 0


def test_interference_lowers_the_coverage_of_the_true_effect(busy_desk: cj.Rehearsal) -> None:
    assert busy_desk.alternatives["calls"].designs[0].coverage.value < 0.92


def test_interference_is_in_the_json_and_the_text(busy_desk: cj.Rehearsal) -> None:
    assert set(busy_desk.to_json()["interference"][0]) == {"days", "bias", "low", "high", "runs"}
    assert "Interference: customers share desks and referrals, so the test is biased by +" in str(busy_desk)


def test_referred_customers_in_both_arms_hide_the_effect_on_referrals() -> None:
    base = independent_customers()
    invite = {"channel": "email", "open_rate": 0.99, "effects": {"opened": [{"refer": {"invites": 3, "joins": 0.3}}]}}
    messages = base.journey.to_dict()["messages"] | {"invite": invite}
    base = base.with_values({"customers": 3000, "journey.messages": messages})
    flows = base.policy.to_dict()["flows"] | {"ask": {"on": {"event": "join"}, "again_after": "never", "steps": [{"send": "invite"}]}}
    asked = base.with_values({"name": "asked", "policy.flows": flows})
    found = cj.rehearse(base, {"asked": asked}, metric="referred", sizes=[1000], days=[100], settings=FIXED)
    report = found.alternatives["asked"]
    truth, bias = report.truth_by_days[100], report.interference[100]
    assert found.shared == ("referrals",) and truth.low > 0.1
    assert bias.high < -0.5 * truth.effect


def test_outcomes_count_from_the_date_of_the_switch() -> None:
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml").with_values(
        {"customers": 1000, "horizon": "60d", "policy.costs": {}}
    )
    other = base.with_values({"name": "other", "policy.flows": {}, "policy.broadcasts": {}})
    settings = cj.RehearsalSettings(runs=100, starts_on=date(2026, 2, 1))
    report = cj.rehearse(base, {"other": other}, metric="contacts", sizes=[500], days=[14], settings=settings).alternatives["other"]
    day = (date(2026, 2, 1) - base.start).days
    before, after = simulate_until(base, day), simulate_until(base, day + 14)
    enrolled = before.entered
    sent = (after.outcomes.customers["contacts"].astype(float) - before.outcomes.customers["contacts"])[enrolled].mean()
    assert report.truth_by_days[14].baseline == pytest.approx(sent)


def test_outcomes_before_the_switch_are_the_covariate_of_cuped() -> None:
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml").with_values(
        {"customers": 1000, "horizon": "60d", "policy.costs": {}}
    )
    other = base.with_values({"name": "other", "policy.flows": {}, "policy.broadcasts": {}})
    settings = cj.RehearsalSettings(runs=100, starts_on=date(2026, 2, 1))
    report = cj.rehearse(base, {"other": other}, metric="revenue", sizes=[500], days=[14], settings=settings).alternatives["other"]
    assert "cuped" in {design.analysis for design in report.designs}
