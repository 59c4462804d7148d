"""Strata of a test with a ramp: the customers who enroll in each phase, and how many of them are drawn per arm.

The numbers of customers per phase and arm are not random: each equals its expected value.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.rehearsal.customer_resampling import ArmPopulations, ArmSizes, ArmSums, DrawnSums, draw_rehearsals
from cjsim.rehearsal.ramp.rollout_phases import Ramp, RolloutPhase


class PhaseStratum(NamedTuple):
    """The customers of one phase.

    Attributes
    ----------
    phase : RolloutPhase
        The phase.
    populations : ArmPopulations
        Units who enroll in the phase.
    sizes : ArmSizes
        Units drawn per arm; 0 if the test ends before the phase.
    """

    phase: RolloutPhase
    populations: ArmPopulations
    sizes: ArmSizes

    @property
    def customers(self) -> int:
        """Number of customers drawn in both arms together."""
        return sum(self.sizes)


def phase_strata(populations: ArmPopulations, ramp: Ramp, *, size: int, enroll_per_day: float | None = None) -> tuple[PhaseStratum, ...]:
    """Divide the customers of a test by the phase in which they enroll.

    Parameters
    ----------
    populations : ArmPopulations
        Units of each arm, with the days on which they enroll.
    ramp : Ramp
        Phases of the rollout.
    size : int
        Number of customers in both arms together.
    enroll_per_day : float, optional
        Customers who enroll per day. Customers then enroll in the order of their days, at this rate, and a test may end before the last
        phases. By default, they enroll on their own days.

    Returns
    -------
    tuple of PhaseStratum
        One per phase.

    Raises
    ------
    InputError
        If the days are unknown, nobody enrolls in a phase, or an arm of a phase has fewer than 2 customers.
    """
    days = populations.enrollment_days
    if days is None:
        must = "must be omitted if it is unknown when customers enroll"
        raise InputError(format_error("ramp", must, "customers without enrollment days", "Omit the ramp."))
    starts = np.array([phase.from_day for phase in ramp.phases])
    if enroll_per_day is None:
        _require_customers_in_each_phase(days, ramp)
        before = np.array([(days < start).mean() for start in starts])
    else:
        before = np.minimum(starts * enroll_per_day / size, 1.0)
    order, bounds = np.argsort(days, kind="stable"), np.append(before, 1.0)
    rows, counts = np.rint(bounds * len(days)).astype(int), np.diff(np.rint(bounds * size).astype(int))
    return tuple(
        PhaseStratum(phase, populations.of_units(order[first:last]), _sizes_of_phase(phase, int(count)))
        for phase, first, last, count in zip(ramp.phases, rows[:-1], rows[1:], counts, strict=True)
    )


def draw_strata(strata: Sequence[PhaseStratum], *, runs: int, seed: int) -> tuple[DrawnSums, ...]:
    """Draw rehearsals of a test with a ramp.

    Parameters
    ----------
    strata : sequence of PhaseStratum
        Strata with customers.
    runs : int
        Number of rehearsals.
    seed : int
        Seed of the draws. With equal seeds, populations with the same numbers of units yield the same customers.

    Returns
    -------
    tuple of DrawnSums
        Sums of all rehearsals at the end of the test, by stratum.
    """
    found = []
    for index, one in enumerate(strata):
        drawn = list(draw_rehearsals(one.populations, one.sizes, fractions=np.ones(1), runs=runs, seed=(seed, index)))
        found.append(DrawnSums(*(_joined([batch[i] for batch in drawn]) for i in range(3))))
    return tuple(found)


def pooled_sums(arms: Sequence[ArmSums]) -> ArmSums:
    """Return the sums of an arm over all phases, from its sums by phase."""
    n, values, products = (np.sum([sums[i] for sums in arms], axis=0) for i in range(3))
    return ArmSums(n, values, products)


def _joined(batches: Sequence[ArmSums]) -> ArmSums:
    values, products = (np.concatenate([batch[i] for batch in batches], axis=-2) for i in (1, 2))
    return ArmSums(batches[0].n, values, products)


def _sizes_of_phase(phase: RolloutPhase, customers: int) -> ArmSizes:
    """Return the numbers of customers per arm."""
    sizes = ArmSizes(customers - round(customers * phase.share), round(customers * phase.share))
    if customers and min(sizes) < 2:
        must, got = (
            "must give each arm at least 2 customers in each phase",
            f"{100 * phase.share:g} % of {customers:,} from day {phase.from_day:g}",
        )
        raise InputError(format_error("ramp", must, got, "Use a larger size, larger shares or longer phases."))
    return sizes


def _require_customers_in_each_phase(days: Array, ramp: Ramp) -> None:
    """Raise if nobody enrolls in a phase."""
    ends = [*(phase.from_day for phase in ramp.phases[1:]), np.inf]
    for phase, end in zip(ramp.phases, ends, strict=True):
        if not ((days >= phase.from_day) & (days < end)).any():
            must = f"must have phases in which customers enroll, from day {days.min():g} to day {days.max():g}"
            remedy = "Omit the phase, let customers enter over time, enroll them at a trigger, or give `enroll_per_day`."
            raise InputError(format_error("ramp", must, f"a phase from day {phase.from_day:g}", remedy))
