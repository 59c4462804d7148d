"""The commands `experiment` and `journal`."""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands.arguments import (
    CustomersOption,
    JsonOption,
    SeedOption,
    SetOption,
    ThreadsOption,
    load_document,
    load_experiment,
    load_scenario,
    parse_set_options,
    print_warnings,
)
from cjsim.commands.console import output_folder, print_json, print_result, with_exit_codes
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.progress import progress_bar

if TYPE_CHECKING:
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.findings import Findings
    from cjsim.lab.journal import Journal
    from cjsim.yaml.document import Document

_print_message = functools.partial(typer.echo, err=True)
ReportsOption = Annotated[Path, typer.Option("--reports", metavar="DIR", help="Folder of all reports.")]


@with_exit_codes
def experiment(
    file: Annotated[Path, typer.Argument(metavar="EXPERIMENT", show_default=False)],
    sets: SetOption = None,
    customers: CustomersOption = None,
    seed: SeedOption = None,
    threads: ThreadsOption = None,
    reports: ReportsOption = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Repeat a run that exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Test a hypothesis: print the verdict and write a report to DIR/NAME/RUN.

    A run that exists is not repeated. A run that was interrupted resumes.
    """
    document = load_experiment(file, parse_set_options(sets, customers=customers, seed=seed))
    print_warnings(file, document)
    from cjsim.lab.journal import Journal
    from cjsim.lab.report_folder import is_report_current, load_findings, open_checkpoints, run_folder
    from cjsim.lab.run_experiment import experiment as run_experiment
    from cjsim.manifest import Manifest

    out = run_folder(document, reports)
    findings = None if force else load_findings(out)
    if findings is None:
        started = time.perf_counter()
        with open_checkpoints(out) as checkpoints, progress_bar() as progress:
            if len(checkpoints):
                progress.note(f"{out}: resuming after {len(checkpoints)} finished simulations")
            findings = run_experiment(document, threads=threads, checkpoints=checkpoints, progress=progress)
            _write_report(document, findings, out, seconds=time.perf_counter() - started)
    else:
        typer.echo(f"{out}: this run exists and was not repeated (--force repeats it)", err=True)
        if not is_report_current(document, findings, out):
            _write_report(document, findings, out, seconds=Manifest.read(out).seconds)
            typer.echo(f"{out}: its report was written again, with the current titles and hypothesis", err=True)
    Journal(reports).entries(name=document.name)  # adds the new finding to the index
    if as_json:
        print_json(findings.to_json() | {"run_dir": str(out)})
    else:
        typer.echo(findings.summary())


def _write_report(experiment: "Experiment", findings: "Findings", out: Path, *, seconds: float) -> None:
    from cjsim.lab.report_folder import write_report

    with output_folder(out, option="--reports") as folder:
        assert folder is not None
        write_report(experiment, findings, folder, run_name=out.name, seconds=seconds)


journal_app = typer.Typer(no_args_is_help=False, rich_markup_mode=None, invoke_without_command=True)
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of this experiment, study or scenario.")]
KindOption = Annotated[str | None, typer.Option("--kind", metavar="K", help="experiment, study or levers.")]
VerdictOption = Annotated[str | None, typer.Option("--verdict", metavar="V", help="With this verdict.")]
MetricOption = Annotated[str | None, typer.Option("--metric", metavar="M", help="About this metric.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Of this day or later.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="WORDS", help="In which all these words occur.")]


@journal_app.command("list", help="The same as without a command.")
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
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew from the manifests.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What was tried and what came of it, newest first; versions side by side."""
    if context.invoked_subcommand is not None:
        if reports != Path("reports") or as_json or rebuild or any((name, kind, verdict, metric, since, text)):
            remedy = f"Write 'cjsim journal {context.invoked_subcommand} ...' and options then."
            raise InputError(format_error("journal", "must have its options after the command", "some before it", remedy))
        return
    journal = _open_journal(reports)
    if rebuild:
        _print_message(f"{reports}: {journal.rebuild()} findings in the index")
    print_result(journal.entries(name=name, kind=kind, verdict=verdict, metric=metric, since=since, text=text), as_json=as_json)


@journal_app.command("show")
@with_exit_codes
def journal_show(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False)],
    reports: ReportsOption = Path("reports"),
    as_json: JsonOption = False,
) -> None:
    """The report of one run, by the beginning of its name, its folder, or the name of its experiment."""
    from cjsim.lab.journal import Journal, JournalListing

    entry = Journal(reports, print_message=_print_message).find(run)
    page = entry.folder / "report.md"
    if as_json:
        print_json(entry.to_json())
    else:
        typer.echo(page.read_text(encoding="utf-8") if page.is_file() else JournalListing((entry,)).summary())


@journal_app.command("diff")
@with_exit_codes
def journal_diff(
    old: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    metric: Annotated[str | None, typer.Option("--metric", metavar="M", help="Tell what each change does to this metric.")] = None,
    inside: Annotated[Path | None, typer.Option("--in", metavar="SCENARIO", help="Where two journeys or policies stand.")] = None,
    customers: CustomersOption = None,
    seed: SeedOption = None,
    threads: ThreadsOption = None,
    reports: ReportsOption = Path("reports"),
    as_json: JsonOption = False,
) -> None:
    """Two versions side by side: files, or runs: RUN is the baseline of an experiment or the winner of a study, RUN:VARIANT a variant.

    With --metric each change is made alone, and all together, on the same customers.
    """
    from cjsim.lab.journal import Journal
    from cjsim.lab.version_comparison import compare_versions, scenario_with_part

    journal = Journal(reports, print_message=_print_message)
    versions = [resolve_version(reference, journal) for reference in (old, new)]
    if inside is not None:
        scenario = load_scenario(inside, {})
        versions = [scenario_with_part(scenario, version) for version in versions]
    with progress_bar() as progress:
        comparison = compare_versions(*versions, metric=metric, customers=customers, seed=seed, threads=threads, progress=progress)
    print_result(comparison, as_json=as_json)


def resolve_version(reference: str, journal: "Journal") -> "Document":
    """The document that a reference names: a file, or a run of the journal.

    Parameters
    ----------
    reference : str
        A file, or a run. RUN of an experiment is its baseline, RUN:VARIANT a variant; RUN of a study is the winner.
    journal : Journal
        The journal that holds the runs.

    Raises
    ------
    InputError
        If there is no such file, run or variant, or the run holds no scenario.
    """
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.report_folder import BEST_SCENARIO_FILE, EXPERIMENT_FILE

    name, _, variant = reference.partition(":")
    if Path(reference).is_file() or (Path(reference).suffix and not variant):
        document = load_document(Path(reference), None)
        return document.scenario if isinstance(document, Experiment) else document
    entry = journal.find(name)
    if entry.manifest.kind == "study" and not variant:
        return load_scenario(entry.folder / BEST_SCENARIO_FILE, {})
    if entry.manifest.kind != "experiment":
        remedy = "Name the run of an experiment or of a study, or a file."
        raise InputError(format_error("diff", "must have runs that hold a scenario", f"'{reference}', {entry.manifest.kind}", remedy))
    experiment = Experiment.load(entry.folder / EXPERIMENT_FILE)
    arms = {arm.name: arm.scenario for arm in experiment.arms()}
    if variant and variant not in arms:
        raise InputError(format_error(f"variant of '{name}'", *unknown_name_parts(variant, arms, "variant")))
    return arms[variant] if variant else experiment.scenario


def _open_journal(reports: Path) -> "Journal":
    from cjsim.lab.journal import Journal

    if not reports.is_dir():
        _print_message(f"{reports}: no such folder, so that there is nothing to list")
    return Journal(reports, print_message=_print_message)
