"""Columns of the trials that `export_trial` returns: which are outcomes, and which describe the timing of the trial.

A table keeps these roles in its column names, so they survive CSV, Parquet and SQL.
"""

from collections.abc import Collection

CUSTOMER_COLUMN = "customer"
TIME_COLUMNS = ("assigned_day", "observed_days")  # a table with both columns counts as an exported trial
OUTCOME_SUMS = ("purchases", "revenue", "contacts", "opens", "clicks", "opt_outs")
OUTCOME_COLUMNS = (*OUTCOME_SUMS, "retained")


def reasons_not_to_use(columns: Collection[str]) -> dict[str, str]:
    """Return the columns of an exported trial that are not features, each with the reason.

    Parameters
    ----------
    columns : collection of str
        Columns of a table.

    Returns
    -------
    dict of str to str
        Empty for tables from other sources.

    Examples
    --------
    >>> reasons_not_to_use(["customer", "arm", "assigned_day", "observed_days", "opens_before", "opens"])["opens"]
    'it is an outcome'
    >>> reasons_not_to_use(["arm", "opens"])
    {}
    """
    if not set(TIME_COLUMNS) <= set(columns):
        return {}
    reasons = {CUSTOMER_COLUMN: "it identifies customers"}
    reasons |= dict.fromkeys(TIME_COLUMNS, "it describes the timing of the trial")
    reasons |= dict.fromkeys(OUTCOME_COLUMNS, "it is an outcome")
    return {name: reason for name, reason in reasons.items() if name in columns}
