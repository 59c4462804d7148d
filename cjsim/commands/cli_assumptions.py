"""The `assumptions` command, which measures how much of an answer depends on assumed effects of messages."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import count_compared_warnings, load_scenarios, parse_set_options
from cjsim.commands.console import output_folder, print_result, progress_bar, with_exit_codes


@with_exit_codes
def assumptions(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Baseline: a scenario file, or a name in the library.", show_default=False)],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Alternative: a scenario file, or a name.", show_default=False)],
    metric: Annotated[str, typer.Option("--metric", metavar="M", help="Metric whose difference is measured.")] = "clv",
    customers: options.Customers = None,
    sample: options.Sample = None,
    replications: options.Replications = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    threads: options.Threads = None,
    out: options.Out = None,
    force: options.Force = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Measure how much of a difference depends on assumed effects of messages.

    Compares OTHER with BASE as they are, without the effects of messages that are assumed, with half of them, and with twice as much.

    Example: cjsim assumptions shop shop_better --customers 2000
    """
    from cjsim.tuning.assumptions.check_assumptions import assumptions as check_assumptions

    values = parse_set_options(None, seed=seed) | parse_set_options(sets)
    scenarios = load_scenarios([base, other], values, where="assumptions", remedy="Give two different scenarios.")
    count_compared_warnings(zip((base, other), scenarios.values(), strict=True))
    with output_folder(out, command="assumptions", force=force) as folder, progress_bar() as progress:
        found = check_assumptions(
            *scenarios.values(),
            metric=metric,
            customers=customers,
            sample=sample,
            replications=replications,
            threads=threads,
            progress=progress,
        )
        if folder is not None:
            found.save(folder)
    print_result(found, as_json=as_json, table_format=table_format)
