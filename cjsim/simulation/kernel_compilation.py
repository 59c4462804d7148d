"""Compiles the kernels that simulations call, before they are called, and reports progress."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population, initial_cohort
from cjsim.compiler.symbols import record_array
from cjsim.engine.buffers import BufferSizes, make_outcomes, make_output, make_state
from cjsim.engine.event_loop import simulate_customers
from cjsim.engine.sync_points import SYNC_POINT, SyncState, budget_gate, needs_budget_turn, simulate_to_sync_point
from cjsim.kernel import cache_failure, cache_folder, compile_for, is_compiled
from cjsim.kernels.desks.requests import patience_days, service_days
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.observation_window import pass_window_limit
from cjsim.kernels.quantiles import fill_quantiles
from cjsim.kernels.rng import add_exponentials, fill_uniforms
from cjsim.kernels.world import DISTRIBUTION
from cjsim.progress import Progress, progress_task
from cjsim.simulation.documents import Scenario

Kernel = Callable[..., Any]
_DRAWING_KERNELS = (fill_uniforms, fill_quantiles, add_exponentials)  # first, because they draw the arguments of the others
_DESK_KERNELS = (service_days, patience_days)
_READABLE_KERNELS = (dispatch, start_customer, finish_customer, pass_window_limit, needs_budget_turn)
ALL_KERNELS: tuple[Kernel, ...] = (*_DRAWING_KERNELS, *_DESK_KERNELS, *_READABLE_KERNELS, simulate_customers, simulate_to_sync_point)
# Types of arguments do not depend on the scenario, so the smallest one will do.
_SMALLEST_SCENARIO = {
    "name": "smallest",
    "start": "2026-01-05",
    "horizon": "1d",
    "customers": 1,
    "policy": {"name": "none"},
    "journey": {"name": "none", "starts_in": "active", "stages": {"active": {}}, "events": {}},
}


def kernels_of_runs(*, is_shared: bool, engine: str = "compiled") -> tuple[Kernel, ...]:
    """Return the kernels that a simulation calls.

    Parameters
    ----------
    is_shared : bool
        Whether customers share desks or budgets.
    engine : str
        'compiled' or 'readable'.
    """
    if engine == "readable":
        return (*_DRAWING_KERNELS, *(_DESK_KERNELS if is_shared else ()), *_READABLE_KERNELS)
    return (*_DRAWING_KERNELS, *((*_DESK_KERNELS, simulate_to_sync_point) if is_shared else ()), simulate_customers)


def compile_kernels(kernels: Sequence[Kernel], progress: Progress) -> int:
    """Compile kernels, unless they are cached, and report each one before its compilation.

    Parameters
    ----------
    kernels : Sequence of Callable
        Kernels in `ALL_KERNELS`.
    progress : Progress
        Receives the number of compiled kernels.

    Returns
    -------
    int
        Number of kernels that were compiled.
    """
    missing = [kernel for kernel in ALL_KERNELS if kernel in kernels and not is_compiled(kernel)]
    if not missing:
        return 0
    with progress_task(progress, len(missing), "compiling kernels"):
        for number, kernel in enumerate(missing, start=1):
            progress.announce(f"cjsim: compiling kernel {number} of {len(missing)}, once per machine: {kernel.__name__} ...")
            compile_for(kernel, _arguments(kernel))
            progress.advance(1)
    if failure := next(filter(None, map(cache_failure, missing)), None):
        reason = failure.strerror or str(failure)
        progress.note(f"cjsim: the compiled kernels could not be stored in {cache_folder()} ({reason}); the next run compiles them again.")
    return len(missing)


def _arguments(kernel: Kernel) -> tuple[Any, ...]:
    """Return arguments of the types with which simulations call a kernel."""
    word, number, days, values = np.uint64(0), 0, 0.0, np.zeros(0)
    if kernel is fill_uniforms:
        return word, np.zeros(0, np.uint64), word, word, values
    if kernel is add_exponentials:
        return word, word, word, days, values
    plan = _smallest_plan()
    world = plan.world
    if kernel is fill_quantiles:
        return world, record_array(DISTRIBUTION, []), values, values
    if kernel in _DESK_KERNELS:
        return world, word, word, number, number, number
    state, out = make_state(plan, 0, BufferSizes()), make_output(make_outcomes(plan, 0), BufferSizes())
    sync = SyncState(gate=budget_gate(world), sync_points=np.zeros(0, SYNC_POINT))
    if kernel is dispatch:
        return world, state, out, number, number, days
    if kernel is finish_customer or kernel is pass_window_limit:
        return world, state, out
    if kernel is needs_budget_turn:
        return world, state, sync, number, number, days
    population = draw_population(plan, 0, initial_cohort(plan, 0, 0, 0))
    if kernel is start_customer:
        return world, state, out, population, number, number
    if kernel is simulate_customers:
        return world, world, state, out, population, number
    assert kernel is simulate_to_sync_point
    return world, world, state, out, population, sync, number, number


@cache
def _smallest_plan() -> Plan:
    return compile_scenario(Scenario.from_dict(_SMALLEST_SCENARIO).checked())
