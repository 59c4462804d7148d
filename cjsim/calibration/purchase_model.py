"""`calibrate_purchases`: fit models of purchase times and spend to a purchase log, forecast the holdout, and write scenario files."""

import math
import os
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.argument_types import checked_arguments
from cjsim.calibration.assumption_checks import check_assumptions
from cjsim.calibration.customer_forecast import CustomerForecast, forecast_customers
from cjsim.calibration.holdout_forecast import GIVEN_HISTORY_LABEL, NEW_CUSTOMERS_LABEL, HoldoutForecast, forecast_holdout
from cjsim.calibration.log_requirements import (
    parse_date,
    require_repeat_purchases,
    require_within,
    single_customer_warnings,
    until_warnings,
)
from cjsim.calibration.maximum_likelihood import ParameterEstimate
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, fit_spend, fit_timing
from cjsim.calibration.purchase_regularity import PurchaseRegularity
from cjsim.calibration.purchase_scenario import CalibrationSource, require_loadable_scenario, scenario_files
from cjsim.calibration.total_forecast import TotalForecast, forecast_totals
from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.json_records import write_json
from cjsim.metrics.text_table import align_columns
from cjsim.output_folder import FolderResult, folder_to_write
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.purchase_log import DAYS_PER_UNIT, PurchaseHistories, read_purchases
from cjsim.scenario.fields import MAX_DAYS

if TYPE_CHECKING:
    import pandas as pd

INTERVAL_METHOD = "95 % profile likelihood"
_MAX_DISCOUNT_RATE = 10.0  # as in a scenario


@dataclass(frozen=True, repr=False)
class PurchaseCalibration(FolderResult):
    """Purchase models fitted to a log. Printing shows a table.

    Attributes
    ----------
    source : str
        File name of the log.
    unit : str
        Unit of time of the parameters.
    start, until, end : date
        First day of the log, last day of the calibration period, and last day of the holdout.
    timing : FittedTiming
        Fitted model of purchase times.
    spend : FittedSpend
        Fitted model of spend per purchase.
    histories : PurchaseHistories
        Histories to which the models were fitted.
    forecast : HoldoutForecast or None
        Forecast of the holdout; None without a holdout.
    regularity : PurchaseRegularity or None
        Regularity of purchase times; None if the log has too few intervals between purchases.
    horizon_days : float
        Length of the forecast of each customer, from the day after `until`.
    discount_rate : float
        Annual discount rate of each customer's CLV.
    seed : int
        Seed of the Monte Carlo draws.
    warnings : tuple of str
        Limits of the data, omitted rows, and reasons not to rely on the forecast.
    assumptions : tuple of str
        Assumptions about the format of the log, such as a decimal comma, one sentence each.
    """

    source: str
    unit: str
    start: date
    until: date
    end: date
    timing: FittedTiming
    spend: FittedSpend
    histories: PurchaseHistories
    forecast: HoldoutForecast | None
    regularity: PurchaseRegularity | None
    horizon_days: float
    discount_rate: float
    seed: int
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, ParameterEstimate]:
        """Estimate of each parameter with its interval. A bound that the data do not determine is None."""
        return self.timing.fit.estimates | self.spend.fit.estimates

    @property
    def customer_count(self) -> int:
        """Number of customers whose first purchase was on or before `until`."""
        return len(self.histories.x)

    @cached_property
    def customers(self) -> CustomerForecast:
        """Forecast of each customer for `horizon_days` after `until`: probability of being alive, purchases, spend and CLV."""
        return forecast_customers(
            self.timing,
            self.spend,
            self.histories,
            unit=self.unit,
            horizon_days=self.horizon_days,
            discount_rate=self.discount_rate,
            seed=self.seed,
        )

    @cached_property
    def total_forecast(self) -> TotalForecast:
        """Forecast of all customers together for `horizon_days` after `until`: active customers, purchases and spend."""
        return forecast_totals(
            self.timing,
            self.spend,
            self.histories,
            length=self.horizon_days / DAYS_PER_UNIT[self.unit],
            first_day=self.until + timedelta(days=1),
            last_day=self.until + timedelta(days=math.ceil(self.horizon_days)),
            seed=self.seed,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-compatible values, as printed by `cjsim calibrate purchases --json`.

        Returns
        -------
        dict
            `parameters` {name: {value, low, high}}, `unit`, `log_likelihood` (of the timing model), `customers`, `holdout`
            (see `HoldoutForecast.to_json`; None without a holdout), `warnings`, `assumptions`, `model`, `intervals`, `spend`,
            `regularity` (see `PurchaseRegularity.to_json`; None with too few intervals), `customer_forecast` {horizon_days,
            discount_rate} and `total_forecast` (see `TotalForecast.to_json`).
        """
        return {
            "parameters": {name: estimate._asdict() for name, estimate in self.parameters.items()},
            "unit": self.unit,
            "log_likelihood": self.timing.fit.log_likelihood,
            "customers": self.customer_count,
            "holdout": None if self.forecast is None else self.forecast.to_json(),
            "warnings": list(self.warnings),
            "assumptions": list(self.assumptions),
            "model": self.timing.model.name,
            "intervals": INTERVAL_METHOD,
            "spend": {
                "model": self.spend.model.name,
                "log_likelihood": self.spend.fit.log_likelihood,
                "mean": self.spend.model.mean_spend(),
                "correlation": self.spend.correlation,
            },
            "regularity": None if self.regularity is None else self.regularity.to_json(),
            "customer_forecast": {"horizon_days": self.horizon_days, "discount_rate": self.discount_rate},
            "total_forecast": self.total_forecast.to_json(),
        }

    def _facts(self) -> str:
        return f"{self.source}: {self.customer_count:,} customers, {self.timing.model.title} and {self.spend.model.title}"

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per parameter. Interval limits that the data do not determine are missing."""
        import pandas as pd

        rows = [(name, *(math.nan if number is None else number for number in one)) for name, one in self.parameters.items()]
        frame = pd.DataFrame(rows, columns=["parameter", "value", "low", "high"])
        return frame.assign(time_unit=self.unit).set_index("parameter")

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the forecast, whether the holdout supports it, and the estimates as text."""
        lines = [
            *self.total_forecast.sentences(),
            self._verdict(),
            "",
            f"{self.timing.model.title} and {self.spend.model.title}, fitted to {self.source}",
            f"{self.customer_count:,} customers, {self.start} to {self.until}; unit of time: {self.unit}; intervals: {INTERVAL_METHOD}",
            "",
            f"{'parameter':<14}{'value':>12}{'low':>12}{'high':>12}",
        ]
        for name, (value, low, high) in self.parameters.items():
            ends = (f"{'open':>12}" if end is None else f"{end:>12.5g}" for end in (low, high))
            lines.append(f"{name:<14}{value:>12.5g}{''.join(ends)}")
        mean_spend = f"{self.spend.model.mean_spend():,.2f}"
        lines += ["", f"log-likelihood of the timing model: {self.timing.fit.log_likelihood:,.3f}; mean spend per purchase: {mean_spend}"]
        if self.forecast is not None:
            lines += ["", *_forecast_lines(self.forecast, self.until, self.end)]
        lines += [f"assumed: {text}" for text in self.assumptions]
        lines += [f"warning: {text}" for text in self.warnings]
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.forecast is None:
            return "The forecast was not tested, because the log has no purchases after the calibration period: use an earlier `until`."
        see = {0: "", 1: " See the warning below."}.get(len(self.warnings), f" See the {len(self.warnings)} warnings below.")
        return self.forecast.verdict() + see

    def save(self, folder: str | Path) -> Path:
        """Write the scenario files, `customers.csv` and `calibration.json` to a folder.

        The scenario files are `journey.yaml`, `policy.yaml`, `scenario.yaml`, `entries.csv` and `draws.csv`. Row n of `customers.csv`
        describes the customer in row n of `entries.csv`. In `customers.csv`, an apostrophe precedes identifiers that a spreadsheet would
        evaluate as a formula; in `entries.csv`, identifiers are unchanged. Numbers have six significant digits.

        Existing files with these names are replaced. Only the command line requires `--force` for this.

        Parameters
        ----------
        folder : str or Path
            Output folder; created if it does not exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If the folder cannot be created or written to, or if the scenario cannot be simulated, for example because an amount exceeds
            1e12. No file in the folder is then changed.
        """
        origin = CalibrationSource(self.source, self.start, self.until, self.end, self.unit)
        texts = scenario_files(self.timing, self.spend, self.histories, origin)
        with folder_to_write(folder) as draft:
            for name, text in texts.items():
                (draft / name).write_text(text, encoding="utf-8")
            require_loadable_scenario(draft, self.source)
            self.customers.write_csv(draft / "customers.csv")
            write_json(draft / "calibration.json", self.to_json())
        return Path(folder)


@checked_arguments
def calibrate_purchases(
    path: str | Path,
    *,
    customer: str,
    time: str,
    value: str,
    until: str | date,
    out: str | Path | None = None,
    unit: str = "week",
    horizon_days: float = 365.0,
    discount_rate: float = 0.1,
    seed: int = 1,
    sep: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    date_format: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    drop_duplicates: bool = False,
    net_refunds: bool = False,
) -> PurchaseCalibration:
    """Fit BG/NBD and gamma-gamma to a purchase log by maximum likelihood, or simpler models if the log cannot identify them.

    Parameters
    ----------
    path : str or Path
        Purchase log with one row per purchase: text with separated columns (optionally gzipped), an Excel file (.xlsx) or Parquet.
    customer, time, value : str
        Names of the columns with the customer, the time and the amount.
    until : str or date
        Last day of calibration. Later days are the holdout.
    out : str or Path, optional
        Output folder for the scenario files and the result.
    unit : {"week", "day"}
        Unit of time of the parameters.
    horizon_days : float
        Length of the forecast of each customer, from the day after `until`; above 0, at most 36,525.
    discount_rate : float
        Annual discount rate of each customer's CLV, from 0 to 10.
    seed : int
        Seed of the Monte Carlo draws for the forecast intervals.
    sep, decimal, thousands, date_format, encoding, sheet : str, optional
        Format of the log: see `LogFormat`. Values that are not given are detected, and listed in `assumptions`.
    drop_duplicates : bool
        Whether to omit rows that repeat an earlier row in all columns.
    net_refunds : bool
        Whether to omit purchases that were refunded in full, with their refunds.

    Returns
    -------
    PurchaseCalibration

    Raises
    ------
    InputError
        If the log, a column, a date, an amount or `until` is invalid, or no customer made a repeat purchase by `until`.

    References
    ----------
    Fader, Hardie, Lee (2005), Marketing Science 24(2), 275-284; Fader, Hardie (2013), brucehardie.com/notes/025.
    """
    if unit not in DAYS_PER_UNIT:
        raise InputError(format_error("unit", f"must be one of {quote_choices(DAYS_PER_UNIT)}", short_repr(unit), "Choose one of them."))
    require_within("horizon_days", horizon_days, above=0.0, most=MAX_DAYS, example=365)
    require_within("discount_rate", discount_rate, above=None, most=_MAX_DISCOUNT_RATE, example=0.1)
    last_day = parse_date(until, "until")
    log = read_purchases(
        path,
        customer=customer,
        time=time,
        value=value,
        log_format=LogFormat(sep, decimal, thousands, date_format, encoding, sheet),
        drop_duplicates=drop_duplicates,
        net_refunds=net_refunds,
    )
    warnings = (*log.warnings, *until_warnings(log, last_day))
    histories = log.histories_until(last_day, unit=unit)
    require_repeat_purchases(histories, last_day)
    timing, spend = fit_timing(histories), fit_spend(histories)
    checks = check_assumptions(log, histories, timing, spend, last_day)
    holdout = forecast_holdout(timing, spend, histories, seed=seed) if histories.holdout_length > 0 else None
    result = PurchaseCalibration(
        source=os.fsencode(Path(path).name).decode("utf-8", "replace"),
        unit=unit,
        start=log.first_day,
        until=last_day,
        end=max(log.last_day, last_day),
        timing=timing,
        spend=spend,
        histories=histories,
        forecast=holdout,
        regularity=checks.regularity,
        horizon_days=horizon_days,
        discount_rate=discount_rate,
        seed=seed,
        warnings=(
            *warnings,
            *single_customer_warnings(histories, customer),
            *checks.warnings,
            *timing.warnings,
            *spend.warnings,
            *(() if holdout is None else holdout.warnings(checks.tested)),
        ),
        assumptions=log.assumptions,
    )
    if out is not None:
        result.save(out)
    return result


def _forecast_lines(holdout: HoldoutForecast, until: date, end: date) -> list[str]:
    title = f"holdout, {until + timedelta(days=1)} to {end}"
    rows = []
    for name, total in (("purchases", holdout.purchases), ("spend", holdout.money)):
        bands = (f"{band.low:,.0f} to {band.high:,.0f}" for band in (total.new_customers, total.given_history))
        rows.append((name, f"{total.actual:,.0f}", f"{total.predicted:,.0f}", *bands, ""))
    correlation = "none" if holdout.correlation is None else f"{holdout.correlation:.3f}"
    return [
        align_columns((title, "actual", "predicted", NEW_CUSTOMERS_LABEL, GIVEN_HISTORY_LABEL, ""), rows),
        f"{NEW_CUSTOMERS_LABEL}: 95 % forecast interval for the same number of newly simulated customers with the same entry dates",
        f"{GIVEN_HISTORY_LABEL}: 95 % forecast interval for the customers in the log, given their purchases through {until}; "
        "the actual numbers are compared with this interval",
        f"error per customer (purchases): MAE {holdout.mae:.3f}, RMSE {holdout.rmse:.3f}; correlation {correlation}",
    ]
