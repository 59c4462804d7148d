"""`report`: the page of one or several results."""

from collections.abc import Sequence
from pathlib import Path

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.pages.finding_page import finding_page, finding_part, with_findings
from cjsim.pages.policy_page import policy_page
from cjsim.pages.report_result import Report
from cjsim.pages.saved_results import LoadedResult, SavedFinding, load_result
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import ScenarioSource, named_scenarios


@checked_arguments
def report(*results: Run | Comparison | str | Path, scenarios: Sequence[ScenarioSource] = (), out: str | Path | None = None) -> Report:
    """Make a self-contained HTML page about a run, a comparison, several runs of the same customers, or findings.

    Parameters
    ----------
    *results : Run, Comparison, str or Path
        One run or comparison, or at least two runs with the same seed and time, the baseline first; and any number of findings: folders
        of saved levers, assumptions, responses, attributions, studies and experiments. A path names the folder of a saved result.
    scenarios : sequence of Scenario, str or Path
        Scenarios that were simulated, for titles and for the sources of numbers. Those of the library are found by name.
    out : str or Path, optional
        Folder for `report.html` and `report.json`, or an HTML file; not saved by default. Earlier reports are replaced.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If there is no result, a folder does not hold a complete one, or the runs cannot be compared.

    Examples
    --------
    >>> from cjsim import compare
    >>> page = report(compare("shop", "shop_better", customers=200, seed=1))
    >>> page.title
    'Online shop: Improved policy against Current policy'
    """
    loaded = [load_result(one) for one in results]
    documents = list(named_scenarios(list(scenarios), argument="scenarios").values()) if scenarios else []
    findings = [finding_part(one.content) for one in loaded if isinstance(one.content, SavedFinding)]
    runs = [one for one in loaded if not isinstance(one.content, SavedFinding)]
    if runs or not findings:
        made = Report(with_findings(policy_page(_combined(runs), documents), findings))
    else:
        made = Report(finding_page(findings))
    if out is not None:
        made.save(out)
    return made


def _combined(results: Sequence[LoadedResult]) -> Run | Comparison:
    """Return the only result, or a comparison of several runs."""
    if not results:
        raise InputError(format_error("results", "must contain a run or a comparison", "nothing", "Name the folder of a result."))
    first = results[0].content
    if len(results) == 1 and not isinstance(first, SavedFinding):
        return first
    has_names = len({one.name for one in results}) == len(results)
    runs = {one.name if has_names else one.folder: one.content for one in results if isinstance(one.content, Run)}
    if len(runs) < len(results):
        must, got = "must be one comparison, or several runs with different names", f"{len(results)} results that are not"
        raise InputError(format_error("results", must, got, "Make a page for each comparison."))
    return Comparison.of(runs)
