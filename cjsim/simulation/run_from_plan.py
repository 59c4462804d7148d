"""`run_from_plan`: creates a `Run` from the outcomes of a simulated plan."""

from functools import partial
from pathlib import Path

import numpy as np

from cjsim.compiler.fixed_costs import fixed_costs
from cjsim.compiler.plan import FloatArray, Plan
from cjsim.compiler.wages import WageTerms, desk_wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.scenario.rosters import crew_days
from cjsim.simulation.customer_profiles import draw_profiles
from cjsim.simulation.run import Run


def run_from_plan(
    plan: Plan,
    provenance: Provenance,
    outcomes: Outcomes,
    registry: PopulationRegistry,
    log_path: Path | None = None,
    *,
    late_entries: FloatArray | None = None,
) -> Run:
    """Create the result of a simulated plan.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    provenance : Provenance
        Provenance of the run, including the seed.
    outcomes : Outcomes
        Outcome arrays by customer. They are made read-only.
    registry : PopulationRegistry
        Customers of the run.
    log_path : Path, optional
        Parquet file of the event log.
    late_entries : ndarray of float64, optional
        Times at or after the horizon at which customers enter, in days, ascending; none by default.
    """
    names, stages = plan.codebook.stages, plan.world.stages
    payments = {} if plan.population.is_cut else plan.payments
    setting, entered = plan.world.setting[0], np.maximum(outcomes.customers["entered"], 0.0)  # costs count from day 0 on
    late = np.zeros(0) if late_entries is None else late_entries
    terms = WageTerms(float(setting.horizon), float(setting.ends), float(setting.discount), late)
    return Run(
        provenance=provenance,
        codebook=plan.codebook,
        retained=tuple(name for name, stage in zip(names, stages, strict=True) if stage["retained"]),
        hidden=tuple(name for name, stage in zip(names, stages, strict=True) if stage["observed_as"] < 0),
        outcomes=outcomes.read_only(),
        registry=registry,
        wages={
            desk: desk_wages(desk_plan.wages, terms, entered=entered)._replace(
                agent_days=desk_plan.shared * crew_days(desk_plan.crews, provenance.horizon)
            )
            for desk, desk_plan in zip(plan.codebook.desks, plan.desks, strict=True)
        },
        fixed_costs=fixed_costs(payments, terms, entered=entered),
        profiles=partial(draw_profiles, plan, provenance.seed, registry),
        log_path=log_path,
    )
