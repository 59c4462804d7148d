"""`Ramp`: phases of a rollout, each with its share of customers under the alternative."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from cjsim.argument_types import check_fields
from cjsim.errors import InputError, format_error


class RolloutPhase(NamedTuple):
    """A phase of a rollout, which lasts until the next one starts.

    Attributes
    ----------
    from_day : float
        Start, in days since the test opened.
    share : float
        Share under the alternative, among the customers who enroll in this phase, in (0, 1).
    """

    from_day: float
    share: float


@dataclass(frozen=True)
class Ramp:
    """Phases of a rollout. A customer belongs to the phase in which the customer enrolls, and keeps the assigned policy.

    Attributes
    ----------
    phases : tuple of RolloutPhase
        Phases in order. The first one starts on day 0.

    Raises
    ------
    InputError
        If the days do not increase from 0, or a share is out of range.
    """

    phases: tuple[RolloutPhase, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.phases or self.phases[0].from_day != 0:
            got = f"day {self.phases[0].from_day:g}" if self.phases else "no phase"
            raise InputError(format_error("ramp", "must start on day 0", got, "Use a value such as 0d=5%,7d=20%,14d=50%."))
        for one, other in pairwise(self.phases):
            if not one.from_day < other.from_day:
                must, got = "must have phases on increasing days", f"day {other.from_day:g} after day {one.from_day:g}"
                raise InputError(format_error("ramp", must, got, "Sort the phases, and give each day once."))
        for phase in self.phases:
            if not 0 < phase.share < 1:
                remedy = "Keep customers in both arms in each phase."
                raise InputError(format_error("ramp", "must have shares above 0 and below 1", f"{phase.share:g}", remedy))

    @classmethod
    def from_shares(cls, shares: Mapping[float, float]) -> "Ramp":
        """Create a ramp from the share of each phase.

        Parameters
        ----------
        shares : Mapping of float to float
            Share of customers under the alternative, by the day on which its phase starts.

        Returns
        -------
        Ramp

        Raises
        ------
        InputError
            If the days do not increase from 0, or a share is out of range.

        Examples
        --------
        >>> Ramp.from_shares({0: 0.05, 7: 0.2}).phases[1].share
        0.2
        """
        return cls(tuple(RolloutPhase(day, share) for day, share in shares.items()))
