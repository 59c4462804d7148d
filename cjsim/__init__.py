"""Simulate synthetic customers under touchpoint policies, and estimate retention, CLV, satisfaction and cost with confidence intervals.

This module is the public API. Its classes and functions are imported on first use, which keeps `import cjsim` fast.

Examples
--------
>>> import cjsim as cj
>>> cj.__version__
'0.1.0'
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cjsim.version import __version__

if TYPE_CHECKING:
    from cjsim.attribution.attribution_result import Attribution as Attribution
    from cjsim.attribution.path_credits import PathCredits as PathCredits
    from cjsim.attribution.path_credits import attribute_paths as attribute_paths
    from cjsim.attribution.response_cards.card_result import ResponseCards as ResponseCards
    from cjsim.attribution.response_cards.measurement import responses as responses
    from cjsim.attribution.rule_set import CreditSettings as CreditSettings
    from cjsim.attribution.scenario_attribution import attribution as attribution
    from cjsim.calibration.purchase_model import PurchaseCalibration as PurchaseCalibration
    from cjsim.calibration.purchase_model import calibrate_purchases as calibrate_purchases
    from cjsim.engine.running_simulation import CustomerView as CustomerView
    from cjsim.engine.running_simulation import RunningSimulation as RunningSimulation
    from cjsim.errors import InputError as InputError
    from cjsim.eventlog import EventLog as EventLog
    from cjsim.lab.document_types import check as check
    from cjsim.lab.document_types import describe as describe
    from cjsim.lab.experiment import Experiment as Experiment
    from cjsim.lab.findings import Findings as Findings
    from cjsim.lab.journal import Journal as Journal
    from cjsim.lab.journal import JournalListing as JournalListing
    from cjsim.lab.reported_experiment import experiment as experiment
    from cjsim.lab.version_comparison import VersionComparison as VersionComparison
    from cjsim.lab.version_comparison import compare_versions as compare_versions
    from cjsim.metrics.ratios import MetricDefinition as MetricDefinition
    from cjsim.metrics.ratios import RatioTerms as RatioTerms
    from cjsim.metrics.ratios import mean_of_outcome as mean_of_outcome
    from cjsim.metrics.ratios import mean_per_customer as mean_per_customer
    from cjsim.metrics.ratios import ratio_of_sums as ratio_of_sums
    from cjsim.metrics.ratios import total_over_customers as total_over_customers
    from cjsim.metrics.registration import register_metric as register_metric
    from cjsim.metrics.registration import temporary_metric as temporary_metric
    from cjsim.metrics.registration import unregister_metric as unregister_metric
    from cjsim.pages.build_report import report as report
    from cjsim.pages.maps.build_map import journey_map as journey_map
    from cjsim.pages.maps.map_result import JourneyMap as JourneyMap
    from cjsim.pages.report_result import Report as Report
    from cjsim.progress import Progress as Progress
    from cjsim.progress import ProgressBar as ProgressBar
    from cjsim.readout.readout_result import Readout as Readout
    from cjsim.readout.readout_settings import ReadoutSettings as ReadoutSettings
    from cjsim.readout.uplift_readout import uplift as uplift
    from cjsim.rehearsal.ramp.rollout_phases import Ramp as Ramp
    from cjsim.rehearsal.rehearsal_settings import Guardrail as Guardrail
    from cjsim.rehearsal.rehearsal_settings import RehearsalSettings as RehearsalSettings
    from cjsim.rehearsal.rehearsal_settings import Rollout as Rollout
    from cjsim.rehearsal.rehearse import rehearse as rehearse
    from cjsim.rehearsal.results.rehearsal_result import Rehearsal as Rehearsal
    from cjsim.reporting.diary import Diary as Diary
    from cjsim.reporting.walk import walk as walk
    from cjsim.simulation.compare_scenarios import compare as compare
    from cjsim.simulation.comparison import Comparison as Comparison
    from cjsim.simulation.documents import Journey as Journey
    from cjsim.simulation.documents import Policy as Policy
    from cjsim.simulation.documents import Scenario as Scenario
    from cjsim.simulation.run import Run as Run
    from cjsim.simulation.segments.grouped_metrics import GroupedMetrics as GroupedMetrics
    from cjsim.simulation.simulate import simulate as simulate
    from cjsim.simulation.trials.trial_export import export_trial as export_trial
    from cjsim.tuning.assumptions.assumption_check import AssumptionCheck as AssumptionCheck
    from cjsim.tuning.assumptions.check_assumptions import assumptions as assumptions
    from cjsim.tuning.cliffs.cliff_ranking import CliffRanking as CliffRanking
    from cjsim.tuning.cliffs.find_cliffs import cliffs as cliffs
    from cjsim.tuning.levers.rank import levers as levers
    from cjsim.tuning.levers.ranking import LeverRanking as LeverRanking
    from cjsim.tuning.levers.touchpoint_ranking import TouchpointRanking as TouchpointRanking
    from cjsim.tuning.levers.touchpoint_values import touchpoint_values as touchpoint_values
    from cjsim.tuning.optimize import optimize as optimize
    from cjsim.tuning.results.optimum import Optimum as Optimum
    from cjsim.tuning.study import Study as Study
    from cjsim.uplift.targeting.rule_condition import rule_condition as rule_condition
    from cjsim.uplift.targeting.rule_export import export_rule as export_rule
    from cjsim.uplift.targeting.rule_scores_of_rows import rule_decisions as rule_decisions
    from cjsim.uplift.targeting.rule_scores_of_rows import rule_scores as rule_scores
    from cjsim.uplift.targeting.rule_tables import TargetingRule as TargetingRule


_MODULE_BY_NAME = {
    "AssumptionCheck": "cjsim.tuning.assumptions.assumption_check",
    "Attribution": "cjsim.attribution.attribution_result",
    "CliffRanking": "cjsim.tuning.cliffs.cliff_ranking",
    "Comparison": "cjsim.simulation.comparison",
    "CreditSettings": "cjsim.attribution.rule_set",
    "CustomerView": "cjsim.engine.running_simulation",
    "Diary": "cjsim.reporting.diary",
    "EventLog": "cjsim.eventlog",
    "Experiment": "cjsim.lab.experiment",
    "Findings": "cjsim.lab.findings",
    "GroupedMetrics": "cjsim.simulation.segments.grouped_metrics",
    "Guardrail": "cjsim.rehearsal.rehearsal_settings",
    "InputError": "cjsim.errors",
    "Journal": "cjsim.lab.journal",
    "JournalListing": "cjsim.lab.journal",
    "JourneyMap": "cjsim.pages.maps.map_result",
    "Journey": "cjsim.simulation.documents",
    "LeverRanking": "cjsim.tuning.levers.ranking",
    "MetricDefinition": "cjsim.metrics.ratios",
    "Optimum": "cjsim.tuning.results.optimum",
    "PathCredits": "cjsim.attribution.path_credits",
    "Policy": "cjsim.simulation.documents",
    "Progress": "cjsim.progress",
    "ProgressBar": "cjsim.progress",
    "RatioTerms": "cjsim.metrics.ratios",
    "Readout": "cjsim.readout.readout_result",
    "ReadoutSettings": "cjsim.readout.readout_settings",
    "PurchaseCalibration": "cjsim.calibration.purchase_model",
    "Ramp": "cjsim.rehearsal.ramp.rollout_phases",
    "Rehearsal": "cjsim.rehearsal.results.rehearsal_result",
    "RehearsalSettings": "cjsim.rehearsal.rehearsal_settings",
    "Report": "cjsim.pages.report_result",
    "ResponseCards": "cjsim.attribution.response_cards.card_result",
    "Rollout": "cjsim.rehearsal.rehearsal_settings",
    "Run": "cjsim.simulation.run",
    "RunningSimulation": "cjsim.engine.running_simulation",
    "Scenario": "cjsim.simulation.documents",
    "Study": "cjsim.tuning.study",
    "TargetingRule": "cjsim.uplift.targeting.rule_tables",
    "TouchpointRanking": "cjsim.tuning.levers.touchpoint_ranking",
    "VersionComparison": "cjsim.lab.version_comparison",
    "assumptions": "cjsim.tuning.assumptions.check_assumptions",
    "attribute_paths": "cjsim.attribution.path_credits",
    "attribution": "cjsim.attribution.scenario_attribution",
    "calibrate_purchases": "cjsim.calibration.purchase_model",
    "check": "cjsim.lab.document_types",
    "cliffs": "cjsim.tuning.cliffs.find_cliffs",
    "compare": "cjsim.simulation.compare_scenarios",
    "compare_versions": "cjsim.lab.version_comparison",
    "describe": "cjsim.lab.document_types",
    "experiment": "cjsim.lab.reported_experiment",
    "export_rule": "cjsim.uplift.targeting.rule_export",
    "export_trial": "cjsim.simulation.trials.trial_export",
    "journey_map": "cjsim.pages.maps.build_map",
    "levers": "cjsim.tuning.levers.rank",
    "mean_of_outcome": "cjsim.metrics.ratios",
    "mean_per_customer": "cjsim.metrics.ratios",
    "optimize": "cjsim.tuning.optimize",
    "ratio_of_sums": "cjsim.metrics.ratios",
    "register_metric": "cjsim.metrics.registration",
    "rehearse": "cjsim.rehearsal.rehearse",
    "report": "cjsim.pages.build_report",
    "responses": "cjsim.attribution.response_cards.measurement",
    "rule_condition": "cjsim.uplift.targeting.rule_condition",
    "rule_decisions": "cjsim.uplift.targeting.rule_scores_of_rows",
    "rule_scores": "cjsim.uplift.targeting.rule_scores_of_rows",
    "simulate": "cjsim.simulation.simulate",
    "temporary_metric": "cjsim.metrics.registration",
    "total_over_customers": "cjsim.metrics.ratios",
    "unregister_metric": "cjsim.metrics.registration",
    "touchpoint_values": "cjsim.tuning.levers.touchpoint_values",
    "uplift": "cjsim.readout.uplift_readout",
    "walk": "cjsim.reporting.walk",
}

__all__ = ["__version__", *_MODULE_BY_NAME]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module 'cjsim' has no attribute '{name}'")
    home = import_module(_MODULE_BY_NAME[name])
    value = home if home.__name__ == f"{__name__}.{name}" else getattr(home, name)  # a name that is itself a module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _PublicModule(ModuleType):
    """Keeps a public function, such as `cjsim.attribution`, when Python imports the subpackage of the same name and would replace it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _MODULE_BY_NAME or not isinstance(value, ModuleType) or _MODULE_BY_NAME[name] == value.__name__:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _PublicModule
