"""The command line: parses, calls one verb, shows what it gives.

Lives here: commands, exit codes. Does not live here: options and what is typed for them (arguments.py), bars (progress.py), folders for
results (publish.py), anything that computes. Verbs and models are imported by the command that uses them, so that `cjsim --help` is quick.
"""

import functools
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from cjsim import __version__
from cjsim.arguments import (
    Customers,
    EngineName,
    File,
    Full,
    Horizon,
    Json,
    MaxCustomers,
    Out,
    Seed,
    Sets,
    Threads,
    any_document,
    by_name,
    check_changes,
    how_to_run,
    kind_of,
    scenario_in,
    values_of,
    values_of_options,
    warn,
    whole,
)
from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown
from cjsim.progress import shown_progress
from cjsim.publish import folder_for

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
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


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cjsim {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)] = False,
) -> None:
    """Options before the command."""


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


@app.command()
@_guarded
def check(file: File, sets: Sets = None, as_json: Json = False) -> None:
    """Say whether a journey, a policy or a scenario is right, and what looks like a mistake."""
    from cjsim.model.mistakes import warnings

    record = any_document(file, sets)
    kind = kind_of(type(record))
    if as_json:
        doubts = warnings(record)  # type: ignore[arg-type]
        _echo_json({"file": str(file), "kind": kind, "name": getattr(record, "name", ""), "digest": record.digest(), "warnings": doubts})
        return
    doubts = warn(file, record)
    typer.echo(f"{file}: a {kind} without errors" + (f", {len(doubts)} warnings" if doubts else ""))


@app.command()
@_guarded
def describe(file: File, sets: Sets = None) -> None:
    """Tell a journey, a policy or a scenario in words."""
    from cjsim.model.describe import describe as described

    record = any_document(file, sets)
    typer.echo(described(record))  # type: ignore[arg-type]
    warn(file, record)


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
    max_customers: MaxCustomers = None,
    out: Out = None,
    events: Annotated[bool, typer.Option("--events", help="Write the event log to DIR as well.")] = False,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario: its metrics, each with an interval."""
    made = scenario_in(scenario, values_of(sets) | values_of_options(customers, seed, horizon))
    how = how_to_run(engine, threads, max_customers)
    if events and out is None:
        raise InputError(complaint("--events", "must come with --out", "no --out", "Name a folder for the log."))
    warn(scenario, made)
    with folder_for(out) as folder, shown_progress() as progress:
        from cjsim.engine.run import simulate as run_scenario

        log = folder / "log.parquet" if folder is not None and events else None
        run = run_scenario(made, **how, log=log, progress=progress)
        written = _save(run, folder)
    _tell(out, written)
    _show(run, as_json=as_json, full=full)


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
    max_customers: MaxCustomers = None,
    out: Out = None,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Compare scenarios on the same customers: BASE with each OTHER, or BASE with itself under --set.

    With OTHER files, --set holds for BASE and all of them.
    """
    common, changes, how = values_of_options(customers, seed, horizon), values_of(sets), how_to_run(engine, threads, max_customers)
    if not others and not changes:
        raise InputError(complaint("compare", "must have an OTHER scenario or a --set", "only BASE", "Name what BASE is compared with."))
    if others:
        scenarios = by_name({file: scenario_in(file, common | changes) for file in (base, *others)})
    else:
        check_changes(changes)
        today = scenario_in(base, common)
        scenarios = {today.name: today, ", ".join(sets or []): today.with_values(changes)}
    known: list[str] = []
    for file, scenario in zip(dict.fromkeys((base, *others)) if others else (base, base), scenarios.values(), strict=True):
        known += warn(file, scenario, known)
    with folder_for(out) as folder, shown_progress() as progress:
        from cjsim.metrics.compare import compare as compare_scenarios

        comparison = compare_scenarios(scenarios, **how, progress=progress)
        written = _save(comparison, folder)
    _tell(out, written)
    _show(comparison, as_json=as_json, full=full)


@app.command()
@_guarded
def walk(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", show_default=False)],
    customer: Annotated[str, typer.Option("--customer", metavar="K", help="Its number, from 0.", show_default=False)],
    seed: Seed = None,
    sets: Sets = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Tell what the firm does not see: persona, traits, feelings, silent events.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print every line, also of routine.")] = False,
    as_json: Json = False,
) -> None:
    """Walk the journey as one customer: its diary, with dates, reasons and money."""
    made = scenario_in(scenario, values_of(sets) | values_of_options(None, seed, None))
    number = whole("--customer", customer, 7)
    assert number is not None
    warn(scenario, made)
    if "numba" not in sys.modules and number < made.customers and not made.shares:
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # one life is over before compiled rules are loaded, and is the same either way
    with shown_progress() as progress:
        from cjsim.report.walk import walk as walk_scenario

        diary = walk_scenario(made, customer=number, truth=truth, progress=progress)
    if as_json:
        _echo_json(diary.to_json())
    else:
        typer.echo(diary.summary(width=max(shutil.get_terminal_size((120, 24)).columns, 60), full=full))


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
    seed: Annotated[str, typer.Option("--seed", metavar="S", help="Seed of the forecast's bands.")] = "1",
    as_json: Json = False,
) -> None:
    """A journey that buys as the customers of a purchase log do: BG/NBD and gamma-gamma."""
    number = whole("--seed", seed, 7)
    if number is None or not 0 <= number < 2**63:
        raise InputError(complaint("--seed", "must be from 0 to 2**63 - 1", f"{number}", "Give a number such as 7."))
    with folder_for(out) as folder:
        from cjsim.calibrate.purchases import calibrate_purchases as calibrate

        calibration = calibrate(log, customer=customer, time=time, value=value, until=until, unit=unit, seed=number)
        written = _save(calibration, folder)
    _tell(out, written)
    _show(calibration, as_json=as_json)


def _save(result: Any, folder: Path | None) -> list[str]:
    """Write a result into a folder, if there is one: what it wrote."""
    if folder is None:
        return []
    result.save(folder)
    return sorted(path.name for path in folder.iterdir())


def _tell(out: Path | None, written: list[str]) -> None:
    if out is not None:
        typer.echo(f"{out}: {', '.join(written)} written", err=True)


def _show(result: Any, *, as_json: bool, full: bool = False) -> None:
    """A result as a table, or as one JSON object."""
    if as_json:
        _echo_json(result.to_json())
    else:
        typer.echo(result.summary(full=True) if full else str(result))
