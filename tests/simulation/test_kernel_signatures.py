"""Kernels are compiled once: both engines, and scenarios with and without desks, pass arguments of the same types."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import ROOT
from numba.core import config

from cjsim.engine.event_loop import simulate_customers
from cjsim.engine.sync_points import needs_budget_turn, simulate_to_sync_point
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled without the JIT")

SHARED_KERNELS = (dispatch, start_customer, finish_customer, patience_days, service_days, needs_budget_turn)
COMPILED_LOOPS = (simulate_customers, simulate_to_sync_point)


@pytest.fixture(scope="module", autouse=True)
def runs_on_both_engines() -> None:
    for name in ("shop", "saas"):
        scenario = Scenario.load(ROOT / "configs" / "scenarios" / f"{name}.yaml").with_values({"horizon": "30d"})
        for engine in ("compiled", "readable"):
            simulate(scenario, customers=20, engine=engine, threads=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", [*SHARED_KERNELS, *COMPILED_LOOPS], ids=lambda kernel: kernel.__name__)
def test_kernel_has_one_signature(kernel: Callable[..., Any]) -> None:
    assert len(kernel.signatures) == 1  # type: ignore[attr-defined]
