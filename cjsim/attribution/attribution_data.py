"""The data of an attribution result: credits, incremental effects and claims of each touchpoint."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.attribution.claims import BeforeAfter, Interval, TrialClaim
from cjsim.json_records import ComparableRecord, plain_values
from cjsim.simulation.switching.switch_off import Touchpoint

CREDITED = ("purchases", "revenue")  # measures that rules split
MEASURES = {"purchases": "purchases", "revenue": "money", "cost": "money", "clv": "money"}  # units of incremental effects, by measure


class TouchpointResult(NamedTuple):
    """Credits and incremental effect of one touchpoint. All are totals over the customers of the run.

    Attributes
    ----------
    touchpoint : Touchpoint
        The channel, flow, broadcast or message.
    touches : int
        Number of its touches.
    credits : Mapping of str to Mapping of str to float
        Credited purchases and revenue, by rule.
    incremental : Mapping of str to Interval
        True effect on purchases, revenue, cost and CLV: with the touchpoint, minus without it, for the same customers.
    ratios : Mapping of str to Mapping of str to Interval
        Credit / incremental effect, by rule, for purchases and revenue.
    ab_test : Mapping of str to TrialClaim
        What an A/B test would have claimed, for purchases, revenue and CLV.
    before_after : Mapping of str to BeforeAfter
        What a before/after comparison of its introduction would have claimed, for purchases and revenue; empty if not requested.
    """

    touchpoint: Touchpoint
    touches: int
    credits: Mapping[str, Mapping[str, float]]
    incremental: Mapping[str, Interval]
    ratios: Mapping[str, Mapping[str, Interval]]
    ab_test: Mapping[str, TrialClaim]
    before_after: Mapping[str, BeforeAfter]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.touchpoint.kind,
            "name": self.touchpoint.name,
            "touches": self.touches,
            "credits": {rule: dict(credit) for rule, credit in self.credits.items()},
            "incremental": _records(self.incremental),
            "ratios": {rule: _records(ratios) for rule, ratios in self.ratios.items()},
            "ab_test": _records(self.ab_test),
            "before_after": {
                measure: {"day": one.day, "claim": one.claim, "effect": one.effect._asdict()} for measure, one in self.before_after.items()
            },
        }


class CreditRow(NamedTuple):
    """One row of `attribution.csv`: the credit that a rule gives to a touchpoint, and the incremental effect, in one measure."""

    kind: str
    touchpoint: str
    rule: str
    measure: str
    credit: float
    incremental: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True, repr=False)
class AttributionData(ComparableRecord):
    """Credits that attribution rules give to touchpoints, alongside their true incremental effects.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    customers, seed : int
        Number of initial customers, and the seed of the runs.
    touch : str
        What counts as a touch.
    window_days : float
        Look-back window, in days.
    rules : Mapping of str to str
        Titles of the rules, by name.
    totals : Mapping of str to float
        Purchases and revenue of all customers.
    touched : Mapping of str to float
        Number of purchases with at least one touch in the window, and their revenue; rules split these totals.
    has_shared_resources : bool
        Whether customers share desks or budgets. Intervals ignore the resulting dependence, and so does the A/B test.
    touchpoints : tuple of TouchpointResult
        Touchpoints by kind, in the order of the files.
    seconds : float
        Wall time in seconds.
    currency : str or None
        Currency of the scenario.
    """

    scenario: str
    customers: int
    seed: int
    touch: str
    window_days: float
    rules: Mapping[str, str]
    totals: Mapping[str, float]
    touched: Mapping[str, float]
    has_shared_resources: bool
    touchpoints: tuple[TouchpointResult, ...]
    seconds: float
    currency: str | None = None

    def __len__(self) -> int:
        return len(self.touchpoints)

    def rows(self) -> Iterator[CreditRow]:
        """Iterate over touchpoints, rules and measures."""
        for one in self.touchpoints:
            for rule, credit in one.credits.items():
                for measure in CREDITED:
                    ratio = one.ratios[rule][measure]
                    name = one.touchpoint
                    yield CreditRow(name.kind, name.name, rule, measure, credit[measure], *one.incremental[measure], *ratio)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined and infinite numbers become null."""
        names = ("scenario", "customers", "seed", "touch", "window_days", "rules", "totals", "touched", "has_shared_resources")
        content = {name: getattr(self, name) for name in (*names, *(["currency"] if self.currency else []))}
        return plain_values(content | {"touchpoints": [one.to_json() for one in self.touchpoints]})


def _records(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value._asdict() for name, value in values.items()}
