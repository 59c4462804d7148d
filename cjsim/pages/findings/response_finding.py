"""Response cards and attributions on a page: what is credited to messages and touchpoints, and what they cause."""

from cjsim.pages.charts.chart_kinds import Axis, BarChart, IntervalChart, IntervalRow, Series
from cjsim.pages.findings.finding_parts import Content, Effect, FindingPart, facts_caption, facts_lead
from cjsim.pages.page_parts import Panel, Phrase, Section, Table, Tone
from cjsim.pages.quantity_format import QuantityFormat, title_case

_RULES = {"incremental": "Caused", "last": "Credited by last touch", "shapley": "Credited by Shapley value"}


def response_part(content: Content) -> FindingPart:
    """Return the part of a page about responses to messages.

    Parameters
    ----------
    content : Mapping
        The content of `responses.json`.
    """
    form, rows, cells, clear = QuantityFormat(decimals=1), [], [], 0
    for card in content["messages"]:
        response = card["responses"][0]
        caused, credited = (Effect.of(response[name], "value") for name in ("incremental", "last_touch"))
        text = f"{form.difference(caused.effect)} {form.interval(caused.low, caused.high)}"
        clear += bool(response["holds"])
        color: Tone = ("gain" if caused.effect > 0 else "loss") if response["holds"] else "flat"
        label = card["title"] or title_case(card["message"])
        rows.append(IntervalRow(label, caused.effect, caused.low, caused.high, text, color))
        credit = f"{form.level(credited.effect)} {form.interval(credited.low, credited.high, is_difference=False)}"
        cells.append((label, f"{card['deliveries']:,}", text, credit))
    per = f"{content['per']:,}"
    outcome = content["messages"][0]["responses"][0]["outcome"] if rows else "any response"
    sentence = (Phrase(f"{clear} of {len(rows)} messages clearly cause or prevent {outcome}."),)
    alt = f"{outcome} caused per {per} deliveries: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    table = Table(("Message", "Deliveries", f"Caused per {per}", f"Credited by last touch per {per}"), tuple(cells))
    days = f"{content['window_days']:g} days"
    caption = facts_caption(
        content, f"Within {days} of a delivery; 95% intervals. Blue and orange: clear after correction for many messages."
    )
    chart = IntervalChart(alt, Axis(f"{title_case(outcome)} caused per {per} deliveries", is_signed=True), tuple(rows))
    panel = Panel(f"{title_case(outcome)} caused per {per} deliveries", "", chart, table, caption, is_wide=True)
    section = Section("responses", "What does each message cause?", sentence[0].text, (panel,), "Responses")
    return FindingPart(title_case(content["scenario"]), "Response cards", sentence, facts_lead(content), section)


def attribution_part(content: Content) -> FindingPart:
    """Return the part of a page about attribution.

    Parameters
    ----------
    content : Mapping
        The content of `attribution.json`.
    """
    touchpoints = content["touchpoints"]
    caused = [Effect.of(one["incremental"]["purchases"], "value") for one in touchpoints]
    credited = {
        rule: [one["credits"][rule]["purchases"] for one in touchpoints] for rule in ("last", "shapley") if rule in content["rules"]
    }
    ends = (tuple(max(one.low, 0.0) for one in caused), tuple(max(one.high, 0.0) for one in caused))
    series = [Series(_RULES["incremental"], tuple(one.effect for one in caused), *ends, color="p1")]
    texts = [tuple(f"{one.effect:,.0f} [{one.low:,.0f}, {one.high:,.0f}]".replace("-", "\N{MINUS SIGN}") for one in caused)]
    for rule, color in zip(credited, ("p2", "p3"), strict=False):
        series.append(Series(_RULES[rule], tuple(credited[rule]), color="p2" if color == "p2" else "p3"))
        texts.append(tuple(f"{value:,.0f}" for value in credited[rule]))
    names = tuple(title_case(one["name"]) for one in touchpoints)
    over = [name for name, effect, credit in zip(names, caused, credited.get("last", []), strict=False) if credit > effect.high]
    found = (
        f"Last touch credits {', '.join(over)} with more purchases than caused."
        if over
        else "Last touch credits no touchpoint with clearly more purchases than caused."
    )
    alt = "Purchases by touchpoint: " + "; ".join(
        f"{name} {', '.join(f'{one.label} {of[i]}' for one, of in zip(series, texts, strict=True))}" for i, name in enumerate(names)
    )
    caption = facts_caption(content, "Thin lines are 95% intervals of what the touchpoint causes; credits are sums by rule.")
    chart = BarChart(alt, Axis("Purchases"), names, tuple(series), tuple(texts))
    panel = Panel(
        "Purchases credited and caused", "Teal: caused. Plum: last touch. Ochre: Shapley value.", chart, caption=caption, is_wide=True
    )
    section = Section("attribution", "Who gets the credit, and who earns it?", found, (panel,), "Attribution")
    return FindingPart(title_case(content["scenario"]), "Attribution", (Phrase(found),), facts_lead(content), section)
