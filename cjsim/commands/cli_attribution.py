"""The `attribution` and `responses` commands: what touchpoints and messages cause, beside the credit that rules give them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import count_warnings, load_scenario, parse_set_options, print_warnings
from cjsim.commands.console import output_folder, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error

if TYPE_CHECKING:
    from cjsim.attribution.attribution_result import Attribution

DATA_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_SIZE_RULE = {"allowed": range(4, 1_000_000_001), "must": "must be from 4 to 1,000,000,000", "remedy": "Use a value such as 10000."}


@with_exit_codes
def attribution(
    source: Annotated[
        Path, typer.Argument(metavar="SCENARIO|PATHS", help="Scenario file, or a CSV or Parquet file with paths.", show_default=False)
    ],
    customers: options.Customers = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KIND|TOUCHPOINT", help="Only these touchpoints, such as channel or 'flow cart'. Can be repeated."),
    ] = None,
    touch: Annotated[
        str | None, typer.Option("--touch", metavar="opened|delivered|clicked", help="What counts as a touch; opened by default.")
    ] = None,
    window: Annotated[
        str | None, typer.Option("--window", metavar="DURATION", help="Look-back window: 7d by default, or no limit for a file of paths.")
    ] = None,
    test_size: Annotated[
        int,
        options.number_option("--test-size", "N", "Customers in the A/B test.", example=10_000, **_SIZE_RULE),
    ] = 10_000,
    before_after: Annotated[
        bool, typer.Option(help="Also simulate a before/after comparison of the introduction of each touchpoint. Doubles the time.")
    ] = True,
    out: options.Out = None,
    force: options.Force = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Compare the credit that attribution rules give each touchpoint with its true effect.

    Each channel, flow, broadcast and message is switched off in turn, and the same customers are simulated again. For a file of
    observed customer paths, only the credits are computed.

    Example: cjsim attribution shop --customers 2000 --only channel
    """
    if source.name.endswith(DATA_SUFFIXES):
        unused = {"--customers": customers, "--seed": seed, "--set": sets, "--only": only, "--touch": touch}
        _attribute_file(source, window, out, force=force, as_json=as_json, table_format=table_format, unused=unused)
        return
    values = parse_set_options(None, customers=customers, seed=seed) | parse_set_options(sets)
    scenario = load_scenario(source, values)
    print_warnings(source, scenario)
    with output_folder(out, command="attribution", force=force) as folder, progress_bar() as progress:
        from cjsim.attribution.rule_set import CreditSettings
        from cjsim.attribution.scenario_attribution import attribution as attribute

        settings = CreditSettings(touch=touch or "opened", window_days=_window_days(window, 7.0))  # type: ignore[arg-type]
        result: Attribution = attribute(
            scenario, only=only or (), settings=settings, test_size=test_size, before_after=before_after, progress=progress
        )
        if folder is not None:
            result.save(folder)
    print_result(result, as_json=as_json, table_format=table_format)


@with_exit_codes
def responses(
    scenario: options.ScenarioFile,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="MESSAGE", help="Only this message. Can be repeated.")] = None,
    customers: options.Customers = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    touch: Annotated[str, typer.Option("--touch", metavar="opened|delivered|clicked", help="What counts as a touch.")] = "opened",
    window: Annotated[
        str | None, typer.Option("--window", metavar="DURATION", help="Longest time from the last touch to an outcome; 5d by default.")
    ] = None,
    threads: options.Threads = None,
    out: options.Out = None,
    force: options.Force = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Measure what each message causes per 1,000 deliveries, and compare it with what last-touch attribution credits it with.

    Each message is left out in turn, for the same customers. Compare published rates only
    with the last-touch numbers, because such rates are usually counted by last touch.

    Example: cjsim responses shop --customers 2000
    """
    from cjsim.attribution.response_cards.measurement import WINDOW_DAYS
    from cjsim.attribution.response_cards.measurement import responses as measure_responses

    loaded = load_scenario(scenario, parse_set_options(None, seed=seed) | parse_set_options(sets))
    count_warnings(scenario, loaded)
    terms = {"touch": touch, "window_days": _window_days(window, WINDOW_DAYS)}
    with output_folder(out, command="responses", force=force) as folder, progress_bar() as progress:
        cards = measure_responses(
            loaded,
            only=only or (),
            customers=customers,
            threads=threads,
            progress=progress,
            **terms,  # type: ignore[arg-type]
        )
        if folder is not None:
            cards.save(folder)
    print_result(cards, as_json=as_json, table_format=table_format)


def _attribute_file(
    file: Path,
    window: str | None,
    out: Path | None,
    *,
    force: bool,
    as_json: bool,
    table_format: str | None,
    unused: Mapping[str, object],
) -> None:
    for option, value in unused.items():
        if value is not None:
            raise InputError(format_error(option, "must be omitted for a file with paths", f"{value}", "Pass a scenario instead."))
    with output_folder(out, command="attribution", force=force) as folder:
        from cjsim.attribution.path_credits import attribute_paths

        result = attribute_paths(file, window_days=_window_days(window, float("inf")))
        if folder is not None:
            result.save(folder)
    print_result(result, as_json=as_json, table_format=table_format)


def _window_days(text: str | None, default: float) -> float:
    from cjsim.scenario.fields import parse_duration

    if text is None:
        return default
    try:
        days = float(parse_duration(text))
    except ValueError:
        days = 0.0
    if not days:
        raise InputError(format_error("--window", "must be a duration above 0", f"'{text}'", "Use a value such as 7d."))
    return days
