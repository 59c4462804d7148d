"""The `simulate`, `compare` and `walk` commands, which simulate customers."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cjsim.commands import options
from cjsim.commands.arguments import (
    count_compared_warnings,
    count_warnings,
    load_scenario,
    load_scenarios,
    parse_set_options,
    require_shared_settings,
)
from cjsim.commands.console import output_folder, print_output, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    from cjsim.simulation.comparison_summary import SortOrder
    from cjsim.simulation.documents import Scenario

_BY_HELP = "Print the metrics by arm of an experiment, or by level of an attribute."
_TRIAL_HELP = "Write the customers of an experiment to trial.csv: arm, features at assignment, and outcomes after it."
TrialWindowOption = Annotated[
    float | None,
    typer.Option(
        "--trial-window",
        metavar="DURATION",
        help="With --trial: count outcomes for this long after assignment, such as 14d.",
        parser=options.duration_parser("--trial-window"),
        show_default=False,
    ),
]


_METRIC_HELP = "Show this metric. Can be repeated; the answer is about the first one."
_SORT_HELP = "Order of the metrics: by importance, relative change or name."
_DETECT_HELP = (
    "State how many customers, simulated or in a real A/B test, are needed to detect a change of this size in the first metric, such as 1%."
)
DetectOption = Annotated[
    float | None,
    typer.Option("--detect", metavar="PERCENT", help=_DETECT_HELP, parser=options.percent_parser("--detect"), show_default=False),
]
SORT_ORDERS = ("importance", "change", "name")
_SORT_PARSER = options.choice_parser("--sort", SORT_ORDERS)


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
    follow_up: options.FollowUp = None,
    out: options.Out = None,
    force: options.Force = False,
    events: Annotated[bool, typer.Option("--events", help="Also write the event log to the --out folder.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="arm|arm:NAME|ATTRIBUTE", help=_BY_HELP, show_default=False)] = None,
    exposed: Annotated[bool, typer.Option("--exposed", help="With --by arm: only customers who reached the split.")] = False,
    trial: Annotated[str | None, typer.Option("--trial", metavar="NAME", help=_TRIAL_HELP, show_default=False)] = None,
    trial_window: TrialWindowOption = None,
    full: options.Full = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Simulate a scenario and print its metrics with intervals.

    Example: cjsim simulate shop --customers 5000
    """
    document = load_scenario(scenario, parse_set_options(sets, customers=customers, seed=seed, horizon=horizon))
    if events and out is None:
        raise InputError(format_error("--events", "must be used with --out", "no --out", "Add --out DIR."))
    if trial is not None and out is None:
        raise InputError(format_error("--trial", "must be used with --out", "no --out", "Add --out DIR."))
    if trial_window is not None and trial is None:
        raise InputError(format_error("--trial-window", "must be used with --trial", "no --trial", "Add --trial NAME."))
    if exposed and by is None:
        raise InputError(format_error("--exposed", "must be used with --by arm", "no --by", "Add --by arm."))
    count_warnings(scenario, document)
    with output_folder(out, command="simulate", force=force) as folder, progress_bar() as progress:
        from cjsim.simulation.grouped_metrics import check_groups
        from cjsim.simulation.simulate import simulate as simulate_scenario

        check_groups(document, by=by, experiment=trial)
        log = folder / "log.parquet" if folder is not None and (events or trial is not None) else None
        run = simulate_scenario(
            document,
            engine=engine,
            threads=threads,
            max_customers=max_customers,
            follow_up_days=follow_up,
            log=log,
            progress=progress,
        )
        grouped = None if by is None else run.by(by, exposed_only=exposed)
        if folder is not None:
            run.save(folder)
            if grouped is not None:
                grouped.save(folder)
            if trial is not None:
                write_csv(run.trial(trial, follow_up_days=trial_window), folder / "trial.csv")
            if log is not None and not events:
                log.unlink()
    shown = run if grouped is None else grouped
    print_output(
        as_json,
        table_format,
        text=lambda: shown.summary(full=full),
        content=lambda: run.to_json() | ({} if grouped is None else grouped.to_json()),
        table=shown.to_pandas,
    )


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
    follow_up: options.FollowUp = None,
    out: options.Out = None,
    force: options.Force = False,
    metrics: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME", help=_METRIC_HELP, show_default=False)] = None,
    sort: Annotated[str, typer.Option("--sort", metavar="|".join(SORT_ORDERS), help=_SORT_HELP, parser=_SORT_PARSER)] = "importance",
    detect: DetectOption = None,
    full: options.Full = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Compare scenarios on the same customers.

    Compares BASE with each OTHER, or with BASE as changed by --set. If OTHER is given, --set applies to all scenarios.

    Example: cjsim compare shop shop_better --metric clv --metric opt_outs
    """
    settings, changes = parse_set_options(None, customers=customers, seed=seed, horizon=horizon), parse_set_options(sets)
    if not others and not changes:
        raise InputError(
            format_error("compare", "must have an OTHER scenario or --set", "only BASE", "Add a scenario to compare with BASE.")
        )
    if others:
        remedy = "Give another scenario, or change this one with --set."
        scenarios = load_scenarios([base, *others], settings | changes, where="compare", remedy=remedy)
    else:
        require_shared_settings(changes)
        baseline = load_scenario(base, settings)
        scenarios = {baseline.name: baseline, ", ".join(sets or []): baseline.with_values(changes)}
    _require_metrics(next(iter(scenarios.values())), metrics or ())
    count_compared_warnings(zip((base, *(others or [base])), scenarios.values(), strict=True))
    with output_folder(out, command="compare", force=force) as folder, progress_bar() as progress:
        from cjsim.simulation.comparison import compare as compare_scenarios
        from cjsim.simulation.comparison_answer import OBJECTIVE

        comparison = compare_scenarios(
            scenarios, engine=engine, threads=threads, max_customers=max_customers, follow_up_days=follow_up, progress=progress
        )
        if folder is not None:
            comparison.save(folder)
    print_output(
        as_json,
        table_format,
        text=lambda: comparison.summary(full=full, metrics=metrics or (), sort=cast("SortOrder", sort), detect=detect),
        content=lambda: comparison.to_json(detect=detect, metric=(metrics or [OBJECTIVE])[0]),
        table=comparison.to_pandas,
    )


def _require_metrics(scenario: "Scenario", metrics: Sequence[str]) -> None:
    """Raise if a scenario lacks a metric, before a simulation, which may take a long time."""
    from cjsim.compiler.compile_scenario import compile_scenario
    from cjsim.metrics.catalog import find_metric_definition

    for metric in metrics:
        find_metric_definition(compile_scenario(scenario), metric)


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
    table_format: options.Format = None,
) -> None:
    """Print the diary of one customer, with dates, reasons and amounts.

    Example: cjsim walk shop --customer 7 --truth
    """
    document = load_scenario(scenario, parse_set_options(sets, seed=seed))
    count_warnings(scenario, document)
    if "numba" not in sys.modules and customer < document.customers and not document.has_shared_resources:
        os.environ["NUMBA_DISABLE_JIT"] = (
            "1"  # for one customer, plain Python is faster than loading the compiled kernels, and gives the same result
        )
    with progress_bar() as progress:
        from cjsim.reporting.walk import walk as walk_scenario

        diary = walk_scenario(document, customer=customer, truth=truth, progress=progress)
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    print_output(as_json, table_format, text=lambda: diary.summary(width=width, full=full), content=diary.to_json, table=diary.to_pandas)
