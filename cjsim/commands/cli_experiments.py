"""The `experiment` and `journal` commands."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import load_document, load_experiment, load_scenario, parse_set_options, print_warnings
from cjsim.commands.console import echo_message, print_output, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.library import LIBRARY_FOLDERS, library_entries

if TYPE_CHECKING:
    from cjsim.lab.journal import Journal
    from cjsim.yaml.document import Document

ReportsOption = Annotated[Path, typer.Option("--reports", metavar="DIR", help="Report folder.")]


@with_exit_codes
def experiment(
    file: Annotated[Path, typer.Argument(metavar="EXPERIMENT", help="Experiment file.", show_default=False)],
    sets: options.Set = None,
    customers: options.Customers = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    reports: ReportsOption = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Repeat an existing run.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Test a hypothesis and write a report.

    Prints the verdict and writes the report to DIR/NAME/RUN. Existing runs are not repeated. Interrupted runs resume.

    Example: cjsim experiment coffee/experiments/offer_sooner.yaml
    """
    document = load_experiment(file, parse_set_options(sets, customers=customers, seed=seed))
    print_warnings(file, document)
    from cjsim.lab.report_folder import run_folder
    from cjsim.lab.reported_experiment import experiment as test_hypothesis

    with progress_bar() as progress:
        findings = test_hypothesis(document, reports=reports, force=force, threads=threads, progress=progress)
    print_output(
        as_json,
        table_format,
        text=findings.summary,
        content=lambda: findings.to_json() | {"run_dir": str(run_folder(document, reports))},
        table=findings.to_pandas,
    )


journal_app = typer.Typer(no_args_is_help=False, rich_markup_mode=None, invoke_without_command=True)
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only findings with this name.")]
KindOption = Annotated[str | None, typer.Option("--kind", metavar="K", help="Only findings of this kind: experiment, study or levers.")]
VerdictOption = Annotated[str | None, typer.Option("--verdict", metavar="V", help="Only findings with this verdict.")]
MetricOption = Annotated[str | None, typer.Option("--metric", metavar="M", help="Only findings about this metric.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Only findings from this date or later.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="WORDS", help="Only findings that contain all these words.")]


@journal_app.command("list", help="List findings. This is the default command.\n\nExample: cjsim journal list --kind study")
@journal_app.callback()
@with_exit_codes
def journal_callback(
    context: typer.Context,
    reports: ReportsOption = Path("reports"),
    name: NameOption = None,
    kind: KindOption = None,
    verdict: VerdictOption = None,
    metric: MetricOption = None,
    since: SinceOption = None,
    text: TextOption = None,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """List past findings and compare versions.

    Example: cjsim journal --metric clv
    """
    if context.invoked_subcommand is not None:
        if reports != Path("reports") or as_json or any((table_format, name, kind, verdict, metric, since, text)):
            remedy = f"Put them after 'cjsim journal {context.invoked_subcommand}'."
            raise InputError(format_error("journal", "must have options after the command", "options before it", remedy))
        return
    from cjsim.lab.journal import Journal

    if not reports.is_dir():
        echo_message(f"{reports}: no such folder, nothing to list")
    found = Journal(reports).entries(name=name, kind=kind, verdict=verdict, metric=metric, since=since, text=text)
    print_result(found, as_json=as_json, table_format=table_format)


@journal_app.command("show")
@with_exit_codes
def journal_show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run name (or a prefix), run folder or experiment name.", show_default=False)],
    reports: ReportsOption = Path("reports"),
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Print the report of a run.

    Example: cjsim journal show offer_sooner
    """
    from cjsim.input_files.regular_file import read_text
    from cjsim.lab.journal import Journal, JournalListing

    entry = Journal(reports).find(run)
    page = entry.file("report.md")
    listing = JournalListing((entry,))
    print_output(
        as_json,
        table_format,
        text=lambda: read_text(page) if os.path.lexists(page) else listing.summary(),
        content=entry.to_json,
        table=listing.to_pandas,
    )


@journal_app.command("diff")
@with_exit_codes
def journal_diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Old version: a file, RUN or RUN:VARIANT.", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="New version: a file, RUN or RUN:VARIANT.", show_default=False)],
    metric: Annotated[str | None, typer.Option("--metric", metavar="M", help="Estimate the effect of each change on this metric.")] = None,
    inside: Annotated[
        Path | None, typer.Option("--in", metavar="SCENARIO", help="Scenario in which to compare two journeys or policies.")
    ] = None,
    customers: options.Customers = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    reports: ReportsOption = Path("reports"),
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Compare two versions of a document.

    RUN refers to the baseline of an experiment or the winner of a study; RUN:VARIANT refers to a variant of an experiment. With --metric,
    each change is simulated on its own, then all changes together, on the same customers.

    Example: cjsim journal diff shop shop_better --metric clv --customers 2000
    """
    from cjsim.lab.journal import Journal
    from cjsim.lab.version_comparison import compare_versions, scenario_with_part

    journal = Journal(reports)
    versions = [resolve_version(reference, journal) for reference in (old, new)]
    if inside is not None:
        scenario = load_scenario(inside, {})
        versions = [scenario_with_part(scenario, version) for version in versions]
    with progress_bar() as progress:
        comparison = compare_versions(*versions, metric=metric, customers=customers, seed=seed, threads=threads, progress=progress)
    print_result(comparison, as_json=as_json, table_format=table_format)


def resolve_version(reference: str, journal: "Journal") -> "Document":
    """Load the document that a reference names: a file, a run in the journal or a document of the library.

    Parameters
    ----------
    reference : str
        A file, RUN or RUN:VARIANT, or a name in the library that no finding has. RUN is the baseline of an experiment or the winner of
        a study.
    journal : Journal
        Journal with the runs.

    Raises
    ------
    InputError
        If the file, run or variant does not exist, or the run contains no scenario.
    """
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.report_folder import BEST_SCENARIO_FILE, EXPERIMENT_FILE

    name, _, variant = reference.partition(":")
    in_library = {entry.name for kind in LIBRARY_FOLDERS for entry in library_entries(kind)}
    in_library -= {entry.manifest.name for entry in journal.entries().entries}
    if Path(reference).is_file() or (Path(reference).suffix and not variant) or reference in in_library:
        document = load_document(Path(reference), None)
        return document.scenario if isinstance(document, Experiment) else document
    entry = journal.find(name)
    if entry.manifest.kind == "study" and not variant:
        return load_scenario(entry.file(BEST_SCENARIO_FILE), {})
    if entry.manifest.kind != "experiment":
        remedy = "Choose a run of an experiment or study, or a file."
        must = "must compare runs that contain a scenario"
        raise InputError(format_error("diff", must, f"'{reference}' of kind {entry.manifest.kind}", remedy))
    experiment = Experiment.load(entry.file(EXPERIMENT_FILE))
    arms = {arm.name: arm.scenario for arm in experiment.arms()}
    if variant and variant not in arms:
        raise InputError(format_error(f"variant of '{name}'", *unknown_name_parts(variant, arms, "variant")))
    return arms[variant] if variant else experiment.scenario
