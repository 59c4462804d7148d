"""Checks of the arguments of `rehearse`."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.rehearsal.rehearsal_settings import Guardrail, RehearsalSettings
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.simulation.argument_checks import checked_days, checked_integer
from cjsim.simulation.documents import Scenario
from cjsim.simulation.scenario_sources import require_same_customers

DEFAULT_SHARE = 0.5


def require_possible_designs(
    base: Scenario, alternatives: Mapping[str, Scenario], *, sizes: Sequence[int], days: Sequence[float], share: float
) -> None:
    """Raise if an argument is out of range, or the scenarios have different customers.

    Parameters
    ----------
    base : Scenario
        The baseline.
    alternatives : Mapping of str to Scenario
        Alternatives by name.
    sizes : sequence of int
        Numbers of customers in both arms together.
    days : sequence of float
        Numbers of days over which outcomes are counted.
    share : float
        Share of customers under the alternative.

    Raises
    ------
    InputError
        If a value is out of range, or the scenarios differ in customers, start or horizon, have existing customers, or count CLV beyond
        the horizon.
    """
    for name, values in (("sizes", sizes), ("days", days), ("alternatives", alternatives)):
        if not values:
            raise InputError(format_error(name, "must have at least one value", "none", "Give one or more."))
    if base.name in alternatives:
        must = "must have names that differ from that of the baseline"
        raise InputError(format_error("alternatives", must, f"'{base.name}'", "Use another name."))
    require_same_customers({base.name: base, **alternatives})
    if base.existing is not None:
        got, remedy = f"{base.existing.customers:,}", "Remove `existing`."
        raise InputError(format_error(f"'{base.name}'", "must have no existing customers in a rehearsal", got, remedy))
    if base.simulated_days > base.horizon:
        must, got = "must have no value horizon beyond the horizon, at which a test ends", f"{base.simulated_days:g} days"
        raise InputError(format_error(f"'{base.name}'", must, got, f"Set value_horizon to {base.horizon:g}d."))
    if not isinstance(share, (int, float)) or not 0 < share < 1:
        raise InputError(format_error("share", "must be above 0 and below 1", short_repr(share), "Use a value such as 0.5."))
    for size in sizes:
        checked_integer("sizes", size, 4, MAX_CUSTOMERS)
        if size > base.customers:
            must = f"must be at most the {base.customers:,} simulated customers"
            raise InputError(format_error("sizes", must, f"{size:,}", "Use smaller sizes, or simulate more customers."))
    for window in days:
        checked_days("days", window)
        if window > base.horizon:
            must = f"must be above 0 and at most the horizon, {base.horizon:g} days"
            raise InputError(format_error("days", must, f"{window:g}", "Use fewer days, or a longer horizon."))


def start_day(base: Scenario, starts_on: date, days: float) -> int:
    """Return the day on which customers switch, counted from the start.

    Parameters
    ----------
    base : Scenario
        The baseline.
    starts_on : date
        Date of the switch.
    days : float
        Largest number of days over which outcomes are counted.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If the date is not within the simulated time, or the test would end after the horizon.
    """
    day = (starts_on - base.start).days
    if not 0 < day < base.horizon:
        last = base.start + timedelta(days=math.ceil(base.horizon) - 1)
        must = f"must be after the start and before the horizon, from {base.start + timedelta(days=1)} to {last}"
        raise InputError(format_error("from", must, f"{starts_on}", "Use a date in this range, or 'entry'."))
    if day + days > base.horizon:
        must = f"must end within the horizon, {base.horizon:g} days, if customers switch on day {day}"
        raise InputError(format_error("days", must, f"{days:g}", f"Use at most {base.horizon - day:g}, or a longer horizon."))
    return day


def require_no_trigger(settings: RehearsalSettings, shared: Sequence[str], scenarios: Iterable[Scenario]) -> None:
    """Raise if a test has a trigger although customers share something.

    Outcomes that count from a trigger require a separate end day for each customer's simulation. Where customers share something, what one
    customer does after that day still affects others.

    Parameters
    ----------
    settings : RehearsalSettings
        Settings with the trigger.
    shared : sequence of str
        What customers share.
    scenarios : iterable of Scenario
        The baseline and the alternatives.

    Raises
    ------
    InputError
        If the settings have a trigger.
    """
    if settings.trigger is not None:
        must = f"must be omitted where customers share {' and '.join(shared)}, because the arms affect each other before the trigger, too"
        remedy = "Omit it to rehearse a test of all customers, or remove what they share"
        values = list(
            dict.fromkeys(f"{path}=0" for one in scenarios for path in _referral_shares(one.model_dump(mode="json", by_alias=True)))
        )
        remedy += f": referrals end with {' and '.join(values)}." if values else "."
        raise InputError(format_error("trigger", must, f"'{settings.trigger}'", remedy))


def _referral_shares(content: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the shares of invited friends who join, in a scenario or a part of it."""
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in parts:
        inner = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
        if key == "refer" and isinstance(value, dict) and "joins" in value:
            yield f"{inner}.joins"
        yield from _referral_shares(value, inner)


def require_possible_ramp(settings: RehearsalSettings, share: float, shared: Sequence[str]) -> None:
    """Raise if a test cannot have a ramp.

    Parameters
    ----------
    settings : RehearsalSettings
        Settings of the rehearsal.
    share : float
        Share of customers under the alternative without a ramp.
    shared : sequence of str
        What customers share.

    Raises
    ------
    InputError
        If the share is not the default, customers share something, or all customers switch on one date.
    """
    if settings.ramp is None:
        return
    if share != DEFAULT_SHARE:
        must = "must be omitted if there is a ramp, which gives the share of each phase"
        raise InputError(format_error("share", must, f"{share:g}", "Omit the share or the ramp."))
    if shared:
        must = f"must be omitted where customers share {' and '.join(shared)}, because mixed assignment is simulated with a constant share"
        raise InputError(format_error("ramp", must, _phases(settings), "Use a share, or remove what customers share."))
    if settings.starts_on is not None and settings.trigger is None:
        must = f"must be omitted if all customers enroll on one date, {settings.starts_on}"
        raise InputError(format_error("ramp", must, _phases(settings), "Add a trigger, or let the alternative apply from entry."))


def _phases(settings: RehearsalSettings) -> str:
    n_phases = 0 if settings.ramp is None else len(settings.ramp.phases)
    return f"{n_phases} phase{'s' if n_phases != 1 else ''}"


def require_enough_enrolled(sizes: Sequence[int], n_enrolled: int, trigger: str) -> None:
    """Raise if a test is larger than the number of simulated customers who enroll.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of customers in both arms together.
    n_enrolled : int
        Number of simulated customers who reach the trigger in time.
    trigger : str
        Name of the event.

    Raises
    ------
    InputError
        If a size is larger.
    """
    if (largest := max(sizes)) > n_enrolled:
        must = f"must be at most the {n_enrolled:,} simulated customers who reach '{trigger}' early enough to be observed"
        raise InputError(format_error("sizes", must, f"{largest:,}", "Use smaller sizes, or simulate more customers."))


def require_known_guardrails(guardrails: Sequence[Guardrail], known: Collection[str]) -> None:
    """Raise if a guardrail refers to a metric that does not exist.

    Parameters
    ----------
    guardrails : sequence of Guardrail
        The guardrails.
    known : collection of str
        Names of all metrics.

    Raises
    ------
    InputError
        If a metric does not exist.
    """
    for rail in guardrails:
        if rail.metric not in known:
            raise InputError(format_error("guardrail", *unknown_name_parts(rail.metric, known, "metric")))


def require_defined(metric: str, alternative: str, days: float, effect: float, *, is_guardrail: bool = False) -> None:
    """Raise if the effect on a metric is undefined.

    Parameters
    ----------
    metric, alternative : str
        Names for the message.
    days : float
        Number of days over which outcomes are counted; inf: until the horizon.
    effect : float
        True effect; nan if a ratio has no denominator.
    is_guardrail : bool
        Whether it is the metric of a guardrail.

    Raises
    ------
    InputError
        If the effect is undefined.
    """
    if math.isnan(effect):
        window = "until the horizon" if math.isinf(days) else f"after {days:g} days"
        must = f"must be defined {window} under the baseline and under '{alternative}'"
        remedy = "Choose another metric, or more days." if math.isfinite(days) else "Choose another metric."
        raise InputError(format_error("guardrail" if is_guardrail else "metric", must, f"'{metric}', whose denominator is 0", remedy))
