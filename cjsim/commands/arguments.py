"""Parsing of PATH=VALUE settings, and loading of the document files that commands are given."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cjsim.commands.console import echo_message, with_option_names
from cjsim.errors import InputError, format_error, short_repr

if TYPE_CHECKING:
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Scenario
    from cjsim.tuning.study import Study
    from cjsim.yaml.document import Document

D = TypeVar("D", bound="Document")
# Settings that both sides of a comparison must share, because they determine the customers and days.
_SHARED_OPTIONS = ("seed", "customers", "horizon", "value_horizon")
SHARED_SETTINGS = ("seed", "customers", "horizon", "value_horizon", "existing", "start", "entry")


def parse_set_options(sets: list[str] | None, **options: int | str | None) -> dict[str, Any]:
    """Return values by path from `--set` and from options that override values."""
    from cjsim.yaml.tree import parse_value, to_tree

    values: dict[str, Any] = {}
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(format_error("--set", "must be PATH=VALUE", short_repr(text), "Use horizon=90d, for example."))
        values[path.strip()] = parse_value(value, "--set")
    for name, option in options.items():
        if option is not None:
            values[name] = to_tree(option, f"--{name.replace('_', '-')}")
    return values


def load_scenario(file: Path, values: dict[str, Any]) -> "Scenario":
    """Load a scenario and override values."""
    from cjsim.simulation.documents import Scenario

    return _load_as(Scenario, file, values)


def load_study(file: Path, values: dict[str, Any]) -> "Study":
    """Load a study and override values."""
    from cjsim.tuning.study import Study

    return _load_as(Study, file, values)


def load_experiment(file: Path, values: dict[str, Any]) -> "Experiment":
    """Load an experiment and override values."""
    from cjsim.lab.experiment import Experiment

    return _load_as(Experiment, file, values)


def _load_as(wanted: type[D], file: Path, values: dict[str, Any]) -> D:
    document = wanted.load(file)
    return document.with_values(values) if values else document


def load_document(file: Path, sets: list[str] | None) -> "Document":
    """Load a document of any kind and override values."""
    from cjsim.lab.document_types import load_any_document

    return load_any_document(file, set=parse_set_options(sets))


def print_warnings(file: Path, document: "Document") -> None:
    """Print the warnings about a document, except accepted ones."""
    from cjsim.simulation.sampled.check_document import find_warnings

    echo_warnings(file, find_warnings(document).reported)


def count_warnings(file: Path, document: "Document") -> None:
    """Print the number of warnings about a document, except accepted ones, and the command that shows them."""
    from cjsim.simulation.sampled.check_document import find_warnings

    _echo_count(file, len(find_warnings(document).reported))


def count_compared_warnings(scenarios: "Iterable[tuple[Path, Scenario]]") -> None:
    """Print, for each compared scenario, the number of warnings that `print_compared_warnings` would print."""
    for file, warnings in _compared_warnings(scenarios):
        _echo_count(file, len(warnings))


def print_compared_warnings(scenarios: "Iterable[tuple[Path, Scenario]]") -> None:
    """Print the warnings about compared scenarios, each once, except accepted ones and those about parts that another scenario uses."""
    for file, warnings in _compared_warnings(scenarios):
        echo_warnings(file, warnings)


def _compared_warnings(scenarios: "Iterable[tuple[Path, Scenario]]") -> "Iterator[tuple[Path, list[str]]]":
    """Yield the warnings about each compared scenario, without those that an earlier one has too."""
    from cjsim.simulation.sampled.check_document import find_warnings
    from cjsim.validate.warnings.unused_lint import without_parts_of_others

    pairs = list(scenarios)
    printed: set[str] = set()
    for file, scenario in pairs:
        others = [other for _, other in pairs if other is not scenario]
        kept = without_parts_of_others(scenario, find_warnings(scenario).reported, others)
        yield file, [warning for warning in kept if warning not in printed]
        printed.update(kept)


def _echo_count(file: Path, count: int) -> None:
    """Print the number of warnings to standard error, unless it is 0."""
    if count:
        echo_message(f"{file}: {count} warning{'s' * (count > 1)}; run cjsim check {file}")


def echo_warnings(file: Path, warnings: "Sequence[str]") -> None:
    """Print warnings to standard error."""
    for warning in warnings:
        echo_message(with_option_names(f"{file}: warning: {warning}"))


def require_shared_settings(changes: dict[str, Any]) -> None:
    """Raise if `--set` would change the customers or days of one side of a comparison."""
    for path in changes:
        name = re.split(r"[.\[]", path)[0].strip()
        if name in SHARED_SETTINGS:
            remedy = f"Use --{name.replace('_', '-')}, which applies to both sides." if name in _SHARED_OPTIONS else "Set it in BASE."
            must = "must change only the journey or the policy, because both sides share customers and days"
            raise InputError(format_error("--set", must, short_repr(path), remedy))


def load_scenarios(
    files: Sequence[Path], values: dict[str, Any], *, where: str, remedy: str = "Give each scenario once."
) -> "dict[str, Scenario]":
    """Load different scenarios and override values. They are labeled by name, file stem or path, whichever is unique first.

    Parameters
    ----------
    files : sequence of Path
        The files.
    values : dict
        New values by path, for all scenarios.
    where : str
        Name of the command or option in error messages.
    remedy : str
        What to do if a file is given twice.
    """
    from cjsim.simulation.scenario_sources import label_scenarios

    scenarios = [load_scenario(file, values) for file in files]
    repeated = next((file for file in files if files.count(file) > 1), None)
    if repeated is not None:
        raise InputError(format_error(where, "must be given different scenarios", f"{repeated} twice", remedy))
    return label_scenarios(files, scenarios, argument=where)
