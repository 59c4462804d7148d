"""Shared command-line options, and parsing of numbers, PATH=VALUE settings and document files."""

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr

if TYPE_CHECKING:
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Scenario
    from cjsim.tuning.study import Study
    from cjsim.yaml.document import Document
    from cjsim.yaml.tree import Node

D = TypeVar("D", bound="Document")
ENGINE_NAMES = ("compiled", "readable")
# Settings that both sides of a comparison must share, because they determine the customers and days.
SHARED_SETTINGS = ("seed", "customers", "horizon", "start", "entry")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A journey, policy, scenario, study or experiment.", show_default=False)]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value. Can be repeated.")]


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
        Option name, placeholder and help text of the command.
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
            raise _WrongOption(format_error(name, must, f"{int(text)}", remedy))
        return int(text)

    return typer.Option(name, metavar=metavar, help=help_text, parser=_parse)


def choice_parser(name: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Return a parser of an option or argument with fixed choices. Its errors suggest the closest choice.

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
            raise _WrongOption(format_error(name, str(error), short_repr(text), "Use a duration such as 14d.")) from error
        if not found:
            raise _WrongOption(format_error(name, "must be above 0", short_repr(text), "Use a duration such as 14d."))
        return found

    return _parse


_MAX_CUSTOMERS_RULE = {"must": "must be from 1 to 100,000,000", "remedy": "Omit it to use the default limit."}
_THREADS_RULE = {"must": "must be from 1 to 1024", "remedy": "Omit it to use all cores."}
_MAX_CUSTOMERS_HELP = "Abort if acquisition and referrals grow the population beyond N."
_FOLLOW_UP_HELP = "Simulate each customer for at most this long after entry, such as 14d."
_ENGINE_HELP = "Simulation engine. Both give identical results; readable is slow."
CustomersOption = Annotated[int | None, number_option("--customers", "N", "Number of customers. Overrides the file.", example=5000)]
MaxCustomersOption = Annotated[
    int | None,
    number_option("--max-customers", "N", _MAX_CUSTOMERS_HELP, example=2_000_000, allowed=range(1, 100_000_001), **_MAX_CUSTOMERS_RULE),
]
SeedOption = Annotated[int | None, number_option("--seed", "S", "Random seed. Overrides the file.", example=7)]
HorizonOption = Annotated[
    str | None, typer.Option("--horizon", metavar="DURATION", help="Simulated time, such as 180d. Overrides the file.")
]
FollowUpOption = Annotated[
    float | None,
    typer.Option("--follow-up", metavar="DURATION", help=_FOLLOW_UP_HELP, parser=duration_parser("--follow-up"), show_default=False),
]
EngineOption = Annotated[
    Any, typer.Option("--engine", metavar="|".join(ENGINE_NAMES), help=_ENGINE_HELP, parser=choice_parser("--engine", ENGINE_NAMES))
]
ThreadsOption = Annotated[
    int | None,
    number_option("--threads", "N", "Number of threads. All cores by default.", example=4, allowed=range(1, 1025), **_THREADS_RULE),
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write results to this folder.")]
FullOption = Annotated[bool, typer.Option("--full", help="Print all metrics, including those by stage and channel.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def parse_set_options(sets: list[str] | None, **options: int | str | None) -> dict[str, Any]:
    """Return values by path from `--set` and from options that override values."""
    from cjsim.yaml.tree import parse_value, to_tree

    values: dict[str, Any] = {}
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(format_error("--set", "must be PATH=VALUE", short_repr(text), "Use for example horizon=90d."))
        values[path.strip()] = parse_value(value, "--set")
    for name, option in options.items():
        if option is not None:
            values[name] = to_tree(option, f"--{name}")
    return values


def load_scenario(file: Path, values: dict[str, Any]) -> "Scenario":
    """Load a scenario and override values."""
    from cjsim.simulation.documents import Scenario

    return _load_as(Scenario, file, values, "a scenario", "Pass a scenario that uses it.")


def document_types() -> "dict[str, type[Document]]":
    """Return the document types by kind, such as 'journey'."""
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Journey, Policy, Scenario
    from cjsim.tuning.study import Study

    return {document_kind(model): model for model in (Scenario, Journey, Policy, Study, Experiment)}


def load_study(file: Path, values: dict[str, Any]) -> "Study":
    """Load a study and override values."""
    from cjsim.tuning.study import Study

    return _load_as(Study, file, values, "a study", "Pass a file with 'scenario', 'free' and 'objectives'.")


def load_experiment(file: Path, values: dict[str, Any]) -> "Experiment":
    """Load an experiment and override values."""
    from cjsim.lab.experiment import Experiment

    return _load_as(Experiment, file, values, "an experiment", "Pass a file with 'hypothesis', 'scenario' and 'variants'.")


def _load_as(wanted: type[D], file: Path, values: dict[str, Any], kind: str, remedy: str) -> D:
    root, found = _read_document_tree(file)
    if found is not wanted:
        raise InputError(format_error(str(file), f"must be {kind}", f"a {document_kind(found)}", remedy))
    document = wanted.from_tree(root)
    return document.with_values(values) if values else document


def load_document(file: Path, sets: list[str] | None) -> "Document":
    """Load a document of any kind and override values."""
    root, model = _read_document_tree(file)
    document, values = model.from_tree(root), parse_set_options(sets)
    return document.with_values(values) if values else document


def _read_document_tree(file: Path) -> "tuple[Node, type[Document]]":
    """Read the tree of a file and determine its document type from its keys."""
    from cjsim.yaml.extends import load_tree

    models = tuple(document_types().values())
    chosen: list[type[Document]] = []

    def choose_type(keys: Any) -> type["Document"]:
        # The type with the most unique keys; a scenario if there are none.
        unique_keys = {
            model: set(model.model_fields) - {key for other in models if other is not model for key in other.model_fields}
            for model in models
        }
        best = max(models, key=lambda model: len(unique_keys[model] & set(keys)))
        chosen.append(best)
        return best

    root = load_tree(file, choose_type)
    return root, chosen[-1]


def document_kind(document_type: "type[Document]") -> str:
    """Return the kind of a document: 'journey', 'policy', 'scenario', 'study' or 'experiment'."""
    return document_type.__name__.lower()


def print_warnings(file: Path, document: "Document", printed_before: Collection[str] = ()) -> list[str]:
    """Print the warnings about a document, except those printed before. Return all of them."""
    warnings = find_warnings(document)
    for warning in warnings:
        if warning not in printed_before:
            typer.echo(f"{file}: warning: {warning}", err=True)
    return warnings


def find_warnings(document: "Document") -> list[str]:
    """Return the warnings about a document, or about its scenario if it contains one."""
    from cjsim.validate.lint import lint_warnings

    scenario = getattr(document, "scenario", None)
    if scenario is None:
        return lint_warnings(document)  # type: ignore[arg-type]
    return [f"scenario.{warning}" for warning in lint_warnings(scenario)]


def require_shared_settings(changes: dict[str, Any]) -> None:
    """Raise if `--set` would change the customers or days of one side of a comparison."""
    for path in changes:
        name = re.split(r"[.\[]", path)[0].strip()
        if name in SHARED_SETTINGS:
            remedy = f"Use --{name}, which applies to both sides." if name in ("seed", "customers", "horizon") else "Set it in BASE."
            must = "must change only the journey or the policy, because both sides share customers and days"
            raise InputError(format_error("--set", must, short_repr(path), remedy))


def label_scenarios(scenarios: "dict[Path, Scenario]") -> "dict[str, Scenario]":
    """Label scenarios by name, file stem or path, whichever is unique first."""
    for label in (lambda file: scenarios[file].name, lambda file: file.stem, str):
        labeled = {label(file): scenario for file, scenario in scenarios.items()}
        if len(labeled) == len(scenarios):
            return labeled
    raise AssertionError("paths differ")
