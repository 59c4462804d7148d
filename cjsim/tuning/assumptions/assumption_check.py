"""The result of `assumptions`: the difference between two scenarios with stronger and weaker assumed effects of messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjsim.json_records import plain_values
from cjsim.metrics.number_format import named_unit, unit_in_text
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.scenario.phrases import join_alternatives, join_items
from cjsim.tuning.levers.effect_cells import effect_cells, effect_mark

if TYPE_CHECKING:
    import pandas as pd

LABELS = {1.0: "as stated", 0.0: "without them", 0.5: "half", 2.0: "double"}
FACTORS = tuple(LABELS)  # what the assumed effects are multiplied by
_PHRASES = {0.0: "without them", 0.5: "with half of them", 2.0: "with double"}


@dataclass(frozen=True, repr=False)
class AssumptionCheck(FolderResult):
    """The difference between two scenarios, by how strong the assumed effects of messages are.

    `save` writes `assumptions.csv` and `assumptions.json`.

    Attributes
    ----------
    baseline, alternative : str
        Names of the scenarios.
    metric, unit : str
        Name of the metric and its unit.
    n_effects, n_assumed : int
        Number of effects of messages in the alternative's journey, and how many of them are assumed or have no stated source.
    customers, seed, replications : int
        Number of initial customers, seed and number of replications of each run.
    effects : Mapping of float to PairedDifference
        Difference in the metric by factor: 1 as stated, 0 without the assumed effects, 0.5 and 2. Only 1 if none is assumed.
    seconds : float
        Wall time, in seconds.
    currency : str or None
        Currency of the scenarios.
    notes : tuple of str
        Notes on the runs, as in a comparison.
    """

    baseline: str
    alternative: str
    metric: str
    unit: str
    n_effects: int
    n_assumed: int
    customers: int
    seed: int
    replications: int
    effects: Mapping[float, PairedDifference]
    seconds: float
    currency: str | None
    notes: tuple[str, ...]

    _marker = "assumptions.json"

    def _facts(self) -> str:
        return f"{self.metric} of {self.baseline} and {self.alternative}: {self._counts()}"

    def _answer(self) -> str:
        verdict = self._verdict() if self.n_assumed else f"{self._change()} does not depend on such assumptions."
        return f"{self._counts()}. {verdict}"

    def _counts(self) -> str:
        return f"{self.n_assumed} of {self.n_effects} effects of messages are assumed"

    def _change(self) -> str:
        return f"The change of {self.metric} ({' '.join(effect_cells(self.effects[1.0], self.unit))})"

    def _verdict(self) -> str:
        stated, others = self.effects[1.0], {factor: self.effects[factor] for factor in _PHRASES}
        clear = [_PHRASES[factor] for factor, effect in others.items() if effect.is_significant]
        unclear = [_PHRASES[factor] for factor, effect in others.items() if not effect.is_significant]
        reverse = [_PHRASES[factor] for factor, effect in others.items() if effect.is_significant and effect.effect * stated.effect < 0]
        if not stated.is_significant:
            other = f", but does so {join_items(clear)}" if clear else ", whatever their size"
            return f"'{self.alternative}' does not clearly change {self.metric}{other}."
        parts = [f"is not clear {join_alternatives(unclear)}"] if unclear else []
        parts += [f"is reversed {join_items(reverse)}"] if reverse else []
        return f"{self._change()} {', and '.join(parts) or 'has the same direction without them, with half of them and with double'}."

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the answer and a table of the difference by strength of the assumed effects."""
        amount = unit_in_text(self.unit, self.currency)
        header = ("assumed effects", f"change of {self.metric}{f' ({amount})' if amount else ''}", "95 % interval", "")
        rows = [
            (LABELS[factor], *effect_cells(effect, self.unit), effect_mark(effect, holds=False, is_unreliable=False))
            for factor, effect in self.effects.items()
        ]
        return "\n\n".join([wrap_lines(self._answer()), align_columns(header, rows), wrap_lines(self._caption())])

    def _caption(self) -> str:
        several = f", {self.replications} replications" if self.replications > 1 else ""
        lines = [
            f"'{self.alternative}' minus '{self.baseline}': {self.customers:,} customers, seed {self.seed}{several}, paired.",
            "Effects of messages are their lifts and sways, and lifts that every delivery has on a persona. Those without a stated source "
            "count as assumed. Other assumptions of the journey are not changed.",
            "* the 95 % interval excludes 0.",
        ]
        return "\n".join([*lines, *self.notes])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        facts: dict[str, Any] = {"baseline": self.baseline, "alternative": self.alternative, "metric": self.metric}
        facts |= {"unit": named_unit(self.unit, self.currency)}
        counts: dict[str, Any] = {"n_effects": self.n_effects, "n_assumed": self.n_assumed, "customers": self.customers}
        counts |= {"seed": self.seed, "replications": self.replications, "seconds": self.seconds}
        rows = [{"factor": factor} | effect._asdict() for factor, effect in self.effects.items()]
        return plain_values(facts | counts | {"answer": self._answer(), "notes": list(self.notes), "effects": rows})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per factor by which the assumed effects are multiplied. `unit` is that of the effect."""
        import pandas as pd

        return pd.DataFrame([{"factor": factor} | effect._asdict() | {"unit": self.unit} for factor, effect in self.effects.items()])
