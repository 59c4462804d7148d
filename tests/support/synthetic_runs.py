"""Runs made from outcome arrays, without an engine."""

from dataclasses import replace
from typing import Any

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.compiler.wages import Wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.kernels.codes import UNOBSERVED, TouchCode
from cjsim.kernels.world import Array
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.run import Run

CODEBOOK = Codebook(
    events=(*(touch.name.lower() for touch in TouchCode), "purchase"),
    stages=("prospect", "active", "lapsed"),
    channels=("email", "sms"),
    messages=("news",),
    sources=("weekly",),
    scores=(),
    tags=(),
    personas=("loyal", "fickle"),
    traits=("rate",),
    attributes={"country": ("UK", "FR")},
    moments=("conversion", "first_value"),
    interests=(),
    offers=(),
    desks=(),
    acquisition=(),
)
PROVENANCE = Provenance(
    scenario="shop",
    digests={"scenario": "0a", "journey": "0b", "policy": "0c"},
    start="2026-01-15",
    horizon=365.0,
    customers=0,
    seed=7,
    arrived=0,
    referred=0,
    entry={"over_days": 0.0},
    spend={},
    desk_rates={},
    engine="compiled",
    events=0,
    seconds=0.25,
    date="2026-11-21T00:00:00+00:00",
    version="0.1.0",
    platform="any",
    python="3.11",
    libraries={"numpy": "2"},
)


def empty_outcomes(n: int) -> Outcomes:
    """Customers without events: in `prospect` for a year, not converted."""
    made = Outcomes.zeros(n, moments=2, stages=3, channels=2, desks=0)
    made.customers["retained"] = made.customers["base_retained"] = UNOBSERVED
    made.customers["interest"] = -1
    made.customers["first_purchase"] = made.customers["last_purchase"] = np.nan
    made.moments[:] = np.nan
    made.dwell[:, 0] = 365
    return made


def random_outcomes(n: int, seed: int = 1, shift: float = 0.0) -> Outcomes:
    """Customers who buy, open messages and leave at random; `shift` is added to each purchase."""
    rng = np.random.default_rng(seed)
    made = empty_outcomes(n)
    of = made.customers
    converted = rng.random(n) < 0.6
    made.moments[converted, 0] = rng.uniform(0, 100, converted.sum())
    made.moments[rng.random(n) < 0.3, 1] = 50.0
    of["purchases"] = np.where(converted, 1 + rng.poisson(1, n), 0)
    of["revenue"] = of["purchases"] * (rng.gamma(2, 20, n) + shift)
    of["margin"] = of["revenue"] * 0.4
    of["stage"] = np.where(converted, np.where(rng.random(n) < 0.7, 1, 2), 0)
    of["retained"] = np.where(converted[:, None], rng.random((n, 4)) < [0.9, 0.8, 0.7, 0.6], UNOBSERVED)
    of["first_purchase"] = made.moments[:, 0]
    delivered = rng.poisson(5, (n, 2))
    opened = rng.binomial(delivered, rng.beta(2, 6, (n, 1)))
    for touch, counts in ((TouchCode.DELIVERED, delivered), (TouchCode.OPENED, opened), (TouchCode.CLICKED, rng.binomial(opened, 0.1))):
        made.touch_counts[:, :, touch] = counts
    made.touch_counts[:, 0, TouchCode.SUPPRESSED_CAP] = rng.poisson(0.5, n)
    of["contacts"], of["opens"] = delivered.sum(axis=1), opened.sum(axis=1)
    of["cost"] = 0.01 * of["contacts"]
    of["clv"] = of["margin"] - of["cost"]
    of["satisfaction"] = rng.random(n)
    of["persona"] = rng.integers(0, 2, n)
    return made


def run_from_outcomes(outcomes: Outcomes, **changes: Any) -> Run:
    """A run with these outcomes; `changes` are fields of the run or of its provenance."""
    n = len(outcomes.customers)
    of_run = {
        name: changes.pop(name)
        for name in ("retained", "hidden", "log_path", "codebook", "registry", "wages", "fixed_costs")
        if name in changes
    }
    desks = of_run.get("codebook", CODEBOOK).desks
    changes = {"customers": n, "events": int(outcomes.touch_counts.sum()), "desk_rates": dict.fromkeys(desks, 0.0)} | changes
    provenance = replace(PROVENANCE, **changes)
    rest: dict[str, Any] = {
        "codebook": CODEBOOK,
        "retained": ("active",),
        "hidden": ("lapsed",),
        "registry": PopulationRegistry.initial_only(n),
        "wages": dict.fromkeys(desks, Wages(0.0, 0.0)),
    }
    return Run(provenance=provenance, outcomes=outcomes, profiles=lambda: synthetic_profiles(n), **(rest | of_run))


def synthetic_profiles(n: int) -> CustomerProfiles:
    country: Array = np.where(np.arange(n) % 3 == 0, "FR", "UK")
    return CustomerProfiles({"country": country}, {"rate": np.linspace(0, 1, n)})
