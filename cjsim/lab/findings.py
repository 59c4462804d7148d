"""Findings of an experiment: the effects of each arm and the verdict on the hypothesis, as records, plain values and text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cjsim.escaping.markdown_text import markdown_code
from cjsim.json_records import JsonRecord, Number, plain_values
from cjsim.lab.moments import IntervalEstimate
from cjsim.metrics.number_format import decimal_places, format_interval, format_value, in_currency
from cjsim.output_folder import FolderResult

if TYPE_CHECKING:
    import pandas as pd

RELATIVE_UNIT = "relative"
BASELINE_VERDICT = "baseline"  # replaces the verdict of an arm that equals the baseline


@dataclass(frozen=True)
class ArmEffect(JsonRecord):
    """Effect of an arm on one metric, pooled over all seeds.

    Attributes
    ----------
    metric, unit : str
        Name and unit of the metric.
    baseline, value : float
        The metric under the baseline and under the arm, in `unit`.
    absolute : IntervalEstimate
        value - baseline, in `unit`.
    relative : IntervalEstimate
        (value - baseline) / |baseline|, a fraction.
    """

    metric: str
    unit: str
    baseline: Number
    value: Number
    absolute: IntervalEstimate
    relative: IntervalEstimate

    def format_levels(self) -> tuple[str, str]:
        """Format the baseline and the value with enough decimals to show their difference."""
        usual = decimal_places(self.unit, (self.baseline, self.value))
        decimals = max(usual, min(usual + 3, decimal_places(self.unit, (self.absolute.effect,))))
        baseline, value = (in_currency(format_value(one, self.unit, decimals), self.unit) for one in (self.baseline, self.value))
        return baseline, value

    def estimate(self, *, is_relative: bool) -> IntervalEstimate:
        """Return the effect, either as a fraction of the baseline or in the unit of the metric."""
        return self.relative if is_relative else self.absolute

    def format_effect(self, *, is_relative: bool) -> str:
        """Format the effect with its interval for a table.

        Parameters
        ----------
        is_relative : bool
            Whether to express the effect as a fraction of the baseline.
        """
        return format_effect(self.relative, RELATIVE_UNIT) if is_relative else format_effect(self.absolute, self.unit)


@dataclass(frozen=True)
class ArmResult(JsonRecord):
    """Result of one arm of an experiment.

    Attributes
    ----------
    name : str
        Name of the arm.
    values : Mapping of str to Any
        Values that the arm sets, by path; empty if the variant has its own scenario.
    is_claimed : bool
        Whether the hypothesis is about this arm. False for an arm that equals the baseline.
    effect : ArmEffect
        Effect on the metric of the hypothesis.
    verdict : str
        Verdict on this effect, or 'baseline' for an arm that equals the baseline.
    watched_effects : tuple of ArmEffect
        Effects on the watched metrics.
    seed_effects : tuple of IntervalEstimate
        Effect for each seed, relative if the claim is relative.
    birge_ratio : float
        Ratio of the observed to the expected spread of effects between seeds (see `cjsim.lab.moments.birge_ratio`); nan for one seed.
    """

    name: str
    values: Mapping[str, Any]
    is_claimed: bool
    effect: ArmEffect
    verdict: str
    watched_effects: Annotated[tuple[ArmEffect, ...], Field(alias="watched")]
    seed_effects: Annotated[tuple[IntervalEstimate, ...], Field(alias="seeds")]
    birge_ratio: Annotated[Number, Field(alias="spread")]


@dataclass(frozen=True, repr=False)
class Findings(JsonRecord, FolderResult):
    """Findings of an experiment. `save` writes `result.csv` and `result.json`.

    Attributes
    ----------
    experiment, hypothesis : str
        Name and hypothesis of the experiment.
    metric, direction, claim : str
        Name of the metric; 'rises' or 'falls'; name of the claimed arm, 'any' or 'all'.
    size : float
        Claimed minimum size; a fraction of the baseline value if `is_relative`.
    is_relative : bool
        Whether the claim is relative to the baseline.
    confidence : float
        Confidence level of the intervals; joint if the claim is about several arms.
    scenario : str
        Name of the baseline.
    customers, seed, replications : int
        Number of customers per seed, first seed, and number of seeds.
    arm_results : tuple of ArmResult
        One entry per arm.
    decides : int
        Index of the decisive arm in `arm_results`.
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
    _marker = "result.json"

    @property
    def decisive_arm(self) -> ArmResult:
        """Arm that decides the verdict."""
        return self.arm_results[self.decides]

    @property
    def effect(self) -> IntervalEstimate:
        """Effect of the decisive arm, relative to the baseline if the claim is relative."""
        return self.decisive_arm.effect.estimate(is_relative=self.is_relative)

    @property
    def unit(self) -> str:
        """Unit of `effect`: the unit of the metric, or 'relative'."""
        return RELATIVE_UNIT if self.is_relative else self.decisive_arm.effect.unit

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        return f"{self.experiment}: {self.verdict}"

    def _answer(self) -> str:
        return f"{self.verdict.capitalize()}. {self.verdict_sentence()}"

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per arm and metric: the effect in the unit of the metric, and relative to the baseline."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for result in self.arm_results:
            for effect in (result.effect, *result.watched_effects):
                relative = dict(zip(("relative", "relative_low", "relative_high"), effect.relative, strict=True))
                numbers = {"baseline": effect.baseline, "value": effect.value, **effect.absolute._asdict(), **relative}
                verdict = result.verdict if effect is result.effect else ""
                rows.append({"variant": result.name, "metric": effect.metric, "unit": effect.unit, **numbers, "verdict": verdict})
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Return the verdict and a table of the arms as text."""
        width = max(len(result.name) for result in self.arm_results)
        suffix = " (relative to the baseline)" if self.is_relative else ""
        rows = [
            f"  {result.name:<{width}}  {result.effect.format_effect(is_relative=self.is_relative)}  {result.verdict}"
            for result in self.arm_results
        ]
        return "\n".join(
            [f"{self.experiment}: {self.verdict}", f"  {self.verdict_sentence()}", "", f"  Effect on {self.metric}{suffix}:", *rows]
        )

    def verdict_sentence(self, *, is_markdown: bool = False) -> str:
        """Return the verdict in words.

        Parameters
        ----------
        is_markdown : bool
            Whether to format the names of the arm and the metric as Markdown code.
        """
        arm, effect = self.decisive_arm, self.decisive_arm.effect
        arm_name, metric = (markdown_code(arm.name), markdown_code(self.metric)) if is_markdown else (f"'{arm.name}'", self.metric)
        baseline, value = effect.format_levels()
        levels = f"{value} instead of {baseline}"
        effect_text = effect.format_effect(is_relative=self.is_relative)
        arm_phrases = {
            "any": f"Of {self._n_claimed_arms()} variants, {arm_name} supports the claim most: ",
            "all": f"Of {self._n_claimed_arms()} variants, {arm_name} supports the claim least: ",
        }
        subject = arm_phrases.get(self.claim, f"With {arm_name}, ") + f"{metric} is {levels}, {effect_text}"
        return f"{subject}. {self._claim_phrase()}; {_VERDICT_PHRASES[self.verdict]}."

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, including the effect of the decisive arm. Undefined numbers become null."""
        decisive = self.effect._asdict() | {"unit": self.unit, "variant": self.decisive_arm.name}
        return {"experiment": self.experiment, "hypothesis": self.hypothesis, "verdict": self.verdict, **plain_values(decisive)} | (
            super().to_json()
        )

    def _n_claimed_arms(self) -> int:
        return sum(result.is_claimed for result in self.arm_results)

    def _claim_phrase(self) -> str:
        """Return the claim as a clause, such as 'The hypothesis predicts an increase of at least 8 %'."""
        change = "an increase" if self.direction == "rises" else "a decrease"
        if self.size == 0:
            return f"The hypothesis predicts {change}"
        size = f"{100 * self.size:g} %"
        if not self.is_relative:
            unit = self.decisive_arm.effect.unit
            size = in_currency(format_value(self.size, unit, 2, is_difference=True).lstrip("+"), unit)
        return f"The hypothesis predicts {change} of at least {size}"


_VERDICT_PHRASES = {
    "supported": "the entire interval supports it",
    "refuted": "the entire interval falls short of it",
    "undecided": "the interval is inconclusive",
}


def customers_phrase(findings: Findings) -> str:
    """Return a caption phrase with the number of customers, the seeds and the confidence level."""
    last_seed = findings.seed + findings.replications - 1
    seeds = f" per seed, seeds {findings.seed} to {last_seed}" if findings.replications > 1 else f", seed {findings.seed}"
    return f"{findings.customers:,} customers{seeds}; {100 * findings.confidence:g} % intervals."


def format_effect(effect: IntervalEstimate, unit: str) -> str:
    """Format an effect with its interval for a table.

    Parameters
    ----------
    effect : IntervalEstimate
        The effect.
    unit : str
        Unit of the effect; 'relative' for a fraction of the baseline value.
    """
    if unit == RELATIVE_UNIT:
        return format_relative_effect(effect)
    decimals = decimal_places(unit, effect)
    interval = format_interval(effect.low, effect.high, unit, decimals, is_difference=True)
    return f"{in_currency(format_value(effect.effect, unit, decimals, is_difference=True), unit)} {interval}".rstrip()


def format_relative_effect(effect: IntervalEstimate) -> str:
    """Format a relative effect with its interval in percent; '-' if undefined.

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
