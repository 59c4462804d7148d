"""Metrics of messages: contacts, responses, opt-outs, and sends that guardrails refused or deferred."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, SendDecision, TouchCode
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums

_REFUSAL_REASONS = {
    SendDecision.CONSENT: "no consent",
    SendDecision.HOLDOUT: "holdout",
    SendDecision.EXIT: "exit condition",
    SendDecision.BLACKOUT: "blackout",
    SendDecision.GAP: "minimum gap",
    SendDecision.CAP: "frequency cap",
    SendDecision.BUDGET: "budget",
}
# Name, title, numerator, denominator.
_RATE_DEFINITIONS = (
    ("open_rate", "opens per delivered message", TouchCode.OPENED, TouchCode.DELIVERED),
    ("click_rate", "clicks per open", TouchCode.CLICKED, TouchCode.OPENED),
    ("unsubscribe_rate", "unsubscribes per delivered message", TouchCode.UNSUBSCRIBED, TouchCode.DELIVERED),
    ("complaint_rate", "complaints per delivered message", TouchCode.COMPLAINED, TouchCode.DELIVERED),
)
_DENOMINATORS = {TouchCode.DELIVERED: "delivered messages", TouchCode.OPENED: "opens"}


def message_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of messages, overall and by channel.

    Parameters
    ----------
    codebook : Codebook
        Names of channels.

    Returns
    -------
    list of MetricDefinition
    """
    detail = partial(MetricDefinition, is_detail=True)
    pressure = "contact pressure at the horizon (recent contacts, exponentially decayed)"
    deferred = "sends deferred by a guardrail, per customer"
    placed = "sends queued for display at the customer's next visit, per customer"
    collisions = "sends suppressed because another flow or broadcast had just sent a message, per customer"
    definitions = [MetricDefinition("contacts", "contacts", "contacts (delivered messages) per customer", mean_of_outcome("contacts"))]
    definitions += [
        MetricDefinition(
            name,
            SHARE_UNIT,
            title,
            _touch_rate(numerator, denominator, None),
            has_selected_denominator=True,
            better="higher" if name in ("open_rate", "click_rate") else "lower",
            denominator=_DENOMINATORS[denominator],
        )
        for name, title, numerator, denominator in _RATE_DEFINITIONS
    ]
    definitions += [
        MetricDefinition("opt_outs", "opt-outs", "opt-outs per customer, from all sources", mean_of_outcome("opt_outs"), better="lower"),
        MetricDefinition(
            "opt_ins", "opt-ins", "opt-ins per customer after entry", _touches_per_customer(TouchCode.OPTED_IN, None), better="higher"
        ),
        MetricDefinition("pressure", "contacts", pressure, mean_of_outcome("pressure")),
        MetricDefinition("deferred", "sends", deferred, _touches_per_customer(TouchCode.DEFERRED, None)),
        MetricDefinition("placed", "sends", placed, _touches_per_customer(TouchCode.PLACED, None)),
        MetricDefinition("collisions", "sends", collisions, mean_of_outcome("collisions")),
    ]
    for refusal, phrase in _REFUSAL_REASONS.items():
        reason, touch = refusal.name.lower(), TouchCode(REFUSAL_TO_TOUCH + refusal)
        title = f"suppressed sends per customer ({phrase})"
        definitions.append(MetricDefinition(f"suppressed[{reason}]", "sends", title, _touches_per_customer(touch, None)))
        for i, channel in enumerate(codebook.channels):
            definitions.append(detail(f"suppressed[{reason}, {channel}]", "sends", f"{title}, {channel}", _touches_per_customer(touch, i)))
    for i, channel in enumerate(codebook.channels):
        title = f"contacts (delivered messages) per customer, {channel}"
        definitions.append(detail(f"contacts[{channel}]", "contacts", title, _touches_per_customer(TouchCode.DELIVERED, i)))
        definitions += [
            detail(
                f"{name}[{channel}]",
                SHARE_UNIT,
                f"{title}, {channel}",
                _touch_rate(numerator, denominator, i),
                denominator=f"{_DENOMINATORS[denominator]}, {channel}",
            )
            for name, title, numerator, denominator in _RATE_DEFINITIONS
        ]
    return definitions


def _touches_per_customer(touch: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for the touches per customer, on one channel or on all channels."""
    return lambda run: mean_per_customer(run, _touch_counts(run, touch, channel))


def _touch_rate(numerator: TouchCode, denominator: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, _touch_counts(run, numerator, channel), _touch_counts(run, denominator, channel))


def _touch_counts(run: RunRecord, touch: TouchCode, channel: int | None) -> Any:
    counts = run.outcomes.touch_counts
    return counts[:, channel, touch] if channel is not None else counts[:, :, touch].sum(axis=1, dtype="u4")
