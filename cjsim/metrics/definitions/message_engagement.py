"""What the firm sends, what comes back, and what the guardrails hold.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable
from typing import Any

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, SendDecision, TouchCode
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums

_REFUSAL_VERDICTS = [verdict for verdict in SendDecision if verdict >= SendDecision.CONSENT]
# Name, in words, what is counted, per what.
_RATE_DEFINITIONS = (
    ("open_rate", "openings per delivered message", TouchCode.OPENED, TouchCode.DELIVERED),
    ("click_rate", "clicks per opening", TouchCode.CLICKED, TouchCode.OPENED),
    ("unsubscribe_rate", "unsubscriptions per delivered message", TouchCode.UNSUBSCRIBED, TouchCode.DELIVERED),
    ("complaint_rate", "complaints per delivered message", TouchCode.COMPLAINED, TouchCode.DELIVERED),
)


def message_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Metrics of contacts, over all channels and by channel.

    Parameters
    ----------
    codebook : Codebook
        Names of channels.
    """
    found = [MetricDefinition("contacts", "contacts", "deliveries per customer", mean_of_outcome("contacts"))]
    found += [
        MetricDefinition(name, SHARE_UNIT, title, _touch_rate(above, below, None), has_selected_denominator=True)
        for name, title, above, below in _RATE_DEFINITIONS
    ]
    found += [
        MetricDefinition("opt_outs", "opt-outs", "consents ended per customer, however", mean_of_outcome("opt_outs")),
        MetricDefinition("pressure", "contacts", "recent contacts, decayed, at the horizon", mean_of_outcome("pressure")),
        MetricDefinition(
            "deferred",
            "sends",
            "sends per customer that waited for the end of quiet hours",
            _touches_per_customer(TouchCode.DEFERRED, None),
        ),
        MetricDefinition(
            "placed", "sends", "messages per customer put where the next visit shows them", _touches_per_customer(TouchCode.PLACED, None)
        ),
        MetricDefinition(
            "collisions",
            "sends",
            "sends per customer refused because another flow or broadcast had just written",
            mean_of_outcome("collisions"),
        ),
    ]
    for refusal in _REFUSAL_VERDICTS:
        reason, touch = refusal.name.lower(), TouchCode(REFUSAL_TO_TOUCH + refusal)
        title = f"sends per customer that were refused for {reason}"
        found.append(MetricDefinition(f"suppressed[{reason}]", "sends", title, _touches_per_customer(touch, None)))
        for i, channel in enumerate(codebook.channels):
            where = f"{title}, {channel}"
            found.append(
                MetricDefinition(f"suppressed[{reason}, {channel}]", "sends", where, _touches_per_customer(touch, i), is_detail=True)
            )
    for i, channel in enumerate(codebook.channels):
        title = f"deliveries per customer, {channel}"
        found.append(
            MetricDefinition(f"contacts[{channel}]", "contacts", title, _touches_per_customer(TouchCode.DELIVERED, i), is_detail=True)
        )
        for name, title, above, below in _RATE_DEFINITIONS:
            found.append(
                MetricDefinition(f"{name}[{channel}]", SHARE_UNIT, f"{title}, {channel}", _touch_rate(above, below, i), is_detail=True)
            )
    return found


def _touches_per_customer(touch: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    """Touches per customer, of one channel or of all."""
    return lambda run: mean_per_customer(run, _touch_counts(run, touch, channel))


def _touch_rate(numerator: TouchCode, denominator: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, _touch_counts(run, numerator, channel), _touch_counts(run, denominator, channel))


def _touch_counts(run: RunRecord, touch: TouchCode, channel: int | None) -> Any:
    reach = run.outcomes.reach
    return reach[:, channel, touch] if channel is not None else reach[:, :, touch].sum(axis=1, dtype="u4")
