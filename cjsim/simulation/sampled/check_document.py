"""The warnings about a document, from the document alone and from a simulation."""

from collections.abc import Callable
from typing import Any

from cjsim.scenario.spec import ScenarioSpec
from cjsim.simulation.documents import Scenario
from cjsim.validate.warnings.accepted_warnings import SortedWarnings, sort_accepted, unused_entry_warnings
from cjsim.validate.warnings.free_value_lint import free_value_warnings
from cjsim.validate.warnings.lint import all_lint_warnings
from cjsim.validate.warnings.unused_lint import without_parts_of_others
from cjsim.yaml.document import Document


def find_warnings(document: Document, simulated: Callable[[Scenario], list[str]] | None = None) -> SortedWarnings:
    """Return the warnings about a document, or about its scenario if it contains one.

    Parameters
    ----------
    document : Document
        Any document.
    simulated : callable, optional
        Returns the warnings about a scenario that need a simulation. Without it, only warnings from the file itself are returned.

    Returns
    -------
    SortedWarnings
        Warnings to report and accepted warnings. Entries of `accept_warnings` that accept nothing are reported only if `simulated` is
        given.
    """
    scenario = getattr(document, "scenario", None)
    record: Any = document if scenario is None else scenario
    prefix = "" if scenario is None else "scenario."
    warnings = all_lint_warnings(record)
    if isinstance(record, ScenarioSpec) and simulated is not None:
        warnings += simulated(record)  # type: ignore[arg-type]
    found = sort_accepted(record, warnings)
    if (arms := getattr(document, "arms", None)) is not None:  # of an experiment, which may use what its baseline does not
        found = found._replace(reported=without_parts_of_others(record, found.reported, [arm.scenario for arm in arms()]))
    unused = [] if simulated is None else unused_entry_warnings(record, warnings)
    free = getattr(document, "free", None)  # of a study
    own = [] if free is None else free_value_warnings(free, getattr(document, "mixes", {}), record.to_dict()["journey"])
    return SortedWarnings(
        [*own, *(f"{prefix}{warning}" for warning in (*found.reported, *unused))],
        [one._replace(warning=f"{prefix}{one.warning}") for one in found.accepted],
    )
