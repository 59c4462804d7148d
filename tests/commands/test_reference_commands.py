"""The commands `explain` and `metrics`: what they print, and their errors."""

import json
import re
from typing import Any

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def test_explain_prints_meaning_type_default_and_example() -> None:
    lines = invoke("explain", "policy.guardrails.caps[0].at_most").stdout.splitlines()
    assert lines == [
        "policy.guardrails.caps[0].at_most",
        "  Largest number of deliveries to one customer in a period.",
        "",
        "  type:     whole number from 0 to 1,000",
        "  required: yes",
        "  example:  at_most: 3",
    ]


def test_explain_prints_the_default_of_an_optional_field() -> None:
    assert "  default:  3d" in invoke("explain", "journey.events.visit.half_life").stdout.splitlines()


def test_explain_lists_the_kinds_of_a_family() -> None:
    output = invoke("explain", "policy.flows.cart.steps").stdout
    assert "\nKinds:\n  send        Sends a message.\n  wait        Waits for a fixed time.\n" in output


def test_explain_lists_the_fields_of_a_record() -> None:
    output = invoke("explain", "policy.flows.*").stdout
    assert "\nFields:\n  title        Title shown in output.\n  on           What starts the flow. Required.\n" in output


def test_explain_continues_descriptions_under_their_beginning() -> None:
    lines = invoke("explain", "journey").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(re.match(r" {22}\w", line) for line in lines)


def test_explain_json_is_one_object() -> None:
    content = json.loads(invoke("explain", "policy.flows.*.on", "--json").stdout)
    assert content["path"] == "policy.flows.*.on"
    assert [kind["name"] for kind in content["kinds"]][:2] == ["event", "stage"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("polcy.flows", "explain: must be the path of a field, got 'polcy'. Did you mean 'policy'?"),
        ("policy.flws", "explain: must be the path of a field, got 'policy.flws'. Did you mean 'policy.flows'?"),
        (
            "policy.guardrails.gaps[0].xyz",
            "explain: must be the path of a field, got 'policy.guardrails.gaps[0].xyz'. "
            "The keys of 'policy.guardrails.gaps[0]' are: channels, then, drop_after, at_least.",
        ),
        (
            "policy..flows",
            "explain: must be a path such as policy.flows.*.steps, got 'policy..flows'. "
            "Begin with the kind of document, and separate the keys with dots.",
        ),
    ],
)
def test_explain_rejects_an_unknown_path(path: str, message: str) -> None:
    result = invoke("explain", path)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")


def test_help_lists_explain_after_schema() -> None:
    assert re.search(r"\n  schema .*\n(?:   .*\n)*  explain ", invoke("--help").stdout)


def metrics_of(*arguments: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(invoke("metrics", *arguments, "--json").stdout)["metrics"]}


def test_metrics_without_a_scenario_have_placeholders() -> None:
    assert {"open_rate[CHANNEL]", "stage_days[STAGE]", "wait[DESK]", "cac[ACQUISITION]"} <= metrics_of().keys()


def test_metrics_of_a_scenario_have_its_names() -> None:
    assert {"contacts[email]", "stage_days[active]"} <= metrics_of(str(ROOT / "tests" / "worlds" / "tiny.yaml")).keys()


@pytest.mark.parametrize(
    ("name", "denominator"),
    [
        ("clv", "customers who entered"),
        ("click_rate", "opens"),
        ("sla_kept", "closed requests"),
        ("out_of_hours", "requests"),
        ("profit", None),
    ],
)
def test_metrics_name_their_denominators(name: str, denominator: str | None) -> None:
    assert metrics_of()[name]["denominator"] == denominator


def test_metrics_prints_definitions_with_other_denominators() -> None:
    output = " ".join(invoke("metrics").stdout.split())
    assert "click_rate share higher clicks per open (divided by opens)" in output
    assert (
        "conversion share higher customers who converted (divided by customers who had not converted before day 0) retention_30d" in output
    )
    assert "total_clv money higher customer lifetime value of all customers, from entry to the horizon or value horizon (a total)" in output


def test_metrics_table_fits_the_terminal() -> None:
    assert max(map(len, invoke("metrics").stdout.splitlines())) <= 100


def test_metrics_rejects_a_file_that_does_not_exist() -> None:
    result = invoke("metrics", "none.yaml")
    assert (result.exit_code, result.stderr) == (2, "none.yaml: must be a readable file, got a path that does not exist. Check the path.\n")


def test_explain_describes_conditions() -> None:
    output = " ".join(invoke("explain", "condition").stdout.split())
    assert "Durations are text in quotes, such as '36h'" in output
    assert "days_since(EVENT), days_since_purchase days; infinite if it never happened" in output


def test_help_on_a_condition_shows_several_examples_and_points_to_the_reference() -> None:
    output = " ".join(invoke("explain", "policy.broadcasts.*.if").stdout.split())
    assert "if: purchases >= 1; stage in [active, lapsed] and not tagged(vip); days_since(visit) > '30d'" in output
    assert "cjsim explain condition" in output


def test_help_on_conditions_fits_the_terminal() -> None:
    assert max(map(len, invoke("explain", "condition").stdout.splitlines())) <= 100


def test_explain_uses_the_plural_of_nested_mappings() -> None:
    assert "mapping from names to mappings from names to numbers of at least 0" in invoke("explain", "journey.attributes").stdout
