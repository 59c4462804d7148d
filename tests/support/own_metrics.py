"""A user's metrics: in a module of their own, so that worker processes can import them."""

from collections.abc import Iterator

import cjsim as cj
from cjsim.compiler.plan import Codebook
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.run import Run


def big_spenders(run: Run) -> RatioTerms:
    """Customers with a revenue of more than 50."""
    return cj.mean_per_customer(run, run.outcomes.customers["revenue"] > 50)


BIG_SPENDERS = cj.MetricDefinition("big_spenders", "share", "customers with revenue above 50", big_spenders)


def first_touches_by_channel(codebook: Codebook) -> Iterator[cj.MetricDefinition]:
    """Customers who were contacted at all, by channel."""
    for i, channel in enumerate(codebook.channels):
        yield cj.MetricDefinition(f"touched[{channel}]", "share", f"customers contacted by {channel}", _Touched(i), is_detail=True)


class _Touched:
    def __init__(self, channel: int) -> None:
        self.channel = channel

    def __call__(self, run: Run) -> RatioTerms:
        return cj.mean_per_customer(run, run.outcomes.touch_counts[:, self.channel, 0] > 0)
