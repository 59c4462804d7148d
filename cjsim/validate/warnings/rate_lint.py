"""Lint warnings about response rates of messages far outside the published range."""

from collections.abc import Iterator
from typing import NamedTuple

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.phrases import format_percent


class _UsualRates(NamedTuple):
    """The published range of a rate, and the bounds outside which a value is probably a mistake."""

    text: str  # the published range in words
    low: float = 0.0
    high: float = 1.0
    only_push: bool = False  # whether the sources cover only email, SMS and push notifications


# References:
# - Klaviyo (2024), Benchmark report: opens and clicks of email campaigns, flows and cart reminders; unsubscribes of SMS campaigns
#   (0.6 to 1.4 %) and SMS flows (2.7 to 3.5 %).
# - Mailchimp (2019), Email marketing benchmarks: unsubscribes of campaigns, 0.25 %.
# - Batch (2025), Push notification benchmark: opens of generic (4.19 %) and contextual (14.4 %) notifications.
# The published complaint rates of email are 0.01 to 0.05 % (bsandco, 7.1 million emails). The distance of the bounds from the published
# ranges is assumed.
_USUAL = {
    "open_rate": _UsualRates("4 to 60 % per delivery for email and push notifications", low=0.01, only_push=True),
    "click_rate": _UsualRates("3 to 25 % per open for email", high=0.8, only_push=True),
    "unsubscribe_rate": _UsualRates("0.1 to 1 % per delivery for email and 0.6 to 3.5 % for SMS", high=0.05),
    "complaint_rate": _UsualRates("0.01 to 0.05 % per delivery for email", high=0.01),
}


def rate_warnings(journey: JourneySpec, prefix: str) -> Iterator[str]:
    """Yield a warning for each response rate of a message that is far outside the published range.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    prefix : str
        Path of the journey, with a dot at its end; empty for a journey alone.

    Yields
    ------
    str
    """
    for name, message in journey.messages.items():
        is_push = journey.channels[message.channel].kind == "push"
        if message.transactional and message.unsubscribe_rate > 0:
            share = format_percent(message.unsubscribe_rate)
            yield (
                f"{prefix}messages.{name}.unsubscribe_rate: is {share}, but transactional messages usually have no unsubscribe link, and "
                "continue after an opt-out. Set it to 0, or remove 'transactional' if it is marketing."
            )
        for key, usual in _USUAL.items():
            rate: float = getattr(message, key)
            if (usual.only_push and not is_push) or rate == 0 or usual.low <= rate <= usual.high:
                continue
            likely = rate / 100 if rate > usual.high else rate * 100
            yield (
                f"{prefix}messages.{name}.{key}: is {format_percent(rate)}, but usual rates are {usual.text}. "
                f"Write {likely:.4g} if you mean {format_percent(likely)}, or accept this warning."
            )
