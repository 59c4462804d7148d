"""Scenarios as functions take them: objects, paths of files, and names in the library."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cjsim.errors import InputError, format_error
from cjsim.simulation.documents import Scenario
from cjsim.yaml.document import as_document

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
        Scenarios by name; or several scenarios, or one. Without names, they are named after the scenarios, their files or their paths,
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
        must, remedy = "must be scenarios, paths of their files or names in the library", "Pass for example 'shop'."
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
