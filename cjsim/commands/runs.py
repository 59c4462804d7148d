"""Commands that let customers live: simulate, compare, walk.

Does not live here: anything that computes (engine/, metrics/, report/).
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cjsim.arguments import (
    Customers,
    EngineName,
    Full,
    Horizon,
    Json,
    MaxCustomers,
    Out,
    Seed,
    Sets,
    Threads,
    by_name,
    check_changes,
    how_to_run,
    scenario_in,
    values_of,
    values_of_options,
    warn,
    whole,
)
from cjsim.commands.guard import echo_json, guarded, save, show, tell
from cjsim.errors import InputError, complaint
from cjsim.progress import shown_progress
from cjsim.publish import folder_for


@guarded
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
        written = save(run, folder)
    tell(out, written)
    show(run, as_json=as_json, full=full)


@guarded
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
        written = save(comparison, folder)
    tell(out, written)
    show(comparison, as_json=as_json, full=full)


@guarded
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
        echo_json(diary.to_json())
    else:
        typer.echo(diary.summary(width=max(shutil.get_terminal_size((120, 24)).columns, 60), full=full))
