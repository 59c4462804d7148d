"""Pages of a run and of a comparison of policies."""

from collections.abc import Sequence

from cjsim.pages.page_parts import Page, Section
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.sections.alternative_section import alternative_section
from cjsim.pages.sections.belief_section import belief_section
from cjsim.pages.sections.contact_section import contact_section
from cjsim.pages.sections.desk_section import desk_section
from cjsim.pages.sections.first_screen import answer
from cjsim.pages.sections.gain_section import gain_section
from cjsim.pages.sections.journey_section import journey_section
from cjsim.pages.sections.retention_section import retention_section
from cjsim.pages.sections.run_summary import run_answer
from cjsim.pages.sections.value_section import value_section
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run


def policy_page(result: Run | Comparison, scenarios: Sequence[Scenario] = ()) -> Page:
    """Return the page of a run or a comparison.

    Parameters
    ----------
    result : Run or Comparison
        The result.
    scenarios : sequence of Scenario
        Documents from which the runs were made, for titles and sources. Scenarios of the library are found by name.
    """
    runs = PolicyRuns.of(result, scenarios)
    name = runs.model.journey(runs.baseline)
    if runs.comparison is None:
        subject, kind, first = "Simulation", "run", run_answer(runs)
        title = f"{name}: {runs.labels[runs.baseline_name]}"
    else:
        subject, kind, first = "Policy comparison", "comparison", answer(runs)
        title = f"{name}: {runs.labels[runs.best]} against {runs.labels[runs.baseline_name]}"
    facts = {label: run.provenance.to_json() for label, run in runs.runs.items()}
    return Page(title, name, subject, kind, first, tuple(_sections(runs)), facts)


def _sections(runs: PolicyRuns) -> list[Section]:
    compared = runs.comparison is not None
    found = [
        alternative_section(runs) if compared else None,
        retention_section(runs),
        value_section(runs) if compared else None,
        gain_section(runs) if compared else None,
        journey_section(runs),
        contact_section(runs),
        desk_section(runs),
        belief_section(runs),
    ]
    return [section for section in found if section is not None]
