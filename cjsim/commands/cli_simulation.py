"""The commands `simulate`, `compare` and `walk`, which simulate customers."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands.arguments import (
    CustomersOption,
    EngineOption,
    FullOption,
    HorizonOption,
    JsonOption,
    MaxCustomersOption,
    OutOption,
    SeedOption,
    SetOption,
    ThreadsOption,
    label_scenarios,
    load_scenario,
    parse_integer_option,
    parse_run_options,
    parse_set_options,
    parse_setting_options,
    print_warnings,
    require_shared_settings,
)
from cjsim.commands.console import print_json, print_result, print_written_files, save_result, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.output_folder import atomic_output_folder
from cjsim.progress import progress_bar


@with_exit_codes
def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", show_default=False)],
    customers: CustomersOption = None,
    seed: SeedOption = None,
    horizon: HorizonOption = None,
    sets: SetOption = None,
    engine: EngineOption = "compiled",
    threads: ThreadsOption = None,
    max_customers: MaxCustomersOption = None,
    out: OutOption = None,
    events: Annotated[bool, typer.Option("--events", help="Write the event log to DIR as well.")] = False,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate a scenario: its metrics, each with an interval."""
    document = load_scenario(scenario, parse_set_options(sets) | parse_setting_options(customers, seed, horizon))
    options = parse_run_options(engine, threads, max_customers)
    if events and out is None:
        raise InputError(format_error("--events", "must come with --out", "no --out", "Name a folder for the log."))
    print_warnings(scenario, document)
    with atomic_output_folder(out) as folder, progress_bar() as progress:
        from cjsim.simulation.simulate import simulate as simulate_scenario

        log = folder / "log.parquet" if folder is not None and events else None
        run = simulate_scenario(document, **options, log=log, progress=progress)
        written = save_result(run, folder)
    print_written_files(out, written)
    print_result(run, as_json=as_json, is_full=full)


@with_exit_codes
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", show_default=False)],
    others: Annotated[list[Path] | None, typer.Argument(metavar="[OTHER]...", show_default=False)] = None,
    customers: CustomersOption = None,
    seed: SeedOption = None,
    horizon: HorizonOption = None,
    sets: SetOption = None,
    engine: EngineOption = "compiled",
    threads: ThreadsOption = None,
    max_customers: MaxCustomersOption = None,
    out: OutOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare scenarios on the same customers: BASE with each OTHER, or BASE with itself under --set.

    With OTHER files, --set holds for BASE and all of them.
    """
    settings, changes = parse_setting_options(customers, seed, horizon), parse_set_options(sets)
    options = parse_run_options(engine, threads, max_customers)
    if not others and not changes:
        raise InputError(format_error("compare", "must have an OTHER scenario or a --set", "only BASE", "Name what BASE is compared with."))
    if others:
        scenarios = label_scenarios({file: load_scenario(file, settings | changes) for file in (base, *others)})
    else:
        require_shared_settings(changes)
        baseline = load_scenario(base, settings)
        scenarios = {baseline.name: baseline, ", ".join(sets or []): baseline.with_values(changes)}
    printed: list[str] = []
    for file, scenario in zip(dict.fromkeys((base, *others)) if others else (base, base), scenarios.values(), strict=True):
        printed += print_warnings(file, scenario, printed)
    with atomic_output_folder(out) as folder, progress_bar() as progress:
        from cjsim.simulation.comparison import compare as compare_scenarios

        comparison = compare_scenarios(scenarios, **options, progress=progress)
        written = save_result(comparison, folder)
    print_written_files(out, written)
    print_result(comparison, as_json=as_json, is_full=full)


@with_exit_codes
def walk(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", show_default=False)],
    customer: Annotated[str, typer.Option("--customer", metavar="K", help="Its number, from 0.", show_default=False)],
    seed: SeedOption = None,
    sets: SetOption = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Tell what the firm does not see: persona, traits, feelings, silent events.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print every line, also of routine.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Walk the journey as one customer: its diary, with dates, reasons and money."""
    document = load_scenario(scenario, parse_set_options(sets) | parse_setting_options(None, seed, None))
    number = parse_integer_option("--customer", customer, 7)
    assert number is not None
    print_warnings(scenario, document)
    if "numba" not in sys.modules and number < document.customers and not document.has_shared_resources:
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # tracing one customer is faster than loading the compiled kernels, with the same result
    with progress_bar() as progress:
        from cjsim.reporting.walk import walk as walk_scenario

        diary = walk_scenario(document, customer=number, truth=truth, progress=progress)
    if as_json:
        print_json(diary.to_json())
    else:
        typer.echo(diary.summary(width=max(shutil.get_terminal_size((120, 24)).columns, 60), full=full))
