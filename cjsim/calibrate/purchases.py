"""A journey from a purchase log: when customers buy and what they spend, with intervals, a forecast, and files to simulate.

Lives here: the verb, which model the log can tell, the warnings, the result. Does not live here: reading the log
(purchase_log.py), the models (bgnbd.py, nbd.py, gammagamma.py), the forecast (forecast.py), the text of the YAML files
(purchase_scenario.py).
"""

import contextlib
import errno
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from cjsim.calibrate.bgnbd import BgNbd, fit_bgnbd
from cjsim.calibrate.forecast import Forecast, Timing, forecast
from cjsim.calibrate.gammagamma import GammaGamma, LognormalSpend, Spend, fit_gamma_gamma, fit_lognormal
from cjsim.calibrate.likelihood import CUT, Estimate, Fit
from cjsim.calibrate.nbd import Nbd, fit_nbd
from cjsim.calibrate.purchase_log import UNIT_DAYS, Histories, PurchaseLog, read_purchases
from cjsim.calibrate.purchase_scenario import Origin, scenario_files
from cjsim.errors import InputError, complaint, one_of, shown

INTERVALS = "95 % profile likelihood"
FEW_REPEATERS = 20  # assumed: with fewer, three parameters of spend say nothing
STRONG_CORRELATION = 0.3  # assumed: beyond it, frequency and money are too dependent for gamma-gamma


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
    timing : BgNbd or Nbd
        When customers buy.
    timing_fit : Fit
        Its estimates.
    spend : GammaGamma or LognormalSpend
        What they spend.
    spend_fit : Fit
        Its estimates.
    dropout_ratio : float
        Likelihood ratio of BG/NBD against NBD, twice the difference of the log-likelihoods.
    spend_correlation : float or None
        Of the number of repeat purchases and their mean money, over customers who repeat.
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
    timing: Timing
    timing_fit: Fit
    spend: Spend
    spend_fit: Fit
    dropout_ratio: float
    spend_correlation: float | None
    histories: Histories
    forecast: Forecast | None
    warnings: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Estimate]:
        """Each parameter with its interval; an end that the data do not set is None."""
        return self.timing_fit.estimates | self.spend_fit.estimates

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
            "log_likelihood": self.timing_fit.log_likelihood,
            "customers": self.customers,
            "holdout": holdout,
            "warnings": list(self.warnings),
            "model": self.timing.name,
            "intervals": INTERVALS,
            "spend": {
                "model": self.spend.name,
                "log_likelihood": self.spend_fit.log_likelihood,
                "mean": self.spend.mean(),
                "correlation": self.spend_correlation,
            },
        }

    def __str__(self) -> str:
        lines = [
            f"{self.timing.name} and {self.spend.name}, fitted to {self.source}",
            f"{self.customers:,} customers, {self.start} to {self.until}; unit of time: {self.unit}; intervals: {INTERVALS}",
            "",
            f"{'parameter':<14}{'value':>12}{'low':>12}{'high':>12}",
        ]
        for name, (value, low, high) in self.parameters.items():
            ends = (f"{'open':>12}" if end is None else f"{end:>12.5g}" for end in (low, high))
            lines.append(f"{name:<14}{value:>12.5g}{''.join(ends)}")
        lines += ["", f"log-likelihood of the purchase times {self.timing_fit.log_likelihood:,.3f}; mean purchase {self.spend.mean():,.2f}"]
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
        texts = scenario_files(self.timing, self.timing_fit, self.spend, self.spend_fit, self.histories.first_day, origin)
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
    end: str | date | None = None,
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
    end : str or date, optional
        Last day of the holdout; the last day of the log if not given. Give it where the last day is not whole.
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
        raise InputError(complaint("unit", f"must be one of {one_of(UNIT_DAYS)}", shown(unit)))
    last_known = _day(until, "--until")
    last = None if end is None else _day(end, "--end")
    log = read_purchases(path, customer=customer, time=time, value=value)
    warnings = [*log.warnings, *_check_dates(log, last_known, last)]
    histories = log.histories(last_known, unit=unit, end=last)
    _check_repeats(histories, last_known)
    timing, timing_fit, ratio = _fit_timing(histories, warnings)
    spend, spend_fit, correlation = _fit_spend(histories, warnings)
    holdout = forecast(timing, timing_fit, spend, spend_fit, histories, seed=seed) if histories.ahead > 0 else None
    result = PurchaseCalibration(
        source=Path(path).name,
        unit=unit,
        start=log.first_day,
        until=last_known,
        end=max(last or log.last_day, last_known),
        timing=timing,
        timing_fit=timing_fit,
        spend=spend,
        spend_fit=spend_fit,
        dropout_ratio=ratio,
        spend_correlation=correlation,
        histories=histories,
        forecast=holdout,
        warnings=tuple(warnings),
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


def _check_dates(log: PurchaseLog, until: date, end: date | None) -> list[str]:
    """Raises where `until` or `end` cannot be; warns where they can but mislead."""
    first, last = log.first_day, log.last_day
    if until < first:
        must, remedy = f"must be on or after the first purchase, {first}", "Give the last day to calibrate on."
        raise InputError(complaint("--until", must, str(until), remedy))
    if end is not None and end < until:
        raise InputError(complaint("--end", f"must be on or after --until, {until}", str(end), "Give the last day of the holdout."))
    silent = (until - last).days
    if silent > max(1, (last - first).days // 10):
        return [f"--until is {silent} days after the last purchase of the log ({last}): customers are taken to have bought nothing then"]
    return []


def _check_repeats(histories: Histories, until: date) -> None:
    if not histories.x.any():
        must = f"must hold customers who bought on a second day by {until}"
        got = f"{len(histories.x)} customers with one purchase day each"
        raise InputError(complaint("--until", must, got, "Give a later --until, or a longer log."))


def _fit_timing(histories: Histories, warnings: list[str]) -> tuple[Timing, Fit, float]:
    """BG/NBD if the log tells dropout, else NBD; the likelihood ratio between them; adds to `warnings`."""
    rows, weight = np.unique(np.column_stack([histories.x, histories.t_x, histories.T]), axis=0, return_counts=True)
    x, t_x, T = (np.ascontiguousarray(column) for column in rows.T)
    customers = weight.astype(np.float64)
    without = fit_nbd(x, T, customers)
    with_dropout = fit_bgnbd(x, t_x, T, customers)
    ratio = max(0.0, 2 * (with_dropout.log_likelihood - without.log_likelihood))
    if ratio < CUT:
        warnings.append(
            f"dropout is not identified: BG/NBD fits no better than NBD (likelihood ratio {ratio:.2f}, below {CUT:.2f}), so that the "
            "interval of the mean dropout a/(a+b) reaches 0; NBD, the model without dropout, is used"
        )
        fit = without
    else:
        fit = with_dropout
    if "r" in fit.at_bound and fit.estimates["r"].value > 1:
        warnings.append("differences in purchase rate are not identified: r is held at 1000, where all customers buy at the same rate")
    if {"a", "b"} & set(fit.at_bound):
        warnings.append("differences in dropout are not identified: a or b is held at the end of its range, 0.001 to 1000")
    _warn_of_open_ends(fit, warnings)
    timing: Timing = Nbd(*map(float, fit.values)) if fit is without else BgNbd(*map(float, fit.values))
    return timing, fit, ratio


def _fit_spend(histories: Histories, warnings: list[str]) -> tuple[Spend, Fit, float | None]:
    """Gamma-gamma if the log tells it, else a lognormal or one amount; the correlation with frequency; adds to `warnings`."""
    repeats = histories.x > 0
    paid = repeats & (histories.spend > 0)
    if paid.sum() < repeats.sum():
        warnings.append(f"{int(repeats.sum() - paid.sum())} customers whose repeat purchases cost nothing are not in the model of spend")
    x, spend = histories.x[paid], histories.spend[paid]
    correlation = float(np.corrcoef(x, spend)[0, 1]) if len(x) > 1 and x.std() > 0 and spend.std() > 0 else None
    if correlation is not None and abs(correlation) > STRONG_CORRELATION:
        warnings.append(
            f"frequency and money are correlated ({correlation:.2f} over {len(x)} customers), while the model of spend takes them to be "
            "independent: money forecasts will be off for frequent buyers"
        )
    reason = f"{len(x)} customers bought again for money, {FEW_REPEATERS} are needed"
    if len(x) >= FEW_REPEATERS:
        fit = fit_gamma_gamma(x, spend)
        if fit.estimates["q"].value > 1 and not fit.at_bound:
            _warn_of_open_ends(fit, warnings)
            return GammaGamma(*map(float, fit.values)), fit, correlation
        reason = "q <= 1, an infinite mean" if not fit.at_bound else f"{', '.join(fit.at_bound)} ran to the end of the range"
    money = histories.money[histories.money > 0]
    what = "one amount" if len(set(money)) < 2 else "one lognormal of all purchases"
    warnings.append(f"differences in spend between customers are not identified ({reason}): {what} is used for all customers")
    if len(set(money)) < 2:
        amount = float(money[0]) if len(money) else 0.0
        estimates = {"spend_median": Estimate(amount, None, None), "spend_sigma": Estimate(0.0, None, None)}
        return LognormalSpend(amount, 0.0), Fit(0.0, estimates, np.zeros((2, 2)), ("spend_sigma",)), correlation
    fit = fit_lognormal(money)
    return LognormalSpend(*map(float, fit.values)), fit, correlation


def _warn_of_open_ends(fit: Fit, warnings: list[str]) -> None:
    names = [name for name, (_, low, high) in fit.estimates.items() if low is None or high is None]
    if names:
        warnings.append(f"the data set no end to the interval of {', '.join(names)}: that end is null")


def _forecast_lines(told: Forecast, until: date, end: date) -> list[str]:
    lines = [f"{f'holdout, {until} to {end}':<34}{'actual':>12}{'predicted':>12}{'95 % band, lived afresh':>28}{'given each history':>28}"]
    for name, band in (("purchases", told.purchases), ("money", told.money)):
        afresh, given = f"{band.low:,.0f} to {band.high:,.0f}", f"{band.given_low:,.0f} to {band.given_high:,.0f}"
        lines.append(f"{name:<34}{band.actual:>12,.0f}{band.predicted:>12,.0f}{afresh:>28}{given:>28}")
    correlation = "none" if told.correlation is None else f"{told.correlation:.3f}"
    return [*lines, f"by customer: mae {told.mae:.3f}, rmse {told.rmse:.3f}, correlation {correlation}"]
