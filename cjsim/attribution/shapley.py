"""The Shapley value of touchpoints, from conversions alone or from conversion rates."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.attribution.credit_rules import Credits, Rule
from cjsim.attribution.touch_paths import FloatArray, IntArray, Paths, sums_by_code
from cjsim.errors import InputError, format_error

MAX_EXACT_SIZE = 15  # distinct touchpoints in one path, which have 32,768 subsets
_MAX_TOUCHPOINTS = 63  # bits of a mask
_CHUNK_SUBSETS = 1 << 20


class Shapley(Rule):
    """The Shapley value if a coalition is worth the conversions of all paths whose touchpoints it contains.

    The value of such a game has a closed form: each path splits its conversions equally among its distinct touchpoints. Null paths do not
    matter.

    References
    ----------
    Zhao, K., Mahboobi, S. H., Bagheri, S. R. (2018). Shapley value methods for attribution modeling in online advertising.
    arXiv:1804.05327, section 3.
    """

    name: ClassVar[str] = "shapley"
    title: ClassVar[str] = "Shapley value"

    def credits(self, paths: Paths) -> Credits:
        """Return the sums over paths of conversions and value per distinct touchpoint."""
        n = len(paths.touchpoints)
        pairs = np.unique(paths.path_of_touch * max(n, 1) + paths.touches)
        path, code = pairs // max(n, 1), pairs % max(n, 1)
        share = 1.0 / np.bincount(path, minlength=len(paths))[path]
        sums = [sums_by_code(code, share * total[path], n) for total in (paths.conversions, paths.value)]
        return Credits(paths.touchpoints, sums[0], sums[1])


@dataclass(frozen=True)
class ShapleyRate(Rule):
    """The Shapley value if a path that keeps only some of its touchpoints converts as often as observed paths with exactly those.

    Let r(U) be the rate of paths with the set U of touchpoints, conversions / (conversions + nulls). A coalition S is worth the sum over
    paths of r(intersection of S and the touchpoints of the path). Unobserved sets and the empty set have the rate 0. A touchpoint that
    lowers the rate of a path has negative credit. For the credit of value, r is value / (conversions + nulls).

    A path with up to 15 distinct touchpoints is evaluated exactly, over all subsets. For longer paths, the value is estimated from random
    orders of the touchpoints, with a standard error.

    Attributes
    ----------
    orders : int
        Number of random orders for each set of more than 15 touchpoints, at least 2.
    seed : int
        Random seed of the orders.

    References
    ----------
    Dalessandro, B., Perlich, C., Stitelman, O., Provost, F. (2012). Causally motivated attribution for online advertising. ADKDD '12.
    Castro, J., Gomez, D., Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling. Computers & Operations
    Research, 36(5), 1726-1730.
    """

    orders: int = 500
    seed: int = 1
    name: ClassVar[str] = "shapley_rate"
    title: ClassVar[str] = "Shapley value of rates"

    def credits(self, paths: Paths) -> Credits:
        """Return the sum over paths of the Shapley value of each touchpoint."""
        n = len(paths.touchpoints)
        if n > _MAX_TOUCHPOINTS:
            must, remedy = f"must be applied to at most {_MAX_TOUCHPOINTS} touchpoints", "Merge touchpoints, or use the rule 'shapley'."
            raise InputError(format_error("shapley_rate", must, f"{n}", remedy))
        rates, rng = _RateBySet.of(paths), np.random.default_rng(self.seed)
        sums, variance, is_sampled = np.zeros((n, 2)), np.zeros(n), False
        for size in np.unique(sizes := np.bitwise_count(rates.masks)).astype(int):
            for at in _chunks(np.flatnonzero(sizes == size), size):
                members = rates.members(at, size)
                if size <= MAX_EXACT_SIZE:
                    values = exact_set_values(rates, members)
                else:
                    is_sampled = True
                    values, errors = sampled_set_values(rates, members, orders=self.orders, rng=rng)
                    np.add.at(variance, members, np.square(errors * rates.counts[at][:, None]))
                np.add.at(sums, members, values * rates.counts[at][:, None, None])
        return Credits(paths.touchpoints, sums[:, 0], sums[:, 1], np.sqrt(variance) if is_sampled else None)


class _RateBySet(NamedTuple):
    """Observed conversions and value per path of each distinct set of touchpoints."""

    masks: NDArray[np.uint64]  # (n_sets,), ascending: bit i is set if the set contains touchpoint i
    counts: FloatArray  # (n_sets,): conversions + nulls
    rates: FloatArray  # (n_sets, 2)

    @classmethod
    def of(cls, paths: Paths) -> "_RateBySet":
        """Group the paths with touches by their set of touchpoints."""
        used = paths.select(paths.touched & (paths.conversions + paths.nulls > 0))
        if not len(used):
            return cls(np.zeros(0, np.uint64), np.zeros(0), np.zeros((0, 2)))
        bits = np.left_shift(np.uint64(1), used.touches.astype(np.uint64))
        masks, group = np.unique(np.bitwise_or.reduceat(bits, used.offsets[:-1]), return_inverse=True)
        columns = (used.conversions, used.value, used.conversions + used.nulls)
        sums = np.column_stack([sums_by_code(group, column, len(masks)) for column in columns])
        return cls(masks, sums[:, 2], sums[:, :2] / sums[:, 2:])

    def members(self, at: IntArray, size: int) -> IntArray:
        """Touchpoints of the sets at these positions, which all have this size; int64, shape (len(at), size)."""
        bits = (self.masks[at][:, None] >> np.arange(_MAX_TOUCHPOINTS, dtype=np.uint64)) & np.uint64(1)
        touchpoints: IntArray = np.nonzero(bits)[1]
        return touchpoints.reshape(len(at), size)

    def worth(self, masks: NDArray[np.uint64]) -> FloatArray:
        """Rates of sets, 0 if a set was not observed; float64, shape (*masks.shape, 2)."""
        at = np.minimum(np.searchsorted(self.masks, masks), len(self.masks) - 1)
        return np.where((self.masks[at] == masks)[..., None], self.rates[at], 0.0)


def exact_set_values(rates: _RateBySet, members: IntArray) -> FloatArray:
    """Return the Shapley values of the touchpoints in each set, from all subsets.

    Parameters
    ----------
    rates : _RateBySet
        Worth of each subset.
    members : ndarray of int64, shape (n_sets, size)
        Touchpoints of each set.

    Returns
    -------
    ndarray of float64, shape (n_sets, size, 2)
        For conversions and for value. They sum to the worth of the set.
    """
    size = members.shape[1]
    masks = np.zeros((len(members), 1), np.uint64)
    for column in members.T:
        masks = np.hstack([masks, masks | np.left_shift(np.uint64(1), column.astype(np.uint64))[:, None]])
    worth, index = rates.worth(masks), np.arange(2**size)
    weight = np.array([math.factorial(k) * math.factorial(size - k - 1) / math.factorial(size) for k in range(size)])
    values = np.empty((len(members), size, 2))
    for j in range(size):
        without = index[(index >> j) & 1 == 0]
        gains = worth[:, without | (1 << j)] - worth[:, without]
        values[:, j] = np.einsum("s,nsk->nk", weight[np.bitwise_count(without)], gains)
    return values


def sampled_set_values(rates: _RateBySet, members: IntArray, *, orders: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Estimate the Shapley values of the touchpoints in each set, as mean marginal contributions in random orders.

    Parameters
    ----------
    rates : _RateBySet
        Worth of each subset.
    members : ndarray of int64, shape (n_sets, size)
        Touchpoints of each set.
    orders : int
        Number of orders, at least 2.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    ndarray of float64, shape (n_sets, size, 2)
        For conversions and for value.
    ndarray of float64, shape (n_sets, size)
        Standard error for conversions.
    """
    values, errors = np.empty((*members.shape, 2)), np.empty(members.shape)
    for i, row in enumerate(members):
        order = rng.permuted(np.tile(np.arange(len(row)), (orders, 1)), axis=1)
        masks = np.bitwise_or.accumulate(np.left_shift(np.uint64(1), row[order].astype(np.uint64)), axis=1)
        gains = np.empty((orders, len(row), 2))
        np.put_along_axis(gains, order[:, :, None], np.diff(rates.worth(masks), axis=1, prepend=0.0), axis=1)
        values[i], errors[i] = gains.mean(axis=0), gains[:, :, 0].std(axis=0, ddof=1) / math.sqrt(orders)
    return values, errors


def _chunks(at: IntArray, size: int) -> list[IntArray]:
    """Split positions into parts whose subsets fit into memory."""
    return np.array_split(at, math.ceil(len(at) * 2 ** min(size, MAX_EXACT_SIZE) / _CHUNK_SUBSETS))
