"""Signals that stop a command. All of them are handled like Ctrl-C: the command cleans up, and reports what it kept."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")  # some exist only on some systems


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[Callable[[], int]]:
    """Raise KeyboardInterrupt on SIGTERM, SIGHUP and, on Windows, SIGBREAK, as Python does on SIGINT.

    Signals that are ignored, as SIGHUP is under `nohup`, stay ignored. Only the first signal interrupts, so that the command can finish
    cleaning up.

    Yields
    ------
    callable
        Returns the exit code of an interrupted command: 128 plus the number of the signal.
    """
    received: list[int] = []

    def _interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    is_main = threading.current_thread() is threading.main_thread()  # only the main thread may set handlers
    replaced = [number for number in numbers if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, _interrupt)
    try:
        yield lambda: 128 + (received[0] if received else signal.SIGINT)
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
