"""Each pair of options of `simulate` and `compare`: the command uses both, or refuses them before the simulation and names both."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import typer
from trial_worlds import trial_scenario
from typer.testing import CliRunner
from wrong_options import commands

import cjsim as cj
from cjsim.cli import app
from cjsim.commands.option_pairs import RULES
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.simulation.documents import Scenario


class Setting(NamedTuple):
    """An option with a value, and the other options that it needs."""

    option: str
    value: str | None = None
    needs: tuple["Setting", ...] = ()

    def __str__(self) -> str:
        return self.option if self.value is None else f"{self.option} {self.value}"


class Outcome(NamedTuple):
    """What a command does: its exit code, output and files, and whether it may replace earlier results."""

    code: int
    output: str
    message: str
    files: dict[str, str]
    forced: tuple[bool, ...]


COMMAND = typer.main.get_command(app)
OUT, ARM = Setting("--out", "out"), Setting("--by", "arm")
TRIAL = Setting("--trial", "promo", (OUT,))
SHARED = [
    *(Setting("--customers", "7"), Setting("--sample", "50%"), Setting("--replications", "2"), Setting("--seed", "3")),
    *(Setting("--horizon", "20d"), Setting("--value-horizon", "90d"), Setting("--follow-up", "5d"), Setting("--max-customers", "5000")),
    *(Setting("--set", "policy.flows.offer.holdout=0.5"), Setting("--engine", "readable"), Setting("--threads", "1000")),
    *(OUT, Setting("--force", None, (OUT,)), ARM, Setting("--by", "country"), Setting("--by", "month")),
    *(Setting("--where", "country == 'FR'"), Setting("--full"), Setting("--json"), Setting("--format", "csv"), Setting("--format", "json")),
]
SETTINGS = {
    "simulate": [
        *(*SHARED, Setting("--events", None, (OUT,)), Setting("--cohorts"), Setting("--exposed", None, (ARM,)), TRIAL),
        Setting("--trial-window", "3d", (TRIAL, OUT)),
    ],
    "compare": [
        *(*SHARED, Setting("--against", "nothing"), Setting("--metric", "revenue"), Setting("--metric", "total_revenue")),
        *(Setting("--sort", "name"), Setting("--detect", "1%")),
    ],
}
OTHER = {"simulate": [], "compare": ["other.yaml"]}
# Options that ask for what another one gives in any case: JSON and tables contain all metrics.
SATISFIED = {"--full": {"--json", "--format json", "--format csv"}, "--json": {"--format json"}, "--format": {"--json"}}


class FakeResult:
    """A result that shows how it was made, in place of one that takes time to compute."""

    def __init__(self, made: str) -> None:
        self.made = made

    def then(self, call: str, *args: Any, **options: Any) -> "FakeResult":
        """The result of a call."""
        return FakeResult(f"{self.made}.{call}{args}{options}")

    def by(self, *args: Any, **options: Any) -> "FakeResult":
        return self.then("by", *args, **options)

    def cohorts(self, **options: Any) -> "FakeResult":
        return self.then("cohorts", **options)

    def trial(self, *args: Any, **options: Any) -> pd.DataFrame:
        return self.then("trial", *args, **options).to_pandas()

    def summary(self, **options: Any) -> str:
        return self.then("summary", **options).made

    def to_json(self, **options: Any) -> dict[str, Any]:
        return {self.then("to_json", **options).made: True}

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        return pd.DataFrame({"made": [self.then("to_pandas", **options).made]})

    def save(self, folder: Path) -> None:
        with (folder / "results.txt").open("a") as file:
            file.write(f"{self.made}\n")


class FakeComparison:
    """Compares fake runs."""

    @staticmethod
    def of(runs: dict[str, FakeResult], **_: Any) -> FakeResult:
        return FakeResult(str({name: run.made for name, run in runs.items()}))


def fake_simulate_seed(settings: Any, seed: int, *, log: Path | None = None) -> FakeResult:
    if log is not None:
        log.write_text("log")
    fields = ("n_initial", "engine", "n_threads", "max_customers", "follow_up_days", "sample")
    return FakeResult(f"{settings.scenario.digest()} {seed} {[getattr(settings, field) for field in fields]}")


@pytest.fixture(scope="module")
def scenarios() -> dict[str, Scenario]:
    """Two valid scenarios by file."""
    mail, tag = {"send": "promo_mail"}, {"tag": "seen"}
    found = {"trial.yaml": trial_scenario(treated=[mail]), "other.yaml": trial_scenario(treated=[mail], steps=[tag], name="other")}
    return {file: scenario.checked() for file, scenario in found.items()}


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, ...], Outcome]:
    """Outcomes of earlier tests, which do not change."""
    return {}


@pytest.fixture
def outcome(
    scenarios: dict[str, Scenario], known: dict[tuple[str, ...], Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, list[Setting]], Outcome]:
    """What a command does with options. Files are not read, and nothing is simulated."""
    monkeypatch.chdir(tmp_path)
    plans = {scenario.name: compile_scenario(scenario) for scenario in scenarios.values()}
    loaded = lambda file, values: scenarios[file.name].with_values(values) if values else scenarios[file.name]  # noqa: E731
    forced: list[bool] = []
    monkeypatch.setattr("cjsim.commands.console._check_earlier_result", lambda *_, force: forced.append(force))
    for name in ("count_warnings", "count_compared_warnings"):
        monkeypatch.setattr(f"cjsim.commands.cli_simulation.{name}", lambda *_: None)
    for module in ("arguments", "cli_simulation"):
        monkeypatch.setattr(f"cjsim.commands.{module}.load_scenario", loaded)
    for module in ("requested_tables", "trials.trial_export"):
        monkeypatch.setattr(f"cjsim.simulation.{module}.compile_scenario", lambda scenario: plans[scenario.name])
    for module in ("cjsim.simulation.simulate", "cjsim.simulation.compare_scenarios"):
        monkeypatch.setattr(f"{module}.simulate_seed", fake_simulate_seed)
        monkeypatch.setattr(f"{module}.with_repeats", lambda run, _, count: run.then("replications", count))
        monkeypatch.setattr(f"{module}.default_replications", lambda _: 1)
        monkeypatch.setattr(f"{module}.with_months", lambda run, _: run.then("months"))
    monkeypatch.setattr("cjsim.simulation.compare_scenarios.check_seed", lambda *_: None)
    monkeypatch.setattr("cjsim.simulation.compare_scenarios.Comparison", FakeComparison)

    def found(command: str, settings: list[Setting]) -> Outcome:
        words = [word for one in dict.fromkeys(settings) for word in (one.option, one.value) if word is not None]
        if (key := (command, *sorted(map(str, set(settings))))) not in known:
            forced.clear()
            code, output, message = invoke([command, "trial.yaml", *OTHER[command], *words])
            files = {path.name: path.read_text() for path in Path("out").glob("*")}
            for name in files:
                (Path("out") / name).unlink()
            known[key] = Outcome(code, output, message, files, tuple(forced))
        return known[key]

    return found


def invoke(words: list[str]) -> tuple[int, str, str]:
    """Exit code, output and messages of a command. `CliRunner` would build all commands again each time, which takes longer."""
    output, messages = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(messages), pytest.raises(SystemExit) as end:
        COMMAND(args=words, prog_name="cjsim")
    return int(end.value.code or 0), output.getvalue(), messages.getvalue()


def objections(command: str, one: Setting, outcome: Callable[[str, list[Setting]], Outcome]) -> Iterator[str]:
    """For each other option, what is wrong with what the command does with both."""
    for other in SETTINGS[command]:
        if other.option == one.option:
            continue
        needed = [need for need in chain(one.needs, other.needs) if need.option not in (one.option, other.option)]
        needed = [need for i, need in enumerate(needed) if need.option not in {before.option for before in needed[:i]}]
        both, alone = [one, other, *needed], [other, *needed]
        done, others_alone = outcome(command, both), outcome(command, alone)
        code, output, message = done[:3]
        if code == 0 and done == others_alone and str(other) not in SATISFIED.get(one.option, ()):
            yield f"{one} is ignored with {other}"
        if code and (code, output) != (2, ""):
            yield f"{one} with {other}: exit code {code}: {message}"
        if code == 2 and not all(name in message for name in (one.option, other.option)):
            yield f"{one} with {other}: {message}"


CASES = [(command, setting) for command, settings in SETTINGS.items() for setting in settings]


@pytest.mark.parametrize(("command", "setting"), CASES, ids=[f"{command} {setting}" for command, setting in CASES])
def test_each_pair_of_options_is_used_or_refused(command: str, setting: Setting, outcome: Callable[[str, list[Setting]], Outcome]) -> None:
    assert list(objections(command, setting, outcome)) == []


@pytest.mark.parametrize("command", SETTINGS)
def test_every_option_is_tried(command: str) -> None:
    params = dict(commands())[command].params
    options = {one.opts[-1] for one in params if one.param_type_name == "option"} - {"--help", "-h"}
    assert {setting.option for setting in SETTINGS[command]} == options


@pytest.mark.parametrize("command", SETTINGS)
def test_rules_name_options_of_the_command(command: str) -> None:
    options = {setting.option for setting in SETTINGS[command]}
    named = {name.partition(" ")[0] for rule in RULES[command] for name in (rule.option, *getattr(rule, "others", [rule.option]))}
    assert named <= options


def test_a_value_is_not_set_twice(outcome: Callable[[str, list[Setting]], Outcome]) -> None:
    found = outcome("simulate", [Setting("--set", "horizon=9d"), Setting("--horizon", "8d")])
    assert found[0] == 2
    assert found[2] == "--set: must be used without --horizon for the same value, got 'horizon=9d'. Give the value once.\n"


def test_an_option_with_the_value_0_is_given() -> None:
    found = CliRunner().invoke(app, ["simulate", "shop", "--seed", "0", "--set", "seed=5"])
    assert (found.exit_code, "--seed" in found.stderr, "--set" in found.stderr) == (2, True, True)


@pytest.mark.parametrize("command", [["simulate", "shop"], ["compare", "shop", "shop_better"]])
def test_results_are_kept_if_nobody_meets_the_condition(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = CliRunner().invoke(app, [*command, "--customers", "2", "--where", "country == 'CH'", "--out", str(out)])
    assert (found.exit_code, found.stdout) == (2, "")
    assert "must hold for at least one customer who entered" in found.stderr
    kind = cj.Run if command[0] == "simulate" else cj.Comparison
    assert kind.load(out)
