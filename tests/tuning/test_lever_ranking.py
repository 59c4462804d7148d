"""Lists below a lever ranking: what is best for its cost, and what lowers a mean through growth."""

import math
from types import MappingProxyType
from typing import Any

import pytest

from cjsim.metrics.multiple_testing import p_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.tuning.levers.moves import Move
from cjsim.tuning.levers.ranking import LeverRanking
from cjsim.tuning.levers.ranking_data import LeverEffect


def clear(effect: float) -> PairedDifference:
    return PairedDifference(10.0, 10.0 + effect, effect, effect - 0.01, effect + 0.01, 5.0)


def lever(name: str, effect: float, cost: float, profit: float = 0.5) -> LeverEffect:
    return LeverEffect(Move(name, name, "number", 1, 2, {}), clear(effect), clear(cost), clear(profit), False, True, 1e-9, True)


def ranking(*levers: LeverEffect, better: Any = "higher", has_new_customers: bool = True) -> LeverRanking:
    return LeverRanking(
        scenario="s",
        metric="clv",
        unit="money",
        title="value",
        has_selected_denominator=False,
        better=better,
        has_new_customers=has_new_customers,
        baseline=10.0,
        customers=100,
        seed=1,
        has_shared_resources=False,
        levers=levers,
        refusal_reasons=MappingProxyType({}),
        digest="",
        seconds=0.0,
    )


def test_no_loss_is_best_for_its_cost() -> None:
    found = ranking(lever("dear", 1.0, 2.0), lever("loss", -3.0, -0.1), lever("waste", -1.0, 1.0)).by_effect_per_cost()
    assert [one.move.path for one in found] == ["dear"]


def test_no_move_that_clearly_lowers_profit_is_best_for_its_cost() -> None:
    assert ranking(lever("growth", 1.0, 0.1, profit=-0.07)).by_effect_per_cost() == []


def test_no_move_with_an_unreliable_interval_is_best_for_its_cost() -> None:
    rough = lever("rare", 1.0, 0.1)._replace(has_unreliable_interval=True)
    assert ranking(rough).by_effect_per_cost() == []


def test_improvements_that_save_cost_come_first() -> None:
    found = ranking(lever("cheap", 1.0, 0.1), lever("saves", 0.5, -1.0), lever("dear", 1.0, 2.0)).by_effect_per_cost()
    assert [one.move.path for one in found] == ["saves", "cheap", "dear"]


def test_an_improvement_of_a_metric_that_should_be_low_is_a_fall() -> None:
    found = ranking(lever("rise", 1.0, 0.1), lever("fall", -1.0, 0.1), better="lower").by_effect_per_cost()
    assert [one.move.path for one in found] == ["fall"]


def test_a_fall_of_the_mean_through_growth_is_named() -> None:
    found = ranking(lever("spend", -3.7, 5.0, profit=11_060), lever("harm", -1.0, 0.2, profit=-400))
    assert [one.move.path for one in found.growing_moves()] == ["spend"]
    assert "These moves lower clv per customer through growth, but raise total profit:\n  spend, 1 -> 2: -3.70, but profit +11,060" in str(
        found
    )


@pytest.mark.parametrize(("has_new_customers", "is_shown"), [(True, True), (False, False)])
def test_profit_is_shown_with_the_mean_where_customers_can_be_acquired(has_new_customers: bool, is_shown: bool) -> None:
    assert ("profit" in str(ranking(lever("a", 1.0, 1.0), has_new_customers=has_new_customers))) == is_shown


def test_a_rounding_error_is_never_significant() -> None:
    tiny = 1e-15
    assert not PairedDifference(10.0, 10.0 + tiny, tiny, tiny / 2, 2 * tiny, 5.0).is_significant


ROUNDING = PairedDifference(20.0, 20.0 + 4e-15, 4e-15, 4e-15, 4e-15, float("nan"))
TINY = PairedDifference(13.75, 13.75 + 8.7e-8, 8.7e-8, 3.5e-8, 1.4e-7, 1e6)  # some payments are discounted for a few seconds less
NOTHING = PairedDifference(1.0, 1.0, 0.0, 0.0, 0.0, float("nan"))


def test_rounding_error_without_variance_is_not_significant() -> None:
    assert p_value(ROUNDING) == 1.0 and not ROUNDING.is_significant and ROUNDING.is_identical


def test_an_effect_that_is_the_same_for_all_customers_is_significant() -> None:
    assert p_value(PairedDifference(20.0, 21.0, 1.0, 1.0, 1.0, float("nan"))) == 0.0


def test_moves_that_change_no_amount_stand_below_the_table() -> None:
    move = Move("delay", "delay", "number", 1, 2, {})
    same = LeverEffect(move, TINY, NOTHING, NOTHING, False, True, p_value(TINY), True)
    text = ranking(lever("spend", 1.0, 0.1), same).summary(full=True)
    assert "Moves that affect clv, cost and profit by less than a millionth: delay -> 2." in text and text.count("delay") == 1


def test_negligible_effect_of_a_move_that_costs_something_has_no_stars() -> None:
    move = Move("delay", "delay", "number", 1, 2, {})
    text = ranking(LeverEffect(move, TINY, clear(0.5), NOTHING, False, True, p_value(TINY), True)).summary(full=True)
    row = next(line for line in text.splitlines() if line.startswith("delay"))
    assert "negligible" in row and "**" not in row


def test_effect_per_cost_is_given_only_where_the_cost_rises() -> None:
    dear, saving = lever("dear", 1.0, 2.0), lever("saving", -1.0, -2.0)
    assert dear.effect_per_cost == 0.5 and math.isnan(saving.effect_per_cost)
