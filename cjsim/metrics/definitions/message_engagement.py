"""Metrics of messages: contacts, responses, opt-outs, and sends that guardrails refused or deferred."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, HiddenTouch, SendDecision, TouchCode
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums

_REFUSAL_REASONS = {
    SendDecision.CONSENT: "no consent",
    SendDecision.BOUNCED: "an earlier message hard-bounced",
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
_BOUNCES = (TouchCode.BOUNCED_SOFT, TouchCode.BOUNCED_HARD)
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
        if refusal is SendDecision.BOUNCED and not codebook.bouncing:
            continue
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
    return [*definitions, *_delivery_metrics(codebook), *_true_response_metrics(codebook)]


def _delivery_metrics(codebook: Codebook) -> Iterator[MetricDefinition]:
    """Yield the metrics of bounces, overall and by channel, if messages may bounce."""
    sent, bounced = (TouchCode.DELIVERED, *_BOUNCES), _BOUNCES
    for name, title, numerator in (
        ("delivery_rate", "delivered messages per message sent, where messages may bounce", (TouchCode.DELIVERED,)),
        ("bounce_rate", "bounces per message sent, where messages may bounce", bounced),
        ("hard_bounce_rate", "hard bounces per message sent, where messages may bounce", (TouchCode.BOUNCED_HARD,)),
    ):
        better: Literal["higher", "lower"] = "higher" if name == "delivery_rate" else "lower"
        yield from _rates(codebook, codebook.bouncing, name, title, numerator, sent, better=better, of="messages sent")


def _true_response_metrics(codebook: Codebook) -> Iterator[MetricDefinition]:
    """Yield the metrics that only the simulator can observe, if machines respond or messages land in the spam folder."""
    delivered, opened = (TouchCode.DELIVERED,), (HiddenTouch.TRUE_OPENED,)
    channels = codebook.mismeasured
    for name, title, numerator in (
        ("true_open_rate", "opens by customers per delivered message, where the log mismeasures them", (HiddenTouch.TRUE_OPENED,)),
        ("measured_open_rate", "opens in the log per delivered message, where it mismeasures them", (TouchCode.OPENED,)),
        ("spam_folder_rate", "delivered messages that land in the spam folder", (HiddenTouch.SPAM_FOLDER,)),
    ):
        better: Literal["higher", "lower"] = "lower" if name == "spam_folder_rate" else "higher"
        yield from _rates(codebook, channels, name, title, numerator, delivered, better=better, of="delivered messages")
    title = "clicks by customers per open by them, where the log mismeasures them"
    yield from _rates(
        codebook, channels, "true_click_rate", title, (HiddenTouch.TRUE_CLICKED,), opened, better="higher", of="opens by customers"
    )


def _rates(
    codebook: Codebook,
    channels: tuple[str, ...],
    name: str,
    title: str,
    numerator: Sequence[int],
    denominator: Sequence[int],
    *,
    better: Literal["higher", "lower"],
    of: str,
) -> Iterator[MetricDefinition]:
    """Yield a rate over all of these channels together, then one for each channel."""
    codes = [codebook.channels.index(channel) for channel in channels]
    if not codes:
        return
    rate = partial(_rate_on, numerator=numerator, denominator=denominator)
    yield MetricDefinition(name, SHARE_UNIT, title, rate(channels=codes), has_selected_denominator=True, better=better, denominator=of)
    for channel, code in zip(channels, codes, strict=True):
        terms = rate(channels=[code])
        yield MetricDefinition(
            f"{name}[{channel}]", SHARE_UNIT, f"{title}, {channel}", terms, is_detail=True, denominator=f"{of}, {channel}"
        )


def _rate_on(*, channels: list[int], numerator: Sequence[int], denominator: Sequence[int]) -> Callable[[RunRecord], RatioTerms]:
    def count(run: RunRecord, touches: Sequence[int]) -> Any:
        return run.outcomes.touch_counts[:, channels][:, :, list(touches)].sum(axis=(1, 2), dtype="u4")

    return lambda run: ratio_of_sums(run, count(run, numerator), count(run, denominator))


def _touches_per_customer(touch: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    """Return a terms function for the touches per customer, on one channel or on all channels."""
    return lambda run: mean_per_customer(run, _touch_counts(run, touch, channel))


def _touch_rate(numerator: TouchCode, denominator: TouchCode, channel: int | None) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: ratio_of_sums(run, _touch_counts(run, numerator, channel), _touch_counts(run, denominator, channel))


def _touch_counts(run: RunRecord, touch: TouchCode, channel: int | None) -> Any:
    counts = run.outcomes.touch_counts
    return counts[:, channel, touch] if channel is not None else counts[:, :, touch].sum(axis=1, dtype="u4")
