"""The command line: parses, calls one verb, shows what it gives.

Lives here: options, exit codes, progress. Does not live here: folders for results (publish.py), anything that computes. Verbs and
models are imported by the command that uses them, so that `cjsim --help` is quick.
"""

import contextlib
import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar

import typer

from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown
from cjsim.publish import folder_for

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cjsim.model.document import Document
    from cjsim.model.scenario import Scenario

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
Engine = Literal["compiled", "readable"]
KINDS = ("journey", "policy", "scenario")

app = typer.Typer(
    name="cjsim",
    help="Synthetic customers under touchpoint policies: what happens to retention, CLV and satisfaction if we change them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
calibrating = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A journey from data.")
app.add_typer(calibrating, name="calibrate")

P = ParamSpec("P")
R = TypeVar("R")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A journey, a policy or a scenario.", show_default=False)]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A value set otherwise; repeat for more.")]
Customers = Annotated[int | None, typer.Option("--customers", metavar="N", help="Customers, instead of the scenario's.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="S", help="Seed, instead of the scenario's.")]
Horizon = Annotated[str | None, typer.Option("--horizon", metavar="DURATION", help="Horizon such as 180d, instead of the scenario's.")]
EngineName = Annotated[Engine, typer.Option("--engine", help="Both give the same results; readable is slow.")]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads; all cores if not given.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


def main() -> None:
    """Run the command line."""
    app(prog_name="cjsim")


def _guarded(command: Callable[P, R]) -> Callable[P, R]:
    """The command with our exit codes: one message on standard error, never a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except InputError as error:
            raise _end(str(error), WRONG_INPUT) from None
        except KeyboardInterrupt:
            raise _end("Interrupted: nothing was written.", INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except Exception as error:  # noqa: BLE001 - the last door: a user never sees a traceback
            if os.environ.get("CJSIM_TRACEBACK") == "1":
                traceback.print_exc()
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise _end(f"cjsim failed: {said[:500]} (CJSIM_TRACEBACK=1 shows where.)", FAILED) from None

    return run


def _end(message: str, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def _echo_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, allow_nan=False, ensure_ascii=False))


class _Progress:
    """A bar on standard error if that is a terminal; notes in any case."""

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def start(self, total: int, label: str) -> None:
        """Begin a bar."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(label, total=total)
        self.bar.start()

    def advance(self, n: int) -> None:
        """Move the bar on."""
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task, n)

    def note(self, text: str) -> None:
        """Say something."""
        if self.bar is not None:
            self.bar.console.print(text)
        else:
            typer.echo(text, err=True)

    def finish(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.stop()
        self.bar = self.task = None


@contextlib.contextmanager
def _progress() -> Iterator[_Progress]:
    progress = _Progress()
    try:
        yield progress
    finally:
        progress.finish()


def _values(sets: list[str] | None, **options: int | str | None) -> dict[str, Any]:
    """Nodes by path, from `--set` and from options that stand for a value."""
    from cjsim.model.source import parse_value, tree

    values: dict[str, Any] = {}
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(complaint("--set", "must be PATH=VALUE", shown(text), "Write for example horizon=90d."))
        values[path.strip()] = parse_value(value, "--set")
    for name, option in options.items():
        if option is not None:
            values[name] = tree(option, f"--{name}")
    return values


def _scenario(file: Path, values: dict[str, Any]) -> "Scenario":
    """A scenario with values set otherwise."""
    from cjsim.model.scenario import Scenario

    scenario = Scenario.load(file)
    return scenario.with_values(values) if values else scenario


def _any(file: Path) -> "Document":
    """A journey, a policy or a scenario: its keys tell."""
    from cjsim.model.assemble import assembled
    from cjsim.model.journey import Journey
    from cjsim.model.policy import Policy
    from cjsim.model.scenario import Scenario

    models: tuple[type[Document], ...] = (Scenario, Journey, Policy)
    found: list[type[Document]] = []

    def kind(keys: Any) -> type["Document"]:
        # The record that knows most of the keys that no two records share; a scenario if none does.
        own = {
            model: set(model.model_fields) - {key for other in models if other is not model for key in other.model_fields}
            for model in models
        }
        best = max(models, key=lambda model: len(own[model] & set(keys)))
        found.append(best)
        return best

    root = assembled(file, kind)
    return found[-1].from_tree(root)


def _check_threads(threads: int | None) -> None:
    if threads is not None and not 1 <= threads <= 1024:
        raise InputError(complaint("--threads", "must be from 1 to 1024", f"{threads}", "Leave it out to use all cores."))


@app.command()
@_guarded
def check(file: File, sets: Sets = None, as_json: Json = False) -> None:
    """Say whether a journey, a policy or a scenario is right, and what looks like a mistake."""
    from cjsim.model.mistakes import warnings

    record = _any(file)
    values = _values(sets)
    record = record.with_values(values) if values else record
    doubts = warnings(record)  # type: ignore[arg-type]
    kind = type(record).__name__.lower()
    if as_json:
        _echo_json({"file": str(file), "kind": kind, "name": getattr(record, "name", ""), "digest": record.digest(), "warnings": doubts})
        return
    for doubt in doubts:
        typer.echo(f"{file}: warning: {doubt}", err=True)
    typer.echo(f"{file}: a {kind} without errors" + (f", {len(doubts)} warnings" if doubts else ""))


@app.command()
@_guarded
def describe(file: File, sets: Sets = None) -> None:
    """Tell a journey, a policy or a scenario in words."""
    from cjsim.model.describe import describe as described

    record = _any(file)
    values = _values(sets)
    typer.echo(described(record.with_values(values) if values else record))  # type: ignore[arg-type]


@app.command()
@_guarded
def schema(what: Annotated[str, typer.Argument(metavar="|".join(KINDS), show_default=False)]) -> None:
    """Print the JSON schema of a file, for completion in editors."""
    from cjsim.model.schema import file_schema

    if what not in KINDS:
        raise InputError(
            complaint("schema", f"must be one of {one_of(KINDS)}", shown(what), did_you_mean(what, KINDS) or "Name one of these.")
        )
    typer.echo(json.dumps(file_schema(what), indent=2))


@app.command()
@_guarded
def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", show_default=False)],
    customers: Customers = None,
    seed: Seed = None,
    horizon: Horizon = None,
    sets: Sets = None,
    engine: EngineName = "compiled",
    threads: Threads = None,
    out: Out = None,
    events: Annotated[bool, typer.Option("--events", help="Write the event log to DIR as well.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario: its metrics, each with an interval."""
    made = _scenario(scenario, _values(sets, customers=customers, seed=seed, horizon=horizon))
    _check_threads(threads)
    if events and out is None:
        raise InputError(complaint("--events", "must come with --out", "no --out", "Name a folder for the log."))
    with folder_for(out) as folder, _progress() as progress:
        from cjsim.engine.run import simulate as run_scenario

        log = folder / "log.parquet" if folder is not None and events else None
        run = run_scenario(made, engine=engine, threads=threads, log=log, progress=progress)
        if folder is not None:
            run.save(folder)
    _show(run, as_json=as_json)


@app.command()
@_guarded
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", show_default=False)],
    others: Annotated[list[Path] | None, typer.Argument(metavar="[OTHER]...", show_default=False)] = None,
    customers: Customers = None,
    seed: Seed = None,
    horizon: Horizon = None,
    sets: Sets = None,
    engine: EngineName = "compiled",
    threads: Threads = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Compare scenarios on the same customers: BASE with each OTHER, or BASE with itself under --set.

    With OTHER files, --set holds for BASE and all of them.
    """
    common = _values(None, customers=customers, seed=seed, horizon=horizon)
    changes = _values(sets)
    if not others and not changes:
        raise InputError(complaint("compare", "must have an OTHER scenario or a --set", "only BASE", "Name what BASE is compared with."))
    _check_threads(threads)
    if others:
        scenarios = _by_name({file: _scenario(file, common | changes) for file in (base, *others)})
    else:
        today = _scenario(base, common)
        scenarios = {today.name: today, ", ".join(sets or []): today.with_values(changes)}
    with folder_for(out) as folder, _progress() as progress:
        from cjsim.metrics.compare import compare as compare_scenarios

        comparison = compare_scenarios(scenarios, engine=engine, threads=threads, progress=progress)
        if folder is not None:
            comparison.save(folder)
    _show(comparison, as_json=as_json)


def _by_name(scenarios: "dict[Path, Scenario]") -> "dict[str, Scenario]":
    """Scenarios by the shortest of name, stem and path that tells them apart."""
    for label in (lambda file: scenarios[file].name, lambda file: file.stem, str):
        named = {label(file): scenario for file, scenario in scenarios.items()}
        if len(named) == len(scenarios):
            return named
    raise AssertionError("paths differ")


@calibrating.command("purchases")
@_guarded
def calibrate_purchases(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="CSV, gzipped CSV or Parquet: a row a purchase.", show_default=False)],
    customer: Annotated[str, typer.Option("--customer", metavar="COLUMN", help="Column of the customer.")],
    time: Annotated[str, typer.Option("--time", metavar="COLUMN", help="Column of the time.")],
    value: Annotated[str, typer.Option("--value", metavar="COLUMN", help="Column of the money.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="Last day that is fitted; what comes after is the holdout.")],
    out: Out = None,
    unit: Annotated[str, typer.Option("--unit", help="Unit of time of the parameters: week or day.")] = "week",
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Seed of the forecast's bands.")] = 1,
    as_json: Json = False,
) -> None:
    """A journey that buys as the customers of a purchase log do: BG/NBD and gamma-gamma."""
    with folder_for(out) as folder:
        from cjsim.calibrate.purchases import calibrate_purchases as calibrate

        calibration = calibrate(log, customer=customer, time=time, value=value, until=until, unit=unit, seed=seed)
        if folder is not None:
            calibration.save(folder)
    _show(calibration, as_json=as_json)


def _show(result: Any, *, as_json: bool) -> None:
    """A result as a table, or as one JSON object."""
    if as_json:
        _echo_json(result.to_json())
    else:
        typer.echo(str(result))
