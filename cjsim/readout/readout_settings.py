"""Settings of a readout: value and costs, adjustment, the effect to plan for, learners, draws and seed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cjsim.argument_types import check_fields
from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr

Amount = float | Mapping[str, float]
POWER = 0.8
LEARNER_NAMES = tuple(f"{name}{models}" for models in ("", " trees") for name in ("DR", "T", "S", "X", "R"))


class DetectableEffect(NamedTuple):
    """An effect to plan for: a difference in the unit of the outcome, or a share of the control's mean."""

    size: float
    is_relative: bool


@dataclass(frozen=True, kw_only=True)
class ReadoutSettings:
    """How a trial is analyzed.

    Attributes
    ----------
    value : float or Mapping of str to float, optional
        Value of one unit of the outcome, such as the margin of an order, or values by outcome. If omitted, policies are valued in the unit
        of the outcome, which assumes that treatment is free unless `cost` is in that unit.
    cost : float or Mapping of str to float
        Cost of treating one customer, in the unit of `value`, or costs by arm. The control costs 0 unless it is named.
    max_share : float
        Largest share of customers to treat, in (0, 1].
    adjust : sequence of str
        Columns measured before assignment, used to adjust the effects by regression or CUPED.
    adjustment : {"regression", "cuped"}
        Adjustment method.
    detect : str or float, optional
        Effect to plan the next test for: 0.01 in the unit of the outcome, or '10%' of the control's mean.
    learners : sequence of str, optional
        Names of learners: 'DR', 'T', 'S', 'X', 'R', or these with trees, such as 'T trees'. The first one decides whether heterogeneity
        is proven. If omitted, they depend on the number of rows.
    splits : int, optional
        Folds of the heterogeneity test, at least 2. If omitted, they depend on the number of rows.
    draws : int
        Number of bootstrap draws for curves, at least 2.
    seed : int
        Random seed for folds, models and draws, from 0 to 2**32 - 1 (the limit of scikit-learn).

    Raises
    ------
    InputError
        If a field has the wrong type, a number is outside its range, or a learner does not exist.
    """

    value: Amount | None = None
    cost: Amount = 0.0
    max_share: float = 1.0
    adjust: Sequence[str] = ()
    adjustment: Literal["regression", "cuped"] = "regression"
    detect: str | float | None = None
    learners: Sequence[str] | None = None
    splits: int | None = None
    draws: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 <= self.seed < 2**32:
            raise InputError(format_error("seed", "must be from 0 to 2**32 - 1", short_repr(self.seed), "Use a number such as 7."))
        if self.draws < 2:
            raise InputError(format_error("draws", "must be at least 2", str(self.draws), "Use 200."))
        if self.splits is not None and self.splits < 2:
            raise InputError(format_error("splits", "must be at least 2", str(self.splits), "Use 5."))
        if not 0 < self.max_share <= 1:
            remedy = "Use 1 for no limit."
            raise InputError(format_error("max_share", "must be above 0 and at most 1", short_repr(self.max_share), remedy))
        if self.adjustment not in ("regression", "cuped"):
            raise InputError(format_error("adjustment", "must be 'regression' or 'cuped'", short_repr(self.adjustment)))
        if self.adjustment == "cuped" and not self.adjust:
            raise InputError(
                format_error("adjustment", "must be 'regression' without columns in 'adjust'", "'cuped'", "List columns in 'adjust'.")
            )
        for value in self.value.values() if isinstance(self.value, Mapping) else () if self.value is None else (self.value,):
            if not value or not math.isfinite(value):
                remedy = "Give the value of one unit of the outcome, or omit it."
                raise InputError(format_error("value", "must be a number other than 0", short_repr(value), remedy))
        for cost in self.cost.values() if isinstance(self.cost, Mapping) else (self.cost,):
            if not math.isfinite(cost):
                raise InputError(
                    format_error("cost", "must be a finite number", short_repr(cost), "Give the cost of treating one customer.")
                )
        for name in self.learners or ():
            if name not in LEARNER_NAMES:
                remedy = did_you_mean(name, LEARNER_NAMES) or "Use one of these."
                raise InputError(format_error("learners", f"must be among {quote_choices(LEARNER_NAMES)}", short_repr(name), remedy))
        if self.detect is not None:
            parse_effect(self.detect)

    def value_of(self, outcome: str) -> float:
        """Return the value of one unit of an outcome; 1 if it is not given."""
        if isinstance(self.value, Mapping):
            return self.value.get(outcome, 1.0)
        return 1.0 if self.value is None else self.value

    def has_value(self, outcome: str) -> bool:
        """Return whether the value of an outcome is given."""
        return outcome in self.value if isinstance(self.value, Mapping) else self.value is not None

    def costs_of(self, arms: Sequence[str]) -> tuple[float, ...]:
        """Return the cost of each arm.

        Parameters
        ----------
        arms : sequence of str
            Labels, the control first.
        """
        if isinstance(self.cost, Mapping):
            return tuple(self.cost.get(arm, 0.0) for arm in arms)
        return (0.0, *(self.cost for _ in arms[1:]))

    def check_names(self, outcomes: Sequence[str], arms: Sequence[str]) -> None:
        """Check that values and costs are given for existing outcomes and arms.

        Parameters
        ----------
        outcomes, arms : sequence of str
            Names in the trial.

        Raises
        ------
        InputError
            If a name is unknown.
        """
        for where, given, known in (("value", self.value, outcomes), ("cost", self.cost, arms)):
            for name in given if isinstance(given, Mapping) else ():
                if name not in known:
                    remedy = did_you_mean(name, known) or "Use one of these names."
                    raise InputError(format_error(where, f"must be given for {quote_choices(known)}", short_repr(name), remedy))


def parse_effect(effect: str | float) -> DetectableEffect:
    """Parse an effect to plan for.

    Parameters
    ----------
    effect : str or float
        A number in the unit of the outcome, or text such as '10%' for a share of the control's mean.

    Returns
    -------
    DetectableEffect

    Raises
    ------
    InputError
        If it is neither a nonzero number nor a nonzero percentage.

    Examples
    --------
    >>> parse_effect("10%"), parse_effect(0.5)
    (DetectableEffect(size=0.1, is_relative=True), DetectableEffect(size=0.5, is_relative=False))
    """
    found = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%?)\s*", str(effect), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        remedy = "Use a value such as 0.01, or 10% for a share of the control's mean."
        raise InputError(format_error("detect", "must be a number other than 0, or a percentage", short_repr(effect), remedy))
    return DetectableEffect(float(found[1]) / 100, True) if found[2] else DetectableEffect(float(found[1]), False)
