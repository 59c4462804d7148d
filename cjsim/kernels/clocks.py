"""Clocks: when an event is due, exactly, under speeds that change and lifts that fade.

Lives here: activity time, and the life of one clock: start, advance, solve. Does not live here: what an event does.

References
----------
Anderson (2007), J. Chem. Phys. 127, 214107: the modified next reaction method.
Xu, Duan, Whinston (2014), Management Science 60(6): touches that excite events.
"""

import math

import numpy as np

from cjsim.kernel import inlined, kernel, rule
from cjsim.kernels.codes import DistributionCode
from cjsim.kernels.conditions import condition_holds
from cjsim.kernels.customer.decay import satisfaction_now
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import uniform

MIN_LIFT = 1e-6  # a lift below this is none
SATISFACTION_STEP = 0.01  # running clocks follow satisfaction when it has moved by this much since they last did
MAX_LIFT = 1e6  # a lift above this adds nothing
MAX_ITERATIONS = 100  # of Halley's iteration; it needs 2 or 3 for lifts of use, many at a lift of -1
EXPM1_BELOW = 1e-3  # below it, 1 - exp(-y) is taken by expm1, which is slow and keeps its digits
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-5, 1e-300  # relative and absolute: the error after a step is of the order of its cube


@inlined
def to_activity(world, profile, time):  # type: ignore[no-untyped-def]
    """Activity time a(t): the integral of the profile's weight, by its hourly table.

    Parameters
    ----------
    world : World
        Read: profiles, activity.
    profile : int
        Code of the profile.
    time : float64
        Days, on the profile's own clock.

    Returns
    -------
    float64
        Days of activity time.
    """
    p = world.profiles[profile]
    x = (time - p.begin) * 24.0
    i = min(max(int(x), 0), p.count - 2)
    low = world.activity[p.first + i]
    return low + (x - i) * (world.activity[p.first + i + 1] - low)


@inlined
def from_activity(world, profile, activity):  # type: ignore[no-untyped-def]
    """The time at which activity time reaches a value: the inverse of `to_activity`.

    Parameters
    ----------
    world : World
        Read: profiles, activity, guide.
    profile : int
        Code of the profile.
    activity : float64
        Days of activity time.

    Returns
    -------
    float64
        Days, on the profile's own clock; inf beyond the table.
    """
    p = world.profiles[profile]
    last = p.first + p.count - 1
    if not activity < world.activity[last]:
        return math.inf
    slot = int((activity - world.activity[p.first]) * 24.0)
    i = p.first + world.guide[p.guide + min(max(slot, 0), p.guides - 1)]
    while world.activity[i + 1] <= activity:
        i += 1
    low = world.activity[i]
    inside = (activity - low) / (world.activity[i + 1] - low)
    return p.begin + (i - p.first + inside) / 24.0


@inlined
def clock_time(world, life, profile, time):  # type: ignore[no-untyped-def]
    """A time of the calendar on the clock of a profile of this customer.

    Parameters
    ----------
    world : World
        Read: profiles, activity.
    life : Life
        Read: customer.
    profile : int
        Code of the profile, -1 for none.
    time : float64
        Days.

    Returns
    -------
    float64
        Days, of activity time if there is a profile.
    """
    if profile < 0:
        return time
    return to_activity(world, profile, time - life.customer[0].shift)


@inlined
def calendar_time(world, life, profile, time):  # type: ignore[no-untyped-def]
    """The calendar's time of a clock time: the inverse of `clock_time`, never before now.

    Parameters
    ----------
    world : World
        Read: profiles, activity, guide.
    life : Life
        Read: customer.
    profile : int
        Code of the profile, -1 for none.
    time : float64
        Days, of activity time if there is a profile.

    Returns
    -------
    float64
        Days.
    """
    if profile >= 0:
        time = from_activity(world, profile, time) + life.customer[0].shift
    return max(time, life.customer[0].now)


@inlined
def time_to_target(target, lift, tau):  # type: ignore[no-untyped-def]
    """The x at which x + A tau (1 - exp(-x/tau)) reaches a target: how long a clock with a fading lift needs.

    Halley's iteration on y = x/tau from a bound below (A > 0) or above (A < 0) the root. Equal to tau (q + W0(A exp(-q))),
    q = target/tau - A, without that formula's overflow for large lifts. Absolute error below 1e-15 (1 + A + y) tau.

    Parameters
    ----------
    target : float64
        Clock time needed at lift 0, days; at least 0.
    lift : float64
        A now, at least -1.
    tau : float64
        half_life / ln 2, days.

    Returns
    -------
    float64
        Days.
    """
    goal = target / tau
    y = max(goal / (1.0 + lift), goal - lift) if lift > 0.0 else goal - lift
    is_near = goal < EXPM1_BELOW * (1.0 + abs(lift))
    for _ in range(MAX_ITERATIONS):
        gone = lift * (math.expm1(-y) if is_near else math.exp(-y) - 1.0)
        left = lift + gone
        slope = 1.0 + left
        miss = y - gone - goal
        step = 2.0 * miss * slope / (2.0 * slope * slope + miss * left)
        y -= step
        if abs(step) <= RELATIVE_TOLERANCE * y + ABSOLUTE_TOLERANCE:
            break
    return max(y, 0.0) * tau


@inlined
def advance_clock(world, life, event):  # type: ignore[no-untyped-def]
    """Bring a clock's remaining target and its lift up to now.

    Parameters
    ----------
    world : World
        Read: events, profiles, activity.
    life : Life
        Read: customer. Written: clocks.
    event : int
        Code of the event.
    """
    clock = life.clocks[event]
    now = clock_time(world, life, world.events[event].profile, life.customer[0].now)
    gone = now - clock.synced
    clock.synced = now
    run = gone
    if clock.lift != 0.0:
        tau = world.events[event].tau
        left = clock.lift * math.exp(-gone / tau)
        run = gone + tau * (clock.lift - left)
        clock.lift = left
        if abs(clock.lift) < MIN_LIFT:
            clock.lift = 0.0
    if clock.active == 1 and clock.allowed == 1:
        clock.remaining = max(clock.remaining - clock.speed * run, 0.0)


@inlined
def solve_clock(world, life, event):  # type: ignore[no-untyped-def]
    """Compute when a clock that is up to date is due.

    Parameters
    ----------
    world : World
        Read: events, profiles, activity, guide.
    life : Life
        Read: customer, clocks. Written: due.
    event : int
        Code of the event.
    """
    clock = life.clocks[event]
    if clock.active == 0 or clock.allowed == 0 or clock.speed <= 0.0:
        life.due[event] = math.inf
        return
    needed = clock.remaining / clock.speed
    if clock.lift != 0.0 and needed < math.inf:
        needed = time_to_target(needed, clock.lift, world.events[event].tau)
    life.due[event] = calendar_time(world, life, world.events[event].profile, clock.synced + needed)


@inlined
def clock_speed(world, life, event):  # type: ignore[no-untyped-def]
    """m: the customer's own factor times exp(w (satisfaction - 0.5)).

    Parameters
    ----------
    world : World
        Read: events, setting.
    life : Life
        Read: customer, clocks.
    event : int
        Code of the event.

    Returns
    -------
    float64
        Clock time a day.
    """
    weight = world.events[event].satisfaction
    factor = life.clocks[event].factor
    if weight == 0.0:
        return factor
    return factor * math.exp(weight * (satisfaction_now(world, life) - 0.5))


@rule
def start_clock(world, life, event):  # type: ignore[no-untyped-def]
    """(Re)start a clock now: draw its target, and solve for when it is due.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Read: customer. Written: clocks, due.
    event : int
        Code of the event.
    """
    customer = life.customer[0]
    clock = life.clocks[event]
    record = world.events[event]
    advance_clock(world, life, event)
    clock.active = 1
    clock.allowed = 1 if condition_holds(world, life, record.when) else 0
    clock.speed = clock_speed(world, life, event)
    if record.wait.kind == DistributionCode.NEVER:
        clock.remaining = math.inf
    else:
        u = uniform(customer.seed, customer.key, record.stream_wait, np.uint64(clock.starts))
        clock.remaining = quantile(world, record.wait, u)
    clock.starts += 1
    solve_clock(world, life, event)


@rule
def stop_clock(world, life, event):  # type: ignore[no-untyped-def]
    """Stop a clock: its event cannot happen here. Its lift fades on.

    Parameters
    ----------
    world : World
        Read: events, profiles, activity.
    life : Life
        Written: clocks, due.
    event : int
        Code of the event.
    """
    life.clocks[event].active = 0
    life.due[event] = math.inf


@rule
def lift_clock(world, life, event, gain):  # type: ignore[no-untyped-def]
    """Add a gain to an event's lift, which stays between -1 and STRONGEST.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: clocks, due.
    event : int
        Code of the event.
    gain : float64
        The persona's response included.
    """
    if gain == 0.0:
        return
    advance_clock(world, life, event)
    clock = life.clocks[event]
    clock.lift = min(max(clock.lift + gain, -1.0), MAX_LIFT)
    solve_clock(world, life, event)


@rule
def update_clock_speeds(world, life):  # type: ignore[no-untyped-def]
    """Let the speeds of running clocks follow satisfaction, which has just been moved, if it has moved by FELT since they last did.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: customer, clocks, due.
    """
    customer = life.customer[0]
    if abs(customer.satisfaction - customer.felt) < SATISFACTION_STEP:
        return
    customer.felt = customer.satisfaction
    mood = customer.felt - 0.5
    weight = 0.0
    bent = 1.0
    for i in range(world.mood_events.shape[0]):
        event = world.mood_events[i]
        clock = life.clocks[event]
        if clock.active == 1 and clock.allowed == 1:
            if world.events[event].satisfaction != weight:
                weight = world.events[event].satisfaction
                bent = math.exp(weight * mood)
            speed = clock.factor * bent
            if speed != clock.speed:
                advance_clock(world, life, event)
                clock.speed = speed
                solve_clock(world, life, event)


@rule
def update_clock_permissions(world, life):  # type: ignore[no-untyped-def]
    """Let running clocks follow their `when`, if something has happened on which it may depend.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: customer, clocks, due.
    """
    causes = life.customer[0].dirty & world.setting[0].when_causes
    life.customer[0].dirty = 0
    if causes == 0:
        return
    for i in range(world.when_events.shape[0]):
        event = world.when_events[i]
        clock = life.clocks[event]
        if clock.active == 1:
            allowed = 1 if condition_holds(world, life, world.events[event].when) else 0
            if allowed != clock.allowed:
                advance_clock(world, life, event)
                clock.allowed = allowed
                clock.speed = clock_speed(world, life, event)
                solve_clock(world, life, event)


@kernel
def fill_times_to_target(targets, lift, tau, out):  # type: ignore[no-untyped-def]
    """`time_to_target` for many targets, to be held against Lambert's W.

    Parameters
    ----------
    targets, out : ndarray of float64, shape (n,), days
        Read; written.
    lift, tau : float64
        As in `time_to_target`.
    """
    for i in range(targets.shape[0]):
        out[i] = time_to_target(targets[i], lift, tau)
