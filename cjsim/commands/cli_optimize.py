"""The command `optimize`, which runs a study."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands.arguments import (
    JsonOption,
    OutOption,
    SetOption,
    ThreadsOption,
    load_study,
    parse_integer_option,
    parse_run_options,
    parse_set_options,
    print_warnings,
)
from cjsim.commands.console import print_result, print_written_files, with_exit_codes
from cjsim.errors import InputError, format_error
from cjsim.output_folder import atomic_output_folder
from cjsim.progress import progress_bar


@with_exit_codes
def optimize(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False)],
    trials: Annotated[str | None, typer.Option("--trials", metavar="N", help="Trials, instead of the study's.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="S", help="Seed, instead of the study's.")] = None,
    workers: Annotated[str, typer.Option("--workers", metavar="N", help="Processes; with several, one thread each.")] = "1",
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
    values = parse_set_options(sets, trials=parse_integer_option("--trials", trials, 100), seed=parse_integer_option("--seed", seed, 7))
    from cjsim.tuning.trial_executors import MAX_WORKERS

    document, processes = load_study(study, values), parse_integer_option("--workers", workers, 2)
    if processes is None or not 1 <= processes <= MAX_WORKERS:
        message = format_error("--workers", f"must be from 1 to {MAX_WORKERS}", f"{processes}", "Give as many as there are cores.")
        raise InputError(message)
    n_threads = parse_run_options("compiled", threads, None)["threads"]
    print_warnings(study, document)
    with atomic_output_folder(out) as folder, progress_bar() as progress:
        from cjsim.tuning.optimize import optimize as run_study

        optimum = run_study(document, storage=storage, workers=processes, threads=n_threads, progress=progress)
        if folder is not None:
            optimum.save(folder, final_folder=out)
        written = sorted(path.name for path in folder.iterdir()) if folder is not None else []
    print_written_files(out, written)
    print_result(optimum, as_json=as_json)
