"""What a finding adds to a page, and how its numbers are read and written."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cjsim.metrics.ratios import MetricDefinition, mean_of_outcome
from cjsim.metrics.shipped_metrics import PLACEHOLDER_NAMES, shipped_metric_definitions
from cjsim.pages.charts.chart_kinds import Axis, IntervalRow
from cjsim.pages.page_parts import Phrase, Section, Tone
from cjsim.pages.quantity_format import QuantityFormat, count_text, quantity_format
from cjsim.simulation.comparison_answer import metric_label

Content = Mapping[str, Any]


class FindingPart(NamedTuple):
    """A finding as a part of a page: its name and kind, the answer, and a section."""

    name: str
    subject: str
    sentence: tuple[Phrase, ...]
    lead: str
    section: Section


class Effect(NamedTuple):
    """An effect with its interval; nan where undefined."""

    effect: float
    low: float
    high: float

    @classmethod
    def of(cls, record: Content, key: str = "effect") -> "Effect":
        """Read an effect from a JSON object."""
        return cls(*(math.nan if record.get(name) is None else float(record[name]) for name in (key, "low", "high")))

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


class MetricWords(NamedTuple):
    """How the effects on a metric are written."""

    definition: MetricDefinition
    form: QuantityFormat

    @classmethod
    def of(cls, metric: str, unit: str, effects: Sequence[Effect], currency: str | None = None) -> "MetricWords":
        """Choose the format for effects on a metric, such as 'clv' or 'open_rate[email]'."""
        known = {one.name: one for one in shipped_metric_definitions(PLACEHOLDER_NAMES)}
        definition = known.get(metric) or MetricDefinition(metric, unit, metric, mean_of_outcome("clv"))
        largest = max(effects, key=lambda one: -1.0 if math.isnan(one.effect) else abs(one.effect), default=Effect(0.0, 0.0, 0.0))
        half = (largest.high - largest.low) / 2
        levels = [abs(one.effect) for one in effects]
        return cls(definition, quantity_format(definition, levels, half_width=half, currency=currency))

    @property
    def label(self) -> str:
        """Name of the metric in a sentence."""
        return metric_label(self.definition)

    @property
    def axis(self) -> Axis:
        """Axis of effects."""
        form = self.form
        title = f"Difference in {self.label} {form.per}".strip()
        return Axis(title, form.prefix, form.difference_suffix, form.scale, is_signed=True)

    def text(self, effect: Effect) -> str:
        """Return an effect with its interval. An effect that would be rounded to 0 has more decimals."""
        form = self.form
        if 0 < abs(effect.effect) * form.scale * 10**form.decimals < 0.5:
            form = MetricWords.of(self.definition.name, self.definition.unit, [effect]).form if form.scale == 1.0 else form
        return f"{form.difference(effect.effect)} {form.interval(effect.low, effect.high)}".strip()

    def tone(self, effect: Effect) -> Tone:
        """Return whether an effect is clearly better or worse."""
        if not effect.is_clear or self.definition.better == "neither":
            return "flat"
        return "gain" if (effect.effect > 0) == (self.definition.better == "higher") else "loss"

    def row(self, label: str, effect: Effect, *, is_clear: bool = True) -> IntervalRow:
        """Return a row of an interval chart."""
        color = self.tone(effect) if is_clear else "flat"
        return IntervalRow(label, effect.effect, effect.low, effect.high, self.text(effect), color)


def facts_lead(content: Content) -> str:
    """Return the number of customers and the seed as a sentence.

    Parameters
    ----------
    content : Mapping
        The finding.
    """
    return facts_caption({name: content.get(name) for name in ("customers", "seed")}, "Intervals are 95% intervals.")


def facts_caption(content: Content, *sentences: str) -> str:
    """Return a caption with the number of customers and the seed, then further sentences and the notes of the finding.

    Parameters
    ----------
    content : Mapping
        The finding.
    *sentences : str
        What else a reader must know.
    """
    facts = [f"n = {count_text(content['customers'], 'customer')}"] if content.get("customers") else []
    facts += [f"seed {content['seed']}"] if content.get("seed") is not None else []
    return " ".join([f"{', '.join(facts)}.", *sentences, *content.get("notes", [])])
