"""The journal: listing, and the comparison of versions."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from error_messages import command_error
from example_finding import FINDING
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.lab.document_diff import _apply_change, _diff_values, diff_documents
from cjsim.lab.journal import Journal
from cjsim.lab.version_comparison import compare_versions
from cjsim.manifest import Manifest
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Policy, Scenario

TINY = ROOT / "tests" / "worlds" / "tiny.yaml"


def write_report(reports: Path, run: str, **keys: Any) -> Manifest:
    found = replace(FINDING, **keys)
    folder = reports / found.name / run
    folder.mkdir(parents=True, exist_ok=True)
    found.write(folder)
    return found


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    write_report(folder, "aa11")
    write_report(folder, "ab22", verdict="refuted", date="2026-04-01T10:00:00+00:00")
    write_report(folder, "cc33", name="steps", kind="study", metric="activation", verdict="gain", hypothesis="", unit="relative")
    write_report(
        folder, "dd44", name="lever", kind="levers", verdict="", effect=None, low=None, high=None, date="2025-01-01T00:00:00+00:00"
    )
    return folder


def runs(journal: Journal, **filters: str) -> list[str]:
    return [entry.folder.name for entry in journal.entries(**filters).entries]  # type: ignore[arg-type]


def invoke(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["ab22", "aa11", "cc33", "dd44"]),
        ({"name": "carts"}, ["ab22", "aa11"]),
        ({"verdict": "refuted"}, ["ab22"]),
        ({"metric": "activation"}, ["cc33"]),
        ({"kind": "levers"}, ["dd44"]),
        ({"since": "2026-03-02"}, ["ab22"]),
        ({"text": "SAVES earlier"}, ["ab22", "aa11", "dd44"]),
        ({"text": "saves steps"}, []),
        ({"name": "carts", "verdict": "supported"}, ["aa11"]),
        ({"text": "' OR 1=1 --"}, []),
    ],
)
def test_findings_are_listed_newest_first_and_filtered(reports: Path, filters: dict[str, str], expected: list[str]) -> None:
    assert runs(Journal(reports), **filters) == expected


@pytest.mark.parametrize(
    ("option", "typo", "message"),
    [
        ("--verdict", "suported", "verdict: must be one of .* got 'suported'. Did you mean 'supported'?"),
        ("--kind", "lever", "kind: must be one of .* got 'lever'. Did you mean 'levers'?"),
    ],
)
def test_misspelled_filter_is_an_error(reports: Path, option: str, typo: str, message: str) -> None:
    result = CliRunner().invoke(app, ["journal", "--reports", str(reports), option, typo])
    assert result.exit_code == 2
    assert re.search(message, result.stderr)


def test_command_lists_one_kind_and_reports_a_missing_folder(reports: Path) -> None:
    result = invoke("journal", "list", "--reports", reports, "--kind", "levers", "--json")
    assert [one["name"] for one in json.loads(result.stdout)["findings"]] == ["lever"]
    by = {"first": "flow cart", "from": "on", "to": "off"}
    write_report(reports, "dd45", name="lever", kind="levers", verdict="", details=by)
    assert " with flow cart, on -> off\n" in invoke("journal", "list", "--reports", reports, "--kind", "levers").stdout
    assert "no such folder" in invoke("journal", "--reports", reports / "nowhere").stderr


def test_journal_follows_added_changed_and_deleted_runs(reports: Path) -> None:
    journal = Journal(reports)
    assert len(runs(journal)) == 4
    write_report(reports, "ee55", date="2026-05-01T00:00:00+00:00")
    write_report(reports, "aa11", verdict="undecided", date="2026-06-01T00:00:00+00:00")
    shutil.rmtree(reports / "steps")
    assert runs(journal) == ["aa11", "ee55", "ab22", "dd44"]
    assert runs(journal, verdict="undecided") == ["aa11"]


def test_drafts_runs_and_broken_manifests_are_not_listed(reports: Path) -> None:
    write_report(reports, ".ab22.x.draft")
    for run, text in {"half": '{"kind": "exp', "run": '{"scenario": "shop"}', "list": "[]", "other": '{"kind": "dance"}'}.items():
        (reports / "carts" / run).mkdir()
        (reports / "carts" / run / "manifest.json").write_text(text)
    assert runs(Journal(reports)) == ["ab22", "aa11", "cc33", "dd44"]


def test_empty_reports_folder_has_no_findings(tmp_path: Path) -> None:
    assert invoke("journal", "--reports", tmp_path / "nowhere").stdout == "No matching findings.\n"
    assert list(tmp_path.iterdir()) == []


def test_listing_shows_verdict_effect_hypothesis_and_path(reports: Path) -> None:
    text = invoke("journal", "--reports", reports, "--name", "carts", "--verdict", "refuted").stdout
    head = "2026-04-01  refuted    carts: clv +1.50 [+1.00, +2.00]"
    assert text.splitlines() == [head, " " * 12 + "An earlier reminder saves carts", " " * 12 + str(reports / "carts" / "ab22")]


def test_runs_are_found_by_name_prefix_or_folder(reports: Path) -> None:
    journal = Journal(reports)
    found = [journal.find(text).folder.name for text in ("carts", "cc", "ab22", str(reports / "carts" / "aa11"))]
    assert found == ["ab22", "cc33", "ab22", "aa11"]
    with pytest.raises(InputError, match=r"prefix of exactly one run name, got 'a'\. Type more characters\. Candidates: ab22, aa11"):
        journal.find("a")
    with pytest.raises(InputError, match="Did you mean 'carts'"):
        journal.find("cartz")


def test_show_prints_the_report(reports: Path) -> None:
    (reports / "carts" / "aa11" / "report.md").write_text("# Carts\n")
    assert invoke("journal", "show", "aa11", "--reports", reports).stdout == "# Carts\n"
    assert "steps: activation" in invoke("journal", "show", "steps", "--reports", reports).stdout
    assert json.loads(invoke("journal", "show", "aa11", "--reports", reports, "--json").stdout)["verdict"] == "supported"


def test_invalid_options_are_rejected(reports: Path) -> None:
    assert "since: must be a date" in command_error("journal", "--since", "yesterday", "--reports", str(reports))
    assert "options after the command" in command_error("journal", "--name", "x", "list")


def policy(**flows: Any) -> Policy:
    steps = {name: {"on": {"stage": "active"}, "steps": steps} for name, steps in flows.items()}
    return Policy.from_dict({"name": "p", "flows": steps})


def described_changes(old: Policy, new: Policy) -> list[str]:
    return [str(change) for change in diff_documents(old, new)]


def test_prepended_step_is_one_addition() -> None:
    steps = [{"send": "a"}, {"wait": "1d"}, {"send": "b"}, {"wait": "3d"}]
    assert described_changes(policy(f=steps), policy(f=[{"tag": "x"}, *steps])) == ["+ flows.f.steps[0]: tag: x"]
    assert described_changes(policy(f=[{"tag": "x"}, *steps]), policy(f=steps)) == ["- flows.f.steps[0]: tag: x"]
    assert described_changes(policy(f=steps), policy(f=[*steps[:3], {"wait": "4d"}])) == ["flows.f.steps[3].wait: 3d -> 4d"]


def test_changes_inside_branches_are_located() -> None:
    def branch(days: str) -> list[dict[str, Any]]:
        return [{"send": "a"}, {"branch": {"if": "purchases > 0", "then": [{"send": "b"}, {"wait": days}]}}]

    assert described_changes(policy(f=branch("1d")), policy(f=branch("2d"))) == ["flows.f.steps[1].branch.then[1].wait: 1d -> 2d"]


def test_flows_are_added_and_removed_as_a_whole() -> None:
    old, new = policy(f=[{"send": "a"}], g=[{"send": "a"}]), policy(f=[{"send": "a"}], h=[{"send": "b"}])
    kinds = [(change.kind, change.path_string) for change in diff_documents(old, new.model_copy(update={"name": "q", "title": "New"}))]
    assert kinds == [("remove", "flows.g"), ("add", "flows.h")]


RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1, max_size=3), max_size=5)
TREES = st.dictionaries(st.sampled_from("xyz"), st.one_of(st.integers(0, 3), RECORDS, st.dictionaries(st.sampled_from("uv"), RECORDS)))


@given(TREES, TREES)
def test_applying_all_changes_in_reverse_gives_the_new_version(old: Any, new: Any) -> None:
    made = old
    # In reverse order, no change shifts the index of another one; insertions at one index are applied last first.
    for change in reversed(list(_diff_values(old, new, ()))):
        made = _apply_change(made, change.path, change)
    assert made == new


def faster_scenario(**keys: Any) -> Scenario:
    values = {"journey.events.purchase.wait.exponential.mean": "5d", "journey.events.leave.wait.exponential.mean": "30d"}
    return Scenario.load(TINY, set=values | keys)


def test_effects_of_changes_equal_those_of_comparisons() -> None:
    old, new = Scenario.load(TINY), faster_scenario(horizon="60d")  # only journey and policy are compared
    found = compare_versions(old, new, metric="revenue", customers=200, seed=5)
    orders = Scenario.load(TINY, set={"journey.events.purchase.wait.exponential.mean": "5d"})
    expected = compare({"old": old, "orders": orders, "new": faster_scenario()}, customers=200, seed=5).alternatives
    assert [step.change.path_string for step in found.changes] == [
        "journey.events.purchase.wait.exponential.mean",
        "journey.events.leave.wait.exponential.mean",
        "horizon",
    ]
    assert (found.changes[2].effect, found.changes[2].why) == (None, "changes the customers or the days, not the journey or the policy")
    assert found.changes[0].effect == pytest.approx(expected["orders"]["revenue"][2:5])
    assert found.joint_effect == pytest.approx(expected["new"]["revenue"][2:5])
    assert found.changes[1].effect is not None and found.changes[1].effect.high < 0


def test_changed_number_of_customers_who_bear_fixed_costs_is_noted() -> None:
    old = Scenario.load(TINY, set={"policy.costs.setup": 90})
    new = old.with_values({"policy.costs.setup": 80})
    found = compare_versions(old, new, metric="clv", customers=5)
    assert "the fixed costs (setup) stay the same" in " ".join(found.summary().split())
    assert found.to_json()["notes"] == list(found.notes) != []


def test_dependent_change_is_simulated_with_the_addition_it_needs() -> None:
    old = Scenario.load(TINY)
    flow = {"on": {"event": "purchase"}, "steps": [{"tag": "buyer"}]}
    new = Scenario.from_dict(
        {
            **old.to_dict(),
            "policy": {
                **old.policy.to_dict(),
                "flows": {"mark": flow, "greet": {**old.to_dict()["policy"]["flows"]["greet"], "if": "tagged(buyer)"}},
            },
        }
    )
    found = compare_versions(old, new, metric="contacts", customers=100)
    why = {step.change.path_string: (step.why, step.effect) for step in found.changes}
    assert why["policy.flows.mark"] == ("", (0, 0, 0))
    reason, effect = why["policy.flows.greet.if"]
    assert reason == "on top of the added items" and effect is not None and effect.effect == -1
    assert "on top of the added items" in found.summary()


def test_command_compares_files_and_runs(tmp_path: Path) -> None:
    text = f"name: e\nhypothesis: h\nscenario: {TINY}\nmetric: revenue\ndirection: rises\ncustomers: 50\n"
    text += "variants: {fast: {set: {journey.events.purchase.wait.exponential.mean: 5d}}}\n"
    (tmp_path / "e.yaml").write_text(text)
    invoke("experiment", tmp_path / "e.yaml", "--reports", tmp_path / "r")
    out = json.loads(invoke("journal", "diff", "e", "e:fast", "--reports", tmp_path / "r", "--metric", "revenue", "--json").stdout)
    assert [change["path"] for change in out["changes"]] == ["journey.events.purchase.wait.exponential.mean"]
    assert out["changes"][0]["effect"] == out["together"]
    same = invoke("journal", "diff", TINY, "e", "--reports", tmp_path / "r")
    assert same.stdout == "The versions are identical.\n"
    study = write_report(tmp_path / "r", "ff99", name="s", kind="study")
    (tmp_path / "r" / "s" / "ff99" / "best.yaml").write_text(f"extends: {TINY}\nset: {{policy.guardrails.holdout: 0.25}}\n")
    assert "policy.guardrails: holdout: 0.25" in invoke("journal", "diff", "e", study.name, "--reports", tmp_path / "r").stdout
    write_report(tmp_path / "r", "ff98", name="l", kind="levers")
    assert "must compare runs that contain a scenario, got 'l' of kind levers" in command_error(
        "journal", "diff", "l", "e", "--reports", str(tmp_path / "r")
    )
    assert "must be one of 'fast', got 'slow'" in command_error("journal", "diff", "e", "e:slow", "--reports", str(tmp_path / "r"))


def test_command_compares_documents_of_the_library(reports: Path) -> None:
    found = invoke("journal", "diff", "shop", "shop_better", "--reports", reports).stdout
    assert found.startswith("Changes:\n") and "policy.flows.cart.steps" in found


def test_a_finding_precedes_a_document_of_the_library_with_its_name(reports: Path) -> None:
    write_report(reports, "ee55", name="shop", kind="levers")
    message = command_error("journal", "diff", "shop", "shop_better", "--reports", str(reports))
    assert "got 'shop' of kind levers" in message


def test_policy_changes_are_described_and_simulated_in_a_scenario(tmp_path: Path) -> None:
    old, new = policy(f=[{"send": "hello"}]), policy(f=[{"wait": "40d"}, {"send": "hello"}])
    old.save(tmp_path / "old.yaml")
    new.save(tmp_path / "new.yaml")
    files = (tmp_path / "old.yaml", tmp_path / "new.yaml")
    result = invoke("journal", "diff", *files).stdout
    assert "+ flows.f.steps[0]: wait: 40d" in result and "+     wait 40 days" in result
    found = json.loads(invoke("journal", "diff", *files, "--in", TINY, "--metric", "contacts", "--json").stdout)
    assert found["together"][0] == -1  # the horizon comes first
    assert "must compare scenarios to estimate effects, got a policy" in command_error(
        "journal", "diff", *map(str, files), "--metric", "clv"
    )
    assert "the same kind, got a policy and a scenario" in command_error("journal", "diff", str(files[0]), str(TINY))
