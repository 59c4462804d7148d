"""Simulates a run until the end of each calendar month, to derive what happened in each month."""

from collections.abc import Iterator
from dataclasses import replace

from cjsim.errors import InputError, format_error
from cjsim.simulation.months.calendar_months import CalendarMonths, calendar_months
from cjsim.simulation.months.monthly_outcomes import MonthlyOutcomes
from cjsim.simulation.run import Run
from cjsim.simulation.seeded_run import RunSettings, simulate_seed


def require_no_processes_or_ends(settings: RunSettings) -> None:
    """Raise if a run that stops earlier could differ from the first part of a full run.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.

    Raises
    ------
    InputError
        If there are user-defined processes, which can read the horizon, or if customers have separate end days.
    """
    got = f"the process '{settings.processes.names[0]}'" if settings.processes.names else "" if settings.ends is None else "`until_days`"
    if got:
        raise InputError(format_error("monthly", "must be omitted with processes and `until_days`", got, "Omit one of them."))


def with_months(run: Run, settings: RunSettings) -> Run:
    """Return a run with what happened in each month, in every replication.

    With M months, this simulates each replication another M - 1 times, for half of the horizon on average.

    Parameters
    ----------
    run : Run
        The run.
    settings : RunSettings
        Its settings.

    Returns
    -------
    Run
    """
    months = calendar_months(settings.scenario.start, settings.scenario.horizon)
    monthly = [MonthlyOutcomes.of(one, months, _runs_by_month(one, settings, months)) for one in run.replications]
    repeats = tuple(replace(one, monthly=found) for one, found in zip(run.repeats, monthly[1:], strict=True))
    return replace(run, monthly=monthly[0], repeats=repeats)


def _runs_by_month(run: Run, settings: RunSettings, months: CalendarMonths) -> Iterator[Run]:
    for name, end in zip(months.names[:-1], months.ends[:-1], strict=True):
        until = settings.scenario.model_copy(update={"horizon": end, "value_horizon": None})
        yield simulate_seed(replace(settings, scenario=until), run.seed, name=f"{settings.scenario.name}, until the end of {name}")
    yield run
