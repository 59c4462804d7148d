"""The data of a rehearsal: the test designs for each alternative, alongside the true effect."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from cjsim.json_records import ComparableRecord, plain_values
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.rehearsal.multiple_metrics import MultipleMetricReport
from cjsim.rehearsal.profit_maximizing_size import SizedTest
from cjsim.rehearsal.ramp.designs_by_phase import RampedTest
from cjsim.rehearsal.results.design_report import DesignReport
from cjsim.rehearsal.scenario_outcomes import Interference, TriggeredEnrollment


class GuardrailDesign(NamedTuple):
    """Behavior of the guardrail metrics in tests of one size and duration, at a fixed horizon.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    days : float
        Days for which each customer is observed.
    report : MultipleMetricReport
        Report whose only metric is the metric of the rehearsal.
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


class Dilution(NamedTuple):
    """A test with a trigger compared with the same test without it, both at a fixed horizon. Without it, all customers enroll.

    Attributes
    ----------
    triggered : DesignReport
        Test of the customers who reach the trigger, from the trigger.
    everyone : DesignReport
        Test of as many customers as are needed for the same number to reach the trigger, from entry or from the date of the switch.
    """

    triggered: DesignReport
    everyone: DesignReport

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        one, other = self.triggered, self.everyone
        return {
            "size": one.size,
            "days": one.days,
            "effect": one.effect,
            "power": one.power.value,
            "size_without_trigger": other.size,
            "effect_without_trigger": other.effect,
            "power_without_trigger": other.power.value,
        }


@dataclass(frozen=True)
class AlternativeReport(ComparableRecord):
    """Rehearsed tests of one alternative.

    Attributes
    ----------
    truth : PairedDifference
        The metric under both policies until the scenario's horizon, and the true effect on the customers who enroll, with its paired 95 %
        interval.
    designs : tuple of DesignReport
        One per number of days, size and analysis.
    recommended : DesignReport or None
        The smallest adequate design; None if no design is adequate.
    most_profitable : SizedTest or None
        The size that maximizes profit at the given share; None if the value of the metric in money is unknown, the policies are equal, or
        the share changes.
    guardrails : tuple of GuardrailDesign
        One per number of days and size; empty without guardrails.
    truth_by_days : Mapping of float to PairedDifference
        True effect after each number of days, which is the effect that a test of this length can show.
    interference : Mapping of float to Interference
        Bias of mixed assignment, by number of days; empty if customers share nothing.
    enrollment : TriggeredEnrollment or None
        Shares of customers who reach the trigger; None without a trigger.
    dilution : tuple of Dilution
        One per number of days and size; empty without a trigger or with a ramp.
    ramp : tuple of RampedTest
        One per number of days and size: customers by phase, and the pooled analysis; empty without a ramp.
    constant_baseline_days : tuple of float
        Numbers of days after which the metric is the same for all customers under the baseline. False positives are then 0 by construction.
    """

    truth: PairedDifference
    designs: tuple[DesignReport, ...]
    recommended: DesignReport | None
    most_profitable: SizedTest | None
    guardrails: tuple[GuardrailDesign, ...] = ()
    truth_by_days: Mapping[float, PairedDifference] = field(default_factory=lambda: MappingProxyType({}))
    interference: Mapping[float, Interference] = field(default_factory=lambda: MappingProxyType({}))
    enrollment: TriggeredEnrollment | None = None
    dilution: tuple[Dilution, ...] = ()
    ramp: tuple[RampedTest, ...] = ()
    constant_baseline_days: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        chosen, profit, enrollment = self.recommended, self.most_profitable, self.enrollment
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
            "trigger_share": 1.0 if enrollment is None else enrollment.reached,
            "late_share": 0.0 if enrollment is None else enrollment.late,
            "dilution": [one.to_json() for one in self.dilution],
            "ramp": [one.to_json() for one in self.ramp],
            "constant_baseline_days": list(self.constant_baseline_days),
        }


@dataclass(frozen=True, eq=False, repr=False)
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
    trigger : str or None
        Event at which customers enroll.
    starts_on : date or None
        Date on which customers switch to the alternative; None: it applies from entry.
    customers, seed : int
        Number of initial customers and seed of the simulations.
    replications : int
        Number of simulations of each test in mode 'joint', with consecutive seeds; 0 in mode 'reuse'.
    target_power : float
        Power of the minimum detectable effects, and of a recommended design.
    latest_entry : float
        Customers who enter after this day are left out; inf if there are none or they are included.
    currency : str or None
        Currency of the scenarios.
    """

    base: str
    metric: str
    unit: str
    alternatives: Mapping[str, AlternativeReport]
    mode: str = "reuse"
    shared: tuple[str, ...] = ()
    trigger: str | None = None
    starts_on: date | None = None
    customers: int = 0
    seed: int = 1
    replications: int = 0
    target_power: float = 0.8
    latest_entry: float = math.inf
    currency: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. The first alternative appears at the top level; `alternatives` holds all of them by name."""
        reports = {name: report.to_json() for name, report in self.alternatives.items()}
        first = next(iter(reports.values()))
        return plain_values(
            {
                "metric": self.metric,
                "unit": self.unit,
                **({"currency": self.currency} if self.currency else {}),
                **first,
                "mode": self.mode,
                "shared": self.shared,
                **self._provenance(),
                "alternatives": reports,
            }
        )

    def _provenance(self) -> dict[str, Any]:
        start = "entry" if self.starts_on is None else f"{self.starts_on}"
        return {"base": self.base, "from": start, "trigger": self.trigger, "customers": self.customers, "seed": self.seed}
