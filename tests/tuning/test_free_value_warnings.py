"""Warnings about free values to whose size customers do not respond."""

import pytest

from cjsim.scenario.search_space import Free, Mix
from cjsim.validate.free_value_lint import free_value_warnings

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
    assert [warning.split(": ")[0] for warning in free_value_warnings({path: RANGE}, {})] == [f"free.{path}"]


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
    assert list(free_value_warnings({path: RANGE}, {})) == []


def test_the_other_paths_of_a_free_value_are_checked() -> None:
    also = Free(low=0.1, high=0.6, also=("journey.offers.ten.discount",))
    assert len(list(free_value_warnings({"policy.flows.cart.holdout": also}, {}))) == 1


def test_the_paths_of_a_mix_are_checked() -> None:
    mix = Mix(total=1, of=("journey.offers.one.amount", "journey.offers.two.amount"))
    assert len(list(free_value_warnings({}, {"money": mix}))) == 2
