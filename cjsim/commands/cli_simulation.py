"""The `simulate`, `compare` and `walk` commands, which simulate customers."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import label_scenarios, load_scenario, parse_set_options, print_warnings, require_shared_settings
from cjsim.commands.console import output_folder, print_json, print_result, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.progress import progress_bar


@with_exit_codes
def simulate(
    scenario: options.ScenarioFile,
    customers: options.Customers = None,
    seed: options.Seed = None,
    horizon: options.Horizon = None,
    sets: options.Set = None,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    max_customers: options.MaxCustomers = None,
    out: options.Out = None,
    events: Annotated[bool, typer.Option("--events", help="Also write the event log to the --out folder.")] = False,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Simulate a scenario and print its metrics with intervals."""
    document = load_scenario(scenario, parse_set_options(sets, customers=customers, seed=seed, horizon=horizon))
    if events and out is None:
        raise InputError(format_error("--events", "must be used with --out", "no --out", "Add --out DIR."))
    print_warnings(scenario, document)
    with output_folder(out) as folder, progress_bar() as progress:
        from cjsim.simulation.simulate import simulate as simulate_scenario

        log = folder / "log.parquet" if folder is not None and events else None
        run = simulate_scenario(document, engine=engine, threads=threads, max_customers=max_customers, log=log, progress=progress)
        if folder is not None:
            run.save(folder)
    print_result(run, as_json=as_json, is_full=full)


@with_exit_codes
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Baseline scenario.", show_default=False)],
    others: Annotated[list[Path] | None, typer.Argument(metavar="OTHER", help="Alternative scenarios.", show_default=False)] = None,
    customers: options.Customers = None,
    seed: options.Seed = None,
    horizon: options.Horizon = None,
    sets: options.Set = None,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    max_customers: options.MaxCustomers = None,
    out: options.Out = None,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Compare scenarios on the same customers.

    Compares BASE with each OTHER, or with BASE as changed by --set. If OTHER is given, --set applies to all scenarios.
    """
    settings, changes = parse_set_options(None, customers=customers, seed=seed, horizon=horizon), parse_set_options(sets)
    if not others and not changes:
        raise InputError(
            format_error("compare", "must have an OTHER scenario or --set", "only BASE", "Add a scenario to compare with BASE.")
        )
    if others:
        scenarios = label_scenarios({file: load_scenario(file, settings | changes) for file in (base, *others)})
    else:
        require_shared_settings(changes)
        baseline = load_scenario(base, settings)
        scenarios = {baseline.name: baseline, ", ".join(sets or []): baseline.with_values(changes)}
    printed: list[str] = []
    for file, scenario in zip(dict.fromkeys((base, *others)) if others else (base, base), scenarios.values(), strict=True):
        printed += print_warnings(file, scenario, printed)
    with output_folder(out) as folder, progress_bar() as progress:
        from cjsim.simulation.comparison import compare as compare_scenarios

        comparison = compare_scenarios(scenarios, engine=engine, threads=threads, max_customers=max_customers, progress=progress)
        if folder is not None:
            comparison.save(folder)
    print_result(comparison, as_json=as_json, is_full=full)


@with_exit_codes
def walk(
    scenario: options.ScenarioFile,
    customer: Annotated[int, options.number_option("--customer", "K", "Number of the customer, counting from 0.", example=7)],
    seed: options.Seed = None,
    sets: options.Set = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Include what the firm cannot observe: persona, traits, satisfaction, hidden events.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print every line. Routine lines are collapsed by default.")] = False,
    as_json: options.Json = False,
) -> None:
    """Print the diary of one customer, with dates, reasons and amounts."""
    document = load_scenario(scenario, parse_set_options(sets, seed=seed))
    print_warnings(scenario, document)
    if "numba" not in sys.modules and customer < document.customers and not document.has_shared_resources:
        os.environ["NUMBA_DISABLE_JIT"] = (
            "1"  # for one customer, plain Python is faster than loading the compiled kernels, and gives the same result
        )
    with progress_bar() as progress:
        from cjsim.reporting.walk import walk as walk_scenario

        diary = walk_scenario(document, customer=customer, truth=truth, progress=progress)
    if as_json:
        print_json(diary.to_json())
    else:
        typer.echo(diary.summary(width=max(shutil.get_terminal_size((120, 24)).columns, 60), full=full))
