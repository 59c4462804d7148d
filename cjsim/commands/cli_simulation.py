"""The `simulate`, `compare` and `walk` commands, which simulate customers."""

import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
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
from cjsim.commands.console import after_saving, output_folder, print_output, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    from cjsim.simulation.comparison_summary import SortOrder
    from cjsim.simulation.switching.contact_baselines import ContactBaseline

_BY_HELP = (
    "Print the metrics by group of customers: by arm (or arm:EXPERIMENT), persona, entry_month, base (existing and new customers), or an"
    " attribute such as acquired_by. By month, print the totals of the firm in each calendar month, which takes about M / 2 times as long"
    " for M months."
)
_WHERE_HELP = (
    "Print the metrics only for customers who meet a condition on what is fixed at entry, such as \"country == 'DE'\". All customers are"
    " simulated and saved."
)
ByOption = Annotated[str | None, typer.Option("--by", metavar="GROUP", help=_BY_HELP, show_default=False)]
WhereOption = Annotated[str | None, typer.Option("--where", metavar="EXPR", help=_WHERE_HELP, show_default=False)]
_COHORTS_HELP = (
    "Print cohorts by month of entry and age instead of the metrics: retention, buyers, revenue and margin to date. Takes as long as"
    " --by month."
)
_TRIAL_HELP = "Write the customers of an experiment to trial.csv in the --out folder: arm, features at assignment, and outcomes after it."
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


_METRIC_HELP = "Show only this metric; cjsim metrics lists them. Can be repeated; the answer is about the first one."
_SORT_HELP = "Order of the metrics in the text table: by importance (default), relative change or name."
_DETECT_HELP = (
    "State how many customers, simulated or in a real A/B test, are needed to detect a change of this size in the first metric, such as 1%."
)
DetectOption = Annotated[
    float | None,
    typer.Option("--detect", metavar="PERCENT", help=_DETECT_HELP, parser=options.percent_parser("--detect"), show_default=False),
]
SORT_ORDERS = ("importance", "change", "name")
AGAINST = ("no-contact", "nothing")
_AGAINST_HELP = (
    "Baseline to make from BASE: 'no-contact' sends only transactional messages; 'nothing' sends no messages at all. "
    "Neither pays for a marketing platform."
)
_AGAINST_PARSER = options.choice_parser("--against", AGAINST)
_SORT_PARSER = options.choice_parser("--sort", SORT_ORDERS)


@with_exit_codes
def simulate(
    scenario: options.ScenarioFile,
    customers: options.Customers = None,
    sample: options.Sample = None,
    replications: options.Replications = None,
    seed: options.Seed = None,
    horizon: options.Horizon = None,
    value_horizon: options.ValueHorizon = None,
    sets: options.Set = None,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    max_customers: options.MaxCustomers = None,
    follow_up: options.FollowUp = None,
    out: options.Out = None,
    force: options.Force = False,
    events: Annotated[bool, typer.Option("--events", help="Also write the event log to the --out folder.")] = False,
    by: ByOption = None,
    where: WhereOption = None,
    with_cohorts: Annotated[bool, typer.Option("--cohorts", help=_COHORTS_HELP)] = False,
    exposed: Annotated[bool, typer.Option("--exposed", help="With --by arm: count only customers who reached the split.")] = False,
    trial: Annotated[str | None, typer.Option("--trial", metavar="NAME", help=_TRIAL_HELP, show_default=False)] = None,
    trial_window: TrialWindowOption = None,
    full: options.Full = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Simulate a scenario and print its metrics with intervals.

    Example: cjsim simulate shop --customers 5000
    """
    values = parse_set_options(sets, seed=seed, horizon=horizon, value_horizon=value_horizon)
    document = load_scenario(scenario, values)
    from cjsim.simulation.requested_tables import check_requested_tables

    check_requested_tables({document.name: document}, by=by, where=where)
    if with_cohorts:
        from cjsim.simulation.months.cohort_table import check_cohorts

        check_cohorts(document, customers=customers)
    if trial is not None:
        from cjsim.simulation.trials.trial_export import check_trial

        check_trial(document, trial, window_days=trial_window, follow_up_days=follow_up)
    count_warnings(scenario, document)
    with output_folder(out, command="simulate", force=force) as folder, progress_bar() as progress:
        from cjsim.simulation.months.calendar_months import is_by_month
        from cjsim.simulation.simulate import simulate as simulate_scenario

        log = folder / "log.parquet" if folder is not None and (events or trial is not None) else None
        run = simulate_scenario(
            document,
            customers=customers,
            sample=sample,
            replications=replications,
            engine=engine,
            threads=threads,
            max_customers=max_customers,
            follow_up_days=follow_up,
            log=log,
            progress=progress,
            monthly=with_cohorts or is_by_month(by, document.journey.attributes),
        )
        if folder is not None:
            run.save(folder)
        try:
            with after_saving():
                grouped = None if by is None and where is None else run.by(by, where=where, exposed_only=exposed)
                cohorts = run.cohorts(where=where) if with_cohorts else None
                if folder is not None:
                    if grouped is not None:
                        grouped.save(folder)
                    if cohorts is not None:
                        cohorts.save(folder)
                    if trial is not None:
                        write_csv(run.trial(trial, follow_up_days=trial_window), folder / "trial.csv")
        finally:
            if log is not None and not events:
                log.unlink()
    shown = run if grouped is None else grouped
    texts: list[Callable[[], str]] = [] if cohorts is None else [cohorts.summary]
    texts += [] if cohorts is not None and by is None else [partial(shown.summary, full=full)]
    print_output(
        as_json,
        table_format,
        text=lambda: "\n\n".join(text() for text in texts),
        content=lambda: run.to_json() | ({} if grouped is None else grouped.to_json()) | ({} if cohorts is None else cohorts.to_json()),
        table=shown.to_pandas if cohorts is None else cohorts.to_pandas,
    )


@with_exit_codes
def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="Baseline: a scenario file, or a name in the library such as shop.", show_default=False)
    ],
    others: Annotated[
        list[Path] | None, typer.Argument(metavar="OTHER", help="Alternatives: scenario files or names.", show_default=False)
    ] = None,
    customers: options.Customers = None,
    sample: options.Sample = None,
    replications: options.Replications = None,
    seed: options.Seed = None,
    horizon: options.Horizon = None,
    value_horizon: options.ValueHorizon = None,
    sets: options.Set = None,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    max_customers: options.MaxCustomers = None,
    follow_up: options.FollowUp = None,
    out: options.Out = None,
    force: options.Force = False,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="|".join(AGAINST), help=_AGAINST_HELP, parser=_AGAINST_PARSER, show_default=False),
    ] = None,
    by: ByOption = None,
    where: WhereOption = None,
    metrics: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME", help=_METRIC_HELP, show_default=False)] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="|".join(SORT_ORDERS), help=_SORT_HELP, parser=_SORT_PARSER, show_default=False)
    ] = None,
    detect: DetectOption = None,
    full: options.Full = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Compare scenarios on the same customers.

    Compares BASE with each OTHER, or with BASE as changed by --set. If OTHER is given, --set applies to all scenarios. With --against, the
    baseline is BASE without marketing, and BASE is an alternative.

    Example: cjsim compare shop shop_better --metric clv --metric opt_outs
    """
    settings = parse_set_options(None, seed=seed, horizon=horizon, value_horizon=value_horizon)
    changes = parse_set_options(sets)
    if not (others or changes or against):
        raise InputError(
            format_error("compare", "must have an OTHER scenario, --set or --against", "only BASE", "Add a scenario to compare with BASE.")
        )
    if others:
        remedy = "Give another scenario, or change this one with --set."
        scenarios = load_scenarios([base, *others], settings | changes, where="compare", remedy=remedy)
    else:
        require_shared_settings(changes)
        baseline = load_scenario(base, settings)
        scenarios = {baseline.name: baseline} | ({", ".join(sets or []): baseline.with_values(changes)} if changes else {})
    from cjsim.simulation.requested_tables import check_requested_tables
    from cjsim.simulation.switching.contact_baselines import with_contact_baseline

    shown = metrics or ()
    compared = scenarios if against is None else with_contact_baseline(scenarios, cast("ContactBaseline", against))
    check_requested_tables(compared, by=by, where=where, metrics=shown)
    count_compared_warnings(zip((base, *(others or ([base] if changes else []))), scenarios.values(), strict=True))
    with output_folder(out, command="compare", force=force) as folder, progress_bar() as progress:
        from cjsim.simulation.compare_scenarios import compare as compare_scenarios
        from cjsim.simulation.months.calendar_months import is_by_month

        is_monthly = is_by_month(by, next(iter(compared.values())).journey.attributes)
        comparison = compare_scenarios(
            compared,
            customers=customers,
            sample=sample,
            replications=replications,
            engine=engine,
            threads=threads,
            max_customers=max_customers,
            follow_up_days=follow_up,
            progress=progress,
            monthly=is_monthly,
        )
        if folder is not None:
            comparison.save(folder)
        with after_saving():
            grouped = None if by is None and where is None else comparison.by(by, where=where, metrics=shown)
            if folder is not None and grouped is not None:
                grouped.save(folder)
    of_run = () if is_monthly else shown  # metrics of a month are not metrics of a run
    order = cast("SortOrder", sort or SORT_ORDERS[0])
    print_output(
        as_json,
        table_format,
        text=partial(comparison.summary, full=full, metrics=shown, sort=order, detect=detect)
        if grouped is None
        else partial(grouped.summary, full=full),
        content=lambda: comparison.to_json(metrics=of_run, detect=detect) | ({} if grouped is None else grouped.to_json(metrics=shown)),
        table=partial((comparison if grouped is None else grouped).to_pandas, metrics=shown),
    )


@with_exit_codes
def walk(
    scenario: options.ScenarioFile,
    customer: Annotated[int, options.number_option("--customer", "K", "Number of the customer, counting from 0.", example=7)],
    seed: options.Seed = None,
    sets: options.Set = None,
    max_customers: options.MaxCustomers = None,
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

        diary = walk_scenario(document, customer=customer, truth=truth, max_customers=max_customers, progress=progress)
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    print_output(as_json, table_format, text=lambda: diary.summary(width=width, full=full), content=diary.to_json, table=diary.to_pandas)
