"""The data of a rehearsal: the test designs for each alternative, beside the true effect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from cjsim.json_records import plain_values
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.rehearsal.multiple_metrics import MultipleMetricReport
from cjsim.rehearsal.operating_characteristics import DesignReport
from cjsim.rehearsal.profit_maximizing_size import SizedTest
from cjsim.rehearsal.scenario_outcomes import Interference


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
        """Return plain values: the share of tests that lead to a rollout and, for each guardrail, the shares of tests that pass it."""
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
        True effect after each number of days, which is the effect that a test of this length can show.
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
class RehearsalData:
    """Rehearsed tests of alternatives against a baseline.

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
        What customers share: desks, send budgets, referrals.
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

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. The first alternative appears at the top level; `alternatives` holds all of them by name."""
        reports = {name: report.to_json() for name, report in self.alternatives.items()}
        first = next(iter(reports.values()))
        return plain_values(
            {
                "metric": self.metric,
                "unit": self.unit,
                **first,
                "mode": self.mode,
                "shared": self.shared,
                **self._provenance(),
                "alternatives": reports,
            }
        )

    def _provenance(self) -> dict[str, Any]:
        start = "entry" if self.starts_on is None else f"{self.starts_on}"
        return {"base": self.base, "from": start, "customers": self.customers, "seed": self.seed}
