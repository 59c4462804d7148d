"""Commands about what is learnt: experiment, journal.

Does not live here: anything that computes (lab/).
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.arguments import (
    Customers,
    Json,
    Seed,
    Sets,
    Threads,
    any_document,
    experiment_in,
    how_to_run,
    scenario_in,
    values_of,
    values_of_options,
    warn,
    whole,
)
from cjsim.commands.guard import echo_json, guarded, show, tell
from cjsim.errors import InputError, complaint, unknown_name
from cjsim.progress import shown_progress
from cjsim.publish import folder_for

if TYPE_CHECKING:
    from cjsim.lab.journal import Journal
    from cjsim.model.document import Document

Reports = Annotated[Path, typer.Option("--reports", metavar="DIR", help="Folder of all reports.")]


@guarded
def experiment(
    file: Annotated[Path, typer.Argument(metavar="EXPERIMENT", show_default=False)],
    sets: Sets = None,
    customers: Customers = None,
    seed: Seed = None,
    threads: Threads = None,
    reports: Reports = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Run it although this very run is there.")] = False,
    as_json: Json = False,
) -> None:
    """Try a hypothesis: its verdict, and a report in DIR/NAME/RUN.

    A run that is there is not run again; one that was killed goes on where it was.
    """
    asked = experiment_in(file, values_of(sets) | values_of_options(customers, seed, None))
    how = how_to_run("compiled", threads, None)
    warn(file, asked)
    from cjsim.lab.journal import Journal
    from cjsim.lab.reports import pieces_beside, recorded, run_folder, write_report
    from cjsim.lab.trying import experiment as try_experiment

    out = run_folder(asked, reports)
    found = None if force else recorded(out)
    if found is not None:
        typer.echo(f"{out}: this very run is there, and was not run again (--force runs it)", err=True)
    else:
        started = time.perf_counter()
        with pieces_beside(out) as pieces, shown_progress() as progress:
            if len(pieces):
                progress.note(f"{out}: goes on where it was, with {len(pieces)} runs that are there")
            found = try_experiment(asked, threads=how["threads"], pieces=pieces, progress=progress)
            with folder_for(out, option="--reports") as folder:
                assert folder is not None
                write_report(asked, found, folder, run=out.name, seconds=time.perf_counter() - started)
                written = sorted(path.name for path in folder.iterdir())
        tell(out, written)
        Journal(reports).entries(name=asked.name)  # which takes the new finding in
    if as_json:
        echo_json(found.to_json() | {"run_dir": str(out)})
    else:
        typer.echo(found.summary())


journal = typer.Typer(no_args_is_help=False, rich_markup_mode=None, invoke_without_command=True)
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of this experiment, study or scenario.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="K", help="experiment, study or levers.")]
Verdict = Annotated[str | None, typer.Option("--verdict", metavar="V", help="With this verdict.")]
Metric = Annotated[str | None, typer.Option("--metric", metavar="M", help="About this metric.")]
Since = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Of this day or later.")]
Text = Annotated[str | None, typer.Option("--text", metavar="WORDS", help="In which all these words occur.")]


@journal.callback()
@guarded
def journal_top(
    context: typer.Context,
    reports: Reports = Path("reports"),
    name: Name = None,
    kind: Kind = None,
    verdict: Verdict = None,
    metric: Metric = None,
    since: Since = None,
    text: Text = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew from the manifests.")] = False,
    as_json: Json = False,
) -> None:
    """What was tried and what came of it, newest first; versions side by side."""
    if context.invoked_subcommand is not None:
        if reports != Path("reports") or as_json or rebuild or any((name, kind, verdict, metric, since, text)):
            remedy = f"Write 'cjsim journal {context.invoked_subcommand} ...' and options then."
            raise InputError(complaint("journal", "must have its options after the command", "some before it", remedy))
        return
    book = _book(reports)
    if rebuild:
        _note(f"{reports}: {book.rebuild()} findings in the index")
    show(book.entries(name=name, kind=kind, verdict=verdict, metric=metric, since=since, text=text), as_json=as_json)


@journal.command("list")
@guarded
def journal_list(
    reports: Reports = Path("reports"),
    name: Name = None,
    kind: Kind = None,
    verdict: Verdict = None,
    metric: Metric = None,
    since: Since = None,
    text: Text = None,
    as_json: Json = False,
) -> None:
    """The same as without a command."""
    show(_book(reports).entries(name=name, kind=kind, verdict=verdict, metric=metric, since=since, text=text), as_json=as_json)


@journal.command("show")
@guarded
def journal_show(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False)], reports: Reports = Path("reports"), as_json: Json = False
) -> None:
    """The report of one run, by the beginning of its name, its folder, or the name of its experiment."""
    from cjsim.lab.journal import Journal, Listing

    entry = Journal(reports, note=_note).find(run)
    page = entry.folder / "report.md"
    if as_json:
        echo_json(entry.to_json())
    else:
        typer.echo(page.read_text(encoding="utf-8") if page.is_file() else Listing((entry,)).summary())


@journal.command("diff")
@guarded
def journal_diff(
    old: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    metric: Annotated[str | None, typer.Option("--metric", metavar="M", help="Tell what each change does to this metric.")] = None,
    inside: Annotated[Path | None, typer.Option("--in", metavar="SCENARIO", help="Where two journeys or policies stand.")] = None,
    customers: Customers = None,
    seed: Seed = None,
    threads: Threads = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
) -> None:
    """Two versions side by side: files, or runs: RUN is the baseline of an experiment or the winner of a study, RUN:VARIANT a variant.

    With --metric each change is made alone, and all together, on the same customers.
    """
    from cjsim.lab.journal import Journal
    from cjsim.lab.versions import compare_versions, standing_in

    book = Journal(reports, note=_note)
    versions = [version(text, book) for text in (old, new)]
    if inside is not None:
        place = scenario_in(inside, {})
        versions = [standing_in(place, one) for one in versions]
    how = how_to_run("compiled", threads, None)
    count, key = whole("--customers", customers, 5000), whole("--seed", seed, 7)
    with shown_progress() as progress:
        told = compare_versions(*versions, metric=metric, customers=count, seed=key, threads=how["threads"], progress=progress)
    show(told, as_json=as_json)


def version(text: str, book: "Journal") -> "Document":
    """What a user names: a file, or a run of the journal.

    Parameters
    ----------
    text : str
        Of an experiment RUN is its baseline, RUN:VARIANT a variant; of a study RUN is the winner.
    book : Journal
        Where runs are looked up.
    """
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.reports import BEST, COPY

    name, _, variant = text.partition(":")
    if Path(text).is_file() or (Path(text).suffix and not variant):
        record = any_document(Path(text), None)
        return record.scenario if isinstance(record, Experiment) else record
    entry = book.find(name)
    if entry.manifest.kind == "study" and not variant:
        return scenario_in(entry.folder / BEST, {})
    if entry.manifest.kind != "experiment":
        remedy = "Name the run of an experiment or of a study, or a file."
        raise InputError(complaint("diff", "must have runs that hold a scenario", f"'{text}', {entry.manifest.kind}", remedy))
    asked = Experiment.load(entry.folder / COPY)
    arms = {arm.name: arm.scenario for arm in asked.arms()}
    if variant and variant not in arms:
        raise InputError(complaint(f"variant of '{name}'", *unknown_name(variant, arms, "variant")))
    return arms[variant] if variant else asked.scenario


def _book(reports: Path) -> "Journal":
    from cjsim.lab.journal import Journal

    if not reports.is_dir():
        _note(f"{reports}: no such folder, so that there is nothing to list")
    return Journal(reports, note=_note)


def _note(text: str) -> None:
    typer.echo(text, err=True)
