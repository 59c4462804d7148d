"""The command line: parses, calls one verb, shows what it gives.

Lives here: options, exit codes. Does not live here: bars (progress.py), folders for results (publish.py), anything that computes. Verbs
and models are imported by the command that uses them, so that `cjsim --help` is quick.
"""

import functools
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from cjsim import __version__
from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown
from cjsim.progress import shown_progress
from cjsim.publish import folder_for

if TYPE_CHECKING:
    from cjsim.model.document import Document
    from cjsim.model.scenario import Scenario
    from cjsim.model.source import Node

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
ENGINES = ("compiled", "readable")
# What customers there are, and which days they live: the same on both sides of a comparison.
SHARED = ("seed", "customers", "horizon", "start", "entry")
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
# Numbers and choices are taken as text: what we say of wrong ones is in house form.
Customers = Annotated[str | None, typer.Option("--customers", metavar="N", help="Customers, instead of the scenario's.")]
MaxCustomers = Annotated[
    str | None,
    typer.Option("--max-customers", metavar="N", help="End a run in which there come to be more, by acquisition and referrals."),
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="S", help="Seed, instead of the scenario's.")]
Horizon = Annotated[str | None, typer.Option("--horizon", metavar="DURATION", help="Horizon such as 180d, instead of the scenario's.")]
EngineName = Annotated[str, typer.Option("--engine", metavar="|".join(ENGINES), help="Both give the same results; readable is slow.")]
Threads = Annotated[str | None, typer.Option("--threads", metavar="N", help="Threads; all cores if not given.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Full = Annotated[bool, typer.Option("--full", help="Print all metrics, also by stage and channel.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


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

    root, model = _tree(file)
    if model is not Scenario:
        raise InputError(complaint(str(file), "must be a scenario", f"a {_kind(model)}", "Name a scenario that uses it."))
    scenario = Scenario.from_tree(root)
    return scenario.with_values(values) if values else scenario


def _any(file: Path, sets: list[str] | None) -> "Document":
    """A journey, a policy or a scenario, with values set otherwise."""
    root, model = _tree(file)
    record, values = model.from_tree(root), _values(sets)
    return record.with_values(values) if values else record


def _tree(file: Path) -> "tuple[Node, type[Document]]":
    """What is in a file, and whether that is a journey, a policy or a scenario: its keys tell."""
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
    return root, found[-1]


def _kind(model: "type[Document]") -> str:
    return model.__name__.lower()


def _warn(file: Path, record: "Document", known: Collection[str] = ()) -> list[str]:
    """Say what looks like a mistake in a record, but for what is known already."""
    from cjsim.model.mistakes import warnings

    doubts = warnings(record)  # type: ignore[arg-type]
    for doubt in doubts:
        if doubt not in known:
            typer.echo(f"{file}: warning: {doubt}", err=True)
    return doubts


def _whole(option: str, text: str | None, example: int) -> int | None:
    """The whole number that an option gives."""
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip()):
        raise InputError(complaint(option, "must be a whole number", shown(text), f"Give a number such as {example}."))
    return int(text)


def _how(engine: str, threads: str | None, max_customers: str | None) -> dict[str, Any]:
    """How to run: options of `simulate` and `compare`, checked."""
    if engine not in ENGINES:
        must, remedy = f"must be one of {one_of(ENGINES)}", did_you_mean(engine, ENGINES) or "Name one of these."
        raise InputError(complaint("--engine", must, shown(engine), remedy))
    number, most = _whole("--threads", threads, 4), _whole("--max-customers", max_customers, 2_000_000)
    if number is not None and not 1 <= number <= 1024:
        raise InputError(complaint("--threads", "must be from 1 to 1024", f"{number}", "Leave it out to use all cores."))
    if most is not None and not 1 <= most <= 100_000_000:
        remedy = "Leave it out to allow for 20 times the first customers."
        raise InputError(complaint("--max-customers", "must be from 1 to 100,000,000", f"{most}", remedy))
    return {"engine": engine, "threads": number, "max_customers": most}


def _common(customers: str | None, seed: str | None, horizon: str | None) -> dict[str, Any]:
    """What options say of customers and days, by path."""
    return _values(None, customers=_whole("--customers", customers, 5000), seed=_whole("--seed", seed, 7), horizon=horizon)


@app.command()
@_guarded
def check(file: File, sets: Sets = None, as_json: Json = False) -> None:
    """Say whether a journey, a policy or a scenario is right, and what looks like a mistake."""
    from cjsim.model.mistakes import warnings

    record = _any(file, sets)
    kind = _kind(type(record))
    if as_json:
        doubts = warnings(record)  # type: ignore[arg-type]
        _echo_json({"file": str(file), "kind": kind, "name": getattr(record, "name", ""), "digest": record.digest(), "warnings": doubts})
        return
    doubts = _warn(file, record)
    typer.echo(f"{file}: a {kind} without errors" + (f", {len(doubts)} warnings" if doubts else ""))


@app.command()
@_guarded
def describe(file: File, sets: Sets = None) -> None:
    """Tell a journey, a policy or a scenario in words."""
    from cjsim.model.describe import describe as described

    record = _any(file, sets)
    typer.echo(described(record))  # type: ignore[arg-type]
    _warn(file, record)


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
    made = _scenario(scenario, _values(sets) | _common(customers, seed, horizon))
    how = _how(engine, threads, max_customers)
    if events and out is None:
        raise InputError(complaint("--events", "must come with --out", "no --out", "Name a folder for the log."))
    _warn(scenario, made)
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
    common, changes, how = _common(customers, seed, horizon), _values(sets), _how(engine, threads, max_customers)
    if not others and not changes:
        raise InputError(complaint("compare", "must have an OTHER scenario or a --set", "only BASE", "Name what BASE is compared with."))
    if others:
        scenarios = _by_name({file: _scenario(file, common | changes) for file in (base, *others)})
    else:
        _check_changes(changes)
        today = _scenario(base, common)
        scenarios = {today.name: today, ", ".join(sets or []): today.with_values(changes)}
    known: list[str] = []
    for file, scenario in zip(dict.fromkeys((base, *others)) if others else (base, base), scenarios.values(), strict=True):
        known += _warn(file, scenario, known)
    with folder_for(out) as folder, shown_progress() as progress:
        from cjsim.metrics.compare import compare as compare_scenarios

        comparison = compare_scenarios(scenarios, **how, progress=progress)
        written = _save(comparison, folder)
    _tell(out, written)
    _show(comparison, as_json=as_json, full=full)


def _check_changes(changes: dict[str, Any]) -> None:
    """Raise where the other side of a comparison would have other customers or days."""
    for path in changes:
        name = re.split(r"[.\[]", path)[0].strip()
        if name in SHARED:
            remedy = f"Give --{name}, which holds" if name in ("seed", "customers", "horizon") else "Set it in BASE: it must hold"
            must = "must change the journey or the policy alone, as both sides have the same customers and days"
            raise InputError(complaint("--set", must, shown(path), f"{remedy} for both."))


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
    seed: Annotated[str, typer.Option("--seed", metavar="S", help="Seed of the forecast's bands.")] = "1",
    as_json: Json = False,
) -> None:
    """A journey that buys as the customers of a purchase log do: BG/NBD and gamma-gamma."""
    number = _whole("--seed", seed, 7)
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
