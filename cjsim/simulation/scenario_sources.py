"""Loads the scenarios that functions accept (objects, paths or names in the library), and checks that compared scenarios match."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cjsim.errors import InputError, format_error, short_repr
from cjsim.simulation.documents import Scenario
from cjsim.yaml.document import as_document

T = TypeVar("T")
ScenarioSource = Scenario | str | os.PathLike[str]
ScenarioSources = ScenarioSource | Mapping[str, ScenarioSource] | Sequence[ScenarioSource]


def as_scenario(source: ScenarioSource, *, argument: str = "scenario") -> Scenario:
    """Return a scenario, loaded if a path or a name in the library is given.

    Parameters
    ----------
    source : Scenario, str or path
        A scenario, the path of its file, or the name of one in the library, such as 'shop'.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If `source` is something else, or the file is invalid.
    """
    return as_document(source, Scenario, argument=argument)


def named_scenarios(sources: ScenarioSources, *, argument: str) -> dict[str, Scenario]:
    """Return scenarios by name, in the order given.

    Parameters
    ----------
    sources : Mapping, sequence, Scenario, str or path
        Scenarios by name; or several scenarios, or one. Unnamed scenarios are labeled by their name, file or path,
        whichever is unique first.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If a source is not a scenario, a file is invalid, or scenarios without files have the same name.

    Examples
    --------
    >>> list(named_scenarios(["shop", "shop_better"], argument="compare"))
    ['shop', 'shop_better']
    """
    if isinstance(sources, Mapping):
        return {name: as_scenario(source, argument=f"'{name}'") for name, source in sources.items()}
    if isinstance(sources, Scenario | str | os.PathLike):
        return named_scenarios([sources], argument=argument)
    if not isinstance(sources, Iterable):
        must, remedy = "must be scenarios, paths of their files or names in the library", "Pass a name such as 'shop'."
        raise InputError(format_error(argument, must, type(sources).__name__, remedy))
    given = list(sources)
    return label_scenarios(given, [as_scenario(source, argument=argument) for source in given], argument=argument)


def label_scenarios(sources: Sequence[ScenarioSource], scenarios: Sequence[Scenario], *, argument: str) -> dict[str, Scenario]:
    """Label scenarios by name, file stem or path, whichever is unique first.

    Parameters
    ----------
    sources : Sequence of Scenario, str or path
        What the scenarios were loaded from.
    scenarios : Sequence of Scenario
        One scenario per source.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If two sources are equal, or scenarios without files have the same name.
    """
    paths = [None if isinstance(source, Scenario) else Path(source) for source in sources]
    names = [scenario.name for scenario in scenarios]
    stems = [name if path is None else path.stem for name, path in zip(names, paths, strict=True)]
    whole = [name if path is None else str(path) for name, path in zip(names, paths, strict=True)]
    for labels in (names, stems, whole):
        if len(set(labels)) == len(labels):
            return dict(zip(labels, scenarios, strict=True))
    repeated = next(label for label in whole if whole.count(label) > 1)
    must, remedy = "must be different scenarios, each with its own name", "Pass a mapping of names to scenarios, or change one."
    raise InputError(format_error(argument, must, f"'{repeated}' twice", remedy))


def require_same_customers(scenarios: Mapping[str, Scenario], *, customers: int | None = None) -> None:
    """Raise if scenarios cannot be compared because their customers, dates or currencies differ.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        Scenarios by name; the first is the baseline.
    customers : int, optional
        Number of initial customers. Overrides the scenarios.

    Raises
    ------
    InputError
        If there are fewer than two scenarios, or they differ in start, horizon, value horizon, currency, entry, policy before day 0 or
        (unless given) number of customers.
    """
    (name, baseline), others = split_off_baseline(scenarios, Scenario)
    for other, scenario in others.items():
        for field in ("start", "horizon", "value_horizon", "currency", *([] if customers else ["customers"])):
            require_same_value(field, name, getattr(baseline, field), other, getattr(scenario, field))
        require_same_value("existing", name, _base_description(baseline), other, _base_description(scenario))
        require_same_value("entry", name, _entry_description(baseline), other, _entry_description(scenario))
    _require_same_past(scenarios)


def _require_same_past(scenarios: Mapping[str, Scenario]) -> None:
    """Raise if a scenario states a policy before day 0 that differs from the baseline's."""
    (name, baseline), *others = with_shared_past(scenarios).items()
    for other, scenario in others:
        if scenario.existing is not None and scenario.past_policy.identity() != baseline.past_policy.identity():
            must = f"must have the same policy before day 0 as '{name}' ({baseline.past_policy.name})"
            remedy = f"Omit `existing.policy` in '{other}', or state the same one in both."
            raise InputError(format_error(f"'{other}'", must, f"another one ({scenario.past_policy.name})", remedy))


def with_shared_past(scenarios: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """Give the existing customers of all scenarios the same policy before day 0: the baseline's, unless a scenario states another.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        Scenarios by name; the first is the baseline.
    """
    past = next(iter(scenarios.values())).past_policy
    shared = dict(scenarios)
    for name, scenario in list(scenarios.items())[1:]:
        if scenario.existing is not None and scenario.existing.policy is None:
            shared[name] = scenario.model_copy(update={"existing": scenario.existing.model_copy(update={"policy": past})})
    return shared


def split_off_baseline(items: Mapping[str, T], kind: type[T]) -> tuple[tuple[str, T], dict[str, T]]:
    """Split the baseline (the first item and its name) from the other items.

    Parameters
    ----------
    items : Mapping of str to T
        At least two items by name.
    kind : type
        Type of the items.

    Raises
    ------
    InputError
        If there are fewer than two items, or one has the wrong type.
    """
    if not isinstance(items, Mapping):
        got, remedy = type(items).__name__, "Pass a mapping such as {'baseline': a, 'alternative': b}."
        raise InputError(format_error("compare", f"must be given a mapping of names to {kind.__name__}s", got, remedy))
    for name, item in items.items():
        if not isinstance(item, kind):
            remedy = "Load one with Scenario.load(FILE)." if kind is Scenario else "Pass the return value of simulate."
            raise InputError(format_error(f"'{name}'", f"must be a {kind.__name__}", type(item).__name__, remedy))
    if len(items) < 2:
        raise InputError(format_error("compare", "must have a baseline and at least one alternative", str(len(items)), "Pass two or more."))
    first, *others = items.items()
    return first, dict(others)


def _base_description(scenario: Scenario) -> str | None:
    """Describe the existing customers."""
    existing = scenario.existing
    return None if existing is None else f"{existing.customers} customers in {existing.years:g} years"


def _entry_description(scenario: Scenario) -> str:
    """Describe how customers enter. Entry files are given by absolute path."""
    entry = scenario.entry
    return f"{entry.over:g} days" if entry.file is None else f"{entry.over:g} days and the file {os.path.realpath(entry.file)}"


def require_same_value(field: str, name: str, expected: object, other: str, value: object) -> None:
    """Raise if a field of `other` differs from that of the baseline.

    Parameters
    ----------
    field : str
        Name of the field.
    name, other : str
        Names of the baseline and the other item.
    expected, value : object
        The values of the baseline and the other item.
    """
    if expected != value:
        must = f"must have the same {field} as '{name}' ({'none' if expected is None else expected})"
        raise InputError(
            format_error(f"'{other}'", must, "none" if value is None else short_repr(value), f"Use the same {field} for both.")
        )
