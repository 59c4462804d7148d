"""Console output of all commands: exit codes, one-line error messages, and output of results."""

import contextlib
import functools
import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args

import typer
from typer.models import OptionInfo

from cjsim.errors import InputError
from cjsim.output_folder import atomic_output_folder

EXIT_FAILURE, EXIT_WRONG_INPUT, EXIT_INTERRUPTED = 1, 2, 130

P = ParamSpec("P")
R = TypeVar("R")

# Names in the Python API whose parameter on the command line has another name.
_PARAMETERS = {
    "points": "sobol",
    "enroll_per_day": "enroll",
    "follow_up_days": "follow_up",
    "to_json": "as_json",
    "save": "out",
    "scenario": "inside",
    "starts_on": "starts",
    "static": "is_static",
}
_COMMANDS = {"compare": "`cjsim compare`"}
_options: ContextVar[Mapping[str, str]] = ContextVar("options of the running command by Python name")


def with_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that it exits with our codes. Errors print one line on standard error, without a traceback."""
    options = _options_of(command)

    @functools.wraps(command)
    def _run(*args: P.args, **kwargs: P.kwargs) -> R:
        _options.set(options)
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except InputError as error:
            raise _exit_with_message(with_option_names(str(error)), EXIT_WRONG_INPUT) from None
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


def _options_of(command: Callable[..., Any]) -> dict[str, str]:
    """Return the options of a command by the name of the Python argument or method that they stand for."""
    options: dict[str, str] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        for info in get_args(parameter.annotation):
            declared = [info.default, *(info.param_decls or ())] if isinstance(info, OptionInfo) else []
            options.update((name, text) for text in declared if isinstance(text, str) and text.startswith("--"))
    return options | {python: options[name] for python, name in _PARAMETERS.items() if name in options}


def with_option_names(text: str) -> str:
    """Replace what only Python users know: names of arguments, at the start of an error or in backticks, by the options of the command.

    Parameters
    ----------
    text : str
        Output of the library.

    Returns
    -------
    str
    """
    options = _options.get({})
    text = re.sub(r"`(\w+)`", lambda match: options.get(match[1]) or _COMMANDS.get(match[1]) or match[0], text)
    return re.sub(r"\A(\w+)(?=: must )", lambda match: options.get(match[1], match[1]), text)


def echo_text(text: str) -> None:
    """Print output of the library, with the options of the command in place of Python arguments."""
    typer.echo(with_option_names(text))


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
        echo_text(result.summary(full=True) if is_full else str(result))
