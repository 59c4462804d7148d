"""Kernels are compiled once: `cjsim compile`, both engines, and scenarios with and without desks pass arguments of the same types."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import ROOT
from numba.core import config

from cjsim.kernel import compile_for
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import ALL_KERNELS, _arguments
from cjsim.simulation.simulate import simulate

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled without the JIT")


@pytest.fixture(scope="module", autouse=True)
def runs_on_both_engines() -> None:
    for kernel in ALL_KERNELS:
        compile_for(kernel, _arguments(kernel))
    for name in ("shop", "saas"):
        scenario = Scenario.load(ROOT / "configs" / "scenarios" / f"{name}.yaml").with_values({"horizon": "30d"})
        for engine in ("compiled", "readable"):
            simulate(scenario, customers=20, engine=engine, threads=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.__name__)
def test_kernel_has_one_signature(kernel: Callable[..., Any]) -> None:
    assert len(kernel.signatures) == 1  # type: ignore[attr-defined]
