"""What the firm sends, what comes back, and what the guardrails hold.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable
from typing import Any

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, mean_of, per_customer
from cjsim.model.codes import FIRST_REFUSAL, Touch, Verdict
from cjsim.model.plan import Codebook

_REFUSALS = [verdict for verdict in Verdict if verdict >= Verdict.CONSENT]
# Name, in words, what is counted, per what.
_RATES = (
    ("open_rate", "openings per delivered message", Touch.OPENED, Touch.DELIVERED),
    ("click_rate", "clicks per opening", Touch.CLICKED, Touch.OPENED),
    ("unsubscribe_rate", "unsubscriptions per delivered message", Touch.UNSUBSCRIBED, Touch.DELIVERED),
    ("complaint_rate", "complaints per delivered message", Touch.COMPLAINED, Touch.DELIVERED),
)


def definitions(codebook: Codebook) -> list[Definition]:
    """Metrics of contacts, over all channels and by channel.

    Parameters
    ----------
    codebook : Codebook
        Names of channels.
    """
    found = [Definition("contacts", "contacts", "deliveries per customer", mean_of("contacts"))]
    found += [Definition(name, SHARE, title, _rate(above, below, None), selected=True) for name, title, above, below in _RATES]
    found += [
        Definition("opt_outs", "opt-outs", "consents ended per customer, however", mean_of("opt_outs")),
        Definition("pressure", "contacts", "recent contacts, decayed, at the horizon", mean_of("pressure")),
        Definition("deferred", "sends", "sends per customer that waited for the end of quiet hours", _count(Touch.DEFERRED, None)),
        Definition("placed", "sends", "messages per customer put where the next visit shows them", _count(Touch.PLACED, None)),
        Definition(
            "collisions", "sends", "sends per customer refused because another flow or broadcast had just written", mean_of("collisions")
        ),
    ]
    for refusal in _REFUSALS:
        reason, touch = refusal.name.lower(), Touch(FIRST_REFUSAL + refusal)
        title = f"sends per customer that were refused for {reason}"
        found.append(Definition(f"suppressed[{reason}]", "sends", title, _count(touch, None)))
        for i, channel in enumerate(codebook.channels):
            where = f"{title}, {channel}"
            found.append(Definition(f"suppressed[{reason}, {channel}]", "sends", where, _count(touch, i), detail=True))
    for i, channel in enumerate(codebook.channels):
        title = f"deliveries per customer, {channel}"
        found.append(Definition(f"contacts[{channel}]", "contacts", title, _count(Touch.DELIVERED, i), detail=True))
        for name, title, above, below in _RATES:
            found.append(Definition(f"{name}[{channel}]", SHARE, f"{title}, {channel}", _rate(above, below, i), detail=True))
    return found


def _count(touch: Touch, channel: int | None) -> Callable[[Run], Terms]:
    """Touches per customer, of one channel or of all."""
    return lambda run: per_customer(run, _touches(run, touch, channel))


def _rate(above: Touch, below: Touch, channel: int | None) -> Callable[[Run], Terms]:
    return lambda run: among(run, _touches(run, above, channel), _touches(run, below, channel))


def _touches(run: Run, touch: Touch, channel: int | None) -> Any:
    reach = run.outcomes.reach
    return reach[:, channel, touch] if channel is not None else reach[:, :, touch].sum(axis=1, dtype="u4")
