"""`assumptions`: the difference between scenarios without assumed effects of messages, with half and with double."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from small_scenarios import small_scenario
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.tuning.assumptions.assumed_effects import assumed_effects, message_effects, scale_effects
from cjsim.tuning.assumptions.assumption_check import FACTORS, AssumptionCheck

RATE, HALF_LIFE, LIFT, DAY, DAYS, CUSTOMERS = 0.05, 4.0, 1.5, 10, 60.0, 4000  # purchases and times per day
SALE = {"channel": "mail", "open_rate": 0.5, "lift": {"delivered": {"buys": LIFT}}}
ONCE = {"sale": {"schedule": {"dates": ["2026-01-15"], "at": "00:00"}, "send": "sale"}}  # on day 10


def world(*, source: Any = "assumed", contact_lift: float = 0.0, **message: Any) -> Scenario:
    """Customers buy at a constant rate. A message on day 10, if it is sent, raises it."""
    return small_scenario(
        journey={
            "stages": {"here": {}},
            "personas": {"usual": {"share": 1, "contact_lift": {"buys": contact_lift}}},
            "events": {
                "buys": {
                    "in": ["here"],
                    "wait": {"exponential": f"{1 / RATE:g}d"},
                    "half_life": f"{HALF_LIFE:g}d",
                    "effects": [{"purchase": {"value": 10}}],
                }
            },
            "channels": {"mail": {}},
            "messages": {"sale": SALE | message},
            "sources": {
                "personas": "assumed",
                "events": "assumed",
                "channels": "assumed",
                "messages": "assumed",
                "messages.sale.lift": source,
            },
        },
        horizon=f"{DAYS:.0f}d",
        customers=CUSTOMERS,
        discount_rate=0,
    )


def sent(scenario: Scenario) -> Scenario:
    return scenario.with_values({"name": "sent", "policy.broadcasts": ONCE})


def check(scenario: Scenario, **options: Any) -> AssumptionCheck:
    return cj.assumptions(scenario, sent(scenario), metric="revenue", threads=1, **options)


def expected_revenue(lift: float) -> float:
    """Extra revenue per customer: the integral of the decaying lift until the horizon."""
    tau = HALF_LIFE / math.log(2)
    return 10 * RATE * lift * tau * -math.expm1(-(DAYS - DAY) / tau)


@pytest.fixture(scope="module")
def found() -> AssumptionCheck:
    return check(world())


def test_the_difference_is_proportional_to_the_assumed_lift(found: AssumptionCheck) -> None:
    """Within 4 standard errors: with other seeds, one of the three is further away once in 5,000 runs."""
    for factor in (0.5, 1.0, 2.0):
        effect = found.effects[factor]
        assert abs(effect.effect - expected_revenue(factor * LIFT)) < 2 * (effect.high - effect.low) / 1.96
        assert effect.is_significant
    assert found.effects[0.0].is_identical


@pytest.mark.parametrize("factor", FACTORS)
def test_each_row_equals_a_comparison_with_the_lifts_written_out(found: AssumptionCheck, factor: float) -> None:
    written = world(lift={"delivered": {"buys": LIFT * factor}})
    assert found.effects[factor] == cj.compare({"none": written, "sent": sent(written)}, threads=1).alternatives["sent"]["revenue"]


@pytest.mark.parametrize("kind", ["experiment", "primary", "secondary", "claim", "data", "fitted"])
def test_effects_with_a_source_are_not_changed(kind: str) -> None:
    scenario = world(source={kind: "a trial of 10,000 customers"}, contact_lift=0.2)
    assert set(message_effects(scenario).values()) == {kind, "assumed"}
    assert assumed_effects(scenario) == ["journey.personas.usual.contact_lift.buys"]


def test_without_assumed_effects_there_is_one_row() -> None:
    found = check(world(source={"experiment": "a trial"}).with_values({"journey.personas.usual.contact_lift": {}}))
    assert (found.n_effects, found.n_assumed, list(found.effects)) == (1, 0, [1.0])
    assert "0 of 1 effects of messages are assumed. The change of revenue (+" in found.summary()
    assert "does not depend on such assumptions" in found.summary().replace("\n  ", " ")


def test_effects_without_a_source_count_as_assumed() -> None:
    scenario = world().with_values({"journey.sources": {}})
    assert "journey.messages.sale.lift.delivered.buys" in assumed_effects(scenario)


def test_scaled_effects_stay_in_their_range() -> None:
    scenario = world(lift={"delivered": {"buys": -0.8}, "opened": {"buys": 800}}, contact_lift=0.3)
    scaled = scale_effects(scenario, assumed_effects(scenario), 2.0).to_dict()["journey"]
    assert scaled["messages"]["sale"]["lift"] == {"delivered": {"buys": -1.0}, "opened": {"buys": 1000.0}}
    assert scaled["personas"]["usual"]["contact_lift"] == {"buys": 0.6}


def test_sways_are_scaled() -> None:
    choice = {"choose": [{"name": "skip", "weight": 0.2}, {"weight": 0.8, "effects": [{"purchase": {"value": 10}}]}]}
    scenario = world(lift={}).with_values(
        {"journey.events.buys.effects": [choice], "journey.messages.sale.sway": {"opened": {"buys": {"skip": -30}}}}
    )
    scaled = scale_effects(scenario, assumed_effects(scenario), 2.0).to_dict()["journey"]
    assert scaled["messages"]["sale"]["sway"] == {"opened": {"buys": {"skip": -50.0}}}


def test_the_answer_names_the_strengths_at_which_the_difference_is_unclear(found: AssumptionCheck) -> None:
    assert "is not clear without them" in found.summary().replace("\n  ", " ")
    harmful = world(source={"experiment": "a trial"}, contact_lift=-0.9)
    text = check(harmful.with_values({"journey.messages.sale.lift.delivered.buys": 0.5})).summary().replace("\n  ", " ")
    assert "is reversed without them" in text


def test_an_unclear_difference_is_called_unclear() -> None:
    none = world(lift={"delivered": {"buys": 0.0001}})
    found = cj.assumptions(none, sent(none), metric="revenue", customers=50, threads=1)
    assert "'sent' does not clearly change revenue, whatever their size." in found.summary()


def test_json_csv_and_text_agree(found: AssumptionCheck, tmp_path: Path) -> None:
    found.save(tmp_path)
    saved = json.loads((tmp_path / "assumptions.json").read_text())
    assert [row["factor"] for row in saved["effects"]] == list(FACTORS)
    assert [row["effect"] for row in saved["effects"]] == [effect.effect for effect in found.effects.values()]
    assert found.to_pandas()["effect"].tolist() == [effect.effect for effect in found.effects.values()]
    assert (tmp_path / "assumptions.csv").read_text().count("\n") == 1 + len(FACTORS)


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    scenario = world()
    with pytest.raises(InputError, match="Did you mean 'revenue'"):
        cj.assumptions(scenario, sent(scenario), metric="revenu", customers=10)
    result = CliRunner().invoke(app, ["assumptions", "shop", "shop"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Give two different scenarios." in result.stderr
    assert CliRunner().invoke(app, ["assumptions", "shop", str(tmp_path / "missing.yaml")]).exit_code == 2
