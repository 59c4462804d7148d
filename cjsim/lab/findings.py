"""What an experiment found: an effect for each arm, and the verdict on its hypothesis.

Lives here: the record, as plain values and as a table in text. Does not live here: how it came about (trying.py), its page (page.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cjsim.engine.result import jsonable
from cjsim.lab.sums import Interval
from cjsim.metrics.tables import decimals_of, interval, number

RELATIVE = "relative"
BASELINE = "baseline"  # in place of a verdict, where nothing differs from it


@dataclass(frozen=True)
class Effect:
    """A metric under an arm beside the baseline's: all customers of all seeds.

    Attributes
    ----------
    metric, unit : str
        Its name, its unit.
    baseline, value : float
        In that unit.
    absolute : Interval
        Of value - baseline, in that unit.
    relative : Interval
        Of the same as a share of the baseline's size.
    """

    metric: str
    unit: str
    baseline: float
    value: float
    absolute: Interval
    relative: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "metric": self.metric,
            "unit": self.unit,
            "baseline": jsonable(self.baseline),
            "value": jsonable(self.value),
            "absolute": [jsonable(part) for part in self.absolute],
            "relative": [jsonable(part) for part in self.relative],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Effect":
        """An effect from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        absolute, relative = (Interval(*(_number(part) for part in data[key])) for key in ("absolute", "relative"))
        return cls(data["metric"], data["unit"], _number(data["baseline"]), _number(data["value"]), absolute, relative)

    def levels(self) -> tuple[str, str]:
        """The baseline and the value, with as many decimals as show how they differ."""
        own = decimals_of(self.unit, (self.baseline, self.value))
        decimals = max(own, min(own + 3, decimals_of(self.unit, (self.absolute.effect,))))
        return number(self.baseline, self.unit, decimals), number(self.value, self.unit, decimals)

    def words(self, *, is_relative: bool) -> str:
        """The effect with its interval, as tables write it.

        Parameters
        ----------
        is_relative : bool
            As a share of the baseline.
        """
        if is_relative:
            return relative_words(self.relative)
        decimals = decimals_of(self.unit, self.absolute)
        effect = number(self.absolute.effect, self.unit, decimals, sign=True)
        return f"{effect} {interval(self.absolute.low, self.absolute.high, self.unit, decimals, sign=True)}".rstrip()


@dataclass(frozen=True)
class Line:
    """One arm of an experiment.

    Attributes
    ----------
    name : str
        Of the arm.
    values : Mapping of str to Any
        What it sets, by path; empty for a scenario of its own.
    is_claimed : bool
        Whether the hypothesis is about it; one that is the baseline itself is not.
    effect : Effect
        Of the metric of the hypothesis.
    verdict : str
        Of this effect; 'baseline' for a point of a sweep that is the baseline.
    watched : tuple of Effect
        Of further metrics.
    seeds : tuple of Interval
        Of the effect in each seed: relative, where the claim is.
    spread : float
        How much further seeds lie apart than customers explain; nan for one seed.
    """

    name: str
    values: Mapping[str, Any]
    is_claimed: bool
    effect: Effect
    verdict: str
    watched: tuple[Effect, ...]
    seeds: tuple[Interval, ...]
    spread: float

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "name": self.name,
            "values": dict(self.values),
            "is_claimed": self.is_claimed,
            "effect": self.effect.to_json(),
            "verdict": self.verdict,
            "watched": [one.to_json() for one in self.watched],
            "seeds": [[jsonable(part) for part in one] for one in self.seeds],
            "spread": jsonable(self.spread),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Line":
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
            effect=Effect.from_json(data["effect"]),
            verdict=data["verdict"],
            watched=tuple(Effect.from_json(one) for one in data["watched"]),
            seeds=tuple(Interval(*(_number(part) for part in one)) for one in data["seeds"]),
            spread=_number(data["spread"]),
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
    lines : tuple of Line
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
    lines: tuple[Line, ...]
    decides: int
    verdict: str

    @property
    def decisive(self) -> Line:
        """The arm that the verdict rests on."""
        return self.lines[self.decides]

    @property
    def effect(self) -> Interval:
        """Its effect, as a share of the baseline if that is what is claimed."""
        return self.decisive.effect.relative if self.is_relative else self.decisive.effect.absolute

    @property
    def unit(self) -> str:
        """Of the effect: the metric's, or 'relative'."""
        return RELATIVE if self.is_relative else self.decisive.effect.unit

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Findings({self.experiment}: {self.verdict})"

    def summary(self) -> str:
        """The verdict and the arms, in text."""
        names = [line.name for line in self.lines]
        width = max(map(len, names))
        of = " (relative to the baseline)" if self.is_relative else ""
        rows = [f"  {line.name:<{width}}  {line.effect.words(is_relative=self.is_relative)}  {line.verdict}" for line in self.lines]
        return "\n".join([f"{self.experiment}: {self.verdict}", f"  {self.sentence()}", "", f"  Effect on {self.metric}{of}:", *rows])

    def sentence(self) -> str:
        """The verdict in a sentence."""
        line, effect = self.decisive, self.decisive.effect
        baseline, value = effect.levels()
        levels = f"{value} instead of {baseline}"
        found = effect.words(is_relative=self.is_relative)
        whose = {"any": f"The nearest to it of {self._count()} variants, '{line.name}'", "all": f"The farthest from it, '{line.name}'"}
        subject = whose.get(self.claim, f"With '{line.name}'") + f": {self.metric} is {levels}, {found}"
        return f"{subject}; {self._claimed_words()}: {_ENDINGS[self.verdict]}."

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        effect, low, high = (jsonable(part) for part in self.effect)
        return {
            "experiment": self.experiment,
            "hypothesis": self.hypothesis,
            "verdict": self.verdict,
            "effect": effect,
            "low": low,
            "high": high,
            "unit": self.unit,
            "variant": self.decisive.name,
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
            "variants": [line.to_json() for line in self.lines],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Findings":
        """Findings from plain values.

        Parameters
        ----------
        data : Mapping of str to Any
            What `to_json` gave.
        """
        own = {one.name: data[one.name] for one in fields(cls) if one.name != "lines"}
        return cls(**own, lines=tuple(Line.from_json(one) for one in data["variants"]))

    def _count(self) -> int:
        return sum(line.is_claimed for line in self.lines)

    def _claimed_words(self) -> str:
        """What is claimed: 'claimed is a rise by 8 % or more'."""
        way = "a rise" if self.direction == "rises" else "a fall"
        if self.size == 0:
            return f"claimed is {way}"
        size = f"{100 * self.size:g} %" if self.is_relative else number(self.size, self.decisive.effect.unit, 2, sign=True).lstrip("+")
        return f"claimed is {way} by {size} or more"


_ENDINGS = {
    "supported": "the whole interval bears it out",
    "refuted": "the whole interval falls short of it",
    "undecided": "the interval leaves it open",
}


def relative_words(found: Interval) -> str:
    """A relative effect with its interval in per cent.

    Examples
    --------
    >>> relative_words(Interval(0.095, 0.075, 0.114))
    '+9.50 % [+7.50 %, +11.40 %]'
    """
    if math.isnan(found.effect):
        return "-"
    decimals = decimals_of("share", [part for part in found if not math.isnan(part)])
    told = [f"{100 * part:+.{decimals}f} %" for part in found]
    return told[0] if math.isnan(found.low) else f"{told[0]} [{told[1]}, {told[2]}]"


def _number(value: float | None) -> float:
    return math.nan if value is None else value
