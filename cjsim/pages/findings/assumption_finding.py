"""A check of assumptions on a page: the difference with stronger and weaker assumed effects of messages."""

from cjsim.pages.charts.chart_kinds import IntervalChart
from cjsim.pages.findings.finding_parts import Content, Effect, FindingPart, MetricWords, facts_caption, facts_lead
from cjsim.pages.page_parts import Panel, Phrase, Section
from cjsim.pages.quantity_format import title_case

_CASES = {1.0: "As the model states", 0.0: "Without assumed effects", 0.5: "Half as strong", 2.0: "Twice as strong"}


def assumption_part(content: Content) -> FindingPart:
    """Return the part of a page about assumptions.

    Parameters
    ----------
    content : Mapping
        The content of `assumptions.json`.
    """
    effects = {float(one["factor"]): Effect.of(one) for one in content["effects"]}
    words = MetricWords.of(content["metric"], content["unit"], list(effects.values()), content.get("currency"))
    rows = tuple(words.row(_CASES.get(factor, f"{factor:g} times as strong"), effect) for factor, effect in sorted(effects.items()))
    tones = {words.tone(effect) for effect in effects.values()}
    verdict = {
        frozenset({"gain"}): "the alternative is clearly better in every case",
        frozenset({"loss"}): "the alternative is clearly worse in every case",
        frozenset({"flat"}): "no case shows a clear difference",
    }.get(frozenset(tones), "the answer depends on them")
    counts = f"{content['n_assumed']} of {content['n_effects']} effects of messages are assumed"
    sentence = (Phrase(f"{counts}: {verdict}."),)
    alt = f"Difference in {words.label} by strength of the assumed effects: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    caption = facts_caption(content, "Paired 95% intervals.")
    title = f"Difference in {words.label} by strength of the assumed effects"
    panel = Panel(title, chart=IntervalChart(alt, words.axis, rows), caption=caption, is_wide=True)
    section = Section("assumptions", "Does the answer depend on assumed effects?", sentence[0].text, (panel,), "Assumptions")
    name = f"{title_case(content['alternative'])} against {title_case(content['baseline'])}"
    return FindingPart(name, "Check of assumptions", sentence, facts_lead(content), section)
