"""A run's arrays as tables and back: what the firm could know of each customer, and what is true. (part)."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjsim.kernels.codes import LAST_CHANNEL_TOUCH, ReplyCode, TouchCode
from cjsim.kernels.world import Array

if TYPE_CHECKING:
    pass


CHANNEL_TOUCHES = tuple(touch.name.lower() for touch in TouchCode if touch <= LAST_CHANNEL_TOUCH)  # last axis of `Outcomes.reach`


REPLY_NAMES = tuple(reply.name.lower() for reply in ReplyCode)


class Outcomes(NamedTuple):
    """What became of each customer, in the order of their numbers."""

    customers: Array  # OUTCOME, (n,)
    moments: Array  # f8, (n, n_moments): days since the start; nan not reached
    dwell: Array  # f4, (n, n_stages): days in each stage
    reach: Array  # u2, (n, n_channels, len(REACHES)): counts by channel and touch
    desks: Array  # SERVED, (n, n_desks)

    def subset(self, first: int, count: int) -> "Outcomes":
        """Those of some customers: views.

        Parameters
        ----------
        first, count : int
            Rows.
        """
        return Outcomes(*(array[first : first + count] for array in self))

    @classmethod
    def concatenate(cls, parts: list["Outcomes"]) -> "Outcomes":
        """Those of several cohorts, one after another; of one, its own arrays.

        Parameters
        ----------
        parts : list of Outcomes
            At least one. Emptied: arrays are let go as soon as they are copied, so that there is never twice of all.
        """
        if len(parts) == 1:
            return parts.pop()
        fields = [list(arrays) for arrays in zip(*parts, strict=True)]
        parts.clear()
        return cls(*(np.concatenate(fields.pop(0)) for _ in cls._fields))
