"""The findings of an experiment: the effects of each arm and the verdict on the hypothesis, as records, plain values and text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from cjsim.json_records import JsonRecord, Number, plain_values
from cjsim.lab.moments import IntervalEstimate
from cjsim.metrics.number_format import decimal_places, format_interval, format_value

RELATIVE_UNIT = "relative"
BASELINE_VERDICT = "baseline"  # instead of a verdict, for an arm that equals the baseline


@dataclass(frozen=True)
class ArmEffect(JsonRecord):
    """The effect of an arm on one metric, over all customers of all seeds.

    Attributes
    ----------
    metric, unit : str
        Name of the metric, and its unit.
    baseline, value : float
        The metric under the baseline and under the arm, in that unit.
    absolute : IntervalEstimate
        value - baseline, in that unit.
    relative : IntervalEstimate
        (value - baseline) / |baseline|.
    """

    metric: str
    unit: str
    baseline: Number
    value: Number
    absolute: IntervalEstimate
    relative: IntervalEstimate

    def format_levels(self) -> tuple[str, str]:
        """The baseline and the value as text, with enough decimals to show their difference."""
        usual = decimal_places(self.unit, (self.baseline, self.value))
        decimals = max(usual, min(usual + 3, decimal_places(self.unit, (self.absolute.effect,))))
        return format_value(self.baseline, self.unit, decimals), format_value(self.value, self.unit, decimals)

    def estimate(self, *, is_relative: bool) -> IntervalEstimate:
        """The effect, as a share of the baseline or in the unit of the metric."""
        return self.relative if is_relative else self.absolute

    def format_effect(self, *, is_relative: bool) -> str:
        """The effect with its interval, as text for tables.

        Parameters
        ----------
        is_relative : bool
            Whether to give it as a share of the baseline.
        """
        return format_effect(self.relative, RELATIVE_UNIT) if is_relative else format_effect(self.absolute, self.unit)


@dataclass(frozen=True)
class ArmResult(JsonRecord):
    """The result of one arm of an experiment.

    Attributes
    ----------
    name : str
        Name of the arm.
    values : Mapping of str to Any
        The values that it sets, by path; empty for a scenario of its own.
    is_claimed : bool
        Whether the hypothesis is about this arm. False for an arm that equals the baseline.
    effect : ArmEffect
        Effect on the metric of the hypothesis.
    verdict : str
        Verdict on this effect; 'baseline' for an arm that equals the baseline.
    watched_effects : tuple of ArmEffect
        Effects on the watched metrics.
    seed_effects : tuple of IntervalEstimate
        The effect in each seed, relative if the claim is relative.
    birge_ratio : float
        Observed over expected spread of the effects of seeds (see `cjsim.lab.moments.birge_ratio`); nan for one seed.
    """

    name: str
    values: Mapping[str, Any]
    is_claimed: bool
    effect: ArmEffect
    verdict: str
    watched_effects: Annotated[tuple[ArmEffect, ...], Field(alias="watched")]
    seed_effects: Annotated[tuple[IntervalEstimate, ...], Field(alias="seeds")]
    birge_ratio: Annotated[Number, Field(alias="spread")]


@dataclass(frozen=True)
class Findings(JsonRecord):
    """The findings of an experiment.

    Attributes
    ----------
    experiment, hypothesis : str
        Name of the experiment, and its hypothesis in words.
    metric, direction, claim : str
        The metric, 'rises' or 'falls', and the name of the claimed arm, 'any' or 'all'.
    size : float
        Claimed minimum size; a share of the baseline's value if `is_relative`.
    is_relative : bool
        Whether the claim is relative to the baseline.
    confidence : float
        Confidence of the intervals, joint if the claim is about several arms.
    scenario : str
        Name of the baseline.
    customers, seed, replications : int
        Customers in each seed, the first seed, the number of seeds.
    arm_results : tuple of ArmResult
        One entry per arm.
    decides : int
        Index of the arm that decides the verdict.
    verdict : {'supported', 'refuted', 'undecided'}
        Verdict on the hypothesis.
    """

    experiment: str
    hypothesis: str
    metric: str
    direction: str
    size: float
    is_relative: bool
    claim: str
    confidence: float
    scenario: str
    customers: int
    seed: int
    replications: int
    decides: int
    arm_results: Annotated[tuple[ArmResult, ...], Field(alias="variants")]
    verdict: str

    @property
    def decisive_arm(self) -> ArmResult:
        """The arm that decides the verdict."""
        return self.arm_results[self.decides]

    @property
    def effect(self) -> IntervalEstimate:
        """Effect of the decisive arm, relative to the baseline if the claim is relative."""
        return self.decisive_arm.effect.estimate(is_relative=self.is_relative)

    @property
    def unit(self) -> str:
        """Unit of `effect`: that of the metric, or 'relative'."""
        return RELATIVE_UNIT if self.is_relative else self.decisive_arm.effect.unit

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Findings({self.experiment}: {self.verdict})"

    def summary(self) -> str:
        """The verdict and a table of the arms, as text."""
        width = max(len(result.name) for result in self.arm_results)
        suffix = " (relative to the baseline)" if self.is_relative else ""
        rows = [
            f"  {result.name:<{width}}  {result.effect.format_effect(is_relative=self.is_relative)}  {result.verdict}"
            for result in self.arm_results
        ]
        return "\n".join(
            [f"{self.experiment}: {self.verdict}", f"  {self.verdict_sentence()}", "", f"  Effect on {self.metric}{suffix}:", *rows]
        )

    def customers_phrase(self) -> str:
        """The customers, the seeds and the confidence of the intervals, for captions."""
        seeds = f"{self.replications} seeds from {self.seed}" if self.replications > 1 else f"seed {self.seed}"
        return f"{self.customers:,} customers, {seeds}; {100 * self.confidence:g} % intervals."

    def verdict_sentence(self) -> str:
        """The verdict in a sentence."""
        arm, effect = self.decisive_arm, self.decisive_arm.effect
        baseline, value = effect.format_levels()
        levels = f"{value} instead of {baseline}"
        effect_text = effect.format_effect(is_relative=self.is_relative)
        arm_phrases = {
            "any": f"The nearest to it of {self._n_claimed_arms()} variants, '{arm.name}'",
            "all": f"The farthest from it, '{arm.name}'",
        }
        subject = arm_phrases.get(self.claim, f"With '{arm.name}'") + f": {self.metric} is {levels}, {effect_text}"
        return f"{subject}; {self._claim_phrase()}: {_VERDICT_PHRASES[self.verdict]}."

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the effect of the decisive arm; null where undefined."""
        decisive = self.effect._asdict() | {"unit": self.unit, "variant": self.decisive_arm.name}
        return {"experiment": self.experiment, "hypothesis": self.hypothesis, "verdict": self.verdict, **plain_values(decisive)} | (
            super().to_json()
        )

    def _n_claimed_arms(self) -> int:
        return sum(result.is_claimed for result in self.arm_results)

    def _claim_phrase(self) -> str:
        """The claim as a phrase, such as 'claimed is a rise by 8 % or more'."""
        change = "a rise" if self.direction == "rises" else "a fall"
        if self.size == 0:
            return f"claimed is {change}"
        size = (
            f"{100 * self.size:g} %"
            if self.is_relative
            else format_value(self.size, self.decisive_arm.effect.unit, 2, is_difference=True).lstrip("+")
        )
        return f"claimed is {change} by {size} or more"


_VERDICT_PHRASES = {
    "supported": "the whole interval bears it out",
    "refuted": "the whole interval falls short of it",
    "undecided": "the interval leaves it open",
}


def format_effect(effect: IntervalEstimate, unit: str) -> str:
    """An effect with its interval, as text for tables.

    Parameters
    ----------
    effect : IntervalEstimate
        The effect.
    unit : str
        Its unit; 'relative' for a share of the baseline's value.
    """
    if unit == RELATIVE_UNIT:
        return format_relative_effect(effect)
    decimals = decimal_places(unit, effect)
    interval = format_interval(effect.low, effect.high, unit, decimals, is_difference=True)
    return f"{format_value(effect.effect, unit, decimals, is_difference=True)} {interval}".rstrip()


def format_relative_effect(effect: IntervalEstimate) -> str:
    """A relative effect with its interval in percent, '-' if it is undefined.

    Examples
    --------
    >>> format_relative_effect(IntervalEstimate(0.095, 0.075, 0.114))
    '+9.50 % [+7.50 %, +11.40 %]'
    """
    if math.isnan(effect.effect):
        return "-"
    decimals = decimal_places("share", [part for part in effect if not math.isnan(part)])
    texts = [f"{100 * part:+.{decimals}f} %" for part in effect]
    return texts[0] if math.isnan(effect.low) else f"{texts[0]} [{texts[1]}, {texts[2]}]"
