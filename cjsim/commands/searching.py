"""Commands that search: optimize.

Does not live here: anything that computes (tuning/).
"""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.arguments import Json, Out, Sets, Threads, how_to_run, study_in, values_of, warn, whole
from cjsim.commands.guard import guarded, show, tell
from cjsim.errors import InputError, complaint
from cjsim.progress import shown_progress
from cjsim.publish import folder_for


@guarded
def optimize(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False)],
    trials: Annotated[str | None, typer.Option("--trials", metavar="N", help="Trials, instead of the study's.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="S", help="Seed, instead of the study's.")] = None,
    workers: Annotated[str, typer.Option("--workers", metavar="N", help="Processes; with several, one thread each.")] = "1",
    threads: Threads = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", metavar="S", help="A journal file, a URL of a data base, or 'memory'; runs/studies/NAME-SEED.journal."),
    ] = None,
    sets: Sets = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Search for the best values of a policy, and confirm the winner on fresh customers.

    Ended at any moment, the same command goes on; several at once share the work.
    """
    values = values_of(sets, trials=whole("--trials", trials, 100), seed=whole("--seed", seed, 7))
    from cjsim.tuning.workers import MOST_WORKERS

    made, processes = study_in(study, values), whole("--workers", workers, 2)
    if processes is None or not 1 <= processes <= MOST_WORKERS:
        message = complaint("--workers", f"must be from 1 to {MOST_WORKERS}", f"{processes}", "Give as many as there are cores.")
        raise InputError(message)
    width = how_to_run("compiled", threads, None)["threads"]
    warn(study, made)
    with folder_for(out) as folder, shown_progress() as progress:
        from cjsim.tuning.optimize import optimize as search

        optimum = search(made, storage=storage, workers=processes, threads=width, progress=progress)
        if folder is not None:
            optimum.save(folder, home=out)
        written = sorted(path.name for path in folder.iterdir()) if folder is not None else []
    tell(out, written)
    show(optimum, as_json=as_json)
