"""The command `optimize`, which runs a study."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands.arguments import (
    JsonOption,
    OutOption,
    SeedOption,
    SetOption,
    ThreadsOption,
    load_study,
    number_option,
    parse_set_options,
    print_warnings,
)
from cjsim.commands.console import output_folder, print_result, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.progress import progress_bar


@with_exit_codes
def optimize(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False)],
    trials: Annotated[int | None, number_option("--trials", "N", "Trials, instead of the study's.", example=100)] = None,
    seed: SeedOption = None,
    workers: Annotated[int, number_option("--workers", "N", "Processes; with several, one thread each.", example=2)] = 1,
    threads: ThreadsOption = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", metavar="S", help="A journal file, a URL of a data base, or 'memory'; runs/studies/NAME-SEED.journal."),
    ] = None,
    sets: SetOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for the best values of a policy, and confirm the winner on fresh customers.

    Ended at any moment, the same command goes on; several at once share the work.
    """
    from cjsim.tuning.trial_executors import MAX_WORKERS

    document = load_study(study, parse_set_options(sets, trials=trials, seed=seed))
    if not 1 <= workers <= MAX_WORKERS:
        message = format_error("--workers", f"must be from 1 to {MAX_WORKERS}", f"{workers}", "Give as many as there are cores.")
        raise InputError(message)
    print_warnings(study, document)
    with output_folder(out) as folder, progress_bar() as progress:
        from cjsim.tuning.optimize import optimize as run_study

        optimum = run_study(document, storage=storage, workers=workers, threads=threads, progress=progress)
        if folder is not None:
            optimum.save(folder, final_folder=out)
    print_result(optimum, as_json=as_json)
