"""Sample sizes for detecting a change, in simulations and in a real test."""

import json
import math
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.simulation.detectable_change import DetectableChange, NeededCustomers
from cjsim.uplift.sample_size import PlannedTest

UNKNOWN = "cannot be estimated: too few of the 40 simulated customers differ"


def shop(order_every: str, *, customers: int = 2000, **settings: Any) -> cj.Scenario:
    order = {"in": ["active"], "wait": {"exponential": order_every}, "effects": [{"purchase": {"value": 10}}]}
    journey = {"name": "shop", "starts_in": "active", "stages": {"active": {}}, "events": {"order": order}}
    base = {"name": "shop", "start": "2026-01-05", "horizon": "30d", "customers": customers, "journey": journey, "policy": {"name": "none"}}
    return cj.Scenario.from_dict(base | settings)


def comparison(customers: int, *, seed: int = 1) -> cj.Comparison:
    return cj.compare({"shop": shop("10d"), "sooner": shop("9.5d")}, customers=customers, seed=seed)


def detection(customers: int, *, seed: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = comparison(customers, seed=seed).to_json(detect=0.02, metrics=["revenue"])["detect"]
    return found


@pytest.fixture(scope="module")
def large() -> dict[str, Any]:
    return detection(20_000)


@pytest.fixture(scope="module")
def small() -> list[dict[str, Any]]:
    return [detection(500, seed=seed) for seed in range(20)]


def test_customers_per_group_are_those_of_the_closed_form() -> None:
    found = comparison(2000)
    revenue = [run.outcomes.customers["revenue"] for run in found.runs.values()]
    deviation = math.sqrt(np.mean([values.var(ddof=1) for values in revenue]))
    planned = PlannedTest(mean=float(revenue[0].mean()), standard_deviation=deviation).sample_size(0.02 * float(revenue[0].mean()))
    needed = found.to_json(detect=0.02, metrics=["revenue"])["detect"]["per_group"]["value"]
    assert needed == pytest.approx(planned.control, rel=1e-3)


def test_replications_that_are_needed_are_those_of_a_t_test_with_80_percent_power() -> None:
    from scipy.stats import nct, t

    found = cj.compare({"shop": shop("10d"), "sooner": shop("9.5d")}, customers=40, replications=6)
    differences = np.array([one.metrics["revenue"].value for one in found.runs["sooner"].replications])
    differences -= [one.metrics["revenue"].value for one in found.runs["shop"].replications]
    detected = found.to_json(detect=0.02, metrics=["revenue"])["detect"]
    number = math.ceil(detected["replications"]["value"])
    shift = detected["size"] / differences.std(ddof=1) * math.sqrt(number)
    assert 1 - nct.cdf(t.ppf(0.975, number - 1), number - 1, shift) == pytest.approx(0.8, abs=0.02)
    assert detected["size"] == pytest.approx(0.02 * found.alternatives["sooner"]["revenue"].baseline)
    assert detected["simulated"]["value"] is None
    assert "replications of this firm, paired as here, or" in " ".join(found.summary(metrics=["revenue"], detect=0.02).split())


def test_effects_by_customer_are_those_of_the_first_replication() -> None:
    found = cj.compare({"shop": shop("10d"), "sooner": shop("5d")}, customers=20, replications=2)
    alone = cj.compare({"shop": shop("10d"), "sooner": shop("5d")}, customers=20, replications=1)
    mean = found.effects("sooner", "revenue")["effect"].mean()
    assert mean == pytest.approx(alone.alternatives["sooner"]["revenue"].effect)
    assert mean != pytest.approx(found.alternatives["sooner"]["revenue"].effect)


def test_rehearse_needs_the_same_customers_per_group_for_an_effect_of_this_size() -> None:
    settings = cj.RehearsalSettings(runs=10, analyses=(FixedHorizon(),))
    base, other = shop("10d"), shop("9.5d")
    design = (
        cj.rehearse(base, {"sooner": other}, metric="revenue", sizes=[100], days=[30], settings=settings).alternatives["sooner"].designs[0]
    )
    found = cj.compare({"shop": base, "sooner": other})
    relative = abs(found.alternatives["sooner"]["revenue"].relative)
    needed = found.to_json(detect=relative, metrics=["revenue"])["detect"]["per_group"]["value"]
    assert needed == pytest.approx(design.needed_size / 2, rel=0.01)


@pytest.mark.parametrize("kind", ["simulated", "per_group"])
def test_estimates_from_few_customers_contain_that_from_many_in_their_intervals(
    kind: str, large: dict[str, Any], small: list[dict[str, Any]]
) -> None:
    hits = sum(one[kind]["low"] <= large[kind]["value"] <= one[kind]["high"] for one in small)
    assert hits >= 16  # of 20; the probability of fewer is 0.3 % at a coverage of 95 %


def test_paired_simulations_need_fewer_customers_than_a_real_test(large: dict[str, Any]) -> None:
    assert large["simulated"]["value"] < large["per_group"]["value"]


def test_numbers_from_too_few_differing_customers_are_unknown() -> None:
    base = shop("10d", customers=40)
    found = cj.compare({"shop": base, "other": shop("4000d", customers=40)}).to_json(detect=0.01, metrics=["revenue"])["detect"]
    few = cj.compare({"rare": shop("300d", customers=40), "rarer": shop("310d", customers=40)})
    assert found["customers"] == 40 and UNKNOWN in " ".join(few.summary(metrics=["revenue"], detect=0.01).split())


def test_json_of_the_command_has_the_numbers() -> None:
    files = [str(ROOT / "configs" / "scenarios" / name) for name in ("shop.yaml", "shop_better.yaml")]
    found = json.loads(CliRunner().invoke(app, ["compare", *files, "--customers", "300", "--detect", "1%", "--json"]).stdout)["detect"]
    assert set(found) == {"metric", "change", "size", "customers", "simulated", "per_group"} and found["metric"] == "clv"


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(InputError, match=r"^metrics: must be one of .*, got 'clw'"):
        comparison(40).to_json(detect=0.01, metrics=["clw"])


def test_plain_values_name_the_interval() -> None:
    detection = DetectableChange("clv", 0.01, 0.4, NeededCustomers(2, 1, 3), NeededCustomers(20, 10, 30), 100)
    assert detection.to_json()["per_group"] == {"value": 20, "low": 10, "high": 30}
