"""What an experiment found: an effect for each arm, and the verdict on its hypothesis.

Lives here: the record, as plain values and as a table in text. Does not live here: how it came about (trying.py), its page (page.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cjsim.lab.moments import IntervalEstimate
from cjsim.metrics.number_format import decimal_places, format_interval, format_value
from cjsim.simulation.run import to_json_value

RELATIVE_UNIT = "relative"
BASELINE_VERDICT = "baseline"  # in place of a verdict, where nothing differs from it


@dataclass(frozen=True)
class ArmEffect:
    """A metric under an arm beside the baseline's: all customers of all seeds.

    Attributes
    ----------
    metric, unit : str
        Its name, its unit.
    baseline, value : float
        In that unit.
    absolute : IntervalEstimate
        Of value - baseline, in that unit.
    relative : IntervalEstimate
        Of the same as a share of the baseline's size.
    """

    metric: str
    unit: str
    baseline: float
    value: float
    absolute: IntervalEstimate
    relative: IntervalEstimate

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "metric": self.metric,
            "unit": self.unit,
            "baseline": to_json_value(self.baseline),
            "value": to_json_value(self.value),
            "absolute": [to_json_value(part) for part in self.absolute],
            "relative": [to_json_value(part) for part in self.relative],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ArmEffect":
        """An effect from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        absolute, relative = (IntervalEstimate(*(_nan_if_none(part) for part in data[key])) for key in ("absolute", "relative"))
        return cls(data["metric"], data["unit"], _nan_if_none(data["baseline"]), _nan_if_none(data["value"]), absolute, relative)

    def format_levels(self) -> tuple[str, str]:
        """The baseline and the value, with as many decimals as show how they differ."""
        own = decimal_places(self.unit, (self.baseline, self.value))
        decimals = max(own, min(own + 3, decimal_places(self.unit, (self.absolute.effect,))))
        return format_value(self.baseline, self.unit, decimals), format_value(self.value, self.unit, decimals)

    def format_effect(self, *, is_relative: bool) -> str:
        """The effect with its interval, as tables write it.

        Parameters
        ----------
        is_relative : bool
            As a share of the baseline.
        """
        if is_relative:
            return format_relative_effect(self.relative)
        decimals = decimal_places(self.unit, self.absolute)
        effect = format_value(self.absolute.effect, self.unit, decimals, is_difference=True)
        return f"{effect} {format_interval(self.absolute.low, self.absolute.high, self.unit, decimals, is_difference=True)}".rstrip()


@dataclass(frozen=True)
class ArmResult:
    """One arm of an experiment.

    Attributes
    ----------
    name : str
        Of the arm.
    values : Mapping of str to Any
        What it sets, by path; empty for a scenario of its own.
    is_claimed : bool
        Whether the hypothesis is about it; one that is the baseline itself is not.
    effect : ArmEffect
        Of the metric of the hypothesis.
    verdict : str
        Of this effect; 'baseline' for a point of a sweep that is the baseline.
    watched_effects : tuple of ArmEffect
        Of further metrics.
    seed_effects : tuple of IntervalEstimate
        Of the effect in each seed: relative, where the claim is.
    birge_ratio : float
        How much further seeds lie apart than customers explain; nan for one seed.
    """

    name: str
    values: Mapping[str, Any]
    is_claimed: bool
    effect: ArmEffect
    verdict: str
    watched_effects: tuple[ArmEffect, ...]
    seed_effects: tuple[IntervalEstimate, ...]
    birge_ratio: float

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "name": self.name,
            "values": dict(self.values),
            "is_claimed": self.is_claimed,
            "effect": self.effect.to_json(),
            "verdict": self.verdict,
            "watched": [one.to_json() for one in self.watched_effects],
            "seeds": [[to_json_value(part) for part in one] for one in self.seed_effects],
            "spread": to_json_value(self.birge_ratio),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ArmResult":
        """A line from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        return cls(
            name=data["name"],
            values=data["values"],
            is_claimed=data["is_claimed"],
            effect=ArmEffect.from_json(data["effect"]),
            verdict=data["verdict"],
            watched_effects=tuple(ArmEffect.from_json(one) for one in data["watched"]),
            seed_effects=tuple(IntervalEstimate(*(_nan_if_none(part) for part in one)) for one in data["seeds"]),
            birge_ratio=_nan_if_none(data["spread"]),
        )


@dataclass(frozen=True)
class Findings:
    """An experiment that was run.

    Attributes
    ----------
    experiment, hypothesis : str
        Its name, and what it claims, in words.
    metric, direction, claim : str
        What is claimed to rise or fall; of which arm, or 'any' or 'all'.
    size : float
        How much is claimed; of the baseline's value if `is_relative`.
    is_relative : bool
        Whether effects are shares of the baseline.
    confidence : float
        Of the intervals, together if the claim is about several arms.
    scenario : str
        Name of the baseline.
    customers, seed, replications : int
        Customers of each seed, the first seed, how many.
    arm_results : tuple of ArmResult
        One an arm.
    decides : int
        The place of the line that the verdict rests on.
    verdict : {'supported', 'refuted', 'undecided'}
        On the hypothesis.
    """

    experiment: str
    hypothesis: str
    metric: str
    direction: str
    claim: str
    size: float
    is_relative: bool
    confidence: float
    scenario: str
    customers: int
    seed: int
    replications: int
    arm_results: tuple[ArmResult, ...]
    decides: int
    verdict: str

    @property
    def decisive_arm(self) -> ArmResult:
        """The arm that the verdict rests on."""
        return self.arm_results[self.decides]

    @property
    def effect(self) -> IntervalEstimate:
        """Its effect, as a share of the baseline if that is what is claimed."""
        return self.decisive_arm.effect.relative if self.is_relative else self.decisive_arm.effect.absolute

    @property
    def unit(self) -> str:
        """Of the effect: the metric's, or 'relative'."""
        return RELATIVE_UNIT if self.is_relative else self.decisive_arm.effect.unit

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Findings({self.experiment}: {self.verdict})"

    def summary(self) -> str:
        """The verdict and the arms, in text."""
        names = [line.name for line in self.arm_results]
        width = max(map(len, names))
        of = " (relative to the baseline)" if self.is_relative else ""
        rows = [
            f"  {line.name:<{width}}  {line.effect.format_effect(is_relative=self.is_relative)}  {line.verdict}"
            for line in self.arm_results
        ]
        return "\n".join(
            [f"{self.experiment}: {self.verdict}", f"  {self.verdict_sentence()}", "", f"  Effect on {self.metric}{of}:", *rows]
        )

    def verdict_sentence(self) -> str:
        """The verdict in a sentence."""
        line, effect = self.decisive_arm, self.decisive_arm.effect
        baseline, value = effect.format_levels()
        levels = f"{value} instead of {baseline}"
        found = effect.format_effect(is_relative=self.is_relative)
        whose = {
            "any": f"The nearest to it of {self._n_claimed_arms()} variants, '{line.name}'",
            "all": f"The farthest from it, '{line.name}'",
        }
        subject = whose.get(self.claim, f"With '{line.name}'") + f": {self.metric} is {levels}, {found}"
        return f"{subject}; {self._claim_phrase()}: {_VERDICT_PHRASES[self.verdict]}."

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        effect, low, high = (to_json_value(part) for part in self.effect)
        return {
            "experiment": self.experiment,
            "hypothesis": self.hypothesis,
            "verdict": self.verdict,
            "effect": effect,
            "low": low,
            "high": high,
            "unit": self.unit,
            "variant": self.decisive_arm.name,
            "metric": self.metric,
            "direction": self.direction,
            "size": self.size,
            "is_relative": self.is_relative,
            "claim": self.claim,
            "confidence": self.confidence,
            "scenario": self.scenario,
            "customers": self.customers,
            "seed": self.seed,
            "replications": self.replications,
            "decides": self.decides,
            "variants": [line.to_json() for line in self.arm_results],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Findings":
        """Findings from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        own = {one.name: data[one.name] for one in fields(cls) if one.name != "arm_results"}
        return cls(**own, arm_results=tuple(ArmResult.from_json(one) for one in data["variants"]))

    def _n_claimed_arms(self) -> int:
        return sum(line.is_claimed for line in self.arm_results)

    def _claim_phrase(self) -> str:
        """What is claimed: 'claimed is a rise by 8 % or more'."""
        way = "a rise" if self.direction == "rises" else "a fall"
        if self.size == 0:
            return f"claimed is {way}"
        size = (
            f"{100 * self.size:g} %"
            if self.is_relative
            else format_value(self.size, self.decisive_arm.effect.unit, 2, is_difference=True).lstrip("+")
        )
        return f"claimed is {way} by {size} or more"


_VERDICT_PHRASES = {
    "supported": "the whole interval bears it out",
    "refuted": "the whole interval falls short of it",
    "undecided": "the interval leaves it open",
}


def format_relative_effect(found: IntervalEstimate) -> str:
    """A relative effect with its interval in per cent.

    Examples
    --------
    >>> format_relative_effect(IntervalEstimate(0.095, 0.075, 0.114))
    '+9.50 % [+7.50 %, +11.40 %]'
    """
    if math.isnan(found.effect):
        return "-"
    decimals = decimal_places("share", [part for part in found if not math.isnan(part)])
    told = [f"{100 * part:+.{decimals}f} %" for part in found]
    return told[0] if math.isnan(found.low) else f"{told[0]} [{told[1]}, {told[2]}]"


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value
