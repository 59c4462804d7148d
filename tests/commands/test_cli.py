"""The command line: what it prints, where it writes, its exit codes, and what it does not import."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT
from typer.testing import CliRunner

import cjsim
from cjsim.cli import app
from cjsim.simulation.documents import Scenario

WORLDS = ROOT / "tests" / "worlds"
TINY = str(WORLDS / "tiny.yaml")


class FakeResult:
    """Stands in for the result of a function."""

    def __init__(self, **content: Any) -> None:
        self.content = content

    def to_json(self, **options: Any) -> dict[str, Any]:
        return self.content

    def to_pandas(self) -> pd.DataFrame:
        return pd.DataFrame([self.content])

    def __str__(self) -> str:
        return f"table of {sorted(self.content)}"

    def summary(self, *, full: bool, **options: Any) -> str:
        chosen = {name: value for name, value in options.items() if value not in ((), None, "importance")}
        return "all of it" if full else f"{self}{chosen or ''}"

    def save(self, folder: Path) -> None:
        (folder / "metrics.json").write_text(json.dumps(self.content))
        (folder / "manifest.json").write_text("{}")


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def replace_function(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[..., FakeResult]], None]:
    """Replaces a function of the package, so that the test covers only the command."""

    def put(name: str, function: Callable[..., FakeResult]) -> None:
        module = ModuleType(name)
        setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture
def simulate_calls(replace_function: Callable[[str, Callable[..., FakeResult]], None]) -> list[tuple[Scenario, dict[str, Any]]]:
    calls: list[tuple[Scenario, dict[str, Any]]] = []

    def simulate(scenario: Scenario, **options: Any) -> FakeResult:
        calls.append((scenario, options))
        options["progress"].start(10, "simulating")
        options["progress"].advance(5)
        options["progress"].note("compiling")
        options["progress"].finish()
        if options["log"] is not None:
            options["log"].write_bytes(b"log")
        return FakeResult(scenario=scenario.name, customers=scenario.customers)

    replace_function("cjsim.simulation.simulate", simulate)
    return calls


def test_help_imports_no_heavy_libraries() -> None:
    heavy = [
        "numba",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "seaborn",
        "matplotlib",
        "optuna",
        "pyarrow",
        "duckdb",
        "simpy",
        "pydantic",
        "ruamel",
    ]
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom cjsim.cli import app\n"
        "result = CliRunner().invoke(app, ['--help'])\nassert result.exit_code == 0 and 'simulate' in result.stdout\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["check", TINY, "--static"], ["describe", TINY], ["schema", "scenario"], ["explain", "policy.flows"]])
def test_commands_on_documents_import_no_engine(command: list[str]) -> None:
    heavy = ["numba", "pandas", "scipy", "sklearn", "seaborn", "optuna", "pyarrow"]
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom cjsim.cli import app\n"
        f"assert CliRunner().invoke(app, {command!r}).exit_code == 0\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_python_dash_m_runs_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "cjsim", "check", "none.yaml"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "none.yaml: must be a readable file, got a path that does not exist. Check the path.\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tiny", "scenario"),
        ("every_construct", "scenario"),
        ("every_construct_journey", "journey"),
        ("every_construct_policy", "policy"),
        ("study", "study"),
    ],
)
def test_check_detects_the_file_kind(name: str, kind: str) -> None:
    result = invoke("check", str(WORLDS / f"{name}.yaml"), "--static", "--json")
    result_json = json.loads(result.stdout)
    assert (result.exit_code, result_json["kind"], len(result_json["digest"])) == (0, kind, 64)


def test_check_warns_on_standard_error() -> None:
    result = invoke("check", TINY, "--static", "--set", "policy.guardrails.caps=[{at_most: 0, per: 1d}]")
    assert result.exit_code == 0
    assert result.stdout == f"{TINY}: valid scenario, 1 warning\n"
    assert result.stderr.startswith(f"{TINY}: warning: policy.guardrails.caps[0]: is 0")


def test_study_warnings_are_those_of_its_scenario() -> None:
    cap = "scenario.policy.guardrails.caps=[{at_most: 0, per: 1d}]"
    result = invoke("check", str(WORLDS / "study.yaml"), "--static", "--json", "--set", cap)
    assert json.loads(result.stdout)["warnings"][0].startswith("scenario.policy.guardrails.caps[0]: is 0")


def test_describe_prints_a_study() -> None:
    lines = invoke("describe", str(WORLDS / "study.yaml")).stdout.splitlines()
    assert lines[0] == "Study reminders (When to remind, and how often): 12 trials with 150 customers each."
    assert "  policy.guardrails.caps[0].at_most: from 0 to 6" in lines
    assert "  Scenario reminded: 200 customers enter on day 0." in lines


def test_describe_prints_a_scenario() -> None:
    result = invoke("describe", TINY, "--set", "horizon=45d")
    assert result.stdout.startswith("Scenario tiny: 100 customers enter on day 0.\nSimulates 45 days")


@pytest.mark.parametrize("kind", ["journey", "policy", "scenario"])
def test_schema_is_json_and_contains_every_key(kind: str) -> None:
    schema = json.loads(invoke("schema", kind).stdout)
    model = getattr(cjsim, kind.title())
    assert set(schema["properties"]) == {*model.model_fields, "extends", "set"}
    assert json.loads(invoke("schema", kind).stdout) == schema


def test_schema_allows_file_names_in_a_scenario() -> None:
    schema = json.loads(invoke("schema", "scenario").stdout)
    assert schema["properties"]["policy"]["anyOf"][0]["type"] == "string"


def test_simulate_prints_a_table(simulate_calls: list[Any]) -> None:
    result = invoke("simulate", TINY)
    assert (result.exit_code, result.stdout) == (0, "table of ['customers', 'scenario']\n")
    assert result.stderr == "compiling\n"


@pytest.mark.parametrize("command", ["simulate", "compare"])
def test_full_prints_all_metrics(command: str, simulate_calls: list[Any], compare_calls: list[Any]) -> None:
    assert invoke(command, TINY, "--set", "discount_rate=0", "--full").stdout == "all of it\n"


def test_simulate_prints_exactly_one_json_object(simulate_calls: list[Any]) -> None:
    result = invoke("simulate", TINY, "--json", "--customers", "7", "--seed", "5", "--horizon", "60d", "--set", "discount_rate=0")
    assert json.loads(result.stdout) == {"scenario": "tiny", "customers": 100}
    scenario, options = simulate_calls[0]
    assert (scenario.seed, scenario.horizon, scenario.discount_rate) == (5, 60.0, 0.0)
    assert (options["customers"], options["engine"], options["threads"], options["log"]) == (7, "compiled", None, None)


def test_output_folder_contains_the_results(simulate_calls: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "deep" / "run"
    assert invoke("simulate", TINY, "--out", str(out), "--events").exit_code == 0
    assert sorted(file.name for file in out.iterdir()) == ["log.parquet", "manifest.json", "metrics.json"]
    assert [file.name for file in out.parent.iterdir()] == ["run"]


def test_second_run_with_force_replaces_the_first_and_keeps_other_files(simulate_calls: list[Any], tmp_path: Path) -> None:
    assert invoke("simulate", TINY, "--out", str(tmp_path), "--events").exit_code == 0
    (tmp_path / "notes.txt").write_text("mine")
    assert invoke("simulate", TINY, "--out", str(tmp_path), "--set", "customers=3", "--force").exit_code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["manifest.json", "metrics.json", "notes.txt"]
    assert json.loads((tmp_path / "metrics.json").read_text())["customers"] == 3


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("it broke\nhere"), 1, "cjsim failed: RuntimeError: it broke here (Set CJSIM_TRACEBACK=1 for a traceback.)\n"),
        (KeyboardInterrupt(), 130, "Interrupted. Nothing was written.\n"),
        (MemoryError(), 1, "cjsim failed: MemoryError: (Set CJSIM_TRACEBACK=1 for a traceback.)\n"),
    ],
)
def test_failure_prints_one_line_and_leaves_no_files(
    error: BaseException, code: int, message: str, replace_function: Any, tmp_path: Path
) -> None:
    def simulate(scenario: Scenario, **options: Any) -> FakeResult:
        options["log"].write_bytes(b"half")
        raise error

    replace_function("cjsim.simulation.simulate", simulate)
    result = invoke("simulate", TINY, "--out", str(tmp_path / "deep" / "run"), "--events")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", message)
    assert list(tmp_path.iterdir()) == []


def test_traceback_is_shown_on_demand(replace_function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(scenario: Scenario, **options: Any) -> FakeResult:
        raise RuntimeError("it broke")

    replace_function("cjsim.simulation.simulate", simulate)
    monkeypatch.setenv("CJSIM_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in invoke("simulate", TINY).stderr


@pytest.fixture
def compare_calls(replace_function: Any) -> list[dict[str, Scenario]]:
    calls: list[dict[str, Scenario]] = []

    def compare(scenarios: dict[str, Scenario], *, customers: int | None, **options: Any) -> FakeResult:
        if customers is not None:
            scenarios = {name: scenario.with_values({"customers": customers}) for name, scenario in scenarios.items()}
        calls.append(scenarios)
        return FakeResult(baseline=next(iter(scenarios)))

    replace_function("cjsim.simulation.compare_scenarios", compare)
    return calls


def test_compare_accepts_overridden_values(compare_calls: list[dict[str, Scenario]]) -> None:
    result = invoke("compare", TINY, "--set", "policy.flows.greet.holdout=0.5", "--customers", "9", "--json")
    assert json.loads(result.stdout) == {"baseline": "tiny"}
    today, other = compare_calls[0].values()
    assert list(compare_calls[0]) == ["tiny", "policy.flows.greet.holdout=0.5"]
    assert (today.policy.flows["greet"].holdout, other.policy.flows["greet"].holdout) == (0.0, 0.5)
    assert (today.customers, other.customers) == (9, 9)


def test_compare_gives_scenarios_distinct_names(compare_calls: list[dict[str, Scenario]], tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(f"extends: {TINY}\n")
    (tmp_path / "less.yaml").write_text(f"extends: {TINY}\n")
    assert invoke("compare", TINY, str(tmp_path / "less.yaml"), "--set", "horizon=10d").exit_code == 0
    assert invoke("compare", TINY, str(tmp_path / "tiny.yaml")).exit_code == 0
    assert list(compare_calls[0]) == ["tiny", "less"]
    assert {scenario.horizon for scenario in compare_calls[0].values()} == {10.0}
    assert list(compare_calls[1]) == [TINY, str(tmp_path / "tiny.yaml")]


def test_compare_rejects_an_unknown_metric_before_it_simulates(compare_calls: list[Any]) -> None:
    result = invoke("compare", TINY, "--set", "policy.flows={}", "--metric", "clw", "--json")
    assert (result.exit_code, compare_calls) == (2, [])
    assert result.stderr.startswith("--metric: must be one of ")


def test_compare_passes_its_display_options_on(compare_calls: list[dict[str, Scenario]]) -> None:
    words = ("--metric", "clv", "--metric", "opt_outs", "--sort", "name", "--detect", "1%")
    printed = invoke("compare", TINY, "--set", "discount_rate=0", *words).stdout
    assert "{'metrics': ['clv', 'opt_outs'], 'sort': 'name', 'detect': 0.01}" in printed


@pytest.mark.parametrize("words", [("--sort", "size"), ("--detect", "1"), ("--detect", "0%")])
def test_compare_rejects_wrong_display_options(words: tuple[str, str]) -> None:
    result = invoke("compare", TINY, "--set", "discount_rate=0", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{words[0]}: must be ")


def test_compare_of_a_file_with_itself_is_rejected() -> None:
    result = invoke("compare", TINY, TINY)
    assert (result.exit_code, result.stderr) == (
        2,
        f"compare: must be given different scenarios, got {TINY} twice. Give another scenario, or change this one with --set.\n",
    )


def test_compare_requires_an_alternative() -> None:
    result = invoke("compare", TINY)
    assert result.exit_code == 2
    assert "must have an OTHER scenario, --set or --against" in result.stderr


@pytest.mark.parametrize("change", ["seed=3", "customers=5", "horizon=10d", "start=2027-01-01", "entry.over=5d", " seed =3"])
def test_compare_rejects_different_customers_or_horizons(change: str, compare_calls: list[Any]) -> None:
    result = invoke("compare", TINY, "--set", change)
    assert result.exit_code == 2
    name = change.split("=")[0].strip()
    must = "must change only the journey or the policy, because both sides share customers and days"
    assert result.stderr.startswith(f"--set: {must}, got '{name}'. ")
    assert compare_calls == []


@pytest.mark.parametrize("command", ["simulate", "compare"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--customers", "abc"), "--customers: must be a whole number, got 'abc'. Use a number such as 5000.\n"),
        (("--customers", "5e3"), "--customers: must be a whole number, got '5e3'. Use a number such as 5000.\n"),
        (("--seed", "1.5"), "--seed: must be a whole number, got '1.5'. Use a number such as 7.\n"),
        (("--engine", "foo"), "--engine: must be one of 'compiled', 'readable', got 'foo'. Choose one of these.\n"),
        (("--engine", "readble"), "--engine: must be one of 'compiled', 'readable', got 'readble'. Did you mean 'readable'?\n"),
        (("--threads", "x"), "--threads: must be a whole number, got 'x'. Use a number such as 4.\n"),
        (("--max-customers", "x"), "--max-customers: must be a whole number, got 'x'. Use a number such as 2000000.\n"),
        (
            ("--max-customers", "0"),
            "--max-customers: must be from 1 to 100,000,000, got 0. Omit it to use the default limit.\n",
        ),
        (("--threads", "0"), "--threads: must be from 1 to 1024, got 0. Omit it to use all cores.\n"),
    ],
)
def test_invalid_options_give_a_one_line_error(command: str, options: tuple[str, str], message: str) -> None:
    result = invoke(command, TINY, *([TINY] if command == "compare" else []), *options)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


def test_exceeding_max_customers_gives_a_one_line_error() -> None:
    result = invoke("simulate", TINY, "--customers", "3", "--max-customers", "2")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "scenario: must not exceed 2 customers, got 3 initial customers. Use fewer customers, or raise the limit with --max-customers.\n"
    )


@pytest.mark.parametrize("seed", ["-1", str(2**63)])
def test_calibrate_rejects_an_invalid_seed_before_any_work(seed: str) -> None:
    columns = ("--customer", "id", "--time", "at", "--value", "paid", "--until", "1997-09-30")
    result = invoke("calibrate", "purchases", "none.csv", *columns, "--seed", seed)
    assert (result.exit_code, result.stderr) == (2, f"--seed: must be from 0 to 2**63 - 1, got {seed}. Use a number such as 7.\n")


def test_version_is_printed() -> None:
    assert invoke("--version").stdout == f"cjsim {cjsim.__version__}\n"


@pytest.mark.parametrize("command", ["simulate", "compare"])
@pytest.mark.parametrize("kind", ["policy", "journey"])
def test_wrong_file_kind_gives_one_error(command: str, kind: str) -> None:
    file = str(WORLDS / f"every_construct_{kind}.yaml")
    result = invoke(command, file, *([file] if command == "compare" else []))
    assert (result.exit_code, result.stderr) == (2, f"{file}: must be a scenario, got a {kind}. Pass a scenario that uses it.\n")


OPTIONS_WITH_A_WARNING = ("--set", "policy.guardrails.caps=[{at_most: 0, per: 1d}]")


def test_describe_ends_with_warnings() -> None:
    result = invoke("describe", TINY, *OPTIONS_WITH_A_WARNING)
    assert result.stdout.startswith("Scenario tiny")
    assert result.stderr.startswith(f"{TINY}: warning: policy.guardrails.caps[0]: is 0")


def test_simulate_prints_the_number_of_warnings_and_written_files(simulate_calls: list[Any], tmp_path: Path) -> None:
    result = invoke("simulate", TINY, *OPTIONS_WITH_A_WARNING, "--out", str(tmp_path / "run"), "--events")
    warning, note, written = result.stderr.splitlines()
    assert warning == f"{TINY}: 1 warning; run cjsim check {TINY}"
    assert (note, written) == ("compiling", f"{tmp_path / 'run'}: wrote log.parquet, manifest.json, metrics.json")


def test_compare_prints_the_number_of_warnings_of_each_scenario_each_counted_once(compare_calls: list[Any], tmp_path: Path) -> None:
    (tmp_path / "less.yaml").write_text(f"extends: {TINY}\nset:\n  policy.guardrails.caps: [{{at_most: 0, per: 1d}}]\n")
    less = str(tmp_path / "less.yaml")
    assert invoke("compare", TINY, less).stderr.startswith(f"{less}: 1 warning; run cjsim check {less}\n")
    assert invoke("compare", TINY, less, *OPTIONS_WITH_A_WARNING).stderr.count(" 1 warning; ") == 1


def test_full_disk_error_names_the_folder_as_typed(replace_function: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(scenario: Scenario, **options: Any) -> FakeResult:
        options["log"].write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    replace_function("cjsim.simulation.simulate", simulate)
    monkeypatch.chdir(tmp_path)
    result = invoke("simulate", TINY, "--out", "deep/run", "--events")
    message = "--out: must be a writable folder, got 'deep/run' (No space left on device). Choose another folder.\n"
    assert (result.exit_code, result.stderr) == (2, message)
    assert list(tmp_path.iterdir()) == []


def test_calibrate_purchases_passes_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[dict[str, Any]] = []

    def calibrate(path: Path, **options: Any) -> FakeResult:
        calls.append({"path": path, **options})
        return FakeResult(parameters={})

    module = ModuleType("cjsim.calibration.purchase_model")
    module.calibrate_purchases = calibrate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cjsim.calibration.purchase_model", module)
    columns = ("--customer", "id", "--time", "at", "--value", "paid", "--until", "1997-09-30")
    result = invoke("calibrate", "purchases", "log.csv", *columns, "--out", str(tmp_path / "mine"), "--json")
    assert json.loads(result.stdout) == {"parameters": {}}
    (passed,) = calls
    named = {"path": Path("log.csv"), "customer": "id", "time": "at", "value": "paid", "until": "1997-09-30", "unit": "week", "seed": 1}
    assert passed == passed | named | {"horizon_days": 365.0, "discount_rate": 0.1}
    assert (tmp_path / "mine" / "metrics.json").exists()


def test_simulate_json_matches_the_design_document(tmp_path: Path) -> None:
    result = invoke("simulate", TINY, "--customers", "20", "--seed", "4", "--json", "--events", "--out", str(tmp_path / "run"))
    result_json = json.loads(result.stdout)
    assert list(result_json) == ["scenario", "customers", "seed", "engine", "events", "seconds", "metrics"]
    assert (result_json["scenario"], result_json["customers"], result_json["seed"], result_json["engine"]) == ("tiny", 20, 4, "compiled")
    assert all({"value", "low", "high", "n", "unit"} <= set(metric) for metric in result_json["metrics"].values())
    files = {file.name for file in (tmp_path / "run").iterdir()}
    assert {"metrics.json", "customers.parquet", "manifest.json", "log.parquet"} <= files
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"] == result_json["metrics"]


def test_compare_json_matches_the_design_document() -> None:
    result = invoke("compare", TINY, "--set", "policy.flows.greet.holdout=1", "--customers", "20", "--json")
    result_json = json.loads(result.stdout)
    assert result_json["baseline"] == "tiny"
    (alternative,) = result_json["alternatives"].values()
    contacts = alternative["metrics"]["contacts"]
    assert (contacts["baseline"], contacts["value"], contacts["effect"]) == (1, 0, -1)
    assert {"baseline", "value", "effect", "low", "high", "variance_ratio"} <= set(contacts)


@pytest.mark.parametrize("horizon", ["5", "0d", "-3d", "40000d"])
def test_horizon_that_is_no_duration_is_rejected(horizon: str, tmp_path: Path) -> None:
    columns = ("--customer", "id", "--time", "at", "--value", "paid", "--until", "1997-09-30")
    result = invoke("calibrate", "purchases", str(tmp_path / "log.csv"), *columns, "--horizon", horizon)
    message = f"--horizon: must be a duration above 0 and up to 36525 days, got '{horizon}'. Use a value such as 365d.\n"
    assert (result.exit_code, result.stderr) == (2, message)
