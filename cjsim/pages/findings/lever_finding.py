"""Levers on a page: which change matters most, as a tornado."""

from cjsim.pages.charts.chart_kinds import IntervalChart
from cjsim.pages.findings.finding_parts import Content, Effect, FindingPart, MetricWords, facts_caption, facts_lead
from cjsim.pages.page_parts import Panel, Phrase, Section
from cjsim.pages.quantity_format import title_case

_SHOWN = 15


def lever_part(content: Content) -> FindingPart:
    """Return the part of a page about levers.

    Parameters
    ----------
    content : Mapping
        The content of `levers.json`.
    """
    levers = sorted(content["levers"], key=lambda one: -abs(one["effect"] or 0.0))
    effects = [Effect.of(one) for one in levers]
    words = MetricWords.of(content["metric"], content["unit"], effects, content.get("currency"))
    shown = list(zip(levers, effects, strict=True))[:_SHOWN]
    rows = tuple(
        words.row(f"{title_case(one['title'])}: {one['from']} → {one['to']}", effect, is_clear=one["holds"]) for one, effect in shown
    )
    alt = f"Changes and their effect on {words.label}: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    holding = [(one, effect) for one, effect in zip(levers, effects, strict=True) if one["holds"]]
    sentence: tuple[Phrase, ...] = (Phrase(f"None of {len(levers)} single changes moves {words.label} clearly."),)
    if holding:
        one, effect = holding[0]
        tone = words.tone(effect)
        change = f"“{title_case(one['title'])}” ({one['from']} → {one['to']})"
        sentence = (
            Phrase(f"Of {len(levers)} single changes, {change} moves {words.label} most: "),
            Phrase(words.text(effect), tone),
            Phrase("."),
        )
    caption = facts_caption(
        content,
        f"The {len(rows)} largest of {len(levers)} changes, each alone; paired 95% intervals.",
        "Blue and orange: clear after Holm's correction.",
    )
    panel = Panel(
        f"Effect on {words.label} {words.form.per}".strip(), chart=IntervalChart(alt, words.axis, rows), caption=caption, is_wide=True
    )
    text = "".join(phrase.text for phrase in sentence)
    section = Section("levers", "Which single change matters most?", text, (panel,), "Levers")
    return FindingPart(title_case(content["scenario"]), "Levers", sentence, facts_lead(content), section)
