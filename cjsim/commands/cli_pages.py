"""The commands `report` and `map`, which make self-contained pages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cjsim.commands import options
from cjsim.commands.arguments import count_warnings, load_scenario, parse_set_options
from cjsim.commands.console import echo_message, output_folder, print_output, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.escaping.terminal_text import printable

if TYPE_CHECKING:
    from cjsim.pages.maps.build_map import MapKind
    from cjsim.pages.maps.map_result import JourneyMap, MapFormat
    from cjsim.pages.maps.map_runs import Level

_RESULTS_HELP = (
    "Folder of a saved comparison or run, or the folders of several runs of the same customers, the baseline first. Folders of levers,"
    " assumptions, responses, attributions, studies and experiments add a section each."
)
_REPORT_OUT_HELP = "Folder for report.html and report.json, or the name of an HTML file. By default, report.html in the current folder."
_SIMULATED_HELP = "Scenario file that was simulated, for titles and for the sources of numbers. Can be repeated."
_KINDS = ("current", "future", "day", "blueprint")
_LEVELS = ("overview", "stage", "touchpoint")
_FORMATS = ("html", "svg", "mermaid")
_SUFFIXES = {"html": ".html", "svg": ".svg", "mermaid": ".mmd"}
_SOURCE_HELP = "Scenario file, a name in the library such as retail, or the folder of a saved run with its event log."
_KIND_HELP = (
    "The current state (default); a future state beside it; the days of one customer; or a service blueprint. Can be repeated for a page"
    " with several kinds."
)
_AGAINST_HELP = "With --kind future: scenario of the future state, or the folder of its run."
_CUSTOMER_HELP = "With --kind day: number of the customer, counting from 0."
_LEVEL_HELP = "Totals by channel, the most frequent touchpoints (default), or all touchpoints with intervals."
_CLIFFS_HELP = "Also find the moves between stages that lose the most value. Takes one more simulation for each move."
_FORMAT_HELP = "HTML page (default), SVG picture, or text for Mermaid, which is printed unless --out is given."
_REVIEW_HELP = "When the map is reviewed next, such as 2027-01-15; stands on the map."
_MAP_OUT_HELP = "Folder for map.html, map.svg, map.mmd and map.json, or the name of one HTML, SVG or MMD file. By default, map.html here."
_MADE_FROM_HELP = "Scenario file that a run was made from, unless it is in the library. Can be repeated."


@with_exit_codes
def report(
    results: Annotated[list[Path], typer.Argument(metavar="RUN...", help=_RESULTS_HELP, show_default=False)],
    scenarios: Annotated[list[Path] | None, typer.Option("--scenario", metavar="FILE", help=_SIMULATED_HELP, show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR|FILE", help=_REPORT_OUT_HELP, parser=options.parse_folder)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier report.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Make a self-contained HTML page of a run or a comparison.

    The page opens without a network, and report.json beside it holds every number that it shows.

    Example: cjsim report results/shop --out report.html
    """
    from cjsim.pages.build_report import report as build_report
    from cjsim.pages.report_result import HTML_FILE, PAGE_SUFFIX

    documents = [load_scenario(file, {}) for file in scenarios or []]
    file = Path(HTML_FILE) if out is None else out
    if file.suffix != PAGE_SUFFIX:
        with output_folder(file, command="report", force=force) as folder:
            made = build_report(*results, scenarios=documents, out=folder)
    else:
        _require_new(file, force=force)
        made = build_report(*results, scenarios=documents, out=file)
        echo_message(f"wrote {file} and {file.with_suffix('.json').name}")
    print_result(made, as_json=as_json, table_format=table_format)


@with_exit_codes
def map(  # noqa: A001, the name of the command
    source: Annotated[Path, typer.Argument(metavar="SCENARIO", help=_SOURCE_HELP, show_default=False)],
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="|".join(_KINDS), help=_KIND_HELP, show_default=False),
    ] = None,
    against: Annotated[Path | None, typer.Option("--against", metavar="OTHER", help=_AGAINST_HELP, show_default=False)] = None,
    customer: Annotated[int | None, options.number_option("--customer", "K", _CUSTOMER_HELP, example=7)] = None,
    level: Annotated[
        Any, typer.Option("--level", metavar="|".join(_LEVELS), help=_LEVEL_HELP, parser=options.choice_parser("--level", _LEVELS))
    ] = "stage",
    cliffs: Annotated[bool, typer.Option("--cliffs", help=_CLIFFS_HELP)] = False,
    map_format: Annotated[
        Any, typer.Option("--format", metavar="|".join(_FORMATS), help=_FORMAT_HELP, parser=options.choice_parser("--format", _FORMATS))
    ] = None,
    review: Annotated[str | None, typer.Option("--review", metavar="DATE", help=_REVIEW_HELP, show_default=False)] = None,
    scenarios: Annotated[list[Path] | None, typer.Option("--scenario", metavar="FILE", help=_MADE_FROM_HELP, show_default=False)] = None,
    customers: options.Customers = None,
    sample: options.Sample = None,
    replications: options.Replications = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    threads: options.Threads = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR|FILE", help=_MAP_OUT_HELP, parser=options.parse_folder)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier map.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Draw the map of a journey: stages, what customers do, ask and feel, what reaches them, and who answers.

    The page opens without a network, and map.json beside it holds every number that it shows.

    Example: cjsim map retail --out map.html
    """
    for kind in kinds or ():
        if kind not in _KINDS:
            remedy = did_you_mean(kind, _KINDS) or "Choose one of these."
            raise InputError(format_error("--kind", f"must be one of {quote_choices(_KINDS)}", short_repr(kind), remedy))
    wanted = tuple(dict.fromkeys(kinds or ["current"]))
    values = parse_set_options(sets)
    first, *others = (_loaded(one, values) for one in (source, against) if one is not None)
    file = _file(out, map_format)

    def _make(progress: Any, target: Path | None) -> "JourneyMap":
        from cjsim.pages.maps.build_map import journey_map

        return journey_map(
            first,
            kind=cast("tuple[MapKind, ...]", wanted),
            against=others[0] if others else None,
            customer=customer,
            level=cast("Level", level),
            cliffs=cliffs,
            review=review,
            scenarios=[load_scenario(one, {}) for one in scenarios or []],
            customers=customers,
            sample=sample,
            replications=replications,
            seed=seed,
            threads=threads,
            progress=progress,
            out=target,
        )

    if file is None:
        with progress_bar() as progress:
            made = _make(progress, None)
    elif file.suffix:
        _require_new(file, force=force)
        with progress_bar() as progress:
            made = _make(progress, file)
        echo_message(f"wrote {file} and {file.with_suffix('.json').name}")
    else:
        with output_folder(file, command="map", force=force) as folder, progress_bar() as progress:
            made = _make(progress, folder)
    if file is None and not as_json:
        typer.echo(printable(made.mermaid.rstrip("\n")))  # not wrapped: each line is a statement
        return
    print_output(as_json, None, text=lambda: str(made), content=made.to_json, table=made.to_pandas)


def _loaded(source: Path, values: dict[str, Any]) -> Any:
    """Return a scenario, or the folder of a run, which is loaded later."""
    from cjsim.output_folder import COMPARISON_FILE, MANIFEST_FILE

    if (source / MANIFEST_FILE).is_file():
        return source
    if (source / COMPARISON_FILE).is_file():
        remedy = "Name the folder of a run, such as run_0 in it, or the scenarios."
        raise InputError(format_error(str(source), "must be a scenario or the folder of a run", "the folder of a comparison", remedy))
    scenario = load_scenario(source, values)
    count_warnings(source, scenario)
    return scenario


def _file(out: Path | None, map_format: "MapFormat | None") -> Path | None:
    """Return the file or the folder to write; None if a Mermaid diagram is printed instead."""
    if out is None:
        return None if map_format == "mermaid" else Path(f"map{_SUFFIXES[map_format or 'html']}")
    if not out.suffix:
        return out / f"map{_SUFFIXES[map_format]}" if map_format is not None and out.is_dir() else out
    if out.suffix not in _SUFFIXES.values():
        must = f"must be a folder, or a file that ends in {quote_choices(list(_SUFFIXES.values()))}"
        raise InputError(format_error("--out", must, f"'{out}'", "Name a file such as map.html."))
    if map_format is not None and _SUFFIXES[map_format] != out.suffix:
        must = f"must name a file that ends in '{_SUFFIXES[map_format]}' with --format {map_format}"
        raise InputError(format_error("--out", must, f"'{out}'", "Omit --format: the name of the file determines it."))
    return out


def _require_new(file: Path, *, force: bool) -> None:
    from cjsim.output_folder import require_new_file

    if not file.parent.is_dir():
        must, got = "must name a file in an existing folder", f"'{file}'"
        raise InputError(format_error("--out", must, got, "Create the folder, or name another file."))
    for name in (file, file.with_suffix(".json")) if not force else ():
        require_new_file(name, argument="--out")
