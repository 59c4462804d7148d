"""The Markdown report of a readout."""

from collections.abc import Sequence

from cjsim.escaping.markdown_text import markdown_sentence, markdown_text
from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_tables import ReadoutTable, outcome_tables
from cjsim.readout.readout_verdict import assumption_sentences, verdict_sentences
from cjsim.version import __version__

_FIGURE_TITLES = {
    "effects": "Effects of the arms",
    "groups": "Effect by group of predicted effect",
    "curves": "Qini curves of the learners",
    "policies": "Value of policies",
}


def render_readout_page(
    outcomes: Sequence[OutcomeReadout], *, heading: str, warnings: Sequence[str], closing: Sequence[str], figures: Sequence[str]
) -> str:
    """Render the report: the verdict, warnings, figures, and the tables of each outcome.

    Parameters
    ----------
    outcomes : sequence of OutcomeReadout
        Readouts of the outcomes.
    heading : str
        One line that describes the trial.
    warnings : sequence of str
        Warnings, which are shown above all results.
    closing : sequence of str
        Checks and notes at the end of the report.
    figures : sequence of str
        Names of the figures beside the report.

    Returns
    -------
    str
    """
    lines = ["# What the trial shows", "", markdown_sentence(heading), ""]
    lines += [line for message in warnings for line in (f"> **Warning.** {markdown_sentence(message)}", "")]
    for one in outcomes:
        first, *others = map(markdown_sentence, verdict_sentences(one))
        lines += [f"**{markdown_text(one.name)}.** {first}", "", *(f"- {sentence}" for sentence in others), ""]
        lines += [*(f"*{markdown_sentence(sentence)}*" for sentence in assumption_sentences(one)), ""]
    for name in figures:
        lines += [f"![{_FIGURE_TITLES[name]}]({name}.png)", ""]
    for one in outcomes:
        lines += [f"## {markdown_text(one.name)}", ""]
        for table in outcome_tables(one):
            lines += [f"### {table.title}", "", *_markdown(table), "", *map(markdown_sentence, table.note.splitlines()), ""]
    lines += [
        "## How to read this report",
        "",
        "Intervals are 95 % intervals of sampling error.",
        *(f"- {markdown_sentence(text)}" for text in closing),
    ]
    return "\n".join([*lines, "", f"cjsim {__version__}. `uplift.json` contains all numbers."]) + "\n"


def _markdown(table: ReadoutTable) -> list[str]:
    rows = [table.header, *table.rows]
    cells = [" | ".join(map(markdown_text, row)) for row in rows]
    return [f"| {cells[0]} |", "|" + "---|" * len(table.header), *(f"| {row} |" for row in cells[1:])]
