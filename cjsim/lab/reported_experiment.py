"""`experiment`: test a hypothesis, and write a report that the journal lists."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from cjsim.argument_types import checked_arguments
from cjsim.lab.experiment import Experiment, as_experiment
from cjsim.lab.findings import Findings
from cjsim.lab.report_folder import (
    delete_used_checkpoints,
    is_report_current,
    load_findings,
    open_checkpoints,
    run_folder,
    write_report,
)
from cjsim.lab.run_experiment import simulate_experiment
from cjsim.manifest import Manifest
from cjsim.output_folder import atomic_output_folder, remove_leftovers
from cjsim.progress import NoProgress, Progress


@checked_arguments
def experiment(
    source: Experiment | str | os.PathLike[str],
    *,
    customers: int | None = None,
    seed: int | None = None,
    reports: str | os.PathLike[str] | None = "reports",
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Test a hypothesis by simulating every arm on the same customers as the baseline, with every seed, and write a report.

    The report is written to `reports`/NAME/RUN, where NAME is the name of the experiment and RUN is a digest of its content. The journal
    lists the report. If it already exists, its findings are returned and nothing is simulated. After an interruption, the same call
    resumes.

    Parameters
    ----------
    source : Experiment, str or path
        The experiment, or the path of its file.
    customers, seed : int, optional
        Override the settings of the experiment.
    reports : str or path, optional
        Folder of the reports, relative to the working directory. It is created if it does not exist. If None, nothing is written.
    force : bool
        Whether to simulate again even if the report exists.
    threads : int, optional
        Number of threads; all cores by default. The findings do not depend on it.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), and notes about what was written.

    Returns
    -------
    Findings
        Effects of all arms, and the verdict.

    Raises
    ------
    InputError
        If the experiment is invalid, a variant lacks one of the experiment's metrics, another process is running the same experiment, or
        the report cannot be written.
    KeyboardInterrupt
        If the experiment is interrupted. The message states whether finished simulations are kept.
    """
    checked, progress = as_experiment(source), progress or NoProgress()
    values = {name: value for name, value in (("customers", customers), ("seed", seed)) if value is not None}
    checked = checked.with_values(values) if values else checked
    if reports is None:
        return simulate_experiment(checked, threads=threads, progress=progress)
    out = run_folder(checked, Path(reports))
    remove_leftovers(out)
    findings = None if force else load_findings(out)
    if findings is None:
        return _simulate_and_report(checked, out, threads, progress)
    delete_used_checkpoints(out)
    progress.note(f"{out}: the run already exists and was not repeated (use `force` to repeat it)")
    if not is_report_current(checked, findings, out):
        with _report_draft(out, progress) as draft:
            write_report(checked, findings, draft, run_name=out.name, seconds=Manifest.read(out).seconds)
        progress.note(f"{out}: rewrote the report with the current titles and hypothesis")
    return findings


def _simulate_and_report(experiment: Experiment, out: Path, threads: int | None, progress: Progress) -> Findings:
    started = time.perf_counter()
    with open_checkpoints(out) as checkpoints:  # deleted once the report is in place
        try:
            with _report_draft(out, progress) as draft:
                if len(checkpoints):
                    progress.note(f"{out}: resuming, {len(checkpoints)} simulation{'s' * (len(checkpoints) > 1)} already finished")
                findings = simulate_experiment(experiment, threads=threads, checkpoints=checkpoints, progress=progress)
                write_report(experiment, findings, draft, run_name=out.name, seconds=time.perf_counter() - started)
        except KeyboardInterrupt:
            kept = "Finished simulations are kept. Run the same command again to resume." if len(checkpoints) else "Nothing was written."
            raise KeyboardInterrupt(f"Interrupted. {kept}") from None
    return findings


@contextlib.contextmanager
def _report_draft(out: Path, progress: Progress) -> Iterator[Path]:
    with atomic_output_folder(out, argument="reports") as draft:
        assert draft is not None
        yield draft
        names = sorted(path.name for path in draft.iterdir())
    progress.note(f"{out}: wrote {', '.join(names)}")
