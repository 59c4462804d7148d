"""Titles and sources of a model, from the scenario document that a run was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjsim.errors import InputError
from cjsim.library import find_document
from cjsim.pages.quantity_format import title_case
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run


@dataclass(frozen=True)
class ModelTitles:
    """Titles of the parts of a journey and of a policy. Without their documents, names are used as titles.

    Attributes
    ----------
    scenario : Scenario or None
        The scenario with the journey of the run, if it was found.
    has_policy : bool
        Whether that scenario also has the policy of the run.
    """

    scenario: Scenario | None = None
    has_policy: bool = False

    def of(self, family: str, name: str) -> str:
        """Return the title of a stage, persona, channel, message, event or desk.

        Parameters
        ----------
        family : str
            'stages', 'personas', 'channels', 'messages', 'events' or 'desks'.
        name : str
            Its name.
        """
        members: Mapping[str, Any] = {} if self.scenario is None else getattr(self.scenario.journey, family, {})
        return getattr(members.get(name), "title", None) or title_case(name)

    def journey(self, run: Run) -> str:
        """Return the title of the journey."""
        return title_case(run.scenario) if self.scenario is None else self.scenario.journey.title or title_case(run.scenario)

    def policy(self, name: str) -> str:
        """Return the title of the policy, or the name of its run as a title."""
        title = self.scenario.policy.title if self.scenario is not None and self.has_policy else ""
        return title or title_case(name)


def find_titles(run: Run, scenarios: Sequence[Scenario] = ()) -> ModelTitles:
    """Find the document of a run by its digests, among the given scenarios and in the library.

    Parameters
    ----------
    run : Run
        The run.
    scenarios : sequence of Scenario
        Scenarios that may have been simulated.
    """
    digests, found = run.provenance.digests, ModelTitles()
    for scenario in (*scenarios, *_library_scenario(run.scenario)):
        if scenario.journey.digest() == digests["journey"]:
            has_policy = scenario.policy.digest() == digests["policy"]
            if has_policy or found.scenario is None:
                found = ModelTitles(scenario, has_policy)
            if has_policy:
                break
    return found


def _library_scenario(name: str) -> list[Scenario]:
    try:
        return [Scenario.load(find_document(Path(name).with_suffix(""), ["scenario"]))] if name.isidentifier() else []
    except InputError:
        return []
