"""Which columns of a table serve as features, and why the others do not."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.errors import InputError, format_error, quote_choices
from cjsim.uplift.trials.cell_location import CellLocation
from cjsim.uplift.trials.exported_trials import CUSTOMER_COLUMN, reasons_not_to_use
from cjsim.uplift.trials.outcome_values import numbers_of

if TYPE_CHECKING:
    import pandas as pd

_ID_NAME = re.compile(r"(.*[_\s-])?(id|uuid|guid|email)|Unnamed: \d+|index|\w+Id", re.IGNORECASE)
_DATE_TEXT = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}.*"
_UNIQUE_SHARE = 0.9  # text columns with more distinct values than this share of the rows identify rows (assumed)


class FeatureSelection(NamedTuple):
    """Features of a trial.

    Attributes
    ----------
    features : pandas.DataFrame, shape (n, n_features)
        Numbers, booleans and text. Text columns whose values are all numbers are converted.
    id_column : str or None
        Column that identifies customers: the one with the most distinct values among the columns that look like identifiers, if it has
        at least half as many distinct values as rows.
    notes : tuple of str
        Which columns are used, which are left out, and why.
    """

    features: "pd.DataFrame"
    id_column: str | None
    notes: tuple[str, ...]


def select_features(
    frame: "pd.DataFrame", *, named: Sequence[str] | None, kept: Sequence[str] = (), excluded: Sequence[str], location: CellLocation
) -> FeatureSelection:
    """Select the features.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    named : sequence of str or None
        Columns named by the user; empty ones are left out. If None, all columns except `excluded`, identifiers, dates and constants, and
        except the other outcomes and the times of an exported trial.
    kept : sequence of str
        Columns that are features even if they look like identifiers or are constant, such as columns used for adjustment.
    excluded : sequence of str
        Columns with another role.
    location : CellLocation
        For error messages.

    Returns
    -------
    FeatureSelection

    Raises
    ------
    InputError
        If there are at least as many features as rows, or a named feature holds dates.
    """
    given = {*(named or ()), *kept}
    candidates = [str(name) for name in frame.columns if name not in excluded]
    of_export = reasons_not_to_use([str(name) for name in frame.columns])
    reason_by_column = {name: reason for name in candidates if (reason := of_export.get(name) or _exclusion_reason(frame[name]))}
    ids = {name: frame[name].nunique() for name in candidates if reason_by_column.get(name) == _ID_REASON and name not in given}
    id_column = max(ids, key=ids.__getitem__, default=None)
    if id_column is not None and ids[id_column] < len(frame) / 2:
        id_column = None
    if CUSTOMER_COLUMN in of_export and CUSTOMER_COLUMN in candidates and CUSTOMER_COLUMN not in given:
        id_column = CUSTOMER_COLUMN
    dates = [name for name in candidates if name in given and reason_by_column.get(name) == _DATE_REASON]
    if dates:
        where = location.column(dates[0])
        raise InputError(format_error(where, "must hold numbers or categories", "dates", "Convert the dates to days before assignment."))
    left_out = {name: reason for name, reason in reason_by_column.items() if (reason == _EMPTY_REASON if name in given else named is None)}
    chosen = [name for name in (candidates if named is None else named) if name not in left_out]
    if len(chosen) >= len(frame):
        got, remedy = f"{len(frame)} rows and {len(chosen)} features", "Add rows, or name fewer features."
        raise InputError(format_error(location.source, "must have more rows than features", got, remedy))
    columns, notes = {}, [_used_note(chosen, is_default=named is None)]
    for name in chosen:
        columns[name], note = _parsed_feature(frame[name])
        notes += note
    notes += [f"column '{name}' is not used as a feature: {reason}" for name, reason in left_out.items()]
    return FeatureSelection(_frame_of(columns, frame), id_column, tuple(notes))


_ID_REASON = "it looks like an identifier"
_EMPTY_REASON = "it is empty"
_DATE_REASON = "it holds dates; convert them to days before assignment"


def _exclusion_reason(column: "pd.Series") -> str:
    """Return why a column is not a feature by default; empty if it is one."""
    import pandas as pd

    if column.nunique() <= 1 and not column.isna().any():
        return "it is constant"
    if column.isna().all():
        return _EMPTY_REASON
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return _DATE_REASON
    is_number = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
    if _ID_NAME.fullmatch(str(column.name)) and (not is_number or not pd.api.types.is_float_dtype(column)):
        return _ID_REASON
    if is_number:
        return ""
    text = column.dropna().astype("string")
    if text.head(100).str.strip().str.fullmatch(_DATE_TEXT).all():
        return _DATE_REASON
    if text.nunique() > _UNIQUE_SHARE * len(text) and len(text) > 20 and not _are_numbers(text.head(100)):
        return _ID_REASON
    return ""


def _are_numbers(text: "pd.Series") -> bool:
    import numpy as np

    return bool(np.isfinite(numbers_of(text)).all())


def _parsed_feature(column: "pd.Series") -> tuple[Any, list[str]]:
    """Return a feature as numbers, booleans or text, and a note if some but not all of its values are numbers."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return (column.astype("float64") if column.isna().any() else column), []
    known = column.dropna()
    if len(known) > 100 and not np.isfinite(numbers_of(known.head(100))).any():
        return _text(column), []
    is_number = np.isfinite(numbers_of(known))
    if is_number.all():
        return pd.Series(numbers_of(column), index=column.index, name=column.name), []
    if is_number.mean() < 0.5:
        return _text(column), []
    others = known[~is_number]
    return _text(column), [
        f"feature '{column.name}' is treated as text, because {len(others)} of its values are not numbers, such as "
        f"{quote_choices(others.astype(str).unique()[:3])}"
    ]


def _text(column: "pd.Series") -> "pd.Series":
    """Return a column as text, with nan where a value is missing."""
    import numpy as np

    return column.astype("string").astype("object").where(column.notna(), np.nan)


def _used_note(chosen: list[str], *, is_default: bool) -> str:
    if not chosen:
        return "no features"
    names = ", ".join(chosen)
    return f"features: {names}" + (" (check that all of them were measured before assignment)" if is_default else "")


def _frame_of(columns: dict[str, Any], frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)
