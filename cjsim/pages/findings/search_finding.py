"""Studies and experiments on a page: the best settings, how the search went, and verdicts on hypotheses."""

import re

from cjsim.pages.charts.chart_kinds import Axis, IntervalChart, LineChart, Series
from cjsim.pages.findings.finding_parts import Content, Effect, FindingPart, MetricWords, facts_caption
from cjsim.pages.page_parts import Panel, Phrase, Section, Table
from cjsim.pages.quantity_format import title_case

_STUDY_VERDICTS = {"gain": "is confirmed", "none": "is not clear", "infeasible": "breaks a constraint"}
_MAX_FRONT = 12


def readable_path(path: str) -> str:
    """Return a path of a document in words.

    Examples
    --------
    >>> readable_path("policy.flows.cart.steps[0].wait")
    'Flows, cart, steps 1, wait'
    """
    parts = re.sub(r"\[(\d+)\]", lambda found: f" {int(found[1]) + 1}", path).split(".")
    words = parts[1:] if parts[0] in ("policy", "journey") else parts
    return title_case(", ".join(words))


def study_part(content: Content) -> FindingPart:
    """Return the part of a page about a study.

    Parameters
    ----------
    content : Mapping
        The content of `optimum.json`, and under `history` the best objective so far by trial.
    """
    best = content["best"]
    panels, texts = [], []
    for metric, record in best["gain"].items():
        effect = Effect.of(record)
        words = MetricWords.of(metric, best["metrics"].get(metric, {}).get("unit", "ratio"), [effect])
        texts.append(f"{words.text(effect)} in {words.label}")
        front = [Effect.of(one["gain"][metric]) for one in content["pareto"][:_MAX_FRONT] if metric in one.get("gain", {})]
        rows = (words.row("Best, on fresh customers", effect), *(words.row(f"Front, point {i + 1}", one) for i, one in enumerate(front)))
        alt = f"Gain in {words.label}: " + "; ".join(f"{row.label} {row.text}" for row in rows)
        caption = facts_caption(content, f"{content['trials']} trials; paired 95% intervals. Points of the front: measured in the search.")
        panels.append(Panel(f"Gain in {words.label} {words.form.per}".strip(), chart=IntervalChart(alt, words.axis, rows), caption=caption))
    rows_of_values = tuple(
        (readable_path(path), str(value)) for path, value in (best.get("rounded", best).get("params") or best["params"]).items()
    )
    table = Table(("Setting", "Best value"), rows_of_values)
    panels.append(Panel("Best settings, rounded", table=table, caption=facts_caption(content), is_table_folded=False))
    if history := content.get("history"):
        positions = tuple(float(i) for i in range(len(history)))
        chart = LineChart(
            "Best value so far by trial",
            Axis("Best value so far"),
            positions,
            "trial",
            (Series("Best so far", tuple(history), color="p1"),),
            starts_at_zero=False,
        )
        panels.append(
            Panel(
                "How the search went",
                "Best value so far.",
                chart,
                caption=facts_caption(content, "Measured in the search, without intervals."),
            )
        )
    verdict = _STUDY_VERDICTS.get(best["verdict"], best["verdict"])
    sentence = (Phrase(f"The best of {content['trials']} settings gains {' and '.join(texts)}; the gain {verdict} on fresh customers."),)
    section = Section("study", "Which settings are best?", sentence[0].text, tuple(panels), "Study")
    return FindingPart(title_case(content["study"]), "Study", sentence, " ".join(content.get("warnings", [])), section)


def experiment_part(content: Content) -> FindingPart:
    """Return the part of a page about an experiment.

    Parameters
    ----------
    content : Mapping
        The content of `result.json` of an experiment.
    """
    effect = Effect.of(content)
    words = MetricWords.of(content["metric"], content["unit"], [effect])
    text = words.text(effect)
    if content.get("is_relative"):
        text = f"{100 * effect.effect:+.1f}% [{100 * effect.low:.1f}, {100 * effect.high:.1f}]".replace("-", "\N{MINUS SIGN}")
    sentence = (Phrase(f"{title_case(content['verdict'])}: {content['hypothesis']}"),)
    rows = []
    for variant in content["variants"]:
        found = Effect.of(variant["effect"])
        rows.append(words.row(variant["name"], found))
    alt = f"Effects on {words.label} by variant: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    caption = facts_caption(content, f"Paired {100 * content['confidence']:g}% intervals.")
    chart = IntervalChart(alt, words.axis, tuple(rows))
    panel = Panel(f"Effect on {words.label} {words.form.per}".strip(), chart=chart, caption=caption, is_wide=True)
    say = f"{title_case(content['verdict'])}: {text} in {words.label}, for {content['variant']}."
    section = Section("experiment", "Does the hypothesis hold?", say, (panel,), "Experiment")
    return FindingPart(title_case(content["experiment"]), "Experiment", sentence, say, section)
