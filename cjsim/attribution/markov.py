"""The removal effect in a Markov chain of touches."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.attribution.credit_rules import Credits, Rule
from cjsim.attribution.touch_paths import FloatArray, IntArray, Paths, sums_by_code
from cjsim.errors import InputError, format_error

_MAX_CODE = 2**62


@dataclass(frozen=True)
class Markov(Rule):
    """Credit in proportion to the removal effect: the share of conversions lost if every visit to a touchpoint ends without conversion.

    Touches form a Markov chain of the given order, from a start state to the absorbing states 'conversion' and 'null'. Transition
    probabilities are relative frequencies, with each path counted once for each conversion and each null. Let p(state) be the probability
    of conversion. Then p = Q p + r, where Q holds the transition probabilities between states, and r those to conversion. Removing a
    touchpoint sets p to 0 in all states that contain it. The equations are solved exactly, not simulated. The removal effect on value uses
    the mean value of the conversions that end in each state.

    Attributes
    ----------
    order : int
        Number of most recent touches that form a state, at least 1.

    References
    ----------
    Anderl, E., Becker, I., von Wangenheim, F., Schumann, J. H. (2016). Mapping the customer journey. International Journal of Research in
    Marketing, 33(3), 457-474.
    """

    order: int = 1
    name, title = "markov", "Markov removal effect"

    def __post_init__(self) -> None:
        if self.order < 1:
            raise InputError(format_error("order", "must be at least 1", f"{self.order}", "Use 1 for a chain of single touches."))

    def credits(self, paths: Paths) -> Credits:
        """Return the totals, split in proportion to the removal effects on conversions and on value."""
        used = paths.select(paths.touched & (paths.conversions + paths.nulls > 0))
        conversions, value = float(used.conversions.sum()), float(used.value.sum())
        effects = removal_effects(used, order=self.order) if conversions else np.zeros((len(paths.touchpoints), 2))
        totals = effects.sum(axis=0)
        shares = np.divide(effects, totals, out=np.zeros_like(effects), where=totals > 0)
        return Credits(paths.touchpoints, conversions * shares[:, 0], value * shares[:, 1])


def removal_effects(paths: Paths, *, order: int = 1) -> FloatArray:
    """Return the share of conversions and of value that is lost if a touchpoint is removed.

    Parameters
    ----------
    paths : Paths
        Paths with touches and at least one conversion in total.
    order : int
        Order of the chain.

    Returns
    -------
    ndarray of float64, shape (n_touchpoints, 2)
        For conversions and for value; in [0, 1] for conversions. 0 for touchpoints in no path.

    Raises
    ------
    InputError
        If there are too many touchpoints for the order.
    """
    chain = _Chain.of(paths, order)
    full = chain.expected_gain(np.ones(len(chain.gains), bool))
    effects = np.zeros((len(paths.touchpoints), 2))
    for code in np.unique(paths.touches):
        remaining = chain.expected_gain(~chain.contains(int(code)))
        effects[code] = 1.0 - np.divide(remaining, full, out=np.ones(2), where=full != 0)
    return effects


class _Chain(NamedTuple):
    """States with their transitions. `gains` holds the expected conversions and value when a path ends in the state."""

    states: IntArray  # digits in base n + 1: 1 + touchpoint, the last touch first
    base: int
    start: FloatArray  # probability that a path begins in the state
    transitions: Any  # sparse matrix, (n_states, n_states)
    gains: FloatArray  # (n_states, 2)

    @classmethod
    def of(cls, paths: Paths, order: int) -> "_Chain":
        """Count the transitions of all paths."""
        from scipy import sparse

        base = len(paths.touchpoints) + 1
        if base**order > _MAX_CODE:
            got = f"{base - 1} touchpoints at order {order}"
            raise InputError(format_error("order", "must be low enough for the number of touchpoints", got, "Use a lower order."))
        position = np.arange(len(paths.touches)) - np.repeat(paths.offsets[:-1], paths.lengths)
        codes = np.zeros(len(paths.touches), np.int64)
        for lag in range(order):
            has_touch = position >= lag
            codes[has_touch] += (paths.touches[np.flatnonzero(has_touch) - lag] + 1) * base**lag
        states, state = np.unique(codes, return_inverse=True)
        weight = paths.conversions + paths.nulls
        n, path = len(states), paths.path_of_touch
        first, last = state[paths.offsets[:-1]], state[paths.offsets[1:] - 1]
        visits = sums_by_code(state, weight[path], n)
        moves = np.flatnonzero(position[1:] > 0)  # touches that another touch follows
        rates = weight[path[moves]] / visits[state[moves]]
        transitions = sparse.coo_matrix((rates, (state[moves], state[moves + 1])), shape=(n, n)).tocsr()
        gains = np.column_stack([sums_by_code(last, total, n) for total in (paths.conversions, paths.value)]) / visits[:, None]
        return cls(states, base, sums_by_code(first, weight, n) / weight.sum(), transitions, gains)

    def contains(self, touchpoint: int) -> NDArray[np.bool_]:
        """Whether each state contains a touchpoint; bool, shape (n_states,)."""
        found, rest = np.zeros(len(self.states), bool), self.states
        while rest.any():
            found |= rest % self.base == touchpoint + 1
            rest = rest // self.base
        return found

    def expected_gain(self, kept: NDArray[np.bool_]) -> FloatArray:
        """Expected conversions and value of a path if all states that are not kept end it without conversion; float64, shape (2,)."""
        from scipy import sparse
        from scipy.sparse.linalg import splu

        at = np.flatnonzero(kept)
        if not len(at):
            return np.zeros(2)
        system = sparse.identity(len(at), format="csc") - self.transitions[at][:, at].tocsc()
        return np.asarray(self.start[at] @ splu(system.tocsc()).solve(self.gains[at]))
