"""Groups of customers: by attribute, persona, acquisition channel, arm of an experiment, or month of entry."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.kernels.codes import ConditionOp
from cjsim.kernels.world import Array
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.condition_parser import Program, parse_condition
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.months.calendar_months import MONTH
from cjsim.simulation.segments.experiment_arms import draw_arms, find_experiment

ARM, PERSONA, ENTRY_MONTH = "arm", "persona", "entry_month"
BASE = "base"  # groups: customers who exist before day 0, and those who enter later
_EXISTING, _NEW = "existing", "new"
_FIRST_YEAR, _LAST_YEAR = 1900, 2199  # of months in conditions
_MONTHS = [f"{year}-{month:02d}" for year in range(_FIRST_YEAR, _LAST_YEAR + 1) for month in range(1, 13)]
SMALL_GROUP = 50  # customers; below, normal intervals are not reliable
_MAX_COMBINATIONS = 1_000_000  # of levels; a condition with more is not checked before the simulation
_COLUMN_OPS = (ConditionOp.PERSONA, ConditionOp.ATTRIBUTE)
_COMPARISONS = {ConditionOp.EQ: np.equal, ConditionOp.NE: np.not_equal, ConditionOp.AND: np.logical_and, ConditionOp.OR: np.logical_or}


def groupings(codebook: Codebook) -> list[str]:
    """Return the names of all groupings of a scenario's customers.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.

    Returns
    -------
    list of str
    """
    personas = [PERSONA] if len(codebook.personas) > 1 else []
    base = [BASE] if codebook.has_existing and BASE not in codebook.attributes else []
    months = [ENTRY_MONTH] if MONTH in codebook.attributes else [ENTRY_MONTH, MONTH]
    return [*codebook.attributes, *personas, *base, *([ARM] if codebook.experiments else []), *months]


def find_grouping(codebook: Codebook, by: str) -> tuple[str, str | None]:
    """Return what distinguishes the groups, such as 'arm:NAME' or an attribute, and the experiment (None if there is none).

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    by : str
        'arm', 'arm:NAME', 'persona', 'entry_month', the name of an attribute, such as 'acquired_by', 'base' for existing and new
        customers, or 'month' for calendar months, which do not distinguish customers.

    Returns
    -------
    tuple of (str, str or None)

    Raises
    ------
    InputError
        If there is no such experiment or grouping.
    """
    kind, _, name = by.partition(":")
    if kind == ARM:
        experiment = find_experiment(codebook, name or None, "by")
        return f"{ARM}:{experiment}", experiment
    if by not in (known := [*groupings(codebook), PERSONA]):
        raise InputError(format_error("by", *unknown_name_parts(by, list(dict.fromkeys(known)), "group")))
    return by, None


def require_shared_groups(codebooks: Mapping[str, Codebook], by: str | None, *, where: str | None = None) -> str | None:
    """Return what distinguishes the groups of compared scenarios. Raise if a scenario lacks them.

    Parameters
    ----------
    codebooks : Mapping of str to Codebook
        Names of each scenario, by scenario; the first is the baseline.
    by : str or None
        As in `find_grouping`; None for a single group.
    where : str, optional
        Condition on customers.

    Returns
    -------
    str or None

    Raises
    ------
    InputError
        If a scenario has no such grouping, its experiment differs from the baseline's in arms or shares, which would put the same customers
        in different arms, or the condition is invalid in it.
    """
    (baseline, first), *others = codebooks.items()
    grouping, experiment = (None, None) if by is None else find_grouping(first, by)
    uses_arms = where is not None and ARM in _names_in(parse_filter(first, where), first)
    for name, codebook in others:
        if grouping is not None and not _has_grouping(codebook, grouping):
            must, remedy = "must be a grouping of every scenario", "Choose one that all scenarios have."
            raise InputError(format_error("by", must, f"'{by}', which '{name}' lacks", remedy))
        if where is not None:
            _require_filter(codebook, where, name)
        has_other_arms = experiment is not None and codebook.experiments[experiment] != first.experiments[experiment]
        if has_other_arms or (uses_arms and codebook.experiments != first.experiments):
            must, got = f"must have the same arms and shares in every scenario as in '{baseline}'", f"other ones in '{name}'"
            field, remedy = (
                "by" if has_other_arms else "where",
                "Use the same split in both: otherwise, arms consist of different customers.",
            )
            raise InputError(format_error(field, must, got, remedy))
    return grouping


def _has_grouping(codebook: Codebook, grouping: str) -> bool:
    kind, _, experiment = grouping.partition(":")
    return experiment in codebook.experiments if kind == ARM else grouping in (*groupings(codebook), PERSONA)


def _require_filter(codebook: Codebook, where: str, name: str) -> None:
    """Raise if a condition that is valid for the baseline is invalid for another scenario."""
    try:
        parse_filter(codebook, where)
    except InputError:
        must, got = "must be valid in every scenario", f"{short_repr(where)}, which is invalid in '{name}'"
        raise InputError(format_error("where", must, got, "Use only names and levels that all scenarios have.")) from None


def customer_groups(run: RunRecord, profiles: CustomerProfiles, by: str) -> dict[str, Array]:
    """Return which customers belong to each group.

    Parameters
    ----------
    run : RunRecord
        The run.
    profiles : CustomerProfiles
        Attributes of its customers.
    by : str
        Return value of `find_grouping`.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_customers,)
        In the order of declaration, or of time.
    """
    codes = _codes(run, profiles, by)
    if by == ENTRY_MONTH:
        return {_MONTHS[code]: np.asarray(codes == code) for code in np.unique(codes[codes >= 0])}
    kind, _, experiment = by.partition(":")
    if kind == ARM:
        labels: Sequence[str] = list(run.codebook.experiments[experiment])
    elif kind == BASE and BASE not in run.codebook.attributes:
        labels = (_EXISTING, _NEW)
    else:
        labels = run.codebook.personas if kind == PERSONA else run.codebook.attributes[kind]
    return {label: np.asarray(codes == code) for code, label in enumerate(labels)}


def chosen_customers(run: RunRecord, profiles: CustomerProfiles, where: str) -> Array:
    """Return which customers meet a condition on what is fixed at entry.

    Parameters
    ----------
    run : RunRecord
        The run.
    profiles : CustomerProfiles
        Attributes of its customers.
    where : str
        The condition, such as "country == 'DE' and persona != loyal".

    Returns
    -------
    ndarray of bool, shape (n_customers,)

    Raises
    ------
    InputError
        If the condition is invalid.
    """
    program = parse_filter(run.codebook, where)
    return _evaluated(program, {name: _codes(run, profiles, name) for name in _names_in(program, run.codebook)}, run.codebook)


def require_possible(codebook: Codebook, where: str, *, months: tuple[date, date]) -> None:
    """Raise if no customer can meet a condition, whatever the random numbers.

    Used before a simulation, which may take a long time.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    where : str
        The condition.
    months : tuple of date
        The first and the last day on which customers can enter.

    Raises
    ------
    InputError
        If the condition is invalid, or holds for no combination of levels.
    """
    program = parse_filter(codebook, where)
    first, last = (12 * (day.year - _FIRST_YEAR) + day.month - 1 for day in months)
    levels = _filter_names(codebook).levels
    codes = {name: np.arange(len(codebook.personas) if name == PERSONA else len(levels[name])) for name in _names_in(program, codebook)}
    if ENTRY_MONTH in codes:
        codes[ENTRY_MONTH] = np.arange(first, last + 1)
    if math.prod(map(len, codes.values())) > _MAX_COMBINATIONS:
        return
    grid = (axis.ravel() for axis in np.meshgrid(*codes.values(), indexing="ij"))
    require_any_customer(where, [int(np.count_nonzero(_evaluated(program, dict(zip(codes, grid, strict=True)), codebook)))])


def _names_in(program: Program, codebook: Codebook) -> list[str]:
    """Return the names that a condition uses."""
    columns = list(_filter_names(codebook).attributes)
    found = [PERSONA if op == ConditionOp.PERSONA else columns[argument] for op, argument, _ in program[:-1] if op in _COLUMN_OPS]
    return list(dict.fromkeys(found))


def _evaluated(program: Program, codes: Mapping[str, Array], codebook: Codebook) -> Array:
    """Return for which rows of codes a condition holds; bool, shape (n_rows,)."""
    columns, n_rows = list(_filter_names(codebook).attributes), len(next(iter(codes.values())))
    stack: list[Array] = []
    for op, argument, number in program[:-1]:
        if op == ConditionOp.PERSONA:
            stack.append(codes[PERSONA] == argument)
        elif op == ConditionOp.ATTRIBUTE:
            stack.append(codes[columns[argument]])
        elif op == ConditionOp.CONST:
            stack.append(np.full(n_rows, number))
        elif op == ConditionOp.NOT:
            stack.append(~stack.pop().astype(bool))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_COMPARISONS[op](left, right))
    return np.asarray(stack.pop().astype(bool))


def require_any_customer(where: str, entered: Iterable[int]) -> None:
    """Raise if no customer in any replication meets a condition. A single replication may have none, which counts as 0 in totals.

    Parameters
    ----------
    where : str
        The condition.
    entered : iterable of int
        Number of customers who entered and meet it, by replication.

    Raises
    ------
    InputError
        If all numbers are 0.
    """
    if not any(entered):
        raise InputError(format_error("where", "must hold for at least one customer who entered", where, "Change the condition."))


def empty_replication_notes(entered: Sequence[int]) -> list[str]:
    """Return a note if no customer meets the condition in some replications.

    Parameters
    ----------
    entered : sequence of int
        Number of customers who entered and meet it, by replication.

    Returns
    -------
    list of str
        One note, or none.
    """
    n_empty = sum(not one for one in entered)
    if not n_empty:
        return []
    where = f"In {n_empty} of {len(entered)} replications, no customer meets the condition"
    return [f"{where}: they count as 0 in totals, and are left out of means and shares."]


def parse_filter(codebook: Codebook, where: str) -> Program:
    """Parse a condition on customers, which may use only what is fixed at entry.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    where : str
        The condition.

    Returns
    -------
    Program

    Raises
    ------
    InputError
        If the condition is invalid. The message lists what it can use.
    """
    known = [*codebook.attributes, PERSONA, *([ARM] if len(codebook.experiments) == 1 else []), ENTRY_MONTH]
    try:
        program = parse_condition(where, _filter_names(codebook))
    except ConditionError as error:
        raise InputError(format_error("where", error.must, error.got, f"{error.remedy} It can use {', '.join(known)}.")) from None
    allowed = {*_COMPARISONS, ConditionOp.PERSONA, ConditionOp.ATTRIBUTE, ConditionOp.CONST, ConditionOp.NOT}
    if any(op not in allowed for op, _, _ in program[:-1]) or all(op == ConditionOp.CONST for op, _, _ in program[:-1]):
        must = "must compare only what is fixed when a customer enters"
        remedy = f"Use ==, !=, in, and, or, not with {', '.join(known)}; quote months, such as entry_month == '2026-03'."
        raise InputError(format_error("where", must, where, remedy))
    return program


def group_notes(by: str | None, entered: Mapping[str, int], where: str | None) -> list[str]:
    """Return what a reader of a table of groups must know: latent groups, small groups, and the condition.

    Parameters
    ----------
    by : str or None
        What distinguishes the groups.
    entered : Mapping of str to int
        Number of customers who entered, by group.
    where : str or None
        Condition on customers.

    Returns
    -------
    list of str
    """
    notes = []
    if by == PERSONA or (where is not None and PERSONA in where):
        notes.append("persona: known only to the simulation; the firm cannot see it.")
    small = [f"{name} ({n:,})" for name, n in entered.items() if n < SMALL_GROUP]
    if small:
        notes.append(f"Fewer than {SMALL_GROUP} customers, so intervals are unreliable: {', '.join(small)}.")
    return notes


def _filter_names(codebook: Codebook) -> ConditionNames:
    """The names that a condition on customers may use. Arms and months of entry act as attributes."""
    levels: dict[str, Sequence[str]] = {**codebook.attributes}
    if len(codebook.experiments) == 1:
        levels[ARM] = list(next(iter(codebook.experiments.values())))
    levels[ENTRY_MONTH] = _MONTHS
    return ConditionNames(
        attributes={name: code for code, name in enumerate(levels)},
        levels={name: {label: code for code, label in enumerate(labels)} for name, labels in levels.items()},
        personas={name: code for code, name in enumerate(codebook.personas)},
        latent=True,
    )


def _codes(run: RunRecord, profiles: CustomerProfiles, name: str) -> Array:
    """Return the code of each customer's group; -1 for none; shape (n_customers,)."""
    kind, _, experiment = name.partition(":")
    if kind == ARM:
        return draw_arms(run, experiment or next(iter(run.codebook.experiments)))
    if kind == PERSONA:
        return np.asarray(run.outcomes.customers["persona"])
    if kind == BASE and BASE not in run.codebook.attributes:
        return np.where(run.outcomes.customers["entered"] < 0, 0, 1)
    if kind == ENTRY_MONTH:
        entered = run.entered
        days = np.floor(np.where(entered, run.outcomes.customers["entered"], 0.0)).astype("timedelta64[D]")
        months = (np.datetime64(date.fromisoformat(run.provenance.start), "D") + days).astype("datetime64[M]")
        return np.where(entered, (months - np.datetime64(_MONTHS[0], "M")).astype(np.int64), -1)
    levels = {label: code for code, label in enumerate(run.codebook.attributes[name])}
    found, positions = np.unique(profiles.attributes[name], return_inverse=True)
    return np.array([levels[str(label)] for label in found])[positions]
