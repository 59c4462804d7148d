"""Progress of long work: the interface that verbs report to, and a bar on a terminal."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress


class Progress:
    """Receives the progress of long work, and ignores it unless a subclass does otherwise."""

    def start(self, total: int, label: str) -> None:
        """Work of `total` steps begins; `label` names it."""

    def grow(self, n: int) -> None:
        """`n` more steps are needed."""

    def advance(self, n: int) -> None:
        """`n` more steps are done."""

    def label(self, text: str) -> None:
        """The work has another label from now on."""

    def note(self, text: str) -> None:
        """A message of one line."""

    def finish(self) -> None:
        """The work has ended."""


class NoProgress(Progress):
    """Ignores all progress."""


class ProgressBar(Progress):
    """A bar on standard error if that is a terminal; messages are written in any case."""

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def start(self, total: int, label: str) -> None:
        """Show a new bar.

        Parameters
        ----------
        total : int
            Number of steps.
        label : str
            Text beside the bar.
        """
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(label, total=total)
        self._bar.start()

    def grow(self, n: int) -> None:
        """Add `n` steps to the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=(self._bar.tasks[self._task].total or 0) + n)

    def advance(self, n: int) -> None:
        """Move the bar forward by `n` steps."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, n)

    def label(self, text: str) -> None:
        """Change the text beside the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text)

    def note(self, text: str) -> None:
        """Write a message to standard error."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            sys.stderr.write(f"{text}\n")

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None


@contextlib.contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """A bar that is removed when the block ends, also by an exception."""
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.finish()
