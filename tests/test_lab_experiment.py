"""Experiments: files and what is wrong with them, findings on worlds whose truth is known, reports, resuming."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from typer.testing import CliRunner
from wrong_input import Change, changed, refused, refused_file

from cjsim.cli import app
from cjsim.engine import run as engine
from cjsim.errors import InputError
from cjsim.lab import trying
from cjsim.lab.experiment import Experiment
from cjsim.lab.figure import effects_data, effects_figure
from cjsim.lab.findings import Findings
from cjsim.lab.pieces import Pieces
from cjsim.lab.trying import experiment, identity
from cjsim.lab.verdict import standard_errors
from cjsim.manifest import Manifest
from cjsim.metrics.compare import compare
from cjsim.model.source import written

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


def made(**keys: Any) -> Experiment:
    """The experiment of `FILE` with other keys; None leaves one out."""
    from cjsim.model.source import parse_value

    data = parse_value(FILE, "here").plain() | keys
    return Experiment.from_dict({key: value for key, value in data.items() if value is not None})


def invoke(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result


def test_findings_are_those_of_a_comparison() -> None:
    asked = made()
    found = experiment(asked)
    (arm,) = asked.arms()
    theirs = compare({"base": asked.scenario, "faster": arm.scenario}, customers=200, seed=3).alternatives["faster"]
    for effect in (found.decisive.effect, *found.decisive.watched):
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
def test_verdicts_on_a_known_effect(keys: dict[str, Any], verdict: str) -> None:
    assert experiment(made(**keys)).verdict == verdict


def test_replications_pool_all_customers_and_tell_the_seeds() -> None:
    found = experiment(made(replications=3, customers=100))
    alone = [experiment(made(seed=seed, customers=100)).effect for seed in (3, 4, 5)]
    assert list(found.decisive.seeds) == alone
    assert min(one.effect for one in alone) < found.effect.effect < max(one.effect for one in alone)
    assert found.effect.high - found.effect.low < min(one.high - one.low for one in alone)


def test_a_grid_has_all_combinations_and_the_baseline_is_not_claimed() -> None:
    grid = {"policy.guardrails.holdout": [0.0, 0.5], "journey.events.purchase.wait.exponential.mean": ["10d", "5d"]}
    scenario = {**written_scenario(), "policy": {**written_scenario()["policy"], "guardrails": {"holdout": 0.0}}}
    found = experiment(made(scenario=scenario, variants=None, sweep={"grid": grid}, claim="any", by=0))
    assert [line.name for line in found.lines] == [
        "holdout=0, mean=10d",
        "holdout=0, mean=5d",
        "holdout=0.5, mean=10d",
        "holdout=0.5, mean=5d",
    ]
    assert [line.is_claimed for line in found.lines] == [False, True, True, True]
    assert (found.lines[0].effect.absolute, found.lines[0].verdict) == ((0, 0, 0), "baseline")
    assert found.verdict == "supported"
    assert experiment(made(scenario=scenario, variants=None, sweep={"grid": grid}, claim="all", by=0)).verdict == "refuted"


def test_intervals_of_a_claim_about_several_hold_together() -> None:
    grid = {"grid": {"journey.events.purchase.wait.exponential.mean": ["5d", "6d", "7d", "8d"]}}
    together, alone = (experiment(made(variants=None, sweep=grid, claim=claim, by=0)) for claim in ("any", "mean=5d"))
    widths = [line.effect.absolute.high - line.effect.absolute.low for line in (together.lines[0], alone.lines[0])]
    assert widths[0] / widths[1] == pytest.approx(standard_errors(0.95, 4) / standard_errors(0.95, 1))
    assert [line.is_claimed for line in alone.lines] == [True, False, False, False]


def written_scenario() -> dict[str, Any]:
    from cjsim.model.scenario import Scenario

    return Scenario.load(TINY).to_dict()


def test_sobol_points_lie_within_bounds_and_are_the_same_each_time() -> None:
    sweep = {"sobol": {"n": 4, "free": {"journey.events.purchase.wait.exponential.mean": {"low": "2d", "high": "20d"}}}}
    asked = made(variants=None, sweep=sweep, claim="any")
    means = [arm.scenario.journey.events["purchase"].wait.body.mean for arm in asked.arms()]  # type: ignore[union-attr]
    assert len(set(means)) == 4
    assert all(2 <= mean <= 20 for mean in means)
    assert sorted(int((mean - 2) / 4.5) for mean in means) == [0, 1, 2, 3]  # one in each quarter: what Sobol points promise
    assert means == [arm.scenario.journey.events["purchase"].wait.body.mean for arm in asked.arms()]  # type: ignore[union-attr]


def test_a_flow_is_merged_over_the_baseline_and_a_wrong_one_is_told_where_it_stands(tmp_path: Path) -> None:
    flow = "merge:\n      policy:\n        flows:\n          again: {on: {event: purchase}, steps: [{send: hello}]}\n"
    (tmp_path / "e.yaml").write_text(changed(FILE, [(WHOLE_SET, f"    {flow}"), ("metric: revenue", "metric: contacts")]), encoding="utf-8")
    asked = Experiment.load(tmp_path / "e.yaml")
    assert list(asked.arms()[0].scenario.policy.flows) == ["greet", "again"]
    assert experiment(asked).decisive.effect.value > 2
    message = refused_file(tmp_path, changed(FILE, [(WHOLE_SET, f"    {flow}".replace("send: hello", "send: hallo"))]))
    assert message.startswith("bad.yaml:9: policy.flows.again.steps[0].send: must be one of 'hello', got 'hallo'. Did you mean")


WRONG: list[tuple[list[Change], str]] = [
    ([("metric: revenue", "metric: revenu")], "bad.yaml:8: metric: must be one of"),
    ([("watch: [purchases, profit]", "watch: [purchase]")], "bad.yaml:11: watch[0]: must be one of"),
    ([("direction: rises", "direction: up")], "bad.yaml:9: direction: must be 'rises' or 'falls'"),
    ([("by: 50 %", "by: 50 percent")], "bad.yaml:10: by: must be a size in the unit of the metric such as 0.02"),
    ([("by: 50 %", "by: -1")], "bad.yaml:10: by: must be a size"),
    ([("{exponential: 5d}", "{exponential: 10d}")], "bad.yaml:5: variants.faster: must differ from the baseline"),
    (
        [(WHOLE_SET, "    {}\n")],
        "bad.yaml:5: variants.faster: must change something",
    ),
    ([("purchase.wait:", "purchase.wate:")], "bad.yaml:7: must be a path that exists, got 'journey.events.purchase.wate'"),
    ([("{exponential: 5d}", "{exponential: soon}")], "bad.yaml:7: journey.events.purchase.wait"),
    ([("metric: revenue", "claim: slower\nmetric: revenue")], "bad.yaml:8: claim: must be one of 'any', 'all', 'faster', got 'slower'"),
    ([("  faster:", "  any:")], "bad.yaml:5: variants.any: must not be called 'any' or 'all'"),
    ([("customers: 200", "customers: 1")], "bad.yaml:12: customers: must be at least 2, got 1"),
    (
        [
            ("variants:\n  faster:\n    set:\n      journey", "sweep:\n  list:\n    - journey"),
            ("{exponential: 5d}", "{exponential: 5d}\n    - {}"),
        ],
        "bad.yaml:1: claim: must say which variant",
    ),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_wrong_experiments_are_refused_with_file_and_line(tmp_path: Path, changes: list[Change], words: str) -> None:
    assert refused_file(tmp_path, changed(FILE, changes)).startswith(words)


def test_a_variant_with_other_days_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {TINY}\nhorizon: 60d\n", encoding="utf-8")
    text = changed(FILE, [(WHOLE_SET, "    scenario: other.yaml\n")])
    assert "variants.faster: must have the horizon of the baseline, 30" in refused_file(tmp_path, text)


def test_a_scenario_is_no_experiment() -> None:
    assert "must be an experiment, got a scenario" in refused("experiment", str(TINY))


def test_a_metric_that_a_variant_lacks_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {TINY}\njourney: {{channels: {{sms: {{}}}}}}\n", encoding="utf-8")
    text = changed(FILE, [(f"scenario: {TINY}", "scenario: other.yaml"), ("metric: revenue", "metric: open_rate[sms]")])
    text = changed(text, [(WHOLE_SET, f"    scenario: {TINY}\n")])
    assert "which 'faster' does not have" in refused_file(tmp_path, text)


def test_the_command_writes_a_report_and_does_not_run_twice(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "was not run again" in again.stderr
    forced = json.loads(invoke("experiment", file, "--reports", tmp_path / "reports", "--json", "--force").stdout)
    assert (forced, len(ran)) == (first, 2)
    invoke("experiment", file, "--reports", tmp_path / "reports", "--seed", "4")
    assert len(ran) == 4


def test_the_copy_in_a_report_is_the_experiment(tmp_path: Path, file: Path) -> None:
    told = json.loads(invoke("experiment", file, "--reports", tmp_path / "r", "--json", "--customers", "50").stdout)
    copy = Experiment.load(Path(told["run_dir"]) / "experiment.yaml")
    assert identity(copy) == identity(Experiment.load(file, set={"customers": 50}))
    assert identity(copy)[:12] == Path(told["run_dir"]).name


def test_an_entry_file_is_copied_and_counts_by_its_content(tmp_path: Path) -> None:
    entries = tmp_path / "entries.csv"
    entries.write_text("entered\n0\n5\n", encoding="utf-8")
    scenario = tmp_path / "s.yaml"
    scenario.write_text(f"extends: {TINY}\nentry: {{file: entries.csv}}\n", encoding="utf-8")
    asked = tmp_path / "e.yaml"
    asked.write_text(changed(FILE, [(str(TINY), "s.yaml")]), encoding="utf-8")
    before = identity(Experiment.load(asked))
    folder = Path(json.loads(invoke("experiment", asked, "--reports", tmp_path / "r", "--json").stdout)["run_dir"])
    assert str(tmp_path) not in (folder / "experiment.yaml").read_text(encoding="utf-8")
    assert identity(Experiment.load(folder / "experiment.yaml")) == before
    entries.write_text("entered\n0\n6\n", encoding="utf-8")
    assert identity(Experiment.load(asked)) != before


@pytest.mark.parametrize("keys", [{"seed": 4}, {"customers": 201}, {"by": "51 %"}, {"watch": []}])
def test_another_question_is_another_run(keys: dict[str, Any]) -> None:
    assert identity(made(**keys)) != identity(made())


def test_another_version_is_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(made())
    monkeypatch.setattr(trying, "__version__", "9.9")
    assert identity(made()) != before


class KilledError(Exception):
    pass


def test_what_was_killed_goes_on_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = ["2d", "4d", "8d"]
    asked = made(
        variants=None, sweep={"grid": {"journey.events.purchase.wait.exponential.mean": waits}}, claim="any", replications=2, customers=50
    )
    undisturbed = experiment(asked)
    file = tmp_path / "pieces"
    real: Callable[..., Any] = engine.simulate
    runs = 0

    def dies(*args: Any, **keys: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 4:
            raise KilledError
        return real(*args, **keys)

    monkeypatch.setattr(engine, "simulate", dies)
    with pytest.raises(KilledError):
        experiment(asked, pieces=Pieces(file))
    with file.open("a", encoding="utf-8") as half:
        half.write('{"seed": 3, "arm": "mean=8d", "sums"')
    known = Pieces(file)
    assert len(known) == 2
    assert experiment(asked, pieces=known) == undisturbed
    assert runs == 4 + 2 + 4  # what is known is not simulated again
    assert len(Pieces(file)) == 6


def test_a_command_that_dies_leaves_its_pieces_and_nothing_else(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = engine.simulate
    ran: list[int] = []

    def dies(*args: Any, **keys: Any) -> Any:
        ran.append(keys["seed"])
        if len(ran) == 3:
            raise KeyboardInterrupt
        return real(*args, **keys)

    monkeypatch.setattr(engine, "simulate", dies)
    more = ("experiment", str(file), "--set", "replications=2", "--reports", str(tmp_path / "r"), "--json")
    assert CliRunner().invoke(app, list(more)).exit_code == 130
    (left,) = (tmp_path / "r" / "greetings").iterdir()
    assert left.suffix == ".pieces"
    again = invoke(*more)
    assert "goes on where it was, with 1 runs" in again.stderr
    assert ran == [3, 3, 4, 4, 4]
    assert [str(path) for path in (tmp_path / "r" / "greetings").iterdir()] == [json.loads(again.stdout)["run_dir"]]


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path: Path, file: Path) -> None:
    (tmp_path / "taken").write_text("")
    message = refused("experiment", str(file), "--reports", str(tmp_path / "taken"))
    assert message.startswith("--reports: must be a folder that can be written")


def test_what_fails_before_its_first_piece_leaves_nothing(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise InputError("x: must not be, got it. Go.")

    monkeypatch.setattr(engine, "simulate", dies)
    refused("experiment", str(file), "--reports", str(tmp_path / "r"))
    assert not (tmp_path / "r").exists()


def test_findings_survive_their_file() -> None:
    found = experiment(made(watch=["purchases", "click_rate[email]"]))
    assert str(Findings.from_json(json.loads(json.dumps(found.to_json())))) == str(found)


def test_threads_change_nothing() -> None:
    assert experiment(made(), threads=1) == experiment(made(), threads=3)


def test_python_takes_a_file_and_refuses_other_things(file: Path) -> None:
    assert experiment(file) == experiment(str(file)) == experiment(Experiment.load(file))
    with pytest.raises(InputError, match="must be an Experiment or its file, got int"):
        experiment(7)  # type: ignore[arg-type]


def test_what_is_written_loads_as_the_same(tmp_path: Path) -> None:
    asked = made(sweep=None)
    (tmp_path / "e.yaml").write_text(written(asked.to_dict()), encoding="utf-8")
    assert Experiment.load(tmp_path / "e.yaml") == asked


MEAN, HOLDOUT = "journey.events.purchase.wait.exponential.mean", "policy.guardrails.holdout"


@pytest.mark.parametrize(
    ("grid", "x", "y"),
    [
        ({MEAN: ["1d", "2d", "30d"]}, MEAN, "effect on revenue (% of the baseline)"),
        ({MEAN: ["1d", "2d"], HOLDOUT: [0.0, 0.5]}, HOLDOUT, MEAN),
        ({HOLDOUT: [0.0], MEAN: ["1d", "2d"], "policy.name": ["a", "b"]}, "effect on revenue (% of the baseline)", ""),
    ],
)
def test_the_figure_fits_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grid: dict[str, Any], x: str, y: str) -> None:
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **keys: drawn.append(figure) or save(figure, *args, **keys))
    found = experiment(made(variants=None, sweep={"grid": grid}, claim="any", customers=30))
    effects_figure(found, tmp_path / "a.png")
    effects_figure(found, tmp_path / "b.png")
    axes = drawn[0].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x, y)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_data_of_the_figure_are_the_findings() -> None:
    found = experiment(made(variants=None, sweep={"grid": {MEAN: ["12h", "2d"]}}, claim="any", by=0, customers=30))
    data = effects_data(found)
    assert list(data[f"x[{MEAN}]"]) == [0.5, 2.0]
    assert list(data["effect"]) == [line.effect.absolute.effect for line in found.lines]
