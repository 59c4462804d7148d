"""Levers: known effects, levers without effect, significance, and the command with its files.

Seeds are fixed. With random seeds, the tests of known effects would fail with a probability of 1 in 16,000 for each move (4 standard
errors), less than 1 in 500 in total; all other tests are exact.
"""

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from output_files import unnamed_files
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.manifest import Manifest
from cjsim.metrics.confidence_intervals import is_too_skewed
from cjsim.metrics.multiple_testing import holm
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.rank import levers
from cjsim.tuning.levers.ranking import LeverRanking
from cjsim.tuning.levers.ranking_data import LeverEffect
from cjsim.tuning.levers.tornado import TORNADO_FIGURE, tornado_data

sys.path.insert(0, str(ROOT / "experiments"))
import e14_levers as e14


@pytest.fixture(scope="module")
def known_levers() -> LeverRanking:
    return levers(e14.lever_scenario(), metric="revenue", customers=1_000, seed=3)


def lever_at(found: LeverRanking, path: str, after: Any) -> LeverEffect:
    return next(lever for lever in found.levers if (lever.move.path, lever.move.after) == (path, after))


def test_every_known_effect_is_within_four_standard_errors(known_levers: LeverRanking) -> None:
    true = e14.true_effects()
    assert {e14.move_key(lever) for lever in known_levers.levers} == set(true)
    for lever in known_levers.levers:
        half = (lever.metric_effect.high - lever.metric_effect.low) / 2
        assert abs(lever.metric_effect.effect - true[e14.move_key(lever)]) <= 4 / 1.96 * half, lever.move


def test_levers_are_sorted_by_effect_size(known_levers: LeverRanking) -> None:
    sizes = [abs(lever.metric_effect.effect) for lever in known_levers.levers]
    assert sizes == sorted(sizes, reverse=True)
    assert e14.levers_by_effect({e14.move_key(lever): lever.metric_effect.effect for lever in known_levers.levers})[:2] == [
        "policy.broadcasts.letters",
        "policy.broadcasts.tips",
    ]


def test_lever_effect_equals_that_of_a_comparison(known_levers: LeverRanking) -> None:
    world = e14.lever_scenario()
    lever = lever_at(known_levers, "policy.guardrails.caps[0].at_most", 1)
    found = compare({"now": world, "then": world.with_values(lever.move.values)}, customers=1_000, seed=3).alternatives["then"]
    assert (lever.metric_effect, lever.cost_effect) == (found["revenue"], found["cost"])
    assert found["cost"].effect < 0 and math.isnan(lever.effect_per_cost)


def test_levers_without_effect_are_not_significant(known_levers: LeverRanking) -> None:
    hour = lever_at(known_levers, "policy.broadcasts.letters.schedule.at", "08:00")
    assert (hour.metric_effect.effect, hour.metric_effect.low, hour.metric_effect.high, hour.p_value) == (0, 0, 0, 1)
    assert not any(lever.is_significant_after_holm for lever in known_levers.levers if e14.true_effects()[e14.move_key(lever)] == 0)
    assert lever_at(known_levers, "policy.broadcasts.letters", "off").is_significant_after_holm


def test_number_of_affected_customers_is_reported() -> None:
    world = e14.lever_scenario().with_values({"policy.guardrails.gaps": [{"at_least": "1min", "channels": ["text"]}]})
    found = levers(world, metric="revenue", customers=200, only=["policy.guardrails.gaps", "policy.guardrails.caps"])
    assert [lever.changes_any_customer for lever in found.levers] == [True] * 4 + [False] * 2
    assert "Moves that affect no customer: gap text: length -> 30s; gap text: length -> 2min." in str(found)


def test_staffing_levers_affect_all_customers_charged_for_wages() -> None:
    journey = {
        "name": "j",
        "starts_in": "here",
        "stages": {"here": {}},
        "events": {"asks": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"ask": "help"}]}},
        "desks": {"help": {"service": {"fixed": "5min"}}},
    }
    policy = {"name": "p", "desks": {"help": {"shifts": [{"agents": 1000, "wage_per_hour": 10}]}}}
    world = Scenario.from_dict({"name": "s", "journey": journey, "policy": policy, "start": "2026-01-05", "horizon": "2d"})
    found = levers(world, metric="cost", customers=20, only=["policy.desks.help.shifts"])
    dearer = lever_at(found, "policy.desks.help.shifts[0].wage_per_hour", 12)
    assert dearer.metric_effect.effect == pytest.approx(2 * 1000 * 48 / 20)
    assert dearer.changes_any_customer and dearer.is_significant_after_holm
    assert "Nobody is touched" not in str(found) and "for their money" not in str(found)
    assert " 1000  " in str(found) and "first" not in str(found)  # people, not a priority


def test_thread_count_does_not_change_levers() -> None:
    one, two = (levers(e14.lever_scenario(), metric="clv", customers=300, only=["policy.flows"], threads=threads) for threads in (1, 2))
    assert one.to_json() == two.to_json()
    assert one.digest == two.digest


def test_move_that_fails_validation_is_skipped_and_reported() -> None:
    journey = {
        "name": "j",
        "starts_in": "here",
        "stages": {"here": {}},
        "events": {"asks": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"ask": "help"}]}},
        "desks": {"help": {"service": {"fixed": "5min"}}},
    }
    policy = {"name": "p", "desks": {"help": {"agents": 1, "cost_per_minute": 2}}}
    world = Scenario.from_dict({"name": "s", "journey": journey, "policy": policy, "start": "2026-01-05", "horizon": "30d"})
    found = levers(world, metric="cost", customers=50)
    assert list(found.refusal_reasons) == ["policy.desks.help.shifts[0].agents: 0"]
    assert "must have staff" in found.refusal_reasons["policy.desks.help.shifts[0].agents: 0"]
    assert found.has_shared_resources
    assert "1 move was skipped" in str(found)


def test_other_scenario_counts_as_one_lever() -> None:
    world = e14.lever_scenario()
    other = world.with_values({"policy.broadcasts.letters.if": "day < 0"})
    found = levers(world, metric="revenue", customers=200, only=["policy.broadcasts.letters"], also={"no letters": other})
    first, second = found.levers[:2]
    assert {first.move.path, second.move.path} == {"no letters", "policy.broadcasts.letters"}
    assert first.metric_effect == second.metric_effect
    with pytest.raises(InputError, match="must have the same horizon as 'planted'"):
        levers(world, metric="revenue", also={"shorter": world.with_values({"horizon": "30d"})})


def test_journey_levers_are_included_on_request() -> None:
    found = levers(e14.lever_scenario(), metric="revenue", customers=300, only=["journey.messages.letter"])
    rates = {lever.move.after: lever.metric_effect.effect for lever in found.levers}
    truth = 0.06 * e14.MESSAGE_PARAMETERS["letter"].value * e14.WEEKS
    assert rates == pytest.approx({0.24: -truth, 0.36: truth}, rel=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "clvs"}, "metric: must be one of .* got 'clvs'. Did you mean 'clv'?"),
        ({"metric": "open_rate[push]"}, "metric: must be defined for the baseline"),
        ({"metric": "clv", "only": ["policy.flow"]}, "only: must be the path of a lever.*got 'policy.flow'. Did you mean"),
        ({"metric": "clv", "customers": 1}, "customers: must be at least 2, got 1"),
        ({"metric": "clv", "customers": 0}, "customers: must be a whole number from 1"),
    ],
)
def test_invalid_lever_options_are_rejected(options: dict[str, Any], words: str) -> None:
    world = e14.lever_scenario().with_values({f"policy.broadcasts.{name}.if": "day < 0" for name in ("letters", "notes", "tips")})
    with pytest.raises(InputError, match=words):
        levers(world, **options)


def test_holm_procedure_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]  # Holm's steps 0.0125, 0.0167, 0.025
    assert holm([]) == []


def test_holm_familywise_error_is_at_most_5_percent() -> None:
    rng = np.random.default_rng(1)
    wrong = np.mean([any(holm(list(rng.random(20)))) for _ in range(4_000)])
    assert abs(wrong - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4_000)


def test_interval_is_flagged_unreliable_if_few_customers_carry_the_effect() -> None:
    few, many = np.zeros(2_000), np.zeros(2_000)
    few[:20], many[:1_000] = 1.0, 1.0
    assert is_too_skewed(few)
    assert not is_too_skewed(many)
    assert not is_too_skewed(np.full(10, 0.1))


def test_tornado_shows_both_directions_in_one_row(known_levers: LeverRanking) -> None:
    rows = tornado_data(known_levers)
    cap = next(row for row in rows if row[0].lever.startswith("cap push: maximum"))
    assert [(bar.after, bar.direction) for bar in cap] == [("1", -1), ("3", 1)]
    assert rows[0][0].lever == "broadcast letters off"
    sizes = [max(abs(bar.effect) for bar in row) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_tornado_states_metric_unit_customers_and_seed(known_levers: LeverRanking) -> None:
    figure = TORNADO_FIGURE.figure(known_levers)
    assert figure.axes[0].get_xlabel() == "effect on revenue (money)"
    assert figure.get_supxlabel().startswith(f"{known_levers.customers:,} customers, seed {known_levers.seed}, paired")


def test_tornado_shows_shares_in_percentage_points() -> None:
    found = levers(e14.lever_scenario(), metric="conversion", customers=200, only=["journey.events.buys"])
    bars = {bar.effect for row in tornado_data(found) for bar in row}
    assert bars == {100 * lever.metric_effect.effect for lever in found.levers if lever.changes_any_customer}


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, ["levers", *map(str, words)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levers") / "planted.yaml"
    e14.lever_scenario().save(path)
    return path


def test_command_prints_json_and_writes_a_journal_entry(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--metric", "revenue", "--customers", "200", "--only", "policy.broadcasts", "--sobol", "16"]
    result = run(file, *words, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert {"path", "from", "to", "effect", "low", "high", "cost", "holds", "set"} <= set(found["levers"][0])
    assert found["levers"][0]["path"] == "policy.broadcasts.letters"
    assert {path.name for path in out.iterdir()} == {"levers.csv", "levers.json", "manifest.json", "sobol.csv", "tornado.png"}
    rows = list(csv.DictReader((out / "levers.csv").open(encoding="utf-8")))
    assert float(rows[0]["effect"]) == found["levers"][0]["effect"]
    assert unnamed_files(out, "levers") == []
    manifest = Manifest.read(out)
    assert (manifest.kind, manifest.metric, manifest.effect) == ("levers", "revenue", found["levers"][0]["effect"])
    assert run(file, *words[:-2], "--out", out, "--force").exit_code == 0
    assert not (out / "sobol.csv").exists()


def test_command_accepts_journey_levers_other_scenarios_and_values(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    e14.lever_scenario().with_values({"name": "other", "policy.broadcasts.letters.if": "day < 0"}).save(other)
    result = run(file, "--metric", "revenue", "--customers", "100", "--only", "journey.events", "--also", other, "--set", "horizon=14d")
    assert result.exit_code == 0, result.stderr
    assert "other" in result.stdout and "buys: mean wait" in result.stdout


@pytest.mark.parametrize("journey", [[], ["--journey"]])
def test_only_restricts_the_levers_of_the_journey_too(file: Path, journey: list[str]) -> None:
    words = ("--metric", "revenue", "--customers", "50", "--only", "journey.events.buys", "--set", "horizon=14d", "--json")
    paths = {lever["path"] for lever in json.loads(run(file, *words, *journey).stdout)["levers"]}
    assert paths and all(path.startswith("journey.events.buys") for path in paths)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "revenues"], "metric: must be one of"),
        (["--metric", "revenue", "--also", "a.yaml", "--also", "a.yaml"], "--also: must list scenarios other than the baseline, each once"),
        (["--metric", "revenue", "--sobol", "24"], "--sobol: must be a power of 2, at least 16, got 24"),
        (["--metric", "revenue", "--sobol", "8"], "--sobol: must be a power of 2, at least 16, got 8"),
        (["--metric", "revenue", "--only", "policy.nothing"], "--only: must be the path of a lever"),
    ],
)
def test_command_rejects_invalid_options(file: Path, words: list[str], message: str) -> None:
    result = run(file, "--customers", "50", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
