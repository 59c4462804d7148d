"""The `cliffs` command, which ranks the moves between stages."""

from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import count_warnings, load_scenario, parse_set_options
from cjsim.commands.console import output_folder, print_result, progress_bar, with_exit_codes


@with_exit_codes
def cliffs(
    scenario: options.ScenarioFile,
    metric: Annotated[str, typer.Option("--metric", metavar="M", help="Metric to rank by.")] = "clv",
    customers: options.Customers = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    threads: options.Threads = None,
    out: options.Out = None,
    force: options.Force = False,
    full: Annotated[bool, typer.Option("--full", help="Show each persona.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Find the moves between stages that lose the most value.

    Each move is blocked in turn, for the same customers, who then stay in their stage instead. The largest loss comes first.

    Example: cjsim cliffs shop --customers 2000
    """
    from cjsim.tuning.cliffs.find_cliffs import cliffs as find_cliffs

    values = parse_set_options(None, seed=seed) | parse_set_options(sets)
    loaded = load_scenario(scenario, values)
    count_warnings(scenario, loaded)
    with output_folder(out, command="cliffs", force=force) as folder, progress_bar() as progress:
        ranking = find_cliffs(loaded, metric=metric, customers=customers, threads=threads, progress=progress)
        if folder is not None:
            ranking.save(folder)
    print_result(ranking, as_json=as_json, table_format=table_format, is_full=full)
