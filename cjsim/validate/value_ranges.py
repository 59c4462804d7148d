"""Interval arithmetic on conditions: which values a condition can take, given the values that its names can take."""

import math
from typing import NamedTuple

from cjsim.kernels.codes import ConditionOp
from cjsim.scenario.condition_parser import Program

TOLERANCE = 1e-9  # numbers that differ by less are equal in conditions


class Range(NamedTuple):
    """All values from `low` to `high`, and NaN if `has_nan`."""

    low: float
    high: float
    has_nan: bool = False

    @property
    def truth(self) -> bool | None:
        """True if all these values count as true, False if all count as false, None otherwise."""
        if not self.has_nan and (self.low > 0 or self.high < 0):
            return True
        return False if self.low == self.high == 0 else None


ANY = Range(-math.inf, math.inf, has_nan=True)
ZERO, ONE, ZERO_OR_ONE = Range(0.0, 0.0), Range(1.0, 1.0), Range(0.0, 1.0)
COUNT = Range(0.0, math.inf)
VariableRanges = dict[tuple[ConditionOp, int], Range]  # by operation and code of the name


def condition_range(program: Program, variables: VariableRanges) -> Range:
    """Return an interval that contains all values of a condition.

    Operands are treated as independent of each other, so the interval may be too wide, but never too narrow.

    Parameters
    ----------
    program : Program
        The compiled condition.
    variables : VariableRanges
        Range of each name; a name without one may take any value.

    Returns
    -------
    Range

    Examples
    --------
    >>> from cjsim.scenario.condition_names import ConditionNames
    >>> from cjsim.scenario.condition_parser import parse_condition
    >>> program = parse_condition("purchases >= 0", ConditionNames())
    >>> condition_range(program, {(ConditionOp.PURCHASES, 0): COUNT}).truth
    True
    """
    stack: list[Range] = []
    for op, code, number in program:
        if op is ConditionOp.END:
            break
        if op is ConditionOp.CONST:
            stack.append(Range(number, number))
        elif op < ConditionOp.NOT:
            stack.append(variables.get((op, code), ANY))
        elif op is ConditionOp.NOT:
            stack.append(_negated(stack.pop()))
        elif op is ConditionOp.NEGATE:
            one = stack.pop()
            stack.append(Range(-one.high, -one.low, one.has_nan))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_binary(op, left, right))
    return stack[0]


def _negated(one: Range) -> Range:
    """The range of `not`, for which NaN counts as true."""
    truth = None if one.has_nan else one.truth
    return ZERO_OR_ONE if truth is None else ZERO if truth else ONE


def _binary(op: ConditionOp, left: Range, right: Range) -> Range:
    if op in (ConditionOp.AND, ConditionOp.OR):
        truths = [None if one.has_nan else one.truth for one in (left, right)]
        decisive = op is ConditionOp.OR
        if decisive in truths:
            return ONE if decisive else ZERO
        return ZERO_OR_ONE if None in truths else ZERO if decisive else ONE
    if op >= ConditionOp.ADD:
        return _arithmetic(op, left, right)
    if left.has_nan or right.has_nan:
        return ZERO_OR_ONE
    truth = _comparison(op, left, right)
    return ZERO_OR_ONE if truth is None else ONE if truth else ZERO


def _comparison(op: ConditionOp, left: Range, right: Range) -> bool | None:
    """Whether a comparison holds for all values (True), for none (False), or for some."""
    if op in (ConditionOp.LT, ConditionOp.LE):
        return _comparison(ConditionOp.GT if op is ConditionOp.LT else ConditionOp.GE, right, left)
    is_apart = left.low > right.high + TOLERANCE or right.low > left.high + TOLERANCE
    if op in (ConditionOp.EQ, ConditionOp.NE):
        is_same = left.low == left.high == right.low == right.high
        return (op is ConditionOp.NE) if is_apart else (op is ConditionOp.EQ) if is_same else None
    if op is ConditionOp.GE:
        return True if left.low >= right.high else False if left.high + TOLERANCE < right.low else None
    return True if left.low > right.high + TOLERANCE else False if left.high <= right.low else None


def _arithmetic(op: ConditionOp, left: Range, right: Range) -> Range:
    """The range of a sum, difference, product or quotient. Infinite operands and divisors around 0 give any value."""
    ends = [left.low, left.high, right.low, right.high]
    if op is ConditionOp.ADD and not (left.has_nan or right.has_nan) and -math.inf < min(ends):
        return Range(left.low + right.low, left.high + right.high)
    if left.has_nan or right.has_nan or not all(map(math.isfinite, ends)) or (op is ConditionOp.DIVIDE and right.low <= 0 <= right.high):
        return ANY
    if op in (ConditionOp.ADD, ConditionOp.SUBTRACT):
        low, high = (right.low, right.high) if op is ConditionOp.ADD else (-right.high, -right.low)
        return Range(left.low + low, left.high + high)
    pairs = [(one, other) for one in left[:2] for other in right[:2]]
    values = [one * other if op is ConditionOp.MULTIPLY else one / other for one, other in pairs]
    return Range(min(values), max(values))
