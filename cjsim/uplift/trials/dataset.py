"""`Trial`: the arms, outcomes and features of a trial."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.errors import InputError, format_error, quote_choices, short_repr, unknown_name_parts
from cjsim.uplift.trials.arm_labels import label_codes, parse_arms
from cjsim.uplift.trials.cell_location import BoolArray, CellLocation, FloatArray, IntArray, read_only
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.feature_selection import select_features
from cjsim.uplift.trials.outcome_values import Outcome, parse_outcome

if TYPE_CHECKING:
    import pandas as pd

_SUM_TOLERANCE = 1e-4  # for propensities that are written with few digits


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial with one row per unit.

    Attributes
    ----------
    features : pandas.DataFrame, shape (n, n_features)
        Columns that were measured before assignment: numbers, booleans and text; values may be missing.
    treatment : ndarray of int64, shape (n,)
        Position of each row's assigned arm in `arms`.
    arms : tuple of str
        Labels of the arms, the control first.
    outcomes : mapping of str to Outcome
        Outcomes by name.
    clusters : ndarray of int64, shape (n,), or None
        Code of each row's cluster; None if the rows are independent.
    propensity : ndarray of float64, shape (n, n_arms), or None
        Probability of assignment to each arm; None if all rows had the same probabilities.
    received : ndarray of int64, shape (n,), or None
        Position of the received arm in `arms`.
    ids : ndarray of object, shape (n,), or None
        Identifier of each row's customer, if a column looks like one.
    shares : tuple of float or None
        Planned share of each arm; sums to 1.
    notes : tuple of str
        How columns were read: which are features, and which were left out.
    """

    features: "pd.DataFrame"
    treatment: IntArray
    arms: tuple[str, ...]
    outcomes: Mapping[str, Outcome]
    clusters: IntArray | None = None
    propensity: FloatArray | None = None
    received: IntArray | None = None
    ids: Any = None
    shares: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.treatment)

    @property
    def arm_sizes(self) -> tuple[int, ...]:
        """Number of rows in each arm."""
        return tuple(np.bincount(self.treatment, minlength=len(self.arms)).tolist())

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame", roles: ColumnRoles, *, location: CellLocation = CellLocation()) -> "Trial":  # noqa: B008
        """Create a trial from a table.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per unit.
        roles : ColumnRoles
            Which column holds what.
        location : CellLocation
            File of the table, for error messages.

        Returns
        -------
        Trial

        Raises
        ------
        InputError
            If the table has no rows or no more rows than features, a column is absent or has invalid values, or the arms or the control
            are unclear.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"mail": ["none", "mail", "none", "mail"], "bought": [0, 1, 0, 0], "visits": [3, 1, 2, 5]})
        >>> trial = Trial.from_frame(table, ColumnRoles(treatment="mail", outcome="bought"))
        >>> trial.arms, trial.treatment.tolist(), trial.outcomes["bought"].kind, list(trial.features)
        (('none', 'mail'), [0, 1, 0, 1], 'binary', ['visits'])
        """
        roles.check([str(name) for name in frame.columns], location.source)
        if not len(frame):
            raise InputError(format_error(location.source, "must have rows", "only a header", "Check the file."))
        arms, treatment = parse_arms(frame[roles.treatment], roles.control, location)
        selection = select_features(
            frame, named=roles.features, kept=roles.adjust, excluded=roles.columns_without_features(), location=location
        )
        propensity = _parse_propensity(frame, roles, arms, location)
        return cls(
            features=selection.features,
            treatment=read_only(treatment),
            arms=arms,
            outcomes=MappingProxyType({name: parse_outcome(frame[name], location) for name in roles.outcomes}),
            clusters=None if roles.cluster is None else read_only(label_codes(frame[roles.cluster], location)[0]),
            propensity=None if propensity is None else read_only(checked_propensity(propensity, treatment, location)),
            received=None if roles.received is None else read_only(_parse_received(frame[roles.received], arms, location)),
            ids=None if selection.id_column is None else read_only(frame[selection.id_column].to_numpy(dtype=object)),
            shares=_parse_shares(roles.shares, arms, location),
            notes=selection.notes,
        )

    def with_propensity(self, propensity: FloatArray) -> "Trial":
        """Return the trial with other propensities.

        Parameters
        ----------
        propensity : ndarray of float64, shape (n, n_arms)
            Probability of assignment to each arm.

        Raises
        ------
        InputError
            If a propensity is outside [0, 1], the propensities of a row do not sum to 1, or the propensity of the assigned arm is 0.
        """
        return dataclasses.replace(self, propensity=read_only(checked_propensity(propensity, self.treatment, CellLocation())))

    def rows(self, selected: BoolArray) -> "Trial":
        """Return the trial with only the selected rows.

        Parameters
        ----------
        selected : ndarray of bool, shape (n,)
            Rows to keep. Arms without rows remain in `arms`.
        """

        def kept(values: Any) -> Any:
            """Return the selected values of an optional array."""
            return None if values is None else read_only(values[selected])

        return dataclasses.replace(
            self,
            features=self.features[selected].reset_index(drop=True),
            treatment=kept(self.treatment),
            outcomes=MappingProxyType({name: Outcome(kept(outcome.values), outcome.kind) for name, outcome in self.outcomes.items()}),
            clusters=kept(self.clusters),
            propensity=kept(self.propensity),
            received=kept(self.received),
            ids=kept(self.ids),
        )

    def complete(self, outcome: str) -> "Trial":
        """Return the trial without the rows in which an outcome is missing.

        Parameters
        ----------
        outcome : str
            Name of the outcome.

        Raises
        ------
        InputError
            If the outcome does not exist.
        """
        if outcome not in self.outcomes:
            raise InputError(format_error("outcome", *unknown_name_parts(outcome, self.outcomes, "outcome")))
        is_missing = self.outcomes[outcome].is_missing
        return self.rows(~is_missing) if is_missing.any() else self


def checked_propensity(propensity: FloatArray, treatment: IntArray, location: CellLocation) -> FloatArray:
    """Check propensities and return them with rows that sum to exactly 1.

    Parameters
    ----------
    propensity : ndarray of float64, shape (n, n_arms)
        Probability of assignment to each arm.
    treatment : ndarray of int64, shape (n,)
        Assigned arms.
    location : CellLocation
        For error messages.

    Raises
    ------
    InputError
        If a propensity is outside [0, 1], the propensities of a row do not sum to 1, or the propensity of the assigned arm is 0.
    """
    import pandas as pd

    totals = propensity.sum(axis=1)
    is_bad = ~np.all((propensity >= 0) & (propensity <= 1), axis=1) | ~(np.abs(totals - 1) <= _SUM_TOLERANCE)
    if is_bad.any():
        rows = pd.Series([tuple(row) for row in propensity.tolist()], name="propensity")
        location.raise_for_bad_rows(rows, is_bad, "must be in [0, 1] and sum to 1 over the arms", "Write probabilities, not percentages.")
    own = pd.Series(propensity[np.arange(len(treatment)), treatment], name="propensity")
    location.raise_for_bad_rows(own, (own == 0).to_numpy(), "must be above 0 for the assigned arm", "Check the propensities and the arms.")
    return np.asarray(propensity / totals[:, None])


def _parse_propensity(frame: "pd.DataFrame", roles: ColumnRoles, arms: tuple[str, ...], location: CellLocation) -> FloatArray | None:
    """Return the propensities as given, shape (n, n_arms)."""
    if roles.propensity is None:
        return None
    if isinstance(roles.propensity, str):
        if len(arms) > 2:
            got, remedy = f"one column for {len(arms)} arms", "Name a column for each arm."
            raise InputError(format_error(location.column(roles.propensity), "must be one column per arm", got, remedy))
        treated = parse_outcome(frame[roles.propensity], location).values
        return np.column_stack([1 - treated, treated])
    if set(roles.propensity) != set(arms):
        must, got = f"must name a column for each of the arms {quote_choices(arms)}", quote_choices(roles.propensity)
        raise InputError(format_error("propensity", must, got, "Name one column per arm."))
    return np.column_stack([parse_outcome(frame[roles.propensity[arm]], location).values for arm in arms])


def _parse_received(column: "pd.Series", arms: tuple[str, ...], location: CellLocation) -> IntArray:
    codes, labels = label_codes(column, location)
    unknown = [label for label in labels if label not in arms]
    if unknown:
        must, remedy = f"must contain the arms {quote_choices(arms)} only", "Use the labels of the treatment column."
        raise InputError(format_error(location.column(str(column.name)), must, short_repr(unknown[0]), remedy))
    return np.array([arms.index(label) for label in labels], dtype=np.int64)[codes]


def _parse_shares(shares: Mapping[str, float] | None, arms: tuple[str, ...], location: CellLocation) -> tuple[float, ...] | None:
    if shares is None:
        return None
    prefix = f"{location.source}: " if location.source else ""
    given = {str(label): float(share) for label, share in shares.items()}
    if set(given) != set(arms) or not all(0 < share < np.inf for share in given.values()):
        must, remedy = f"must give a positive share for each of the arms {quote_choices(arms)}", "Give the planned shares."
        raise InputError(format_error(f"{prefix}shares", must, short_repr(given), remedy))
    return tuple(given[arm] / sum(given.values()) for arm in arms)
