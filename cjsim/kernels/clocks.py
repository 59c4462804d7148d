"""Event clocks: the exact due time of an event under changing speeds and decaying lifts.

A clock of speed m and lift A(t) = A exp(-t/tau) is due when the integral of m (1 + A(t)) over clock time reaches its drawn target.

References
----------
Anderson (2007), J. Chem. Phys. 127, 214107: the modified next reaction method.
Xu, Duan, Whinston (2014), Management Science 60(6): touches that excite events.
"""

import math

import numpy as np

from cjsim.kernel import inlined, kernel, rule
from cjsim.kernels.codes import DistributionCode, RestartFlag, WhenState
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.customer.decay import satisfaction_now
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import Array, World

MIN_LIFT = 1e-6  # a smaller lift counts as 0
SATISFACTION_STEP = 0.01  # change in satisfaction at which the speeds of running clocks are updated
MAX_LIFT = 1e6  # upper limit of a lift
MAX_SPEED = 1e12  # upper limit of a product of traits; prevents infinite and nan clock times
MAX_ITERATIONS = 100  # of Halley's method, which needs 2 or 3 for typical lifts and many at a lift of -1
EXPM1_BELOW = 1e-3  # below this y, 1 - exp(-y) is computed by expm1, which is slower but accurate
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-5, 1e-300  # relative and absolute step size; the error after a step is of the order of its cube


@inlined
def to_activity(world: World, profile: int, time: float) -> float:
    """Activity time a(t), days: the integral of the profile's weight, interpolated in its table.

    `time` is in days on the profile's own clock.
    """
    record = world.profiles[profile]
    x = (time - record.begin) * record.per_day
    i = min(max(int(x), 0), record.count - 2)
    low: float = world.activity[record.first + i]
    high: float = world.activity[record.first + i + 1]
    activity: float = low + (x - i) * (high - low)
    return activity


@inlined
def from_activity(world: World, profile: int, activity: float) -> float:
    """The inverse of `to_activity`: the time (days, on the profile's own clock) at which activity time reaches a value.

    inf beyond the table.
    """
    record = world.profiles[profile]
    last = record.first + record.count - 1
    if not activity < world.activity[last]:
        return math.inf
    slot = int((activity - world.activity[record.first]) * record.per_day)
    i = record.first + world.guide[record.guide + min(max(slot, 0), record.guides - 1)]
    while world.activity[i + 1] <= activity:
        i += 1
    low = world.activity[i]
    fraction = (activity - low) / (world.activity[i + 1] - low)
    time: float = record.begin + (i - record.first + fraction) / record.per_day
    return time


@inlined
def clock_time(world: World, state: CustomerState, profile: int, time: float) -> float:
    """Convert a calendar time (days) to clock time: activity time if there is a profile (-1: none), else unchanged."""
    if profile < 0:
        return time
    customer = state.customer[0]
    return to_activity(world, customer.first_profile + profile, time - customer.shift)


@inlined
def calendar_time(world: World, state: CustomerState, profile: int, time: float) -> float:
    """The calendar time (days) of a clock time: the inverse of `clock_time`, never before now."""
    customer = state.customer[0]
    if profile >= 0:
        time = from_activity(world, customer.first_profile + profile, time) + customer.shift
    now: float = customer.now
    return max(time, now)


@inlined
def time_to_target(target: float, lift: float, tau: float) -> float:
    """The x at which x + A tau (1 - exp(-x/tau)) reaches a target: the number of days that a clock with a decaying lift needs.

    Halley's method for y = x/tau, from a bound below (A > 0) or above (A < 0) the root. Equal to tau (q + W0(A exp(-q))),
    q = target/tau - A, without that formula's overflow for large lifts. Absolute error below 1e-15 (1 + A + y) tau.
    `target` is the clock time (days, at least 0) needed at lift 0; `lift` is A now, at least -1; `tau` is half_life / ln 2, days.
    """
    scaled_target = target / tau
    y = max(scaled_target / (1.0 + lift), scaled_target - lift) if lift > 0.0 else scaled_target - lift
    is_near = scaled_target < EXPM1_BELOW * (1.0 + abs(lift))
    for _ in range(MAX_ITERATIONS):
        change = lift * (math.expm1(-y) if is_near else math.exp(-y) - 1.0)
        lift_left = lift + change
        slope = 1.0 + lift_left
        residual = y - change - scaled_target
        step = 2.0 * residual * slope / (2.0 * slope * slope + residual * lift_left)
        y -= step
        if abs(step) <= RELATIVE_TOLERANCE * y + ABSOLUTE_TOLERANCE:
            break
    return max(y, 0.0) * tau


@inlined
def advance_clock(world: World, state: CustomerState, event: int) -> None:
    """Bring a clock's remaining target and its lift up to date.

    Writes: clocks.
    """
    clock = state.clocks[event]
    now = clock_time(world, state, world.events[event].profile, state.customer[0].now)
    elapsed = now - clock.synced
    clock.synced = now
    advanced = elapsed
    if clock.lift != 0.0:
        tau = world.events[event].tau
        lift_left = clock.lift * math.exp(-elapsed / tau)
        advanced = elapsed + tau * (clock.lift - lift_left)
        clock.lift = lift_left
        if abs(clock.lift) < MIN_LIFT:
            clock.lift = 0.0
    if clock.active == 1 and clock.allowed == WhenState.HOLDS:
        clock.remaining = max(clock.remaining - clock.speed * advanced, 0.0)


@rule
def next_occurrence(world: World, state: CustomerState, event: int) -> float:
    """The first occurrence (days) of a calendar wait that is after the start of its clock and not before now; inf for other waits.

    An occurrence at the time of the start does not count. One at the current time is still to come.
    """
    wait = world.events[event].wait
    if wait.kind != DistributionCode.CALENDAR:
        return math.inf
    customer = state.customer[0]
    low = wait.table + wait.stride * customer.zone
    end = low + wait.length
    earliest = max(state.clocks[event].started + TOLERANCE, customer.now - TOLERANCE)
    high = end
    while low < high:
        middle = (low + high) // 2
        if world.schedule[middle] > earliest:
            high = middle
        else:
            low = middle + 1
    return max(world.schedule[low], customer.now) if low < end else math.inf


@inlined
def solve_clock(world: World, state: CustomerState, event: int) -> None:
    """Compute when an advanced clock is due.

    Writes: clock_due.
    """
    clock = state.clocks[event]
    if clock.active == 0 or clock.allowed != WhenState.HOLDS or clock.speed <= 0.0:
        state.clock_due[event] = math.inf
        return
    if clock.remaining == math.inf:
        state.clock_due[event] = next_occurrence(world, state, event)
        return
    needed = clock.remaining / clock.speed
    if clock.lift != 0.0 and needed < math.inf:
        needed = time_to_target(needed, clock.lift, world.events[event].tau)
    state.clock_due[event] = calendar_time(world, state, world.events[event].profile, clock.synced + needed)


@rule
def own_speed(world: World, state: CustomerState, event: int) -> float:
    """The customer's own factor in the speed of a clock: the persona's speed times traits, at most MAX_SPEED."""
    record = world.events[event]
    factor: float = world.persona_speed[state.customer[0].persona, event]
    for i in range(record.factor_first, record.factor_first + record.factor_count):
        factor *= max(state.traits[world.factors[i]], 0.0)
    return min(factor, MAX_SPEED)


@inlined
def clock_speed(world: World, state: CustomerState, event: int) -> float:
    """Speed m, clock time per day: the factor of the customer and of speed rules, times exp(w (satisfaction - 0.5))."""
    weight = world.events[event].satisfaction
    factor: float = state.clocks[event].factor
    if weight == 0.0:
        return factor
    return factor * math.exp(weight * (satisfaction_now(world, state) - 0.5))


@rule
def start_clock(world: World, state: CustomerState, event: int) -> None:
    """Start or restart a clock now: draw its target and compute when it is due.

    Writes: clocks, clock_due.
    """
    customer = state.customer[0]
    clock = state.clocks[event]
    record = world.events[event]
    advance_clock(world, state, event)
    clock.active = 1
    clock.allowed = WhenState.HOLDS.value if condition_holds(world, state, record.when) else WhenState.NOT_YET.value
    clock.speed = clock_speed(world, state, event)
    clock.started = customer.now
    if record.wait.kind == DistributionCode.NEVER or record.wait.kind == DistributionCode.CALENDAR:
        clock.remaining = math.inf
    else:
        u = uniform(customer.seed, customer.key, record.stream_wait, np.uint64(clock.starts))
        clock.remaining = quantile(world, record.wait, u)
    clock.starts += 1
    solve_clock(world, state, event)


@inlined
def set_clock_speed(world: World, state: CustomerState, event: int, speed: float) -> None:
    """Set the speed of a running clock. Does nothing if the clock already has this speed, to avoid rounding errors.

    Writes: clocks, clock_due.
    """
    clock = state.clocks[event]
    if speed != clock.speed:
        advance_clock(world, state, event)
        clock.speed = speed
        solve_clock(world, state, event)


@rule
def start_or_continue_clock(world: World, state: CustomerState, event: int) -> None:
    """On entry into a stage of an event, start the event's clock, or continue it at a new speed if it also ran in the previous stage.

    Writes: clocks, clock_due.
    """
    clock = state.clocks[event]
    if clock.active == 0 or world.events[event].restart & RestartFlag.MOVE != 0:
        start_clock(world, state, event)
    elif clock.allowed == WhenState.HOLDS:
        set_clock_speed(world, state, event, clock_speed(world, state, event))


@rule
def stop_clock(state: CustomerState, event: int) -> None:
    """Stop a clock, because its event cannot happen in this stage. Its lift continues to decay; the rest of its target is discarded.

    Writes: clocks, clock_due.
    """
    state.clocks[event].active = 0
    state.clock_due[event] = math.inf


@rule
def lift_clock(world: World, state: CustomerState, event: int, gain: float) -> None:
    """Add a gain (including the persona's response) to an event's lift, which stays between -1 and MAX_LIFT.

    Writes: clocks, clock_due.
    """
    if gain == 0.0:
        return
    advance_clock(world, state, event)
    clock = state.clocks[event]
    clock.lift = min(max(clock.lift + gain, -1.0), MAX_LIFT)
    solve_clock(world, state, event)


@rule
def update_clock_speeds(world: World, state: CustomerState) -> None:
    """Update the speeds of running clocks if satisfaction has changed by SATISFACTION_STEP since their last update.

    Writes: customer.clock_satisfaction, clocks, clock_due.
    """
    customer = state.customer[0]
    if abs(customer.satisfaction - customer.clock_satisfaction) < SATISFACTION_STEP:
        return
    customer.clock_satisfaction = customer.satisfaction
    satisfaction_offset = customer.clock_satisfaction - 0.5
    weight = 0.0
    factor = 1.0
    for i in range(world.satisfaction_events.shape[0]):
        event = world.satisfaction_events[i]
        clock = state.clocks[event]
        if clock.active == 1 and clock.allowed == WhenState.HOLDS:
            if world.events[event].satisfaction != weight:
                weight = world.events[event].satisfaction
                factor = math.exp(weight * satisfaction_offset)
            set_clock_speed(world, state, event, clock.factor * factor)


@rule
def change_permission(world: World, state: CustomerState, event: int, holds: bool) -> None:
    """Pause a clock whose `when` no longer holds, or continue or restart a clock whose `when` now holds.

    Writes: clocks, clock_due.
    """
    clock = state.clocks[event]
    if holds and clock.allowed == WhenState.CEASED and world.events[event].restart & RestartFlag.WHEN != 0:
        start_clock(world, state, event)
        return
    advance_clock(world, state, event)
    clock.allowed = WhenState.HOLDS.value if holds else WhenState.CEASED.value
    clock.speed = clock_speed(world, state, event)
    solve_clock(world, state, event)


@rule
def update_clock_permissions(world: World, state: CustomerState) -> None:
    """Reevaluate the `when` conditions of running clocks if anything that they may depend on has changed.

    Writes: customer.changes, clocks, clock_due.
    """
    changes = state.customer[0].changes & world.setting[0].when_changes
    state.customer[0].changes = 0
    if changes == 0:
        return
    for i in range(world.when_events.shape[0]):
        event = world.when_events[i]
        clock = state.clocks[event]
        if clock.active == 1:
            holds = condition_holds(world, state, world.events[event].when)
            if holds != (clock.allowed == WhenState.HOLDS):
                change_permission(world, state, event, holds)


@kernel
def fill_times_to_target(targets: Array, lift: float, tau: float, out: Array) -> None:
    """`time_to_target` for many targets, for comparison with Lambert's W. Both arrays are float64 of shape (n,), in days."""
    for i in range(targets.shape[0]):
        out[i] = time_to_target(targets[i], lift, tau)
