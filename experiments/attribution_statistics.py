"""Statistics of `attribution_methods.py`, from the records of its policies.

- `r_squared`: squared correlation between credited and incremental revenue over touchpoints, both relative to the revenue of the policy.
  Incremental revenue has sampling error, so even a perfect method has an R^2 below 1: the `ceiling`.
- `rank`: Spearman's rank correlation, which no outlier dominates. Its interval takes the ranks as given.
- Wrong decision: a method keeps a touchpoint if its credited revenue, times the margin share, exceeds its cost. That is wrong if its effect
  on CLV has the opposite sign. Only touchpoints whose interval of the effect on CLV excludes 0 are counted (`decided`).
- `ab_test_N`: the estimate of an A/B test with N customers, drawn from its normal distribution around the effect. It decides by the sign of
  the effect on CLV.
- `per_open` splits the revenue with a touch by the number of opens, whoever bought afterwards.
- `keep_all` keeps every touchpoint, so its share of wrong decisions is the share of touchpoints that lower CLV.

Touchpoints that no customer opened are left out, because no report lists them. Every statistic is a function of sums over policies, and its
interval is from a bootstrap over policies (percentiles).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from published_findings import Z95

from cjsim.attribution.rule_set import RULES

TEST_SIZES = {"ab_test_10000": 10_000, "ab_test_1000000": 1_000_000}  # customers
METHODS = (*(rule.name for rule in RULES), "per_open", *TEST_SIZES, "keep_all")
MAIN = "opened 30"
TEST_SIZE = 10_000  # customers of the tests in the records
RESAMPLES = 2000
FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]


class Row(NamedTuple):
    """What a method says about one touchpoint under one policy. Money is relative to the revenue of the policy.

    `error` is the standard error of `incremental`; `keeps` is the method's decision; `clv` is the effect on CLV.
    """

    policy: int
    journey: str
    kind: str
    touchpoint: str
    credited: float
    incremental: float
    error: float
    keeps: bool
    clv: float
    is_decided: bool
    touches: int


class Estimate(NamedTuple):
    """A statistic with its 95 % interval."""

    value: float
    low: float
    high: float

    def squared(self) -> "Estimate":
        """The square, with the range of squares of the interval."""
        ends = self.low**2, self.high**2
        return Estimate(self.value**2, 0.0 if self.low <= 0 <= self.high else min(ends), max(ends))

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]".replace("nan [nan, nan]", "-").replace("inf", "no bound")


def rows_of(records: Iterable[dict[str, Any]], method: str, setting: str = MAIN) -> list[Row]:
    """The rows of a method, with credits of a setting such as 'opened 30'. Records without revenue have no rows."""
    rows = []
    for record in records:
        revenue, margin_share = record["revenue"], record["margin"] / record["revenue"] if record["revenue"] else 0.0
        rng = np.random.default_rng([record["policy"], 7])
        for one in record["touchpoints"] if revenue > 0 else ():
            effects, clv, noise = one["effects"], one["effects"]["clv"], rng.standard_normal(2)
            incremental, low, high = effects["revenue"]
            if one["touches"] == 0:
                continue
            if method in TEST_SIZES:
                scale = math.sqrt(TEST_SIZE / TEST_SIZES[method]) / Z95
                credited, gain = (
                    effects[name][0] + scale * one["test"][name] * z for name, z in zip(("revenue", "clv"), noise, strict=True)
                )
            else:
                credited = _credited(record, one, method, setting)
                gain = math.inf if method == "keep_all" else credited * margin_share - effects["cost"][0]
            rows.append(
                Row(
                    policy=record["policy"],
                    journey=record["journey"],
                    kind=one["kind"],
                    touchpoint=one["name"],
                    credited=credited / revenue,
                    incremental=incremental / revenue,
                    error=(high - low) / (2 * Z95) / revenue,
                    keeps=gain > 0,
                    clv=clv[0] / revenue,
                    is_decided=clv[1] > 0 or clv[2] < 0,
                    touches=one["touches"],
                )
            )
    return rows


def _credited(record: dict[str, Any], touchpoint: dict[str, Any], method: str, setting: str) -> float:
    """Credited revenue."""
    if method == "keep_all":
        return 0.0
    if method == "per_open":
        opens = sum(one["touches"] for one in record["touchpoints"] if one["kind"] != "channel")
        return float(record["touched"][setting] * touchpoint["touches"] / opens)
    return float(touchpoint["credits"][setting][method][1])


def sums_by_policy(rows: Sequence[Row]) -> FloatArray:
    """Sums over the rows of each policy, float64, shape (n_policies, 11): from which all statistics are computed."""
    by_policy: dict[int, list[list[float]]] = {}
    for row in rows:
        x, y, is_harmful, is_decided = row.credited, row.incremental, row.clv <= 0, row.is_decided
        wrong = is_decided * np.array([row.keeps and is_harmful, not row.keeps and not is_harmful], float)
        by_policy.setdefault(row.policy, []).append([1, x, y, x * x, y * y, x * y, (y - x) ** 2, row.error**2, is_decided, *wrong])
    return np.array([np.sum(policy, axis=0) for policy in by_policy.values()]).reshape(-1, 11)


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    """Elementwise quotient; nan where the denominator is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)


def _squares(n: FloatArray, x: FloatArray, xx: FloatArray) -> FloatArray:
    """Sum of squared deviations from the mean; 0 where it is not distinguishable from rounding."""
    squares = xx - _quotient(x * x, n)
    return np.where(squares > 1e-12 * xx, squares, 0.0)


def correlation(sums: FloatArray) -> FloatArray:
    """Pearson correlation of credit and incremental revenue; nan if a variance is 0."""
    n, x, y, xx, yy, xy = (sums[..., i] for i in range(6))
    return _quotient(xy - _quotient(x * y, n), np.sqrt(_squares(n, x, xx) * _squares(n, y, yy)))


def r_squared_at_face_value(sums: FloatArray) -> FloatArray:
    """1 - sum of (incremental - credited)^2 / sum of (incremental - mean)^2: credit taken as a prediction, without rescaling."""
    return 1 - _quotient(sums[..., 6], _squares(*(sums[..., i] for i in (0, 2, 4))))


def ceiling(sums: FloatArray) -> FloatArray:
    """Share of the variance of incremental revenue that is not sampling error."""
    return 1 - _quotient(sums[..., 7], _squares(*(sums[..., i] for i in (0, 2, 4))))


def credited_over_incremental(sums: FloatArray) -> FloatArray:
    """Total credit divided by the total of incremental revenue; infinite if the latter is not above 0."""
    credited, incremental = sums[..., 1], sums[..., 2]
    return np.where(incremental > 0, _quotient(credited, np.maximum(incremental, 0.0)), np.inf)


def wrong_decisions(sums: FloatArray) -> FloatArray:
    """Share of wrong decisions among decided touchpoints; nan without one."""
    return _quotient(sums[..., 9] + sums[..., 10], sums[..., 8])


def wrongly_kept(sums: FloatArray) -> FloatArray:
    """Share of decided touchpoints that are kept although they lower CLV."""
    return _quotient(sums[..., 9], sums[..., 8])


STATISTICS: dict[str, Statistic] = {
    "correlation": correlation,
    "face_value": r_squared_at_face_value,
    "wrong": wrong_decisions,
    "wrongly_kept": wrongly_kept,
    "ratio": credited_over_incremental,
    "ceiling": ceiling,
}


def with_interval(sums: FloatArray, statistic: Statistic, seed: int = 1) -> Estimate:
    """A statistic with its interval from a bootstrap over policies; nan with fewer than 2 policies."""
    if len(sums) < 2:
        return Estimate(math.nan, math.nan, math.nan)
    found = statistic(_counts_drawn(len(sums), RESAMPLES, seed) @ sums)
    found = found[~np.isnan(found)]
    low, high = np.quantile(found, [0.025, 0.975], method="nearest") if len(found) else (math.nan, math.nan)
    return Estimate(float(statistic(sums.sum(axis=0)[None])[0]), float(low), float(high))


@cache
def _counts_drawn(n: int, resamples: int, seed: int) -> FloatArray:
    """How often each of n policies is drawn; float64, shape (resamples, n)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), resamples).astype(np.float64)


def summary_of(rows: Sequence[Row]) -> dict[str, Estimate]:
    """All statistics of the rows of one method."""
    sums = sums_by_policy(rows)
    found = {name: with_interval(sums, statistic) for name, statistic in STATISTICS.items()}
    return found | {"r_squared": found["correlation"].squared(), "rank": with_interval(sums_by_policy(ranked(rows)), correlation)}


def ranked(rows: Sequence[Row]) -> list[Row]:
    """The rows with ranks in place of credited and incremental revenue, from 0 to 1."""
    from scipy.stats import rankdata

    ranks = (rankdata([getattr(row, name) for row in rows]) / max(len(rows), 1) for name in ("credited", "incremental"))
    return [row._replace(credited=float(x), incremental=float(y)) for row, x, y in zip(rows, *ranks, strict=True)]


def anyway_sums(records: Iterable[dict[str, Any]], setting: str = MAIN) -> FloatArray:
    """Revenue, revenue with a touch, and revenue without any flow or broadcast, each divided by revenue; shape (n_policies, 3)."""
    kept = [record for record in records if record["revenue"] > 0]
    shares = [[1.0, one["touched"][setting] / one["revenue"], one["revenue_without"] / one["revenue"]] for one in kept]
    return np.array(shares).reshape(-1, 3)


def share_touched(sums: FloatArray) -> FloatArray:
    """Share of revenue from purchases with a touch, which the rules credit."""
    return sums[..., 1] / sums[..., 0]


def share_incremental(sums: FloatArray) -> FloatArray:
    """Share of revenue that all flows and broadcasts together add."""
    return 1 - sums[..., 2] / sums[..., 0]


def share_anyway(sums: FloatArray) -> FloatArray:
    """Smallest possible share of credited revenue that would have come anyway, reached if all incremental revenue is credited."""
    return np.maximum(1 - _quotient(sums[..., 0] - sums[..., 2], sums[..., 1]), 0.0)
