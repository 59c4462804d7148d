"""The `optimize` command, which runs a study."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import load_study, parse_set_options, print_warnings
from cjsim.commands.console import output_folder, print_output, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error


@with_exit_codes
def optimize(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study file.", show_default=False)],
    trials: Annotated[int | None, options.number_option("--trials", "N", "Number of trials. Overrides the file.", example=100)] = None,
    seed: options.Seed = None,
    workers: Annotated[
        int, options.number_option("--workers", "N", "Number of processes. With more than one, each uses one thread.", example=2)
    ] = 1,
    threads: options.Threads = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", metavar="S", help="Journal file, database URL or 'memory'. Default: runs/studies/NAME-SEED.journal."),
    ] = None,
    sets: options.Set = None,
    out: options.Out = None,
    force: options.Force = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Find the best policy settings and confirm them on fresh customers.

    Repeat the command to resume an interrupted study. Run it several times in parallel to share the work.

    Example: cjsim optimize timing --trials 50
    """
    from cjsim.tuning.trial_executors import MAX_WORKERS

    document = load_study(study, parse_set_options(sets, trials=trials, seed=seed))
    if not 1 <= workers <= MAX_WORKERS:
        message = format_error("--workers", f"must be from 1 to {MAX_WORKERS}", f"{workers}", "Use at most the number of cores.")
        raise InputError(message)
    print_warnings(study, document)
    with output_folder(out, command="optimize", force=force) as folder, progress_bar() as progress:
        from cjsim.tuning.optimize import optimize as run_study

        optimum = run_study(document, storage=storage, workers=workers, threads=threads, progress=progress)
        if folder is not None:
            optimum.save(folder, final_folder=out)
    print_output(
        as_json,
        table_format,
        text=lambda: optimum.summary(is_saved=out is not None),
        content=optimum.to_json,
        table=optimum.to_pandas,
    )
