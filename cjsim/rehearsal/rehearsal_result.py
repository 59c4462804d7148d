"""`Rehearsal`: the result of rehearsing tests of alternatives against a baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.json_records import plain_values, write_json
from cjsim.metrics.number_format import decimal_places, format_interval, format_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.text_table import align_columns
from cjsim.output_folder import FolderResult
from cjsim.rehearsal.multiple_metrics import MultipleMetricReport
from cjsim.rehearsal.operating_characteristics import DesignReport, Rate
from cjsim.rehearsal.profit_maximizing_size import SizedTest
from cjsim.rehearsal.scenario_outcomes import Interference

if TYPE_CHECKING:
    import pandas as pd

_HEADER = (
    *("size", "days", "power", "closed form", "MDE", "false positives", "coverage", "exaggeration"),
    *("wrong sign", "wrong decision", "loss", "analysis"),
)


class GuardrailDesign(NamedTuple):
    """Behavior of the guardrail metrics in tests of one size and duration, at a fixed horizon.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    days : float
        Days for which each customer is observed.
    report : MultipleMetricReport
        Report whose only metric is that of the rehearsal.
    """

    size: int
    days: float
    report: MultipleMetricReport

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the share of tests that ship, and for each guardrail the shares that pass it."""
        metrics = {
            name: {"margin": one.margin, "effect": one.effect, "passed": one.passed.value, "passed_at_margin": one.passed_at_margin.value}
            for name, one in self.report.guardrails.items()
        }
        return {"size": self.size, "days": self.days, "shipped": self.report.shipped.value, "metrics": metrics}


@dataclass(frozen=True)
class AlternativeReport:
    """Rehearsed tests of one alternative.

    Attributes
    ----------
    truth : PairedDifference
        The metric under both policies over the scenario's horizon, and the true effect with its paired 95 % interval.
    designs : tuple of DesignReport
        One per number of days, size and analysis.
    recommended : DesignReport or None
        The smallest adequate design; None if no design is adequate.
    most_profitable : SizedTest or None
        The size that maximizes profit at the given share; None if the value of the metric in money is unknown or the policies are equal.
    guardrails : tuple of GuardrailDesign
        One per number of days and size; empty without guardrails.
    truth_by_days : Mapping of float to PairedDifference
        True effect after each number of days, which a short test can show.
    interference : Mapping of float to Interference
        Bias of mixed assignment, by number of days; empty if customers share nothing.
    trigger_share : float
        Share of enrolled customers who reach the trigger.
    """

    truth: PairedDifference
    designs: tuple[DesignReport, ...]
    recommended: DesignReport | None
    most_profitable: SizedTest | None
    guardrails: tuple[GuardrailDesign, ...] = ()
    truth_by_days: Mapping[float, PairedDifference] = field(default_factory=lambda: MappingProxyType({}))
    interference: Mapping[float, Interference] = field(default_factory=lambda: MappingProxyType({}))
    trigger_share: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        chosen, profit = self.recommended, self.most_profitable
        return {
            "truth": {"effect": self.truth.effect, "low": self.truth.low, "high": self.truth.high},
            "designs": [design.to_json() for design in self.designs],
            "recommended": None if chosen is None else {"size": chosen.size, "days": chosen.days, "analysis": chosen.analysis},
            "most_profitable": None if profit is None else {"size": round(profit.total), "gain": profit.gain},
            "guardrails": [one.to_json() for one in self.guardrails],
            "truth_by_days": [
                {"days": days, "effect": one.effect, "low": one.low, "high": one.high} for days, one in self.truth_by_days.items()
            ],
            "interference": [{"days": days, **one._asdict()} for days, one in self.interference.items()],
            "trigger_share": self.trigger_share,
        }


@dataclass(frozen=True, eq=False)
class Rehearsal(FolderResult):
    """Rehearsed tests of alternatives against a baseline.

    `save` writes `rehearsal.json` and `designs.csv`.

    Attributes
    ----------
    base : str
        Name of the baseline.
    metric, unit : str
        The metric and its unit.
    alternatives : Mapping of str to AlternativeReport
        Reports by name of the alternative.
    mode : str
        'reuse': the outcomes of customers who share nothing are resampled. 'joint': mixed assignment is simulated.
    shared : tuple of str
        What customers share: desks, budgets of sends, referrals.
    starts_on : date or None
        Date on which customers switch to the alternative; None: it applies from entry.
    customers, seed : int
        Number of initial customers and seed of the simulations.
    """

    base: str
    metric: str
    unit: str
    alternatives: Mapping[str, AlternativeReport]
    mode: str = "reuse"
    shared: tuple[str, ...] = ()
    starts_on: date | None = None
    customers: int = 0
    seed: int = 1
    _marker = "rehearsal.json"

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        n_designs = sum(len(report.designs) for report in self.alternatives.values())
        return f"Rehearsal({self.metric}, {self.base} against {', '.join(self.alternatives)}: {n_designs} designs)"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. The first alternative stands at the top; `alternatives` has all of them by name."""
        reports = {name: report.to_json() for name, report in self.alternatives.items()}
        first = next(iter(reports.values()))
        return plain_values({"metric": self.metric, "unit": self.unit, **first, "mode": self.mode, "alternatives": reports})

    def to_pandas(self) -> "pd.DataFrame":
        """Return the designs as a frame with one row per alternative and design; columns ending in `_error` are Monte Carlo errors."""
        import pandas as pd

        rows = []
        for name, report in self.alternatives.items():
            for design in report.designs:
                values = {key: value for key, value in design.to_json().items() if key not in ("errors", "runs")}
                errors = {f"{key}_error": rate.error for key, rate in design.rates.items()}
                rows.append({"alternative": name, **values, **errors, "runs": design.power.runs})
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Return the designs of each alternative as text tables, with the true effect and the recommended design."""
        return "\n\n".join(self._table(name, report) for name, report in self.alternatives.items())

    def _table(self, name: str, report: AlternativeReport) -> str:
        truth, chosen, profit = report.truth, report.recommended, report.most_profitable
        decimals = decimal_places(self.unit, [truth.effect, truth.low, truth.high])
        effect = format_value(truth.effect, self.unit, decimals, is_difference=True)
        interval = format_interval(truth.low, truth.high, self.unit, decimals, is_difference=True)
        lines = [
            f"{self.metric}: {name} against {self.base}. True effect over the horizon: {effect} {interval}",
            align_columns(_HEADER, [self._row(design) for design in report.designs]),
            "+-: Monte Carlo error. false positives: significant although there is no effect. wrong decision: the worse policy is chosen.",
        ]
        if chosen is None:
            lines.append("Recommended: none of these designs has enough power at its nominal rate of false positives. Use larger sizes.")
        else:
            lines.append(f"Recommended: {chosen.size:,} customers for {chosen.days:g} days, {chosen.analysis}.")
        for tested in report.guardrails:
            passed = ", ".join(f"{key} {_rate_text(one.passed, 3)}" for key, one in tested.report.guardrails.items())
            shipped = _rate_text(tested.report.shipped, 3)
            lines.append(f"Guardrails passed with {tested.size:,} customers for {tested.days:g} days: {passed}. Rolled out: {shipped}.")
        if profit is not None:
            lines.append(f"Most profitable: {profit.total:,.0f} customers, then the better policy for all others (test and roll).")
        return "\n\n".join(lines)

    def _row(self, design: DesignReport) -> tuple[str, ...]:
        decimals = decimal_places(self.unit, [design.mde])
        return (
            f"{design.size:,}",
            f"{design.days:g}",
            _rate_text(design.power, 3),
            f"{design.power_closed_form:.3f}",
            format_value(design.mde, self.unit, decimals, is_difference=True).lstrip("+"),
            _rate_text(design.false_positive, 3),
            _rate_text(design.coverage, 3),
            _rate_text(design.exaggeration, 2),
            _rate_text(design.sign_error, 3),
            _rate_text(design.wrong_decision, 3),
            format_value(design.expected_loss.value, "money", 0),
            design.analysis,
        )

    def _write_files(self, folder: Path) -> None:
        self.to_pandas().to_csv(folder / "designs.csv", index=False)
        write_json(folder / self._marker, self.to_json())


def _rate_text(rate: Rate, decimals: int) -> str:
    """Format a rate with its Monte Carlo error."""
    if rate.runs == 0 or rate.value != rate.value:
        return "-"
    return f"{rate.value:.{decimals}f} +- {rate.error:.{decimals}f}"
