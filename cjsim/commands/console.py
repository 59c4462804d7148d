"""Console output of all commands: exit codes, one-line error messages, and output of results."""

import contextlib
import functools
import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_args

import typer
from typer.models import OptionInfo

from cjsim.commands.option_pairs import check_option_pairs
from cjsim.commands.signals import signals_as_interrupts
from cjsim.commands.standard_streams import is_unicode
from cjsim.errors import InputError, format_error
from cjsim.escaping.passwords import hide_passwords, hide_passwords_of
from cjsim.escaping.terminal_text import printable, printable_json
from cjsim.output_folder import atomic_output_folder, require_no_earlier_result
from cjsim.progress import ProgressBar
from cjsim.table_files import csv_text, xlsx_bytes

if TYPE_CHECKING:
    import pandas as pd

EXIT_FAILURE, EXIT_WRONG_INPUT = 1, 2

P = ParamSpec("P")
R = TypeVar("R")

# Names in the Python API whose parameter on the command line has another name.
_PARAMETERS = {
    "cohorts": "with_cohorts",
    "exposed_only": "exposed",
    "metric": "metrics",
    "points": "sobol",
    "enroll_per_day": "enroll",
    "follow_up_days": "follow_up",
    "to_json": "as_json",
    "save": "out",
    "scenario": "inside",
    "starts_on": "starts",
    "static": "is_static",
    "format": "table_format",
}
_COMMANDS = {"compare": "`cjsim compare`"}
_options: ContextVar[Mapping[str, str]] = ContextVar("options of the running command by Python name")
_kept: ContextVar[str] = ContextVar("what is kept if the running command is interrupted")


def with_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that it exits with the documented exit codes. Errors print one line on standard error, without a traceback."""
    options = _options_of(command)

    @functools.wraps(command)
    def _run(*args: P.args, **kwargs: P.kwargs) -> R:
        _options.set(options)
        _kept.set("Nothing was written.")
        with signals_as_interrupts() as interrupt_code:
            try:
                _require_working_folder()
                if kwargs.get("as_json") and kwargs.get("table_format") not in (None, "json"):
                    must, remedy = "must be used without --format", "Use one of them."
                    raise InputError(format_error("--json", must, f"--format {kwargs['table_format']}", remedy))
                check_option_pairs(command.__name__, _given_options(kwargs, options))
                return command(*args, **kwargs)
            except typer.Exit:
                raise
            except InputError as error:
                raise _exit_with_message(with_option_names(str(error)), EXIT_WRONG_INPUT) from None
            except KeyboardInterrupt as stop:
                raise _exit_with_message(str(stop) or f"Interrupted. {_kept.get()}", interrupt_code()) from None
            except Exception as error:  # noqa: BLE001 - the outermost handler, so users never see a traceback
                raise _exit_after_failure(error, str(kwargs.get("storage") or "")) from None

    return _run


def _given_options(values: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the options that are given, by option. A flag that is off is not given."""
    given = {name: value for name, value in values.items() if name in options and value is not None}
    return {options[name]: value for name, value in given.items() if value is not False and value != []}


def _require_working_folder() -> None:
    """Raise if the working folder was removed, because file names are relative to it, and some libraries cannot be imported without it."""
    try:
        Path.cwd()
    except OSError as error:
        remedy = "Change to another folder, and run the command again."
        raise InputError(format_error("the working folder", "must exist", f"one that does not ({error.strerror})", remedy)) from None


def _without_passwords_of(storage: str, text: str) -> str:
    return hide_passwords_of(storage, text) if storage else hide_passwords(text)


def _options_of(command: Callable[..., Any]) -> dict[str, str]:
    """Return the options of a command by the name of the Python argument or method that they stand for."""
    options: dict[str, str] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        for info in get_args(parameter.annotation):
            declared = [info.default, *(info.param_decls or ())] if isinstance(info, OptionInfo) else []
            options.update((name, text) for text in declared if isinstance(text, str) and text.startswith("--"))
    return options | {python: options[name] for python, name in _PARAMETERS.items() if name in options}


def with_option_names(text: str) -> str:
    """Replace names of Python arguments, at the start of an error or in backticks, with the options of the command.

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


class _CommandProgressBar(ProgressBar):
    """A progress bar whose messages name the options of the command in place of Python arguments."""

    def note(self, text: str) -> None:
        """Write a message to standard error."""
        super().note(with_option_names(text))


@contextlib.contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Provide a progress bar that is removed when the `with` block ends, including on an exception."""
    bar = _CommandProgressBar()
    try:
        yield bar
    finally:
        bar.finish()


def _exit_after_failure(error: Exception, storage: str) -> typer.Exit:
    """Print an unexpected error in one line, and its traceback on demand, without the passwords of a storage."""
    if os.environ.get("CJSIM_TRACEBACK") == "1":
        echo_message(_without_passwords_of(storage, "".join(traceback.format_exception(error))))
    message = _without_passwords_of(storage, " ".join(f"{type(error).__name__}: {error}".split()))
    return _exit_with_message(f"cjsim failed: {message[:500]} (Set CJSIM_TRACEBACK=1 for a traceback.)", EXIT_FAILURE)


def _exit_with_message(message: str, code: int) -> typer.Exit:
    echo_message(hide_passwords(message))
    return typer.Exit(code)


def echo_message(text: str) -> None:
    """Print a message, which may contain text of a file, on standard error.

    Parameters
    ----------
    text : str
        The message.
    """
    typer.echo(printable(text), err=True)


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object.

    Parameters
    ----------
    content : dict
        Plain values.
    """
    text = json.dumps(content, allow_nan=False, ensure_ascii=not is_unicode(sys.stdout))
    typer.echo(printable_json(text))


@contextlib.contextmanager
def output_folder(out: Path | None, *, command: str, force: bool) -> Iterator[Path | None]:
    """Open the draft of `atomic_output_folder`. When the files are published, print their names on standard error.

    Parameters
    ----------
    out : Path or None
        Output folder. If None, there is no draft.
    command : str
        Name of the command that writes to it.
    force : bool
        Whether to replace earlier results.

    Yields
    ------
    Path or None
        The draft.

    Raises
    ------
    InputError
        If the folder cannot be written, another run is writing to it, or it holds files that the command would replace without `force`;
        or the error of a block `after_saving`, once the files are published.
    """
    failure: InputError | None = None
    with atomic_output_folder(out) as draft:
        if out is not None:
            _check_earlier_result(out, command, force=force)
        try:
            yield draft
        except _ErrorAfterSaving as error:
            failure = error.cause
        file_names = [] if draft is None else sorted(path.name for path in draft.iterdir())
    if out is not None:
        _kept.set(f"The result is in '{out}'.")
        echo_message(f"{out}: wrote {', '.join(file_names)}")
    if failure is not None:
        raise failure


class _ErrorAfterSaving(Exception):  # noqa: N818 - it reports an error, but does not end the command at once
    """An error that does not make the files in the draft useless."""

    def __init__(self, cause: InputError) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextlib.contextmanager
def after_saving() -> Iterator[None]:
    """Within `output_folder`: if an InputError is raised in this block, the draft is published first. Use it once a result is saved."""
    try:
        yield
    except InputError as error:
        raise _ErrorAfterSaving(error) from error


def _check_earlier_result(out: Path, command: str, *, force: bool) -> None:
    try:
        require_no_earlier_result(out, command)
    except InputError:
        if not force:
            raise
        _kept.set(f"The earlier result in '{out}' is unchanged.")


def print_result(result: Any, *, as_json: bool, table_format: str | None, is_full: bool = False) -> None:
    """Print a result in the requested format."""
    print_output(
        as_json,
        table_format,
        text=lambda: result.summary(full=True) if is_full else str(result),
        content=result.to_json,
        table=result.to_pandas,
    )


def record_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return records as a table with one row per record."""
    import pandas as pd

    return pd.DataFrame(list(rows))


def print_output(
    as_json: bool,
    table_format: str | None,
    *,
    text: Callable[[], str],
    content: Callable[[], dict[str, Any]],
    table: "Callable[[], pd.DataFrame]",
) -> None:
    """Print text, JSON, or a table as CSV or an Excel file on standard output.

    Parameters
    ----------
    as_json : bool
        Value of `--json`.
    table_format : str or None
        Value of `--format`.
    text, content, table : callable
        Return the text, the plain values for JSON, and the table. Only the one that is printed is called.
    """
    if as_json or table_format == "json":
        print_json(content())
    elif table_format == "csv":
        typer.echo(csv_text(table()), nl=False)
    elif table_format == "xlsx":
        typer.echo(xlsx_bytes(table()), nl=False)
    else:
        print_text(text())


def print_text(text: str) -> None:
    """Print text, in which lines of prose are wrapped to the width of the terminal."""
    from cjsim.metrics.text_table import wrap_prose

    typer.echo(wrap_prose(printable(with_option_names(text))))
