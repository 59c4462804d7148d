"""`ColumnRoles`: which column of a table holds what, and how the arms were assigned."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """The roles of the columns in a table with one row per unit.

    Attributes
    ----------
    treatment : str
        Column with the assigned arm.
    outcome : str or sequence of str
        One or more columns with outcomes that were measured after assignment.
    control : str, int, float or bool, optional
        Value of `treatment` in the control arm. Inferred if exactly one value looks like a control, such as 0, 'none' or 'No E-Mail'.
    features : sequence of str, optional
        Columns that were measured before assignment. Defaults to all columns without a role, except identifiers, dates and constants.
    cluster : str, optional
        Column whose equal values mark dependent rows, such as a customer with several rows or a store.
    propensity : str or mapping of str to str, optional
        Column with the probability of assignment to the treated arm, or one column per arm. Omit it if every row had the same
        probabilities.
    received : str, optional
        Column with the arm that was actually received.
    shares : mapping of str to float, optional
        Planned share of each arm. The shares are rescaled to sum to 1.
    adjust : sequence of str
        Features to adjust effects for.
    """

    treatment: str
    outcome: str | Sequence[str]
    control: str | float | bool | None = None
    features: Sequence[str] | None = None
    cluster: str | None = None
    propensity: str | Mapping[str, str] | None = None
    received: str | None = None
    shares: Mapping[str, float] | None = None
    adjust: Sequence[str] = ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the outcome columns."""
        return (self.outcome,) if isinstance(self.outcome, str) else tuple(self.outcome)

    @property
    def propensity_columns(self) -> tuple[str, ...]:
        """Names of the propensity columns."""
        if self.propensity is None:
            return ()
        return (self.propensity,) if isinstance(self.propensity, str) else tuple(self.propensity.values())

    def columns_without_features(self) -> tuple[str, ...]:
        """Names of all columns with a role other than feature."""
        return tuple(column for _, column in self._assigned())

    def check(self, columns: Sequence[str], source: str = "") -> None:
        """Check that columns have different names, that the named columns exist, and that no column has two roles.

        Parameters
        ----------
        columns : sequence of str
            Columns of the table.
        source : str
            File, for error messages.

        Raises
        ------
        InputError
            If two columns have the same name, a column does not exist or has two roles, or no outcome is named.
        """
        prefix = f"{source}: " if source else ""
        repeated = next((name for name, n in Counter(columns).items() if n > 1), None)
        if repeated is not None:
            got = f"{short_repr(repeated)} more than once"
            raise InputError(format_error(f"{prefix}columns", "must have different names", got, "Rename one of them."))
        if not self.outcomes:
            raise InputError(format_error(f"{prefix}outcome", "must name at least one column", "none", "Name the outcome."))
        role_by_column: dict[str, str] = {}
        adjust = [("adjust", name) for name in dict.fromkeys(self.adjust)]
        features = [("features", name) for name in self.features or () if name not in self.adjust]
        for role, column in [*self._assigned(), *adjust, *features]:
            if column not in columns:
                raise InputError(
                    format_error(f"{prefix}{role}", *unknown_name_parts(column, columns, "column")[:2], _remedy(column, columns))
                )
            if column in role_by_column:
                must = f"must be a different column from '{role_by_column[column]}'"
                raise InputError(format_error(f"{prefix}{role}", must, short_repr(column), "Give each column one role."))
            role_by_column[column] = role

    def _assigned(self) -> Iterator[tuple[str, str]]:
        yield "treatment", self.treatment
        yield from (("outcome", name) for name in self.outcomes)
        if self.cluster is not None:
            yield "cluster", self.cluster
        yield from (("propensity", name) for name in self.propensity_columns)
        if self.received is not None:
            yield "received", self.received


def _remedy(column: str, columns: Sequence[str]) -> str:
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        return "Separate the columns with commas."
    found = unknown_name_parts(column, columns, "column")[2]
    return found if found.startswith("Did") else "Use the name of a column in the table."
