"""Console output of all commands: exit codes, one-line error messages, and output of results."""

import contextlib
import functools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import typer

from cjsim.errors import InputError
from cjsim.output_folder import atomic_output_folder

EXIT_FAILURE, EXIT_WRONG_INPUT, EXIT_INTERRUPTED = 1, 2, 130

P = ParamSpec("P")
R = TypeVar("R")


def with_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that it exits with our codes. Errors print one line on standard error, without a traceback."""

    @functools.wraps(command)
    def _run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except InputError as error:
            raise _exit_with_message(str(error), EXIT_WRONG_INPUT) from None
        except KeyboardInterrupt as stop:
            raise _exit_with_message(str(stop) or "Interrupted. Nothing was written.", EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(EXIT_FAILURE) from None
        except Exception as error:  # noqa: BLE001 - the outermost handler, so users never see a traceback
            if os.environ.get("CJSIM_TRACEBACK") == "1":
                traceback.print_exc()
            message = " ".join(f"{type(error).__name__}: {error}".split())
            raise _exit_with_message(f"cjsim failed: {message[:500]} (Set CJSIM_TRACEBACK=1 for a traceback.)", EXIT_FAILURE) from None

    return _run


def _exit_with_message(message: str, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object.

    Parameters
    ----------
    content : dict
        Plain values.
    """
    typer.echo(json.dumps(content, allow_nan=False, ensure_ascii=False))


@contextlib.contextmanager
def output_folder(out: Path | None, *, option: str = "--out") -> Iterator[Path | None]:
    """Open the draft of `atomic_output_folder`. When the files are published, print their names on standard error.

    Parameters
    ----------
    out : Path or None
        Output folder. If None, there is no draft.
    option : str
        Name of the option in error messages.

    Yields
    ------
    Path or None
        The draft.
    """
    with atomic_output_folder(out, option=option) as draft:
        yield draft
        file_names = [] if draft is None else sorted(path.name for path in draft.iterdir())
    if out is not None:
        typer.echo(f"{out}: wrote {', '.join(file_names)}", err=True)


def print_result(result: Any, *, as_json: bool, is_full: bool = False) -> None:
    """Print a result as text or as one JSON object."""
    if as_json:
        print_json(result.to_json())
    else:
        print_text(result.summary(full=True) if is_full else str(result))


def print_text(text: str) -> None:
    """Print text, in which lines of prose are wrapped to the width of the terminal."""
    from cjsim.metrics.text_table import wrap_prose

    typer.echo(wrap_prose(text))
