"""The commands `levers` and `cliffs`, which rank the levers of a scenario and the moves between its stages."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import count_compared_warnings, count_warnings, load_scenario, load_scenarios, parse_set_options
from cjsim.commands.console import output_folder, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error

_ONLY_HELP = "Only levers at or below this path, of the policy or the journey. Can be repeated."


_SWITCH_OFF_HELP = "Instead, rank flows, broadcasts and channels by what each contributes to the metric (clv by default)."


@with_exit_codes
def levers(
    scenario: options.ScenarioFile,
    metric: Annotated[str | None, typer.Option("--metric", metavar="M", help="Metric to rank by, such as clv.", show_default=False)] = None,
    switched_off: Annotated[bool, typer.Option("--switch-off", help=_SWITCH_OFF_HELP)] = False,
    customers: options.Customers = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    journey: Annotated[bool, typer.Option("--journey", help="Include the assumptions of the journey: rates, traits, lifts.")] = False,
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", metavar="OTHER", help="Also estimate the effect of switching to another scenario. Can be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATH", help=_ONLY_HELP),
    ] = None,
    sobol: Annotated[
        int | None,
        options.number_option("--sobol", "N", "Also compute Sobol indices of the significant levers from N sample points.", example=64),
    ] = None,
    threads: options.Threads = None,
    out: options.Out = None,
    force: options.Force = False,
    full: Annotated[bool, typer.Option("--full", help="List all moves, including those without a significant effect.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Rank the levers of a scenario by their effect on a metric.

    Each lever is moved up and down, one at a time, on the same customers. With --switch-off, each touchpoint is switched off instead.

    Example: cjsim levers shop --metric clv --customers 2000
    """
    if switched_off and (journey or also or only or sobol is not None):
        given = next(name for name, one in (("--journey", journey), ("--also", also), ("--only", only), ("--sobol", True)) if one)
        raise InputError(format_error("--switch-off", "must be used without options for levers", given, f"Remove {given}."))
    if metric is None and not switched_off:
        raise InputError(format_error("--metric", "must be given", "no metric", "Add --metric clv, or use --switch-off."))
    values = parse_set_options(None, seed=seed) | parse_set_options(sets)
    if scenario in (files := also or []) or len(set(files)) < len(files):
        got, remedy = ", ".join(map(str, (scenario, *files))), "List each scenario once."
        raise InputError(format_error("--also", "must list scenarios other than the baseline, each once", got, remedy))
    scenarios = load_scenarios([scenario, *files], values, where="--also")
    baseline, *others = scenarios
    count_compared_warnings(zip((scenario, *files), scenarios.values(), strict=True))
    with output_folder(out, command="levers", force=force) as folder, progress_bar() as progress:
        if switched_off:
            from cjsim.tuning.levers.touchpoint_values import touchpoint_values

            ranked = touchpoint_values(scenarios[baseline], metric=metric or "clv", customers=customers, threads=threads, progress=progress)
            if folder is not None:
                ranked.save(folder)
            print_result(ranked, as_json=as_json, table_format=table_format, is_full=full)
            return
        from cjsim.tuning.levers.rank import levers as rank_levers
        from cjsim.tuning.levers.sobol import MAX_SOBOL_LEVERS, add_sobol_indices

        paths = tuple(only or (("policy", "journey") if journey else ("policy",)))
        also_ranked = {name: scenarios[name] for name in others}
        ranking = rank_levers(
            scenarios[baseline],
            metric=metric or "",
            customers=customers,
            only=paths,
            also=also_ranked,
            threads=threads,
            progress=progress,
        )
        if sobol is not None:
            max_levers = None if only else MAX_SOBOL_LEVERS
            ranking = add_sobol_indices(
                ranking, scenarios[baseline], points=sobol, max_levers=max_levers, threads=threads, progress=progress
            )
        if folder is not None:
            ranking.save(folder)
    print_result(ranking, as_json=as_json, table_format=table_format, is_full=full)


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
