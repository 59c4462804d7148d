"""Settings of rehearsals: their number, the analyses, guardrail metrics, and the decision after a test."""

import math
from dataclasses import dataclass, replace
from datetime import date

from cjsim.argument_types import check_fields
from cjsim.errors import InputError, format_error
from cjsim.metrics.number_format import MONEY_UNIT
from cjsim.rehearsal.analyses import STANDARD_ANALYSES, Analysis, FixedHorizon
from cjsim.rehearsal.ramp.rollout_phases import Ramp

DEFAULT_MARGIN = 0.05  # of the metric under the baseline; assumed
_LOWER_IS_BETTER = (
    *(
        "cost",
        "churn",
        "opt_outs",
        "unsubscribe_rate",
        "complaint_rate",
        "pressure",
        "collisions",
        "discounts",
        "cac",
        "time_to_first_value",
    ),
    *("tickets", "asked_again", "out_of_hours", "abandonment", "wait", "service", "desk_cost", "staff_cost"),
    *("message_cost", "platform_cost", "creative_cost", "setup_cost"),
)


def is_higher_better(metric: str) -> bool:
    """Return whether larger values of a metric are better. True for metrics that users register.

    Examples
    --------
    >>> is_higher_better("clv"), is_higher_better("opt_outs"), is_higher_better("wait[support]")
    (True, False, False)
    """
    return metric.partition("[")[0] not in _LOWER_IS_BETTER


@dataclass(frozen=True)
class Rollout:
    """The decision after a test: ALTERNATIVE is rolled out if it is significantly better, and BASE is kept otherwise.

    Attributes
    ----------
    customers : float
        Number of customers whom the test and the decision affect; with a trigger, the number of those who reach it.
    value_per_unit : float
        Money per customer that one unit of the metric is worth. 1 for metrics in money; nan if unknown.
    higher_is_better : bool
        Whether larger values of the metric are better.
    effect_sd : float, optional
        Standard deviation of the effects of policies of this kind, in the unit of the metric, for the size that maximizes profit. By
        default, the absolute true effect (assumed).
    """

    customers: float = 1.0
    value_per_unit: float = math.nan
    higher_is_better: bool = True
    effect_sd: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Guardrail:
    """A metric that must not become worse by a margin or more. ALTERNATIVE is rolled out only if a test shows that it does not.

    Attributes
    ----------
    metric : str
        Name of the metric.
    margin : float, optional
        Smallest unacceptable loss, above 0, in the unit of the metric. By default, 5 % of the metric under the baseline after the
        days of the test (assumed).
    higher_is_better : bool
        Whether larger values of the metric are better.
    relative_margin : float, optional
        The margin as a fraction of the metric under the baseline, above 0; used if `margin` is None.
    """

    metric: str
    margin: float | None = None
    higher_is_better: bool = True
    relative_margin: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        for value in (self.margin, self.relative_margin):
            if value is not None and not 0 < value < math.inf:
                remedy = "Give the smallest unacceptable loss."
                raise InputError(format_error(f"margin of '{self.metric}'", "must be above 0 and finite", f"{value:g}", remedy))

    def with_margin(self, baseline: float) -> "Guardrail":
        """Return a guardrail with a margin.

        Parameters
        ----------
        baseline : float
            The metric under the baseline after the days of the test.

        Returns
        -------
        Guardrail
            This guardrail if it already has a margin.
        """
        if self.margin is not None:
            return self
        relative = DEFAULT_MARGIN if self.relative_margin is None else self.relative_margin
        return replace(self, margin=relative * abs(baseline), relative_margin=relative)


@dataclass(frozen=True)
class RehearsalSettings:
    """Settings of rehearsals.

    Attributes
    ----------
    runs : int
        Number of rehearsals per design.
    seed : int
        Seed of the draws.
    target_power : float
        Power at which the minimum detectable effect is computed, and which a recommended design must have.
    analyses : tuple of Analysis, optional
        Analyses of each test. All see the same tests. None: the standard ones, and CUPED if there is a covariate. With a ramp, only
        analyses at a fixed horizon.
    rollout : Rollout, optional
        The decision after a test.
    trigger : str, optional
        Name of an event. Customers enroll at its first occurrence after entry, or on or after `starts_on`, and outcomes are counted from
        then on. Until then, trajectories must be the same under both policies. Not available where customers share desks or send budgets,
        or refer friends.
    guardrails : tuple of Guardrail
        Metrics that must not become worse.
    starts_on : date, optional
        Date on which customers who were under the baseline switch to the alternative. By default, it applies from each customer's entry.
    enroll_per_day : float, optional
        Customers who enroll per day, above 0, to show how long the enrollment takes; with a trigger, customers who reach it. With a ramp,
        customers enroll at this rate, in the order in which they enter or reach the trigger.
    replications : int
        Replications of mixed assignment where customers share desks or send budgets, or refer friends, at least 2.
    ramp : Ramp, optional
        Phases with increasing shares of customers under the alternative. Analyses are stratified by phase. Not available where customers
        share desks or send budgets, or refer friends, or where all customers switch on one date.
    """

    runs: int = 2000
    seed: int = 1
    target_power: float = 0.8
    analyses: tuple[Analysis, ...] | None = None
    rollout: Rollout | None = None
    trigger: str | None = None
    guardrails: tuple[Guardrail, ...] = ()
    starts_on: date | None = None
    enroll_per_day: float | None = None
    replications: int = 10
    ramp: Ramp | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.runs < 2:
            raise InputError(format_error("runs", "must be at least 2", str(self.runs), "Use a value such as 2000."))
        if not 0 < self.target_power < 1:
            raise InputError(
                format_error("target_power", "must be above 0 and below 1", f"{self.target_power:g}", "Use a value such as 0.8.")
            )
        if self.replications < 2:
            raise InputError(format_error("replications", "must be at least 2", str(self.replications), "Use a value such as 10."))
        if self.enroll_per_day is not None and not 0 < self.enroll_per_day < math.inf:
            remedy = "Give the number of customers who enroll per day."
            raise InputError(format_error("enroll_per_day", "must be a finite number above 0", f"{self.enroll_per_day:g}", remedy))
        if self.ramp is not None and self.analyses is not None:
            _require_fixed_horizon(self.analyses)

    def analyses_of_test(self, *, has_covariate: bool) -> tuple[Analysis, ...]:
        """Return the analyses of a test: the chosen ones, or the standard ones.

        Parameters
        ----------
        has_covariate : bool
            Whether the test has a covariate.

        Returns
        -------
        tuple of Analysis
        """
        if self.analyses is not None:
            return self.analyses
        adjusted = (FixedHorizon(covariate_adjusted=True),) if has_covariate else ()
        return (*(STANDARD_ANALYSES if self.ramp is None else (FixedHorizon(),)), *adjusted)

    def with_rollout(self, *, customers: float, metric: str, unit: str) -> "RehearsalSettings":
        """Return settings with a rollout.

        Parameters
        ----------
        customers : float
            Default number of customers whom the decision affects.
        metric, unit : str
            The metric and its unit. A metric in money has the value 1 per unit; the value of other units is unknown.

        Returns
        -------
        RehearsalSettings
            These settings if they already have a rollout.
        """
        if self.rollout is not None:
            return self
        value = 1.0 if unit == MONEY_UNIT else math.nan
        return replace(self, rollout=Rollout(customers, value, higher_is_better=is_higher_better(metric)))


def _require_fixed_horizon(analyses: tuple[Analysis, ...]) -> None:
    """Raise if an analysis looks repeatedly. Its boundaries assume that equal numbers of customers carry equal information."""
    for analysis in analyses:
        if len(analysis.fractions) > 1:
            must = "must have a fixed horizon if there is a ramp, because customers in its phases carry unequal information"
            raise InputError(format_error("analyses", must, f"'{analysis.name}'", "Use FixedHorizon, or omit the ramp."))
