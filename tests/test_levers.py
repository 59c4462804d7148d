"""Levers: exact where nothing is left to chance, right about planted effects, honest about what does nothing; the command and its files.

Seeds are fixed. Drawn anew, the planted effects would fail by chance once in 16,000 times for each move (4 standard errors), fewer than
once in 500 times together; all else is exact.
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
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.manifest import Manifest
from cjsim.metrics.compare import compare
from cjsim.model.scenario import Scenario
from cjsim.tuning.bench import is_rough
from cjsim.tuning.levers import Lever, Levers, levers
from cjsim.tuning.many import holm
from cjsim.tuning.tornado import tornado_data

sys.path.insert(0, str(ROOT / "experiments"))
import e14_levers as e14


@pytest.fixture(scope="module")
def planted() -> Levers:
    return levers(e14.scenario(), metric="revenue", customers=1_000, seed=3)


def at(found: Levers, path: str, after: Any) -> Lever:
    return next(lever for lever in found.levers if (lever.move.path, lever.move.after) == (path, after))


def test_every_planted_effect_is_within_four_errors_of_its_truth(planted: Levers) -> None:
    true = e14.truths()
    assert {e14.key_of(lever) for lever in planted.levers} == set(true)
    for lever in planted.levers:
        half = (lever.found.high - lever.found.low) / 2
        assert abs(lever.found.effect - true[e14.key_of(lever)]) <= 4 / 1.96 * half, lever.move


def test_levers_come_in_the_order_of_their_effects(planted: Levers) -> None:
    sizes = [abs(lever.found.effect) for lever in planted.levers]
    assert sizes == sorted(sizes, reverse=True)
    assert e14.order_of({e14.key_of(lever): lever.found.effect for lever in planted.levers})[:2] == [
        "policy.broadcasts.letters",
        "policy.broadcasts.tips",
    ]


def test_an_effect_is_the_one_of_a_comparison(planted: Levers) -> None:
    world = e14.scenario()
    lever = at(planted, "policy.guardrails.caps[0].at_most", 1)
    found = compare({"now": world, "then": world.with_values(lever.move.values)}, customers=1_000, seed=3).alternatives["then"]
    assert (lever.found, lever.cost) == (found["revenue"], found["cost"])
    assert lever.per_cost == pytest.approx(found["revenue"].effect / found["cost"].effect)


def test_what_does_nothing_holds_not_and_an_hour_that_nobody_feels_is_exactly_0(planted: Levers) -> None:
    hour = at(planted, "policy.broadcasts.letters.schedule.at", "08:00")
    assert (hour.found.effect, hour.found.low, hour.found.high, hour.p) == (0, 0, 0, 1)
    assert not any(lever.holds for lever in planted.levers if e14.truths()[e14.key_of(lever)] == 0)
    assert at(planted, "policy.broadcasts.letters", "off").holds


def test_who_is_touched_is_told_from_who_is_not() -> None:
    world = e14.scenario().with_values({"policy.guardrails.gaps": [{"at_least": "1min", "channels": ["text"]}]})
    found = levers(world, metric="revenue", customers=200, only=["policy.guardrails.gaps", "policy.guardrails.caps"])
    assert [lever.touches for lever in found.levers] == [True] * 4 + [False] * 2
    assert "Nobody is touched by gap text: length -> 30s; gap text: length -> 2min." in str(found)


def test_wages_touch_all_who_bear_them_and_costs_have_no_worth_per_cost() -> None:
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
    dearer = at(found, "policy.desks.help.shifts[0].wage_per_hour", 12)
    assert dearer.found.effect == pytest.approx(2 * 1000 * 48 / 20)
    assert dearer.touches and dearer.holds
    assert "Nobody is touched" not in str(found) and "for their money" not in str(found)
    assert " 1000  " in str(found) and "first" not in str(found)  # people, not a priority


def test_the_order_and_the_numbers_do_not_depend_on_threads() -> None:
    one, two = (levers(e14.scenario(), metric="clv", customers=300, only=["policy.flows"], threads=threads) for threads in (1, 2))
    assert one.to_json() == two.to_json()
    assert one.digest == two.digest


def test_a_move_that_the_checks_refuse_is_left_out_and_told() -> None:
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
    assert list(found.refused) == ["policy.desks.help.shifts[0].agents: 0"]
    assert "must have staff" in found.refused["policy.desks.help.shifts[0].agents: 0"]
    assert found.shares
    assert "1 moves are left out" in str(found)


def test_another_scenario_is_a_lever_of_its_own() -> None:
    world = e14.scenario()
    other = world.with_values({"policy.broadcasts.letters.if": "day < 0"})
    found = levers(world, metric="revenue", customers=200, only=["policy.broadcasts.letters"], also={"no letters": other})
    first, second = found.levers[:2]
    assert {first.move.path, second.move.path} == {"no letters", "policy.broadcasts.letters"}
    assert first.found == second.found
    with pytest.raises(InputError, match="must have the horizon of 'planted'"):
        levers(world, metric="revenue", also={"shorter": world.with_values({"horizon": "30d"})})


def test_the_journeys_levers_are_moved_on_request() -> None:
    found = levers(e14.scenario(), metric="revenue", customers=300, only=["journey.messages.letter"])
    rates = {lever.move.after: lever.found.effect for lever in found.levers}
    truth = 0.06 * e14.POSTS["letter"].value * e14.WEEKS
    assert rates == pytest.approx({0.24: -truth, 0.36: truth}, rel=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "clvs"}, "metric: must be one of .* got 'clvs'. Did you mean 'clv'?"),
        ({"metric": "open_rate[push]"}, "metric: must be defined for the scenario as it is"),
        ({"metric": "clv", "only": ["policy.flow"]}, "--only: must be the path of a lever.*got 'policy.flow'. Did you mean"),
        ({"metric": "clv", "customers": 1}, "customers: must be at least 2, got 1"),
        ({"metric": "clv", "customers": 0}, "customers: must be a whole number from 1"),
    ],
)
def test_wrong_wishes_are_refused(options: dict[str, Any], words: str) -> None:
    world = e14.scenario().with_values({f"policy.broadcasts.{name}.if": "day < 0" for name in ("letters", "notes", "tips")})
    with pytest.raises(InputError, match=words):
        levers(world, **options)


def test_holm_refuses_as_many_as_each_step_allows() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]  # Holm's steps 0.0125, 0.0167, 0.025
    assert holm([]) == []


def test_family_error_of_holm_under_the_null_is_at_most_5_percent() -> None:
    rng = np.random.default_rng(1)
    wrong = np.mean([any(holm(list(rng.random(20)))) for _ in range(4_000)])
    assert abs(wrong - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4_000)


def test_an_interval_is_rough_where_few_customers_make_up_the_effect() -> None:
    few, many = np.zeros(2_000), np.zeros(2_000)
    few[:20], many[:1_000] = 1.0, 1.0
    assert is_rough(few)
    assert not is_rough(many)
    assert not is_rough(np.full(10, 0.1))


def test_the_tornado_has_both_ways_of_a_lever_in_one_row(planted: Levers) -> None:
    rows = tornado_data(planted)
    cap = next(row for row in rows if row[0].lever.startswith("cap push: at most"))
    assert [(bar.after, bar.side) for bar in cap] == [("1", -1), ("3", 1)]
    assert rows[0][0].lever == "broadcast letters off"
    sizes = [max(abs(bar.effect) for bar in row) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_shares_stand_in_the_tornado_in_percentage_points() -> None:
    found = levers(e14.scenario(), metric="conversion", customers=200, only=["journey.events.buys"])
    bars = {bar.effect for row in tornado_data(found) for bar in row}
    assert bars == {100 * lever.found.effect for lever in found.levers if lever.touches}


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, ["levers", *map(str, words)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levers") / "planted.yaml"
    e14.scenario().save(path)
    return path


def test_the_command_prints_one_object_and_writes_what_the_journal_lists(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--metric", "revenue", "--customers", "200", "--only", "policy.broadcasts", "--sobol", "16"]
    told = run(file, *words, "--out", out, "--json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert {"path", "from", "to", "effect", "low", "high", "cost", "holds", "set"} <= set(found["levers"][0])
    assert found["levers"][0]["path"] == "policy.broadcasts.letters"
    assert {path.name for path in out.iterdir()} == {"levers.csv", "levers.json", "manifest.json", "sobol.csv", "tornado.png"}
    rows = list(csv.DictReader((out / "levers.csv").open(encoding="utf-8")))
    assert float(rows[0]["effect"]) == found["levers"][0]["effect"]
    manifest = Manifest.read(out)
    assert (manifest.kind, manifest.metric, manifest.effect) == ("levers", "revenue", found["levers"][0]["effect"])
    assert run(file, *words[:-2], "--out", out).exit_code == 0
    assert not (out / "sobol.csv").exists()


def test_the_command_takes_the_journey_other_scenarios_and_values(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    e14.scenario().with_values({"name": "other", "policy.broadcasts.letters.if": "day < 0"}).save(other)
    told = run(file, "--metric", "revenue", "--customers", "100", "--only", "journey.events", "--also", other, "--set", "horizon=14d")
    assert told.exit_code == 0, told.stderr
    assert "other" in told.stdout and "events.buys.wait.exponential.mean" in told.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "revenues"], "metric: must be one of"),
        (["--metric", "revenue", "--also", "a.yaml", "--also", "a.yaml"], "--also: must be other scenarios, each once"),
        (["--metric", "revenue", "--sobol", "24"], "--sobol: must be a power of 2, at least 16, got 24"),
        (["--metric", "revenue", "--sobol", "8"], "--sobol: must be a power of 2, at least 16, got 8"),
        (["--metric", "revenue", "--only", "policy.nothing"], "--only: must be the path of a lever"),
    ],
)
def test_the_command_refuses_wrong_words(file: Path, words: list[str], message: str) -> None:
    told = run(file, "--customers", "50", *words)
    assert told.exit_code == 2
    assert message in told.stderr
    assert "Traceback" not in told.stderr
