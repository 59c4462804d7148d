"""A journey from a purchase log: when customers buy and what they spend, with intervals, a forecast, and files to simulate.

Lives here: the verb, checks of its dates, the result. Does not live here: reading the log (purchase_log.py), the models
(bgnbd.py, nbd.py, gammagamma.py), which of them the log can tell (identify.py), the forecast (forecast.py), the text of the
YAML files (purchase_scenario.py).
"""

import contextlib
import errno
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cjsim.calibrate.forecast import Forecast, forecast
from cjsim.calibrate.identify import FittedSpend, FittedTiming, fit_spend, fit_timing
from cjsim.calibrate.likelihood import Estimate
from cjsim.calibrate.purchase_log import UNIT_DAYS, Histories, PurchaseLog, read_purchases
from cjsim.calibrate.purchase_scenario import Origin, scenario_files
from cjsim.errors import InputError, complaint, one_of, shown

INTERVALS = "95 % profile likelihood"


@dataclass(frozen=True)
class PurchaseCalibration:
    """A journey fitted to a purchase log. Prints as a table.

    Attributes
    ----------
    source : str
        The log.
    unit : str
        Unit of time of the parameters.
    start, until, end : date
        First day of the log, last day of the calibration, last day of the holdout.
    timing : FittedTiming
        When customers buy.
    spend : FittedSpend
        What they spend.
    histories : Histories
        What was fitted to.
    forecast : Forecast or None
        Of the holdout; None if there is none.
    warnings : tuple of str
        Where the data cannot tell, and what was left out.
    """

    source: str
    unit: str
    start: date
    until: date
    end: date
    timing: FittedTiming
    spend: FittedSpend
    histories: Histories
    forecast: Forecast | None
    warnings: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Estimate]:
        """Each parameter with its interval; an end that the data do not set is None."""
        return self.timing.fit.estimates | self.spend.fit.estimates

    @property
    def customers(self) -> int:
        """Customers who bought by `until`."""
        return len(self.histories.x)

    def to_json(self) -> dict[str, Any]:
        """The result as plain data, as `cjsim calibrate purchases --json` prints it.

        Returns
        -------
        dict
            `parameters` {name: {value, low, high}}, `unit`, `log_likelihood` (of the purchase times), `customers`, `holdout`
            (None, or actual, predicted, low, high, given_history, mae, rmse, correlation, money), `warnings`, `model`,
            `intervals`, `spend`.
        """
        holdout = None
        if self.forecast is not None:
            errors = {"mae": self.forecast.mae, "rmse": self.forecast.rmse, "correlation": self.forecast.correlation}
            holdout = self.forecast.purchases.to_json() | errors | {"money": self.forecast.money.to_json()}
        return {
            "parameters": {name: estimate._asdict() for name, estimate in self.parameters.items()},
            "unit": self.unit,
            "log_likelihood": self.timing.fit.log_likelihood,
            "customers": self.customers,
            "holdout": holdout,
            "warnings": list(self.warnings),
            "model": self.timing.model.name,
            "intervals": INTERVALS,
            "spend": {
                "model": self.spend.model.name,
                "log_likelihood": self.spend.fit.log_likelihood,
                "mean": self.spend.model.mean(),
                "correlation": self.spend.correlation,
            },
        }

    def __str__(self) -> str:
        lines = [
            f"{self.timing.model.name} and {self.spend.model.name}, fitted to {self.source}",
            f"{self.customers:,} customers, {self.start} to {self.until}; unit of time: {self.unit}; intervals: {INTERVALS}",
            "",
            f"{'parameter':<14}{'value':>12}{'low':>12}{'high':>12}",
        ]
        for name, (value, low, high) in self.parameters.items():
            ends = (f"{'open':>12}" if end is None else f"{end:>12.5g}" for end in (low, high))
            lines.append(f"{name:<14}{value:>12.5g}{''.join(ends)}")
        lines += [
            "",
            f"log-likelihood of the purchase times {self.timing.fit.log_likelihood:,.3f}; mean purchase {self.spend.model.mean():,.2f}",
        ]
        if self.forecast is not None:
            lines += ["", *_forecast_lines(self.forecast, self.until, self.end)]
        lines += [f"warning: {text}" for text in self.warnings]
        return "\n".join(lines)

    def save(self, out: str | Path) -> None:
        """Writes `journey.yaml`, `policy.yaml`, `scenario.yaml`, `entries.csv` and `calibration.json` into a folder.

        Parameters
        ----------
        out : str or Path
            The folder; made if it does not exist.

        Raises
        ------
        InputError
            If the folder cannot be made or written; then no file of it was changed.
        """
        origin = Origin(self.source, self.start, self.until, self.end, self.unit)
        texts = scenario_files(self.timing, self.spend, self.histories.first_day, origin)
        texts["calibration.json"] = json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n"
        _write_all(Path(out), texts)


def calibrate_purchases(
    path: str | Path,
    *,
    customer: str,
    time: str,
    value: str,
    until: str | date,
    out: str | Path | None = None,
    unit: str = "week",
    seed: int = 1,
) -> PurchaseCalibration:
    """A journey from a purchase log: BG/NBD and gamma-gamma by maximum likelihood, or less where the log cannot tell.

    Parameters
    ----------
    path : str or Path
        The log: CSV, gzipped CSV or Parquet, one row a purchase.
    customer, time, value : str
        Names of its columns: who, when, how much money.
    until : str or date
        Last day of the calibration; what comes after is the holdout.
    out : str or Path, optional
        A folder to write the journey, the scenario and the result to.
    unit : {"week", "day"}
        Unit of time of the parameters.
    seed : int
        Of the Monte Carlo bands of the forecast.

    Returns
    -------
    PurchaseCalibration

    Raises
    ------
    InputError
        If the log, a column, a date, an amount or `until` is wrong, or nobody bought again by `until`.

    References
    ----------
    Fader, Hardie, Lee (2005), Marketing Science 24(2), 275-284; Fader, Hardie (2013), brucehardie.com/notes/025.
    """
    if unit not in UNIT_DAYS:
        raise InputError(complaint("unit", f"must be one of {one_of(UNIT_DAYS)}", shown(unit), "Name one of these."))
    last_known = _day(until, "--until")
    log = read_purchases(path, customer=customer, time=time, value=value)
    warnings = (*log.warnings, *_check_dates(log, last_known))
    histories = log.histories(last_known, unit=unit)
    _check_repeats(histories, last_known)
    timing, spend = fit_timing(histories), fit_spend(histories)
    holdout = forecast(timing.model, timing.fit, spend.model, spend.fit, histories, seed=seed) if histories.ahead > 0 else None
    result = PurchaseCalibration(
        source=Path(path).name,
        unit=unit,
        start=log.first_day,
        until=last_known,
        end=max(log.last_day, last_known),
        timing=timing,
        spend=spend,
        histories=histories,
        forecast=holdout,
        warnings=(*warnings, *timing.warnings, *spend.warnings),
    )
    if out is not None:
        result.save(out)
    return result


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    """All files or none: each is written beside its place first, then all are moved there."""
    drafts = {folder / name: folder / f".{name}.draft" for name in texts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for (final, draft), text in zip(drafts.items(), texts.values(), strict=True):
            if final.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a directory", str(final))
            draft.write_text(text, encoding="utf-8")
        for final, draft in drafts.items():
            draft.replace(final)
    except OSError as error:
        for draft in drafts.values():
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        got = f"{folder}: {(error.strerror or str(error)).lower()}"
        raise InputError(complaint("--out", "must be a folder that can be written", got, "Give another folder.")) from error


def _day(given: str | date, where: str) -> date:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise InputError(complaint(where, "must be a date such as 1997-09-30", shown(given), "Write it as YYYY-MM-DD.")) from error


def _check_dates(log: PurchaseLog, until: date) -> list[str]:
    """Raises where `until` cannot be; warns where it can but misleads."""
    first, last = log.first_day, log.last_day
    if until < first:
        must, remedy = f"must be on or after the first purchase, {first}", "Give the last day to calibrate on."
        raise InputError(complaint("--until", must, str(until), remedy))
    silent = (until - last).days
    if silent > max(1, (last - first).days // 10):
        return [f"--until is {silent} days after the last purchase of the log ({last}): customers are taken to have bought nothing then"]
    return []


def _check_repeats(histories: Histories, until: date) -> None:
    if not histories.x.any():
        must = f"must hold customers who bought on a second day by {until}"
        got = f"{len(histories.x)} customers with one purchase day each"
        raise InputError(complaint("--until", must, got, "Give a later --until, or a longer log."))


def _forecast_lines(told: Forecast, until: date, end: date) -> list[str]:
    title = f"holdout, {until + timedelta(days=1)} to {end}"
    lines = [f"{title:<34}{'actual':>12}{'predicted':>12}{'95 % band, lived afresh':>28}{'given each history':>28}"]
    for name, band in (("purchases", told.purchases), ("money", told.money)):
        afresh, given = f"{band.low:,.0f} to {band.high:,.0f}", f"{band.given_low:,.0f} to {band.given_high:,.0f}"
        lines.append(f"{name:<34}{band.actual:>12,.0f}{band.predicted:>12,.0f}{afresh:>28}{given:>28}")
    correlation = "none" if told.correlation is None else f"{told.correlation:.3f}"
    return [*lines, f"by customer: mae {told.mae:.3f}, rmse {told.rmse:.3f}, correlation {correlation}"]
