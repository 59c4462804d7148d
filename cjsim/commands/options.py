"""Options that several commands share, and parsing of numbers and choices."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.table_files import require_excel

ENGINE_NAMES = ("compiled", "readable")
OUTPUT_FORMATS = ("text", "json", "csv", "xlsx")

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="Scenario file, or a name in the library such as shop.", show_default=False)
]
DocumentFile = Annotated[Path, typer.Argument(metavar="FILE", help="A journey, policy, scenario, study or experiment.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value of the file, such as horizon=90d. Can be repeated."),
]


class _WrongOption(typer.BadParameter):
    """An invalid option value. Printed on one line, like `InputError`."""

    def show(self, file: Any = None) -> None:
        """Print the message on one line to standard error."""
        typer.echo(self.message, err=True)


def number_option(
    name: str, metavar: str, help_text: str, *, example: int, allowed: range | None = None, must: str = "", remedy: str = ""
) -> Any:
    """Return an integer option whose errors have the format of `format_error`. Typer's own errors take three lines and suggest no remedy.

    Parameters
    ----------
    name, metavar, help_text : str
        Option name, placeholder and help text.
    example : int
        Example for the error message about invalid numbers.
    allowed : range, optional
        Allowed values; all by default.
    must, remedy : str
        Requirement and remedy for the error message about values outside `allowed`.
    """

    def _parse(value: str | int) -> int:  # Typer parses defaults as well
        text = str(value)
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip()):
            raise _WrongOption(format_error(name, "must be a whole number", short_repr(text), f"Use a number such as {example}."))
        if allowed is not None and int(text) not in allowed:
            raise _WrongOption(format_error(name, must, f"{int(text)}", remedy or f"Use a number such as {example}."))
        return int(text)

    return typer.Option(name, metavar=metavar, help=help_text, parser=_parse)


def choice_parser(name: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Return a parser for an option or argument with fixed choices. Its errors suggest the closest choice.

    Parameters
    ----------
    name : str
        Name of the option in error messages.
    choices : sequence of str
        Allowed values.
    """

    def _parse(text: str) -> str:
        if text not in choices:
            must, remedy = f"must be one of {quote_choices(choices)}", did_you_mean(text, choices) or "Choose one of these."
            raise _WrongOption(format_error(name, must, short_repr(text), remedy))
        return text

    return _parse


def duration_parser(name: str) -> Callable[[str | float], float]:
    """Return a parser of an option that is a duration above 0, such as 14d. The value is in days.

    Parameters
    ----------
    name : str
        Name of the option in error messages.
    """

    def _parse(text: str | float) -> float:
        from cjsim.scenario.fields import parse_duration

        try:
            found = float(parse_duration(text))
        except ValueError as error:
            remedy = getattr(error, "remedy", "Use a duration such as 14d.")
            raise _WrongOption(format_error(name, str(error), short_repr(text), remedy)) from error
        if not found:
            raise _WrongOption(format_error(name, "must be above 0", short_repr(text), "Use a duration such as 14d."))
        return found

    return _parse


def percent_parser(name: str) -> Callable[[str | float], float]:
    """Return a parser of an option that is a percentage above 0, such as 1%. The value is a fraction.

    Parameters
    ----------
    name : str
        Name of the option in error messages.
    """

    def _parse(text: str | float) -> float:
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*%\s*", str(text))
        if match is None or not float(match[1]):
            raise _WrongOption(format_error(name, "must be a percentage above 0", short_repr(text), "Use a percentage such as 1%."))
        return float(match[1]) / 100

    return _parse


def share_parser(name: str) -> Callable[[str | float], float]:
    """Return a parser of an option that is a share above 0 and at most 1, such as 0.1 or 10%.

    Parameters
    ----------
    name : str
        Name of the option in error messages.
    """

    def _parse(text: str | float) -> float:
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(%?)\s*", str(text))
        share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
        if not 0 < share <= 1:
            raise _WrongOption(format_error(name, "must be a share above 0 and at most 1", short_repr(str(text)), "Use 0.1 or 10%."))
        return share

    return _parse


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _check_format(context: typer.Context, text: str | None) -> str | None:
    """Check the format before any work is done: an Excel file needs a package, and a terminal cannot show it."""
    found = None if text is None else choice_parser("--format", OUTPUT_FORMATS)(text)
    if found == "xlsx":
        try:
            require_excel()
        except InputError as error:
            raise _WrongOption(str(error)) from error
        if _is_terminal():
            remedy = f"Redirect it: {context.command_path} ... --format xlsx > table.xlsx"
            raise _WrongOption(format_error("--format xlsx", "must be written to a file", "a terminal", remedy))
    return found


_MAX_CUSTOMERS_RULE = {"must": "must be from 1 to 100,000,000", "remedy": "Omit it to use the default limit."}
_THREADS_RULE = {"must": "must be from 1 to 1024", "remedy": "Omit it to use all cores."}
_MAX_CUSTOMERS_HELP = "Abort if acquisition and referrals grow the population beyond N."
_FOLLOW_UP_HELP = "Simulate each customer for at most this long after entry, such as 14d."
_FORMAT_HELP = "Print text, one JSON object, or the table as CSV or as an Excel file."
_ENGINE_HELP = "Simulation engine. Both give identical results; readable is slow."
Customers = Annotated[int | None, number_option("--customers", "N", "Number of initial customers. Overrides the file.", example=5000)]
MaxCustomers = Annotated[
    int | None,
    number_option("--max-customers", "N", _MAX_CUSTOMERS_HELP, example=2_000_000, allowed=range(1, 100_000_001), **_MAX_CUSTOMERS_RULE),
]
Seed = Annotated[int | None, number_option("--seed", "S", "Random seed. Overrides the file.", example=7)]
Horizon = Annotated[str | None, typer.Option("--horizon", metavar="DURATION", help="Simulated time, such as 180d. Overrides the file.")]
ValueHorizon = Annotated[
    str | None,
    typer.Option(
        "--value-horizon", metavar="DURATION", help="Time from the start until which CLV counts, such as 1095d. Overrides the file."
    ),
]
FollowUp = Annotated[
    float | None,
    typer.Option("--follow-up", metavar="DURATION", help=_FOLLOW_UP_HELP, parser=duration_parser("--follow-up"), show_default=False),
]
Engine = Annotated[
    Any, typer.Option("--engine", metavar="|".join(ENGINE_NAMES), help=_ENGINE_HELP, parser=choice_parser("--engine", ENGINE_NAMES))
]
Threads = Annotated[
    int | None,
    number_option("--threads", "N", "Number of threads. All cores by default.", example=4, allowed=range(1, 1025), **_THREADS_RULE),
]


_REPLICATIONS_RULE = {"must": "must be from 1 to 10,000", "remedy": "Omit it for 8 where customers affect each other, and 1 elsewhere."}
_REPLICATIONS_HELP = (
    "Number of runs with independent seeds. By default, 8 if customers affect each other through desks or budgets, otherwise 1."
)
Replications = Annotated[
    int | None,
    number_option("--replications", "R", _REPLICATIONS_HELP, example=8, allowed=range(1, 10_001), **_REPLICATIONS_RULE),
]
_SAMPLE_HELP = (
    "Simulate this share of the firm, such as 10%: its customers and arrivals, with staff, budgets and fixed costs in proportion."
)
Sample = Annotated[
    float | None,
    typer.Option("--sample", metavar="SHARE", help=_SAMPLE_HELP, parser=share_parser("--sample"), show_default=False),
]


def parse_folder(text: str | Path) -> Path:
    """Parse a folder. An empty name, as from a shell variable that is not set, would be the current folder."""
    if not str(text).strip():
        raise _WrongOption(format_error("--out", "must name a folder", short_repr(str(text)), "Use '.' for the current folder."))
    return Path(text)


Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write results to this folder.", parser=parse_folder)]
Force = Annotated[bool, typer.Option("--force", help="Replace earlier results in the --out folder.")]
Full = Annotated[bool, typer.Option("--full", help="Print all metrics, including those by stage and channel.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object. Short for --format json.")]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="|".join(OUTPUT_FORMATS), help=_FORMAT_HELP, callback=_check_format, show_default=False),
]
