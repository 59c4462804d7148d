"""Progress reporting for long-running operations: the interface, and a terminal progress bar."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cjsim.escaping.terminal_text import printable

if TYPE_CHECKING:
    import rich.progress


class Progress:
    """Receives progress reports from a long-running task. This base class ignores them."""

    def start(self, total: int, label: str) -> None:
        """Start a task of `total` steps, described by `label`."""

    def grow(self, n: int) -> None:
        """Add `n` steps to the total."""

    def advance(self, n: int) -> None:
        """Report that `n` more steps are complete."""

    def label(self, text: str) -> None:
        """Change the label of the task."""

    def announce(self, text: str) -> None:
        """Name the step that starts now: in the label of the task, or in a message where no task is shown."""

    def note(self, text: str) -> None:
        """Report a one-line message."""

    def finish(self) -> None:
        """End the task."""


@contextlib.contextmanager
def progress_task(progress: Progress, total: int, label: str) -> Iterator[None]:
    """Start a task, and end it when the `with` block ends, including on an exception."""
    progress.start(total, label)
    try:
        yield
    finally:
        progress.finish()


class NoProgress(Progress):
    """Shows no progress. Messages, such as those about compilation, are written to standard error."""

    def announce(self, text: str) -> None:
        """Write the name of the step that starts now to standard error."""
        self.note(text)

    def note(self, text: str) -> None:
        """Write a message to standard error."""
        _write_message(text)


class ProgressBar(Progress):
    """Shows a progress bar on standard error if it is a terminal or a notebook. Messages are always written.

    Examples
    --------
    >>> import cjsim as cj
    >>> bar = cj.ProgressBar()  # cj.simulate(scenario, progress=bar)
    """

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None

    def start(self, total: int, label: str) -> None:
        """Show a new progress bar.

        Parameters
        ----------
        total : int
            Number of steps.
        label : str
            Text next to the bar.
        """
        is_terminal = sys.stderr is not None and sys.stderr.isatty()  # it is None if a program has closed it
        if not (is_terminal or "ipykernel" in sys.modules):
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=is_terminal), transient=True)
        self._bar.add_task(printable(label), total=total)
        self._bar.start()

    def grow(self, n: int) -> None:
        """Add `n` steps to the total."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=(self._bar.tasks[0].total or 0) + n)

    def advance(self, n: int) -> None:
        """Advance the bar by `n` steps."""
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], n)

    def label(self, text: str) -> None:
        """Change the text next to the bar."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=printable(text))

    def announce(self, text: str) -> None:
        """Name the step that starts now: next to the bar, or in a message if there is no bar."""
        if self._bar is not None:
            self.label(text)
        else:
            self.note(text)

    def note(self, text: str) -> None:
        """Write a message to standard error."""
        if self._bar is not None:
            self._bar.console.print(printable(text), markup=False, highlight=False, emoji=False)
        else:
            _write_message(text)

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = None


def _write_message(text: str) -> None:
    """Write a message to standard error. If the stream is closed or full, the message is lost, but the task continues."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{printable(text)}\n")
