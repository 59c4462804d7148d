"""Titles of analyses, and the legend below the tables of a rehearsal, which explains the terms that occur in them."""

from collections.abc import Iterator

from cjsim.rehearsal.analyses import NAIVE_PEEKING
from cjsim.rehearsal.results.design_report import DesignReport
from cjsim.rehearsal.results.rehearsal_data import RehearsalData

_ANALYSES = {"fixed": "fixed horizon", "cuped": "fixed horizon, CUPED"}
_REPEATED = {
    "group_sequential_obrien_fleming": "group sequential, O'Brien-Fleming",
    "group_sequential_pocock": "group sequential, Pocock",
    "confidence_sequence": "confidence sequence",
    NAIVE_PEEKING: "naive peeking",
}
_TERMS = {  # by part of the name of an analysis
    "fixed": "fixed horizon: one look at the data, after all customers have been observed.",
    "obrien_fleming": "O'Brien-Fleming: planned looks at the data, with stricter limits at first, so that false positives stay rare.",
    "pocock": "Pocock: planned looks at the data with equal limits, so that false positives stay rare.",
    "confidence_sequence": "confidence sequence: an interval that is valid at every look, no matter how many looks there are.",
    "cuped": "CUPED: adjusts outcomes for behavior before the test, so that fewer customers are needed.",
}


def analysis_title(name: str) -> str:
    """Return the title of an analysis.

    Examples
    --------
    >>> analysis_title("fixed"), analysis_title("group_sequential_pocock_13"), analysis_title("naive_peeking_90")
    ('fixed horizon', 'group sequential, Pocock, 13 looks', 'naive peeking, 90 looks (not valid)')
    """
    kind, _, looks = name.rpartition("_")
    title = f"{_REPEATED[kind]}, {looks} looks" if kind in _REPEATED else _ANALYSES.get(name, name.replace("_", " "))
    return title if is_valid(name) else f"{title} (not valid)"


def is_valid(analysis: str) -> bool:
    """Return whether an analysis corrects for its looks, and therefore keeps its type I error rate."""
    return not analysis.startswith(NAIVE_PEEKING)


def rehearsal_legend(result: RehearsalData) -> str:
    """Return the numbers of rehearsals and customers, and one line for each term that occurs.

    Parameters
    ----------
    result : RehearsalData
        The result.

    Returns
    -------
    str
    """
    designs = [design for report in result.alternatives.values() for design in report.designs]
    lines = [
        _precision(result, designs),
        "power: share of significant tests. closed form: power by formula, for normally distributed estimates.",
        f"MDE: minimum detectable effect, significant in {100 * result.target_power:g} % of tests. false positives: significant by chance.",
        "exaggeration, wrong sign: among significant results. wrong decision: the worse policy is chosen.",
        f"expected loss: mean loss from wrong decisions until the horizon, in {result.currency or 'currency units'}, for all simulated"
        " customers.",
        *(text for term, text in _TERMS.items() if any(term in design.analysis for design in designs)),
        *_naive_peeking(designs),
        _mode(result),
    ]
    return "\n".join(lines)


def _precision(result: RehearsalData, designs: list[DesignReport]) -> str:
    error = max(rate.error for design in designs for rate in (design.power, design.false_positive, design.coverage, design.wrong_decision))
    has_ramp = any(report.ramp for report in result.alternatives.values())
    causes = "rehearsals" if has_ramp else "rehearsals and simulated customers"
    times = f"{result.replications} times " if result.replications else ""
    return (
        f"{designs[0].power.runs:,} rehearsals per design, from {times}{result.customers:,} simulated customers, seed {result.seed}."
        f" Standard error of the proportions, from the limited number of {causes}: at most {error:.3f}. Intervals: 95 %."
    )


def _naive_peeking(designs: list[DesignReport]) -> Iterator[str]:
    """Warn that the power of tests whose looks are not corrected cannot be compared with the power of valid tests."""
    naive = [design for design in designs if not is_valid(design.analysis)]
    if naive:
        worst = max(naive, key=lambda design: design.false_positive.value)
        yield (
            "naive peeking: stops at the first significant look. Not valid: without an effect, up to"
            f" {100 * worst.false_positive.value:.0f} % of these tests are significant instead of {100 * worst.alpha:g} %, so their power"
            " and loss must not be compared with the others'."
        )


def _mode(result: RehearsalData) -> str:
    if result.mode == "reuse":
        counted = "" if result.trigger is None else " Outcomes are counted from the trigger."
        return (
            "Reuse mode: customers share no desks or budgets and refer no friends, so each customer's outcomes under both policies are"
            f" resampled.{counted}"
        )
    since = "the start of the scenario" if result.starts_on is None else f"{result.starts_on}"
    late = " Customers who enter later are observed for less time." if result.starts_on is None else ""
    return (
        f"Joint mode: customers share {' and '.join(result.shared)}, so tests with both arms in one population are simulated. Days count"
        f" from {since}.{late}"
    )
