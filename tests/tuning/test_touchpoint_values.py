"""What each touchpoint contributes: on versus off, most valuable first, and those that lose money are marked."""

from pathlib import Path
from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.attribution.scenario_attribution import Touchpoint
from cjsim.errors import InputError
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Scenario
from cjsim.simulation.switching.switch_off import switch_off
from cjsim.tuning.levers.touchpoint_ranking import TouchpointRanking
from cjsim.tuning.levers.touchpoint_values import touchpoint_values

JOURNEY: dict[str, Any] = {
    "channels": {"mail": {}, "text": {"cost": 1.0}},
    "messages": {
        "news": {"channel": "mail", "open_rate": 0.9, "lift": {"opened": {"order": 3.0}}},
        "chat": {"channel": "text", "open_rate": 0.5},
    },
    "events": {"order": {"in": "anywhere", "wait": {"exponential": "9d"}, "effects": [{"purchase": {"value": 10}}]}},
}
POLICY: dict[str, Any] = {
    "flows": {
        "nag": {"on": {"event": "order"}, "steps": [{"send": "chat"}]},
        "idle": {"on": {"event": "order"}, "if": "purchases < 0", "steps": [{"send": "chat"}]},
    },
    "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}},
    "costs": {"creative": {"flows": {"nag": 12}, "messages": {"news": 6}}},
}


def scenario() -> Scenario:
    return small_scenario(journey=JOURNEY, policy=POLICY, customers=150)


@pytest.fixture(scope="module")
def ranking() -> TouchpointRanking:
    return touchpoint_values(scenario(), threads=1)


def test_the_most_valuable_comes_first_and_a_loss_is_marked(ranking: TouchpointRanking) -> None:
    kinds = [(one.kind, one.name) for one in ranking.touchpoints]
    assert set(kinds[:2]) == {("broadcast", "weekly"), ("channel", "mail")}
    assert {(one.kind, one.name) for one in ranking.touchpoints if one.loses_money} == {("flow", "nag"), ("channel", "text")}
    values = [one.metric_value.effect for one in ranking.touchpoints]
    assert values == sorted(values, reverse=True)


def test_a_value_is_the_difference_from_the_scenario_without_the_touchpoint(ranking: TouchpointRanking) -> None:
    pair = compare({"off": switch_off(scenario(), Touchpoint("flow", "nag")), "on": scenario()}, threads=1).alternatives["on"]
    found = next(one for one in ranking.touchpoints if one.name == "nag")
    assert found.metric_value == pytest.approx(pair["clv"])
    assert found.profit == pytest.approx(pair["profit"])
    assert found.cost.effect == pytest.approx(pair["cost"].effect)


def test_a_touchpoint_takes_its_creative_costs_with_it() -> None:
    for touchpoint, left in ((Touchpoint("flow", "nag"), 6), (Touchpoint("broadcast", "weekly"), 12), (Touchpoint("channel", "mail"), 12)):
        off = compare({"off": switch_off(scenario(), touchpoint), "on": scenario()}, customers=5).runs["off"]
        assert off.fixed_costs["creative"].paid == left


def test_a_touchpoint_without_effect_is_named_below_the_table(ranking: TouchpointRanking) -> None:
    assert "These change nothing: flow idle." in str(ranking)
    assert "loses money" in str(ranking)
    assert "Holm's correction for 5 touchpoints" in str(ranking).replace("\n  ", " ")


def test_files_and_json_hold_the_table(ranking: TouchpointRanking, tmp_path: Path) -> None:
    ranking.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["touchpoints.csv", "touchpoints.json"]
    assert ranking.to_json()["touchpoints"][0]["value"] == ranking.touchpoints[0].metric_value.effect
    assert len(ranking.to_pandas()) == 5


def test_an_unknown_touchpoint_is_reported() -> None:
    with pytest.raises(InputError, match="only: must be one of"):
        touchpoint_values(scenario(), only=["flow nagg"])


def test_other_customers_who_bear_the_same_fixed_costs_are_noted() -> None:
    found = touchpoint_values(scenario(), customers=20, only=["flow nag"], threads=1)
    assert "from 150 to 20, while the fixed costs (creative work) stay the same" in " ".join(found.summary().split())
    assert "Omit `customers` to keep the firm." in found.to_json()["notes"][0]


def test_the_scenarios_own_customers_need_no_note(ranking: TouchpointRanking) -> None:
    assert "notes" not in ranking.to_json()
