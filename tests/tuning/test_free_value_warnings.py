"""Warnings and notes about values whose size does not affect what customers do."""

from pathlib import Path
from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.scenario.search_space import Free, Mix
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.comparison import Comparison
from cjsim.validate.warnings.free_value_lint import free_value_warnings, notes_on_differing_sizes, notes_on_sizes

RANGE = Free(low=0.1, high=0.6)


@pytest.mark.parametrize(
    "path",
    [
        "journey.offers.ten.discount",
        "journey.offers.ten.amount",
        "journey.messages.mail.cost",
        "journey.channels.ads.click_cost",
        "journey.events.buy.effects[0].purchase.margin",
    ],
)
def test_a_free_value_that_only_moves_money_warns(path: str) -> None:
    assert [warning.split(": ")[0] for warning in free_value_warnings({path: RANGE}, {}, {})] == [f"free.{path}"]


@pytest.mark.parametrize(
    "path",
    [
        "policy.flows.cart.steps[0].wait",
        "policy.acquisition.search.per_day",
        "journey.messages.mail.lift.opened.buy",
        "journey.offers.ten.valid",
        "journey.offers.ten.redeems",
        "journey.offers.discount.valid",
    ],
)
def test_a_free_value_that_customers_respond_to_does_not_warn(path: str) -> None:
    assert list(free_value_warnings({path: RANGE}, {}, {})) == []


def test_the_other_paths_of_a_free_value_are_checked() -> None:
    also = Free(low=0.1, high=0.6, also=("journey.offers.ten.discount",))
    assert len(list(free_value_warnings({"policy.flows.cart.holdout": also}, {}, {}))) == 1


def test_the_paths_of_a_mix_are_checked() -> None:
    mix = Mix(total=1, of=("journey.offers.one.amount", "journey.offers.two.amount"))
    assert len(list(free_value_warnings({}, {"money": mix}, {}))) == 2


def priced(value: float, *, discount: float = 0.1, wait: str = "9d") -> dict[str, Any]:
    """Plain data of a scenario with a price and a discount."""
    event = {"wait": {"exponential": wait}, "effects": [{"purchase": {"value": value}}]}
    return {"journey": {"events": {"buy": event}, "offers": {"ten": {"discount": discount}}}}


def test_a_comparison_of_prices_notes_that_customers_do_not_respond() -> None:
    [note] = notes_on_differing_sizes([priced(19), priced(24)])
    assert note == "assumed: customers do not respond to the size of journey.events.buy.effects[0].purchase.value"


def test_scenarios_with_equal_prices_have_no_note() -> None:
    assert notes_on_differing_sizes([priced(19), priced(19, wait="5d")]) == ()


def test_several_alternatives_with_the_same_discount_path_have_one_note() -> None:
    assert len(notes_on_differing_sizes([priced(19), priced(19, discount=0.2), priced(19, discount=0.3)])) == 1


def test_a_move_of_a_price_distribution_has_a_note_but_a_move_of_a_cost_has_none() -> None:
    price = "journey.events.buy.effects[0].purchase.value.lognormal.median"
    assert len(notes_on_sizes([price, "journey.messages.mail.cost"], {})) == 1


def test_the_note_stands_in_the_summary_and_the_json_of_a_comparison_and_is_saved(tmp_path: Path) -> None:
    journey = {"events": {"buy": {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"purchase": {"value": 19}}]}}}
    base = small_scenario(journey=journey, customers=20)
    comparison = compare({"a": base, "b": base.with_values({"journey.events.buy.effects[0].purchase.value": 24})})
    assert "assumed: customers do not respond to the size of" in comparison.summary()
    comparison.save(tmp_path / "c")
    assert Comparison.load(tmp_path / "c").to_json()["assumptions"] == list(comparison.assumptions)


def answering(demand: dict[str, Any], *, name: str = "buy") -> dict[str, Any]:
    """Plain data of a journey with an event that responds to prices."""
    return {"events": {"buy": {"effects": [{"purchase": {"value": 19}}]}, name: {"demand": demand}}}


DISCOUNT, PRICE = "journey.offers.ten.discount", "journey.events.buy.effects[0].purchase.value"
TO_DISCOUNTS: dict[str, Any] = {"elasticity": 2, "purchase": "buy"}
TO_PRICES = {**TO_DISCOUNTS, "reference_price": 19}


@pytest.mark.parametrize(("path", "demand"), [(DISCOUNT, TO_DISCOUNTS), (DISCOUNT, TO_PRICES), (PRICE, TO_PRICES)])
def test_size_that_demand_answers_has_neither_warning_nor_note(path: str, demand: dict[str, Any]) -> None:
    for journey in (answering(demand), answering(demand, name="visit")):
        assert list(free_value_warnings({path: RANGE}, {}, journey)) == []
        assert notes_on_sizes([path], journey) == ()


@pytest.mark.parametrize("demand", [TO_DISCOUNTS, {**TO_PRICES, "purchase": "visit"}])
def test_price_without_a_reference_or_of_another_event_keeps_warning_and_note(demand: dict[str, Any]) -> None:
    [warning] = free_value_warnings({PRICE: RANGE}, {}, answering(demand))
    assert warning.endswith("Give an event 'demand' with a 'reference_price', or fix the value.")
    assert len(notes_on_sizes([PRICE], answering(demand))) == 1


def test_margin_keeps_its_warning_under_demand() -> None:
    assert len(list(free_value_warnings({"journey.events.buy.effects[0].purchase.margin": RANGE}, {}, answering(TO_PRICES)))) == 1


def test_difference_is_noted_unless_customers_respond_in_both_scenarios() -> None:
    plain, answered = priced(19), priced(24)
    answered["journey"]["events"]["buy"]["demand"] = {"elasticity": 2, "reference_price": 19}
    assert len(notes_on_differing_sizes([plain, answered])) == 1
    plain["journey"]["events"]["buy"]["demand"] = answered["journey"]["events"]["buy"]["demand"]
    assert notes_on_differing_sizes([plain, answered]) == ()
