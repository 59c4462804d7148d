"""Experiments: invalid files, findings where the truth is known, reports, resuming."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from error_messages import Replacement, check_error, command_error, replace_each
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.lab import run_experiment
from cjsim.lab.checkpoints import Checkpoints
from cjsim.lab.effect_figures import EFFECTS_FIGURE, ExperimentOutcome, effects_data
from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import Findings
from cjsim.lab.reported_experiment import experiment as reported_experiment
from cjsim.lab.run_experiment import experiment_digest
from cjsim.lab.run_experiment import simulate_experiment as experiment
from cjsim.lab.verdict import bonferroni_critical_value
from cjsim.manifest import Manifest
from cjsim.simulation import simulate as engine
from cjsim.simulation.compare_scenarios import compare
from cjsim.yaml.tree import to_yaml

TINY = ROOT / "tests" / "worlds" / "tiny.yaml"
FILE = f"""\
name: greetings
hypothesis: Orders every five days rather than ten raise revenue by 50 %
scenario: {TINY}
variants:
  faster:
    set:
      journey.events.purchase.wait: {{exponential: 5d}}
metric: revenue
direction: rises
by: 50 %
watch: [purchases, profit]
customers: 200
seed: 3
"""


WHOLE_SET = "    set:\n      journey.events.purchase.wait: {exponential: 5d}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "greetings.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def make_experiment(**keys: Any) -> Experiment:
    """The experiment of `FILE` with other keys; None leaves one out."""
    from cjsim.yaml.tree import parse_value

    data = parse_value(FILE, "here").plain() | keys
    return Experiment.from_dict({key: value for key, value in data.items() if value is not None})


def invoke(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result


def test_experiment_effects_equal_those_of_a_comparison() -> None:
    definition = make_experiment()
    found = experiment(definition)
    (arm,) = definition.arms()
    theirs = compare({"base": definition.scenario, "faster": arm.scenario}, customers=200, seed=3).alternatives["faster"]
    for effect in (found.decisive_arm.effect, *found.decisive_arm.watched_effects):
        expected = theirs[effect.metric]
        assert (effect.baseline, effect.value) == pytest.approx((expected.baseline, expected.value))
        assert tuple(effect.absolute) == pytest.approx((expected.effect, expected.low, expected.high))


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ({"by": "20 %"}, "supported"),  # twice the orders while customers stay: about 100 %
        ({"by": "300 %"}, "refuted"),
        ({"by": 10}, "supported"),  # of money: 20 an order, about 2.5 more of them
        ({"by": 1000}, "refuted"),
        ({"direction": "falls", "by": 0}, "refuted"),
        ({"metric": "clv", "by": 0}, "supported"),
        ({"metric": "contacts", "by": 0}, "refuted"),  # the same for everybody: a rise by nothing is none
    ],
)
def test_verdict_on_a_known_effect(keys: dict[str, Any], verdict: str) -> None:
    assert experiment(make_experiment(**keys)).verdict == verdict


def test_replications_pool_customers_and_report_each_seed() -> None:
    found = experiment(make_experiment(replications=3, customers=100))
    alone = [experiment(make_experiment(seed=seed, customers=100)).effect for seed in (3, 4, 5)]
    assert list(found.decisive_arm.seed_effects) == alone
    assert min(one.effect for one in alone) < found.effect.effect < max(one.effect for one in alone)
    assert found.effect.high - found.effect.low < min(one.high - one.low for one in alone)


def test_grid_has_all_combinations_and_excludes_the_baseline_from_the_claim() -> None:
    grid = {"policy.guardrails.holdout": [0.0, 0.5], "journey.events.purchase.wait.exponential.mean": ["10d", "5d"]}
    scenario = {**tiny_scenario_data(), "policy": {**tiny_scenario_data()["policy"], "guardrails": {"holdout": 0.0}}}
    found = experiment(make_experiment(scenario=scenario, variants=None, sweep={"grid": grid}, claim="any", by=0))
    assert [line.name for line in found.arm_results] == [
        "holdout=0, mean=10d",
        "holdout=0, mean=5d",
        "holdout=0.5, mean=10d",
        "holdout=0.5, mean=5d",
    ]
    assert [line.is_claimed for line in found.arm_results] == [False, True, True, True]
    assert (found.arm_results[0].effect.absolute, found.arm_results[0].verdict) == ((0, 0, 0), "baseline")
    assert found.verdict == "supported"
    assert experiment(make_experiment(scenario=scenario, variants=None, sweep={"grid": grid}, claim="all", by=0)).verdict == "refuted"


def test_intervals_of_a_joint_claim_are_simultaneous() -> None:
    grid = {"grid": {"journey.events.purchase.wait.exponential.mean": ["5d", "6d", "7d", "8d"]}}
    together, alone = (experiment(make_experiment(variants=None, sweep=grid, claim=claim, by=0)) for claim in ("any", "mean=5d"))
    widths = [line.effect.absolute.high - line.effect.absolute.low for line in (together.arm_results[0], alone.arm_results[0])]
    assert widths[0] / widths[1] == pytest.approx(bonferroni_critical_value(0.95, 4) / bonferroni_critical_value(0.95, 1))
    assert [line.is_claimed for line in alone.arm_results] == [True, False, False, False]


def tiny_scenario_data() -> dict[str, Any]:
    from cjsim.simulation.documents import Scenario

    return Scenario.load(TINY).to_dict()


def test_sobol_points_are_within_bounds_and_reproducible() -> None:
    sweep = {"sobol": {"n": 4, "free": {"journey.events.purchase.wait.exponential.mean": {"low": "2d", "high": "20d"}}}}
    definition = make_experiment(variants=None, sweep=sweep, claim="any")
    means = [arm.scenario.journey.events["purchase"].wait.body.mean for arm in definition.arms()]  # type: ignore[union-attr]
    assert len(set(means)) == 4
    assert all(2 <= mean <= 20 for mean in means)
    assert sorted(int((mean - 2) / 4.5) for mean in means) == [0, 1, 2, 3]  # one in each quarter: what Sobol points promise
    assert means == [arm.scenario.journey.events["purchase"].wait.body.mean for arm in definition.arms()]  # type: ignore[union-attr]


def test_flow_is_merged_into_the_baseline_and_errors_give_its_line(tmp_path: Path) -> None:
    flow = "merge:\n      policy:\n        flows:\n          again: {on: {event: purchase}, steps: [{send: hello}]}\n"
    (tmp_path / "e.yaml").write_text(
        replace_each(FILE, [(WHOLE_SET, f"    {flow}"), ("metric: revenue", "metric: contacts")]), encoding="utf-8"
    )
    definition = Experiment.load(tmp_path / "e.yaml")
    assert list(definition.arms()[0].scenario.policy.flows) == ["greet", "again"]
    assert experiment(definition).decisive_arm.effect.value > 2
    message = check_error(tmp_path, replace_each(FILE, [(WHOLE_SET, f"    {flow}".replace("send: hello", "send: hallo"))]))
    assert message.startswith("bad.yaml:9: policy.flows.again.steps[0].send: must be one of 'hello', got 'hallo'. Did you mean")


WRONG: list[tuple[list[Replacement], str]] = [
    ([("metric: revenue", "metric: revenu")], "bad.yaml:8: metric: must be one of"),
    ([("watch: [purchases, profit]", "watch: [purchase]")], "bad.yaml:11: watch[0]: must be one of"),
    ([("direction: rises", "direction: up")], "bad.yaml:9: direction: must be 'rises' or 'falls'"),
    ([("by: 50 %", "by: 50 percent")], "bad.yaml:10: by: must be a nonnegative size in the unit of the metric, such as 0.02"),
    ([("by: 50 %", "by: -1")], "bad.yaml:10: by: must be a nonnegative size"),
    ([("{exponential: 5d}", "{exponential: 10d}")], "bad.yaml:5: variants.faster: must differ from the baseline"),
    (
        [(WHOLE_SET, "    {}\n")],
        "bad.yaml:5: variants.faster: must change something",
    ),
    ([("purchase.wait:", "purchase.wate:")], "bad.yaml:7: must be an existing path, got 'journey.events.purchase.wate'"),
    ([("{exponential: 5d}", "{exponential: soon}")], "bad.yaml:7: journey.events.purchase.wait"),
    ([("metric: revenue", "claim: slower\nmetric: revenue")], "bad.yaml:8: claim: must be one of 'any', 'all', 'faster', got 'slower'"),
    ([("  faster:", "  any:")], "bad.yaml:5: variants.any: must not be named 'any' or 'all'"),
    ([("customers: 200", "customers: 1")], "bad.yaml:12: customers: must be at least 2, got 1"),
    (
        [
            ("variants:\n  faster:\n    set:\n      journey", "sweep:\n  list:\n    - journey"),
            ("{exponential: 5d}", "{exponential: 5d}\n    - {}"),
        ],
        "bad.yaml:1: claim: must name the variant",
    ),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_invalid_experiment_is_rejected_with_file_and_line(tmp_path: Path, changes: list[Replacement], words: str) -> None:
    assert check_error(tmp_path, replace_each(FILE, changes)).startswith(words)


def test_variant_with_a_different_horizon_is_rejected(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {TINY}\nhorizon: 60d\n", encoding="utf-8")
    text = replace_each(FILE, [(WHOLE_SET, "    scenario: other.yaml\n")])
    assert "variants.faster: must have the same horizon as the baseline, 30" in check_error(tmp_path, text)


def test_scenario_file_is_rejected_as_experiment() -> None:
    assert "must be an experiment, got a scenario" in command_error("experiment", str(TINY))


def test_metric_missing_in_a_variant_is_rejected(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {TINY}\njourney: {{channels: {{sms: {{}}}}}}\n", encoding="utf-8")
    text = replace_each(FILE, [(f"scenario: {TINY}", "scenario: other.yaml"), ("metric: revenue", "metric: open_rate[sms]")])
    text = replace_each(text, [(WHOLE_SET, f"    scenario: {TINY}\n")])
    assert "which 'faster' lacks" in check_error(tmp_path, text)


def test_command_writes_a_report_and_reuses_it(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads(invoke("experiment", file, "--reports", tmp_path / "reports", "--json").stdout)
    folder = Path(first["run_dir"])
    assert {"experiment": "greetings", "verdict": "supported"}.items() <= first.items()
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["effects.csv", "effects.png", "experiment.yaml", "manifest.json", "report.md", "result.json", "table.csv"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    manifest = Manifest.read(folder)
    assert (manifest.kind, manifest.verdict, manifest.effect) == ("experiment", "supported", first["effect"])

    ran: list[str] = []
    real = engine.simulate
    monkeypatch.setattr(engine, "simulate", lambda *args, **keys: ran.append("") or real(*args, **keys))
    again = invoke("experiment", file, "--reports", tmp_path / "reports", "--json")
    assert (json.loads(again.stdout), ran) == (first, [])
    assert "was not repeated" in again.stderr
    forced = json.loads(invoke("experiment", file, "--reports", tmp_path / "reports", "--json", "--force").stdout)
    assert (forced, len(ran)) == (first, 2)
    invoke("experiment", file, "--reports", tmp_path / "reports", "--seed", "4")
    assert len(ran) == 4


def test_new_hypothesis_rewrites_the_report_without_simulating(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--reports", tmp_path / "reports", "--customers", "50")
    before = json.loads(invoke("experiment", file, *options, "--json").stdout)
    monkeypatch.setattr(engine, "simulate", lambda *args, **keys: pytest.fail("simulated"))
    after = json.loads(invoke("experiment", file, *options, "--set", "hypothesis=Greetings raise revenue.", "--json").stdout)
    assert after == before
    assert "Greetings raise revenue." in (Path(after["run_dir"]) / "report.md").read_text(encoding="utf-8")


def test_experiment_copied_into_the_report_loads_as_equal(tmp_path: Path, file: Path) -> None:
    report = json.loads(invoke("experiment", file, "--reports", tmp_path / "r", "--json", "--customers", "50").stdout)
    copy = Experiment.load(Path(report["run_dir"]) / "experiment.yaml")
    assert experiment_digest(copy) == experiment_digest(Experiment.load(file, set={"customers": 50}))
    assert experiment_digest(copy)[:12] == Path(report["run_dir"]).name


def test_entry_file_is_copied_and_identified_by_content(tmp_path: Path) -> None:
    entries = tmp_path / "entries.csv"
    entries.write_text("entered\n0\n5\n", encoding="utf-8")
    scenario = tmp_path / "s.yaml"
    scenario.write_text(f"extends: {TINY}\nentry: {{file: entries.csv}}\n", encoding="utf-8")
    definition = tmp_path / "e.yaml"
    definition.write_text(replace_each(FILE, [(str(TINY), "s.yaml")]), encoding="utf-8")
    before = experiment_digest(Experiment.load(definition))
    folder = Path(json.loads(invoke("experiment", definition, "--reports", tmp_path / "r", "--json").stdout)["run_dir"])
    assert str(tmp_path) not in (folder / "experiment.yaml").read_text(encoding="utf-8")
    assert experiment_digest(Experiment.load(folder / "experiment.yaml")) == before
    entries.write_text("entered\n0\n6\n", encoding="utf-8")
    assert experiment_digest(Experiment.load(definition)) != before


@pytest.mark.parametrize(
    "keys",
    [
        {"metric": "profit"},
        {"direction": "falls"},
        {"by": "51 %"},
        {"watch": []},
        {"customers": 201},
        {"seed": 4},
        {"replications": 2},
        {"decide": {"confidence": 0.9}},
    ],
)
def test_changed_experiment_is_a_new_run(keys: dict[str, Any]) -> None:
    assert experiment_digest(make_experiment(**keys)) != experiment_digest(make_experiment())


def test_prose_does_not_identify_a_run() -> None:
    assert experiment_digest(make_experiment(hypothesis="Other words.", claimed_by="Somebody", title="T")) == experiment_digest(
        make_experiment()
    )


def test_changed_package_version_is_a_new_run(monkeypatch: pytest.MonkeyPatch) -> None:
    before = experiment_digest(make_experiment())
    monkeypatch.setattr(run_experiment, "__version__", "9.9")
    assert experiment_digest(make_experiment()) != before


class InterruptionError(Exception):
    pass


def test_resuming_after_an_interruption_gives_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = ["2d", "4d", "8d"]
    definition = make_experiment(
        variants=None, sweep={"grid": {"journey.events.purchase.wait.exponential.mean": waits}}, claim="any", replications=2, customers=50
    )
    undisturbed = experiment(definition)
    file = tmp_path / "pieces"
    real: Callable[..., Any] = engine.simulate
    runs = 0

    def dies(*args: Any, **keys: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 4:
            raise InterruptionError
        return real(*args, **keys)

    monkeypatch.setattr(engine, "simulate", dies)
    with pytest.raises(InterruptionError):
        experiment(definition, checkpoints=Checkpoints(file))
    with file.open("a", encoding="utf-8") as half:
        half.write('{"seed": 3, "arm": "mean=8d", "sums"')
    known = Checkpoints(file)
    assert len(known) == 2
    assert experiment(definition, checkpoints=known) == undisturbed
    assert runs == 4 + 2 + 4  # what is known is not simulated again
    assert len(Checkpoints(file)) == 6


def test_interrupted_command_leaves_only_its_checkpoints(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = engine.simulate
    ran: list[int] = []

    def dies(*args: Any, **keys: Any) -> Any:
        ran.append(keys["seed"])
        if len(ran) == 3:
            raise KeyboardInterrupt
        return real(*args, **keys)

    monkeypatch.setattr(engine, "simulate", dies)
    more = ("experiment", str(file), "--set", "replications=2", "--reports", str(tmp_path / "r"), "--json")
    interrupted = CliRunner().invoke(app, list(more))
    assert interrupted.exit_code == 130
    assert interrupted.stderr.endswith("Interrupted. Finished simulations are kept. Run the same command again to resume.\n")
    (left,) = (tmp_path / "r" / "greetings").iterdir()
    assert left.suffix == ".pieces"
    again = invoke(*more)
    assert "resuming, 1 simulation already finished" in again.stderr
    assert ran == [3, 3, 4, 4, 4]
    assert [str(path) for path in (tmp_path / "r" / "greetings").iterdir()] == [json.loads(again.stdout)["run_dir"]]


def test_changed_findings_are_simulated_again(tmp_path: Path, file: Path) -> None:
    more = ("experiment", str(file), "--set", "customers=30", "--reports", str(tmp_path / "r"), "--json")
    findings = Path(json.loads(invoke(*more).stdout)["run_dir"]) / "result.json"
    content = findings.read_text(encoding="utf-8")
    findings.write_text(content + " ", encoding="utf-8")
    assert "already exists" not in invoke(*more).stderr
    assert findings.read_text(encoding="utf-8") == content


def test_second_process_is_refused_before_it_simulates(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = engine.simulate
    refusals: list[str] = []

    def starts_another(*args: Any, **keys: Any) -> Any:
        refusals.append(command_error(*more))
        return real(*args, **keys)

    more = ("experiment", str(file), "--set", "customers=30", "--reports", str(tmp_path / "r"))
    monkeypatch.setattr(engine, "simulate", starts_another)
    invoke(*more)
    assert {text.startswith("--reports: must be a folder that no other run is writing to") for text in refusals} == {True}


def test_unwritable_reports_folder_is_rejected_before_any_work(tmp_path: Path, file: Path) -> None:
    (tmp_path / "taken").write_text("")
    message = command_error("experiment", str(file), "--reports", str(tmp_path / "taken"))
    assert message.startswith("--reports: must be a writable folder")


def test_failure_before_the_first_checkpoint_leaves_no_files(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise InputError("x: must not be, got it. Go.")

    monkeypatch.setattr(engine, "simulate", dies)
    command_error("experiment", str(file), "--reports", str(tmp_path / "r"))
    assert not (tmp_path / "r").exists()


def test_findings_round_trip_through_json() -> None:
    found = experiment(make_experiment(watch=["purchases", "click_rate[email]"]))
    assert str(Findings.from_json(json.loads(json.dumps(found.to_json())))) == str(found)


def test_thread_count_does_not_change_the_result() -> None:
    assert experiment(make_experiment(), threads=1) == experiment(make_experiment(), threads=3)


def test_experiment_accepts_a_file_and_rejects_other_types(file: Path) -> None:
    found = [reported_experiment(source, reports=None) for source in (file, str(file), Experiment.load(file))]
    assert found[0] == found[1] == found[2]
    with pytest.raises(InputError, match="must be an Experiment or the path of its file, got int"):
        reported_experiment(7)  # type: ignore[arg-type]


def test_saved_experiment_loads_as_equal(tmp_path: Path) -> None:
    definition = make_experiment(sweep=None)
    (tmp_path / "e.yaml").write_text(to_yaml(definition.to_dict()), encoding="utf-8")
    assert Experiment.load(tmp_path / "e.yaml") == definition


MEAN, HOLDOUT = "journey.events.purchase.wait.exponential.mean", "policy.guardrails.holdout"


@pytest.mark.parametrize(
    ("grid", "x", "y"),
    [
        ({MEAN: ["1d", "2d", "30d"]}, "purchase: mean wait", "effect on revenue (% of the baseline)"),
        ({MEAN: ["1d", "2d"], HOLDOUT: [0.0, 0.5]}, "holdout", "purchase: mean wait"),
        ({HOLDOUT: [0.0], MEAN: ["1d", "2d"], "policy.name": ["a", "b"]}, "effect on revenue (% of the baseline)", ""),
    ],
)
def test_figure_kind_follows_the_sweep(grid: dict[str, Any], x: str, y: str) -> None:
    definition = make_experiment(variants=None, sweep={"grid": grid}, claim="any", customers=30)
    axes = EFFECTS_FIGURE.figure(ExperimentOutcome(definition, experiment(definition))).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x, y)


def test_caption_of_the_figure_states_customers_seeds_and_confidence() -> None:
    definition = make_experiment(customers=30, replications=2)
    figure = EFFECTS_FIGURE.figure(ExperimentOutcome(definition, experiment(definition)))
    assert figure.get_supxlabel() == f"30 customers per seed, seeds {definition.seed} to {definition.seed + 1}; 95 % intervals."


def test_equal_findings_give_equal_figures(tmp_path: Path) -> None:
    definition = make_experiment(customers=30)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        EFFECTS_FIGURE.save(ExperimentOutcome(definition, experiment(definition)), tmp_path / name)
    assert (tmp_path / "a" / "effects.png").read_bytes() == (tmp_path / "b" / "effects.png").read_bytes()


def test_figure_data_equal_the_findings() -> None:
    found = experiment(make_experiment(variants=None, sweep={"grid": {MEAN: ["12h", "2d"]}}, claim="any", by=0, customers=30))
    data = effects_data(found)
    assert list(data[f"x[{MEAN}]"]) == [0.5, 2.0]
    assert list(data["effect"]) == [line.effect.absolute.effect for line in found.arm_results]
