"""Synthetic customers under touchpoint policies: what would happen to retention, CLV and satisfaction.

Lives here: the face, that is the nouns and verbs that a user types. Each is imported when first used, so that `import cjsim`
costs nothing. Does not live here: anything that computes.

Examples
--------
>>> import cjsim as cj
>>> cj.__version__
'0.1.0'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjsim.calibrate.purchases import calibrate_purchases
    from cjsim.engine.result import Run
    from cjsim.engine.run import simulate
    from cjsim.eventlog import EventLog
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.findings import Findings
    from cjsim.lab.trying import experiment
    from cjsim.metrics.compare import Comparison, compare
    from cjsim.model.describe import describe
    from cjsim.model.journey import Journey
    from cjsim.model.policy import Policy
    from cjsim.model.scenario import Scenario
    from cjsim.report.diary import Diary
    from cjsim.report.walk import walk
    from cjsim.tuning.levers import Levers, levers
    from cjsim.tuning.optimize import optimize
    from cjsim.tuning.optimum import Optimum
    from cjsim.tuning.study import Study

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "cjsim.metrics.compare",
    "Diary": "cjsim.report.diary",
    "EventLog": "cjsim.eventlog",
    "Experiment": "cjsim.lab.experiment",
    "Findings": "cjsim.lab.findings",
    "Journey": "cjsim.model.journey",
    "Levers": "cjsim.tuning.levers",
    "Optimum": "cjsim.tuning.optimum",
    "Policy": "cjsim.model.policy",
    "Run": "cjsim.engine.result",
    "Scenario": "cjsim.model.scenario",
    "Study": "cjsim.tuning.study",
    "calibrate_purchases": "cjsim.calibrate.purchases",
    "compare": "cjsim.metrics.compare",
    "describe": "cjsim.model.describe",
    "experiment": "cjsim.lab.trying",
    "levers": "cjsim.tuning.levers",
    "optimize": "cjsim.tuning.optimize",
    "simulate": "cjsim.engine.run",
    "walk": "cjsim.report.walk",
}

__all__ = [
    "Comparison",
    "Diary",
    "EventLog",
    "Experiment",
    "Findings",
    "Journey",
    "Levers",
    "Optimum",
    "Policy",
    "Run",
    "Scenario",
    "Study",
    "__version__",
    "calibrate_purchases",
    "compare",
    "describe",
    "experiment",
    "levers",
    "optimize",
    "simulate",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cjsim' has no attribute '{name}'")
    home = import_module(_HOMES[name])
    value = home if home.__name__ == f"{__name__}.{name}" else getattr(home, name)  # a package that is itself the verb
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
