"""Commands about what is learnt: experiment, journal.

Does not live here: anything that computes (lab/).
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from cjsim.arguments import Customers, Json, Seed, Sets, Threads, experiment_in, how_to_run, values_of, values_of_options, warn
from cjsim.commands.guard import echo_json, guarded, tell
from cjsim.progress import shown_progress
from cjsim.publish import folder_for

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
    from cjsim.lab.pieces import Pieces
    from cjsim.lab.reports import pieces_file, recorded, run_folder, write_report
    from cjsim.lab.trying import experiment as try_experiment

    out = run_folder(asked, reports)
    found = None if force else recorded(out)
    if found is not None:
        typer.echo(f"{out}: this very run is there, and was not run again (--force runs it)", err=True)
    else:
        started, pieces = time.perf_counter(), Pieces(pieces_file(out))
        with folder_for(out, option="--reports") as folder, shown_progress() as progress:
            assert folder is not None
            if len(pieces):
                progress.note(f"{out}: goes on where it was, with {len(pieces)} runs that are there")
            found = try_experiment(asked, threads=how["threads"], pieces=pieces, progress=progress)
            write_report(asked, found, folder, run=out.name, seconds=time.perf_counter() - started)
            written = sorted(path.name for path in folder.iterdir())
        pieces.drop()
        tell(out, written)
    if as_json:
        echo_json(found.to_json() | {"run_dir": str(out)})
    else:
        typer.echo(found.summary())
