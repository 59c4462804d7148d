"""How far the work is, on a terminal.

Lives here: the bar on standard error. Does not live here: what is done meanwhile (engine/run.py names what it tells a bar).
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """A bar on standard error if that is a terminal; notes in any case. What `simulate` takes as `progress`."""

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def start(self, total: int, label: str) -> None:
        """Begin a bar.

        Parameters
        ----------
        total : int
            Steps to come.
        label : str
            What is done.
        """
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.finish()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(label, total=total)
        self.bar.start()

    def grow(self, n: int) -> None:
        """Put `n` more steps at the end of the bar."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, total=(self.bar.tasks[self.task].total or 0) + n)

    def advance(self, n: int) -> None:
        """Move the bar on by `n` steps."""
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task, n)

    def label(self, text: str) -> None:
        """Say otherwise what is done, such as how good the best found so far is."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, description=text)

    def note(self, text: str) -> None:
        """Say something."""
        if self.bar is not None:
            self.bar.console.print(text)
        else:
            sys.stderr.write(f"{text}\n")

    def finish(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.stop()
        self.bar = self.task = None


@contextlib.contextmanager
def shown_progress() -> Iterator[Bar]:
    """A bar that is gone when the block ends, however it ends."""
    bar = Bar()
    try:
        yield bar
    finally:
        bar.finish()
