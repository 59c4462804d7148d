"""`cjsim rehearse`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from output_files import unnamed_files
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app

SHOP, BETTER = (str(ROOT / "configs" / "scenarios" / name) for name in ("shop.yaml", "shop_better.yaml"))
SMALL = ("--customers", "2000", "--runs", "100", "--set", "horizon=60d")
DESIGN = ("--metric", "revenue", "--sizes", "400,1000", "--days", "14,28")


def invoke(*options: str) -> Any:
    return CliRunner().invoke(app, ["rehearse", SHOP, BETTER, *options])


@pytest.fixture(scope="module")
def content() -> Any:
    return json.loads(invoke(*DESIGN, *SMALL, "--json").stdout)


def test_json_has_the_documented_keys(content: Any) -> None:
    assert {"metric", "truth", "designs", "recommended", "mode"} <= set(content) and content["mode"] == "reuse"


def test_json_is_that_of_the_function(content: Any) -> None:
    values = {"customers": 2000, "horizon": "60d"}
    base, other = (cj.Scenario.load(file).with_values(values) for file in (SHOP, BETTER))
    settings = cj.RehearsalSettings(runs=100)
    found = cj.rehearse(base, {other.name: other}, metric="revenue", sizes=[400, 1000], days=[14, 28], settings=settings)
    assert content == found.to_json()


def test_text_starts_with_the_recommendation() -> None:
    found = invoke(*DESIGN, *SMALL)
    assert found.exit_code == 0, found.stderr
    assert found.stdout.split("\n\n")[1].startswith("No design is recommended: ")


def test_enrollment_rate_gives_the_days_to_enroll() -> None:
    designs = json.loads(invoke(*DESIGN, *SMALL, "--enroll", "50", "--json").stdout)["designs"]
    assert {design["size"]: design["enrollment_days"] for design in designs} == {400: 8, 1000: 20}


def test_a_scenario_that_is_given_twice_is_refused() -> None:
    found = CliRunner().invoke(app, ["rehearse", SHOP, SHOP, *DESIGN])
    assert found.exit_code == 2
    assert found.stderr == f"rehearse: must be given different scenarios, got {SHOP} twice. Give each scenario once.\n"


def test_share_can_be_a_percentage() -> None:
    designs = json.loads(invoke(*DESIGN, *SMALL, "--share", "20%", "--json").stdout)["designs"]
    assert {design["share"] for design in designs} == {0.2}


def test_repeated_sizes_and_days_count_once() -> None:
    designs = json.loads(invoke("--metric", "revenue", "--sizes", "400,400", "--days", "14,14d", *SMALL, "--json").stdout)["designs"]
    assert len({design["analysis"] for design in designs}) == len(designs)


def test_date_switches_customers_in_mid_journey() -> None:
    # Not shop_better: its guardrails and costs differ, which customers of a mixed test share.
    less = str(ROOT / "configs" / "scenarios" / "shop_less_mail.yaml")
    result = CliRunner().invoke(app, ["rehearse", SHOP, less, *DESIGN, *SMALL, "--from", "2026-02-01", "--json"])
    found = json.loads(result.stdout)
    assert found["from"] == "2026-02-01" and found["truth"]["effect"] != 0


def test_ramp_divides_the_customers_of_each_design_by_phase() -> None:
    found = json.loads(invoke(*DESIGN, *SMALL, "--enroll", "50", "--ramp", "0d=10%, 4d=0.5", "--json").stdout)["ramp"]
    phases = {test["size"]: [(one["from_day"], one["share"], one["customers"]) for one in test["phases"]] for test in found}
    assert phases == {400: [(0, 0.1, 200), (4, 0.5, 200)], 1000: [(0, 0.1, 200), (4, 0.5, 800)]}


def test_guardrail_is_reported_for_each_design() -> None:
    found = json.loads(invoke(*DESIGN, *SMALL, "--guardrail", "opt_outs=0.05", "--json").stdout)["guardrails"]
    assert [list(one["metrics"]) for one in found] == [["opt_outs"]] * 4


def test_guardrail_without_a_margin_has_that_of_5_percent_after_the_days_of_the_test() -> None:
    found = json.loads(invoke(*DESIGN, *SMALL, "--guardrail", "contacts", "--json").stdout)["guardrails"][0]
    base = cj.Scenario.load(SHOP).with_values({"customers": 2000, "horizon": "60d"})
    assert found["metrics"]["contacts"]["margin"] == pytest.approx(0.05 * cj.simulate(base, follow_up_days=14).metrics["contacts"].value)


def test_a_margin_can_be_relative_and_is_printed() -> None:
    text = " ".join(invoke(*DESIGN, *SMALL, "--guardrail", "contacts=10%", "--guardrail", "opt_outs").stdout.split())
    assert re.search(r"contacts \(margin [\d.]+, 10 % of the baseline\) in", text), text
    assert re.search(r"opt_outs \(margin [\d.]+, 5 % of the baseline, the default\) in", text), text


def test_folder_has_the_report_with_the_figure(tmp_path: Path) -> None:
    assert invoke(*DESIGN, *SMALL, "--out", str(tmp_path)).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"designs.csv", "power.png", "rehearsal.json", "report.md"}
    assert unnamed_files(tmp_path, "rehearse") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "revenu"), "metric: .* Did you mean 'revenue'"),
        (("--sizes", "3000"), "sizes: must be at most the 2,000 simulated customers, got 3,000"),
        (("--sizes", "many"), "--sizes: must be whole numbers separated by commas, got 'many'"),
        (("--share", "1.5"), "share: must be above 0 and below 1, got 1.5"),
        (("--days", "90"), "days: must be above 0 and at most the horizon, 60 days, got 90"),
        (("--days", "0"), "days: must be a number of days above 0, got 0"),
        (("--trigger", "odrer"), "trigger: .* Did you mean 'order'"),
        (("--trigger", "order"), r"trigger 'order': must be reached at the same time under both policies, got \d+\.\d\d % of customers"),
        (("--from", "soon"), "--from: must be 'entry' or a date, got 'soon'"),
        (("--from", "2027-01-01"), "from: must be after the start and before the horizon"),
        (("--ramp", "0d=5%,soon"), "--ramp: must be DAY=SHARE pairs separated by commas, got 'soon'"),
        (("--ramp", "0d=5%,7d=120%"), "ramp: must have shares above 0 and below 1, got 1.2"),
        (("--ramp", "0d=5%", "--from", "2026-02-01"), "ramp: must be omitted if all customers enroll on one date, 2026-02-01, got 1 phase"),
        (("--share", "0.3,0.7"), "--share: must be one fraction or percentage, got '0.3,0.7'"),
        (("--enroll", "0"), "--enroll: must be a finite number above 0"),
        (("--enroll", "50,60"), "--enroll: must be one number, got '50,60'"),
        (("--guardrail", "opt_outs=inf"), "--guardrail: must be METRIC=MARGIN with a finite margin above 0, got 'opt_outs=inf'"),
        (("--guardrail", "opt_out"), "guardrail: .* Did you mean 'opt_outs'"),
        (("--guardrail", "opt_outs=-1"), "--guardrail: must be METRIC=MARGIN"),
        (("--runs", "1"), "--runs: must be from 2 to 1,000,000"),
    ],
)
def test_wrong_option_exits_with_2_and_one_line(options: tuple[str, ...], message: str) -> None:
    found = invoke(*DESIGN, *SMALL, *options)
    assert found.exit_code == 2 and len(found.stderr.splitlines()) == 1
    assert re.search(message, found.stderr), found.stderr
