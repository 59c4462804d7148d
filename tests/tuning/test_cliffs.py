"""`cliffs`: the contribution of each move between stages, against closed forms and journeys without the move."""

import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.tuning.cliffs.cliff_ranking import CliffRanking
from cjsim.tuning.cliffs.find_cliffs import block, cliffs
from cjsim.validate.transitions import Transition, list_transitions
from cjsim.validate.warnings.lint import all_lint_warnings

BUYS, LEAVES, DAYS, CUSTOMERS = 0.2, 0.03, 60.0, 3000  # events per day
LEAVING = {"in": ["here"], "wait": {"exponential": f"{1 / LEAVES}d"}, "effects": [{"go": "gone"}]}
PERSONAS = {"loyal": {"share": 0.5, "speed": {"leaves": 0.2}}, "fickle": {"share": 0.5}}


def world(**journey: Any) -> Scenario:
    """Customers buy until they leave; some of them come back. Nothing else ends buying."""
    events = {
        "buys": {"in": ["here"], "wait": {"exponential": f"{1 / BUYS}d"}, "effects": [{"purchase": {"value": 10}}]},
        "leaves": LEAVING,
        "dies": {"in": ["gone"], "wait": {"exponential": "5000d"}, "effects": [{"go": "dead"}]},
    }
    stages: dict[str, Any] = {"here": {}, "gone": {}, "dead": {}}
    settings = {"horizon": f"{DAYS:.0f}d", "customers": CUSTOMERS, "discount_rate": 0}
    return small_scenario(journey={"stages": stages, "events": events} | journey, **settings)


@pytest.fixture(scope="module")
def ranking() -> CliffRanking:
    return cliffs(world(personas=PERSONAS), metric="revenue", threads=1)


def expected_days(rate: float) -> float:
    """Expected days in 'here' before the horizon, with departures at this rate."""
    return -math.expm1(-rate * DAYS) / rate


def test_a_departure_costs_the_purchases_of_the_days_after_it(ranking: CliffRanking) -> None:
    """Within 4 standard errors: with other seeds, one of the three values is further away once in 5,000 runs."""
    cliff = ranking.transitions[0]
    lost = {name: 10 * BUYS * (DAYS - expected_days(rate)) for name, rate in (("loyal", 0.2 * LEAVES), ("fickle", LEAVES))}
    assert str(cliff.transition) == "here -> gone"
    values = [(cliff.metric_value, (lost["loyal"] + lost["fickle"]) / 2)]
    values += [(one.metric_value, lost[name]) for name, one in cliff.personas.items()]
    for value, expected in values:
        assert abs(value.effect + expected) < 2 * (value.high - value.low) / 1.96  # 4 standard errors
    assert cliff.most_affected() == "fickle"
    assert sum(one.n for one in cliff.personas.values()) == CUSTOMERS


def test_the_share_is_that_of_the_customers_who_make_the_move(ranking: CliffRanking) -> None:
    share, low, high, n = ranking.transitions[0].share or (math.nan, 0.0, 0.0, 0)
    moved = float(np.mean(simulate(world(personas=PERSONAS), threads=1).outcomes.dwell[:, 0] < DAYS))
    expected = np.mean([-math.expm1(-rate * DAYS) for rate in (0.2 * LEAVES, LEAVES)])
    assert n == CUSTOMERS
    assert share == pytest.approx(moved)
    assert low < expected < high


def test_a_move_that_costs_nothing_has_no_value(ranking: CliffRanking) -> None:
    [other] = [one for one in ranking.transitions if one.transition == Transition("gone", "dead")]
    assert other.metric_value.is_identical
    assert other.share is not None and 0 < other.share.value < 0.05
    assert other.most_affected() == ""


def test_a_blocked_move_equals_a_journey_without_it() -> None:
    blocked = simulate(block(world(), Transition("here", "gone")), threads=1)
    without = simulate(world().with_values({"journey.events.leaves.effects": []}), threads=1)
    for name in ("revenue", "purchases", "clv", "stage"):
        assert blocked.outcomes.customers[name].tolist() == without.outcomes.customers[name].tolist()
    assert blocked.outcomes.dwell.tolist() == without.outcomes.dwell.tolist()


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_only_moves_from_the_stage_are_blocked(engine: Literal["compiled", "readable"]) -> None:
    events = {
        "goes": {"in": "anywhere", "wait": {"fixed": "10d"}, "effects": [{"go": "there"}, {"purchase": {"value": 1}}]},
        "moves": {"in": ["here"], "wait": {"fixed": "15d"}, "effects": [{"go": "elsewhere"}]},
    }
    stages = {"here": {"blocked": ["there"]}, "elsewhere": {}, "there": {}}
    run = simulate(small_scenario(journey={"stages": stages, "events": events}, customers=1, horizon="35d"), engine=engine)
    assert run.outcomes.dwell[0].tolist() == pytest.approx([15.0, 5.0, 15.0])  # the event of day 20 moves from 'elsewhere'
    assert run.outcomes.customers["revenue"][0] == 3


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_a_blocked_conversion_happens_once_in_a_stage(engine: Literal["compiled", "readable"]) -> None:
    """Members pay again every 10 days; without the move, the first payment is the only one until the customer returns."""
    events = {
        "joins": {"in": ["here"], "wait": {"fixed": "10d"}, "effects": [{"purchase": {"value": 1}}, {"go": "member"}]},
        "renews": {"in": ["member"], "wait": {"fixed": "10d"}, "effects": [{"purchase": {"value": 1}}]},
        "pauses": {"in": "anywhere", "wait": {"fixed": "45d"}, "effects": [{"go": "away"}]},
        "returns": {"in": ["away"], "wait": {"fixed": "5d"}, "effects": [{"go": "here"}]},
    }
    journey = {"stages": {"here": {}, "member": {}, "away": {}}, "events": events}
    scenario = small_scenario(journey=journey, customers=1, horizon="65d")
    blocked = block(scenario, Transition("here", "member"))
    assert [simulate(one, engine=engine).outcomes.customers["purchases"][0] for one in (scenario, blocked)] == [5, 2]


def test_a_conversion_has_a_positive_value() -> None:
    events = {
        "joins": {"in": ["here"], "wait": {"exponential": "8d"}, "effects": [{"purchase": {"value": 1}}, {"go": "member"}]},
        "renews": {"in": ["member"], "wait": {"exponential": "8d"}, "effects": [{"purchase": {"value": 1}}]},
    }
    journey = {"stages": {"here": {}, "member": {}}, "events": events}
    found = cliffs(small_scenario(journey=journey, customers=200, horizon="60d"), metric="revenue", threads=1)
    assert found.transitions[0].metric_value.low > 0
    assert "No move clearly worsens revenue." in str(found)


def test_moves_to_retained_stages_come_last_and_are_no_cliffs() -> None:
    """Customers buy more often as long as they are new: keeping them new would raise revenue, but is not what a cliff means."""
    events = {
        "tries": {"in": ["here"], "wait": {"exponential": "2d"}, "effects": [{"purchase": {"value": 1}}]},
        "settles": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"go": "member"}]},
        "renews": {"in": ["member"], "wait": {"exponential": "20d"}, "effects": [{"purchase": {"value": 1}}]},
        "leaves": LEAVING | {"in": ["member"]},
    }
    journey = {"stages": {"here": {}, "member": {"retained": True}, "gone": {}}, "events": events}
    found = cliffs(small_scenario(journey=journey, customers=300, horizon="60d"), metric="revenue", threads=1)
    assert [str(one.transition) for one in found.transitions] == ["member -> gone", "here -> member"]
    assert all(one.is_loss("higher") for one in found.transitions)
    assert str(found).startswith("The largest loss of revenue is at the move member -> gone")
    assert "Moves to stages that count as retained" in str(found)


def test_a_rule_without_wait_can_be_blocked() -> None:
    events = {
        "buys": {"in": "anywhere", "wait": {"fixed": "5d"}, "effects": [{"purchase": {"value": 1}}]},
        "becomes": {"in": ["here"], "wait": {"fixed": "0s"}, "when": "purchases >= 1", "effects": [{"go": "buyer"}]},
    }
    found = cliffs(small_scenario(journey={"stages": {"here": {}, "buyer": {}}, "events": events}, customers=30), threads=1)
    assert [str(one.transition) for one in found.transitions] == ["here -> buyer"]
    assert not found.failed


def test_lower_is_better() -> None:
    """Those who leave count as churned; without the move, nobody does."""
    stages = {"here": {"retained": True}, "gone": {}, "dead": {}}
    found = cliffs(world(stages=stages), metric="churn", customers=300, threads=1)
    assert " ".join(str(found).split()).startswith("The largest increase of churn is at the move here -> gone, which")


def test_shares_are_not_shown_if_customers_share_a_desk() -> None:
    """A blocked move affects the waits of other customers."""
    asks = {"asks": {"in": "anywhere", "wait": {"exponential": "5d"}, "effects": [{"ask": "help"}]}}
    desks = {"help": {"service": {"exponential": "30min"}, "patience": {"exponential": "10min"}}}
    shifts = {"desks": {"help": {"shifts": [{"agents": 1, "from": "00:00", "to": "24:00"}]}}}
    journey = {"stages": {"here": {}, "gone": {}}, "desks": desks, "events": {"leaves": LEAVING} | asks}
    found = cliffs(small_scenario(journey=journey, policy=shifts, customers=60), metric="revenue", threads=1)
    assert found.transitions[0].share is None
    header = str(found).split("----")[0].splitlines()[-1]
    assert header.split()[:2] == ["move", "revenue"]


def test_a_blocked_move_that_no_effect_makes_is_a_mistake() -> None:
    scenario = block(world(), Transition("here", "dead"))
    [warning] = [one for one in all_lint_warnings(scenario) if "blocked" in one]
    assert "no effect moves customers from 'here' to 'dead', so this blocks nothing" in warning


def test_moves_are_those_of_all_effects() -> None:
    journey = {
        "stages": {"a": {}, "b": {}, "c": {}},
        "events": {
            "first": {
                "in": ["a"],
                "wait": {"fixed": "1d"},
                "effects": [{"choose": [{"weight": 1, "effects": [{"go": "b"}, {"fire": "second"}]}]}],
            },
            "second": {"effects": [{"fire": "third"}]},
            "third": {"effects": [{"go": "c"}]},
            "ends": {"in": "anywhere", "wait": {"fixed": "9d"}, "effects": [{"go": "a"}]},
        },
    }
    found = [f"{one.origin}{one.target}" for one in list_transitions(small_scenario(journey=journey).journey)]
    assert found == ["aa", "ab", "ac", "ba", "bc", "ca"]


def test_a_move_that_ends_a_loop_cannot_be_blocked() -> None:
    events = {
        "passes": {"in": "anywhere", "wait": {"fixed": "0s"}, "when": "stage == here", "effects": [{"go": "there"}]},
        "returns": {"in": ["there"], "wait": {"fixed": "3d"}, "effects": [{"go": "here"}, {"purchase": {"value": 1}}]},
    }
    found = cliffs(small_scenario(journey={"stages": {"here": {}, "there": {}}, "events": events}, customers=20), threads=1)
    assert list(found.failed) == ["here -> there"]
    assert "here -> there could not be blocked: " in str(found) and "must not loop without advancing time" in str(found)


def test_a_journey_without_moves_is_refused() -> None:
    with pytest.raises(InputError, match="scenario: must have customers who move between stages"):
        cliffs(small_scenario(journey={"stages": {"here": {}}}))


def test_an_unknown_blocked_stage_is_reported() -> None:
    scenario = small_scenario(journey={"stages": {"here": {"blocked": ["gone"]}, "there": {}}})
    with pytest.raises(InputError, match=r"journey\.stages\.here\.blocked\[0\]: must be one of"):
        scenario.checked()


def test_the_command_prints_the_answer_and_writes_files(tmp_path: Path) -> None:
    world(personas=PERSONAS).save(tmp_path / "world.yaml")
    words = ["cliffs", str(tmp_path / "world.yaml"), "--customers", "300", "--metric", "revenue", "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    text = " ".join(found.output.split())
    assert "The largest loss of revenue is at the move here -> gone, which" in text
    assert "It is largest for the persona fickle: -6" in text
    content = json.loads((tmp_path / "out" / "cliffs.json").read_text())
    assert content["transitions"][0]["personas"][1]["persona"] == "fickle"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cliffs.csv", "cliffs.json", "cliffs.png"]
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2 and "cliffs.csv" in again.output
