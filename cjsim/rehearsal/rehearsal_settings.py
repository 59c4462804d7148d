"""Settings of rehearsals: their number, the analyses, guardrail metrics, and what follows from a test."""

import math
from dataclasses import dataclass

from cjsim.errors import InputError, format_error
from cjsim.rehearsal.analyses import STANDARD_ANALYSES, Analysis


@dataclass(frozen=True)
class Rollout:
    """What follows from a test: ALTERNATIVE is rolled out if it is significantly better, and BASE is kept otherwise.

    Attributes
    ----------
    customers : float
        Number of customers whom the test and the decision affect.
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


@dataclass(frozen=True)
class Guardrail:
    """A metric that must not become worse by a margin or more. ALTERNATIVE is rolled out only if a test shows that.

    Attributes
    ----------
    metric : str
        Name of the metric.
    margin : float
        Smallest unacceptable loss, above 0, in the unit of the metric.
    higher_is_better : bool
        Whether larger values of the metric are better.
    """

    metric: str
    margin: float
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if not self.margin > 0:
            remedy = "Give the smallest unacceptable loss."
            raise InputError(format_error(f"margin of '{self.metric}'", "must be above 0", f"{self.margin:g}", remedy))


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
    analyses : tuple of Analysis
        Analyses of each test. All see the same tests.
    rollout : Rollout, optional
        What follows from a test.
    trigger : str, optional
        Name of a moment of the journey. Only customers who reach it are analyzed.
    guardrails : tuple of Guardrail
        Metrics that must not become worse.
    """

    runs: int = 2000
    seed: int = 1
    target_power: float = 0.8
    analyses: tuple[Analysis, ...] = STANDARD_ANALYSES
    rollout: Rollout | None = None
    trigger: str | None = None
    guardrails: tuple[Guardrail, ...] = ()

    def __post_init__(self) -> None:
        if self.runs < 2:
            raise InputError(format_error("runs", "must be at least 2", str(self.runs), "Use for example 2000."))
        if not 0 < self.target_power < 1:
            raise InputError(format_error("target_power", "must be above 0 and below 1", f"{self.target_power:g}", "Use for example 0.8."))
