"""Outcome arrays of customers at the horizon."""

from typing import NamedTuple

import numpy as np

from cjsim.kernels.codes import LAST_CHANNEL_TOUCH, N_CHANNEL_COUNTS, HiddenTouch, ReplyCode, TouchCode
from cjsim.kernels.state import DESK_OUTCOME, OUTCOME
from cjsim.kernels.world import Array

# Names on the last axis of `Outcomes.touch_counts`: touches that the firm sees, then those that only the simulator knows.
CHANNEL_TOUCHES = tuple(touch.name.lower() for touch in TouchCode if touch <= LAST_CHANNEL_TOUCH)
HIDDEN_TOUCHES = tuple(touch.name.lower() for touch in HiddenTouch)
REPLY_NAMES = tuple(reply.name.lower() for reply in ReplyCode)


class Outcomes(NamedTuple):
    """Outcomes per customer, ordered by customer number.

    Attributes
    ----------
    customers : ndarray of OUTCOME, shape (n_customers,)
        Money, counts and the state at the horizon.
    moments : ndarray of float64, shape (n_customers, n_moments), days since the start
        Time at which each moment was reached; nan if it was not reached.
    dwell : ndarray of float32, shape (n_customers, n_stages), days
        Time spent in each stage.
    touch_counts : ndarray of uint16, shape (n_customers, n_channels, N_CHANNEL_COUNTS)
        Touch counts per channel and kind of touch: CHANNEL_TOUCHES, then HIDDEN_TOUCHES.
    desks : ndarray of DESK_OUTCOME, shape (n_customers, n_desks)
        Requests to each desk, and the replies.
    """

    customers: Array
    moments: Array
    dwell: Array
    touch_counts: Array
    desks: Array

    @classmethod
    def zeros(cls, n_customers: int, *, moments: int, stages: int, channels: int, desks: int) -> "Outcomes":
        """Allocate outcome arrays filled with zeros.

        Parameters
        ----------
        n_customers, moments, stages, channels, desks : int
            Number of each.

        Returns
        -------
        Outcomes
        """
        return cls(
            customers=np.zeros(n_customers, OUTCOME),
            moments=np.zeros((n_customers, moments)),
            dwell=np.zeros((n_customers, stages), np.float32),
            touch_counts=np.zeros((n_customers, channels, N_CHANNEL_COUNTS), np.uint16),
            desks=np.zeros((n_customers, desks), DESK_OUTCOME),
        )

    def subset(self, first: int, count: int) -> "Outcomes":
        """Return views of rows `first` to `first + count - 1`.

        Parameters
        ----------
        first, count : int
            First row and number of rows.

        Returns
        -------
        Outcomes
        """
        return Outcomes(*(array[first : first + count] for array in self))

    def read_only(self) -> "Outcomes":
        """Make the arrays read-only.

        Returns
        -------
        Outcomes
            These outcomes.
        """
        for array in self:
            array.flags.writeable = False
        return self

    @classmethod
    def concatenate(cls, parts: list["Outcomes"]) -> "Outcomes":
        """Concatenate the outcomes of several cohorts. The outcomes of a single cohort are returned without a copy.

        Parameters
        ----------
        parts : list of Outcomes
            At least one element. The list is emptied: each array is freed once it is copied, which keeps peak memory low.

        Returns
        -------
        Outcomes
        """
        if len(parts) == 1:
            return parts.pop()
        fields = [list(arrays) for arrays in zip(*parts, strict=True)]
        parts.clear()
        return cls(*(np.concatenate(fields.pop(0)) for _ in cls._fields))
