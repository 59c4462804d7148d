"""Documents of any kind: their types, how to load one, and `describe`."""

import os
from typing import TYPE_CHECKING

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.library import LIBRARY_FOLDERS
from cjsim.progress import Progress
from cjsim.yaml.document import Document
from cjsim.yaml.document_kind import kind_of
from cjsim.yaml.extends import load_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def document_types() -> dict[str, type[Document]]:
    """Return the document types by kind, such as 'journey'."""
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Journey, Policy, Scenario
    from cjsim.tuning.study import Study

    return {document_kind(model): model for model in (Scenario, Journey, Policy, Study, Experiment)}


def document_kind(document_type: type[Document]) -> str:
    """Return the kind of a document: 'journey', 'policy', 'scenario', 'study' or 'experiment'."""
    return document_type.__name__.lower()


def load_any_document(path: str | os.PathLike[str], *, set: "Mapping[str, Any] | None" = None) -> Document:  # noqa: A002
    """Load a document of any kind. Its keys determine the kind.

    Parameters
    ----------
    path : str or path
        The YAML file, or the name of a document in the library.
    set : mapping, optional
        New values by key path.

    Raises
    ------
    InputError
        If the file is invalid.
    """
    types = document_types()
    root = load_tree(path, lambda keys: types[kind_of(keys)], library_kinds=tuple(LIBRARY_FOLDERS))
    document = types[kind_of(root.value)].from_tree(root)
    return document.with_values(set) if set else document


def describe(source: Document | str | os.PathLike[str]) -> str:
    """Describe a journey, policy, scenario, study or experiment in plain English.

    Parameters
    ----------
    source : Document, str or path
        The document, the path of its file, or its name in the library.

    Returns
    -------
    str
        One line per item. Details are indented below their item.

    Raises
    ------
    InputError
        If `source` is something else, or the file is invalid.

    Examples
    --------
    >>> print(describe("shop").splitlines()[1])
    Simulates 365 days from 2026-01-05 with seed 1. The discount rate is 10 % per year.
    """
    from cjsim.description.describe import describe as describe_model
    from cjsim.lab.experiment import Experiment
    from cjsim.tuning.study import Study

    document = _as_any_document(source, "describe")
    if isinstance(document, Experiment):
        from cjsim.lab.report_page import describe_experiment  # imports numba, which other documents do not need

        return describe_experiment(document)
    if isinstance(document, Study):
        from cjsim.tuning.study_description import describe_study

        return describe_study(document)
    return describe_model(document)  # type: ignore[arg-type]


@checked_arguments
def check(source: Document | str | os.PathLike[str], *, static: bool = False, progress: Progress | None = None) -> list[str]:
    """Return the warnings about likely mistakes that `cjsim check` prints. A document with errors cannot be loaded.

    Parameters
    ----------
    source : Document, str or path
        The document, the path of its file, or its name in the library.
    static : bool
        Whether to skip the checks that simulate customers of a scenario: conditions that make no difference, and desks that are closed,
        idle or overloaded.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar().

    Returns
    -------
    list of str
        Each warning starts with a path. Warnings listed under `accept_warnings` are left out.

    Raises
    ------
    InputError
        If `source` is something else, or the file is invalid.

    Examples
    --------
    >>> check("shop", static=True)
    []
    """
    from cjsim.simulation.sampled.check_document import find_warnings
    from cjsim.simulation.sampled.simulated_warnings import simulated_warnings

    document = _as_any_document(source, "check")
    return find_warnings(document, None if static else lambda scenario: simulated_warnings(scenario, progress=progress)).reported


def _as_any_document(source: object, verb: str) -> Document:
    document = load_any_document(source) if isinstance(source, str | os.PathLike) else source
    if not isinstance(document, tuple(document_types().values())):
        must = "must be a document, the path of its file or a name in the library"
        raise InputError(format_error(verb, must, type(document).__name__, "Pass a name such as 'shop'."))
    return document  # type: ignore[return-value]
