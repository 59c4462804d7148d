"""Pages of findings, and findings as further sections of a page about policies."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cjsim.errors import InputError, format_error
from cjsim.pages.findings.assumption_finding import assumption_part
from cjsim.pages.findings.finding_parts import Content, FindingPart
from cjsim.pages.findings.lever_finding import lever_part
from cjsim.pages.findings.response_finding import attribution_part, response_part
from cjsim.pages.findings.search_finding import experiment_part, study_part
from cjsim.pages.page_parts import Answer, Page
from cjsim.pages.saved_results import SavedFinding

_PARTS: dict[str, Callable[[Content], FindingPart]] = {
    "levers": lever_part,
    "assumptions": assumption_part,
    "responses": response_part,
    "attribution": attribution_part,
    "study": study_part,
    "experiment": experiment_part,
}


def finding_part(finding: SavedFinding) -> FindingPart:
    """Return what a finding adds to a page.

    Parameters
    ----------
    finding : SavedFinding
        The finding.

    Raises
    ------
    InputError
        If its file lacks a value, or has one of the wrong type.
    """
    try:
        return _PARTS[finding.kind](finding.content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        got = f"a file in which {type(error).__name__} occurs: {error}"
        raise InputError(format_error(finding.kind, "must be a complete result", got, "Run the command again.")) from error


def finding_page(parts: Sequence[FindingPart]) -> Page:
    """Return a page about findings. The first one gives the answer.

    Parameters
    ----------
    parts : sequence of FindingPart
        At least one finding.
    """
    first = parts[0]
    answer = Answer(first.subject, first.sentence, first.lead)
    sections = tuple(part.section for part in parts)
    return Page(f"{first.name}: {first.subject}", first.name, first.subject, "findings", answer, sections)


def with_findings(page: Page, parts: Sequence[FindingPart]) -> Page:
    """Return a page with findings before its last section, which is about how far to believe it.

    Parameters
    ----------
    page : Page
        A page about policies.
    parts : sequence of FindingPart
        Findings.
    """
    return replace(page, sections=(*page.sections[:-1], *(part.section for part in parts), *page.sections[-1:]))
