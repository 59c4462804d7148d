"""The `calibrate` command, which fits a journey to data."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.console import output_folder, print_result, with_exit_codes
from cjsim.errors import InputError, format_error, short_repr

_HELP = """Fit a journey to data.

Example: cjsim calibrate purchases orders.csv --customer customer --time date --value amount --until 2025-12-31"""
_DETECTED = "Detected by default."
_THOUSANDS_HELP = f"Thousands separator of amounts: a comma, period, space, apostrophe or none. {_DETECTED}"
_DATE_HELP = f"Format of dates: dmy, mdy, ymd, excel, excel-1904, unix-s, unix-ms, unix-us, unix-ns, or a strptime format. {_DETECTED}"
_SHEET_HELP = "Sheet of an Excel file. By default, the only one with the columns."
_REFUNDS_HELP = "Omit purchases that were refunded in full, with their refunds."
calibrate_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
_SEED_RULE = {"must": "must be from 0 to 2**63 - 1", "remedy": "Use a number such as 7."}
SeedOption = Annotated[
    int, options.number_option("--seed", "S", "Random seed for the forecast intervals.", example=7, allowed=range(2**63), **_SEED_RULE)
]


@calibrate_app.command("purchases")
@with_exit_codes
def calibrate_purchases(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG", help="Purchase log with one row per purchase: CSV, gzipped CSV, Excel or Parquet.", show_default=False
        ),
    ],
    customer: Annotated[str, typer.Option("--customer", metavar="COLUMN", help="Column with the customer ID.")],
    time: Annotated[str, typer.Option("--time", metavar="COLUMN", help="Column with the purchase time.")],
    value: Annotated[str, typer.Option("--value", metavar="COLUMN", help="Column with the purchase amount.")],
    until: Annotated[
        str, typer.Option("--until", metavar="DATE", help="Last day of the calibration period. Later purchases form the holdout.")
    ],
    out: options.Out = None,
    force: options.Force = False,
    unit: Annotated[str, typer.Option("--unit", metavar="week|day", help="Time unit of the parameters.")] = "week",
    horizon: Annotated[
        str,
        typer.Option("--horizon", metavar="DURATION", help="Length of the forecast of each customer, from the day after --until."),
    ] = "365d",
    discount_rate: Annotated[
        str, typer.Option("--discount-rate", metavar="RATE", help="Annual discount rate of each customer's CLV.")
    ] = "0.1",
    seed: SeedOption = 1,
    sep: Annotated[str | None, typer.Option("--sep", metavar="CHAR", help=f"Column separator: a character, or tab. {_DETECTED}")] = None,
    decimal: Annotated[str | None, typer.Option("--decimal", metavar=".|,", help=f"Decimal separator of amounts. {_DETECTED}")] = None,
    thousands: Annotated[str | None, typer.Option("--thousands", metavar="CHAR", help=_THOUSANDS_HELP)] = None,
    date_format: Annotated[str | None, typer.Option("--date-format", metavar="FORMAT", help=_DATE_HELP)] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", metavar="NAME", help=f"Text encoding, such as cp1252. {_DETECTED}")] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help=_SHEET_HELP)] = None,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="Omit rows that repeat an earlier row exactly.")] = False,
    net_refunds: Annotated[bool, typer.Option("--net-refunds", help=_REFUNDS_HELP)] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Fit BG/NBD and gamma-gamma models to a purchase log.

    The result is a journey whose customers buy like those in the log.

    Example: cjsim calibrate purchases orders.csv --customer customer --time date --value amount --until 2025-12-31
    """
    with output_folder(out, command="calibrate", force=force) as folder:
        from cjsim.calibration.purchase_model import calibrate_purchases as calibrate

        calibration = calibrate(
            log,
            customer=customer,
            time=time,
            value=value,
            until=until,
            unit=unit,
            horizon_days=_days(horizon),
            discount_rate=_rate(discount_rate),
            seed=seed,
            sep=sep,
            decimal=decimal,
            thousands=thousands,
            date_format=date_format,
            encoding=encoding,
            sheet=sheet,
            drop_duplicates=drop_duplicates,
            net_refunds=net_refunds,
        )
        if folder is not None:
            calibration.save(folder)
    print_result(calibration, as_json=as_json, table_format=table_format)


def _days(text: str) -> float:
    from cjsim.scenario.fields import MAX_DAYS, parse_duration

    try:
        days = float(parse_duration(text))
    except ValueError:
        days = 0.0
    if not 0 < days <= MAX_DAYS:
        must = f"must be a duration above 0 and up to {MAX_DAYS:g} days"
        raise InputError(format_error("--horizon", must, short_repr(text), "Use a value such as 365d."))
    return days


def _rate(text: str) -> float:
    """Parse a rate such as 0.1 or 10%."""
    try:
        return float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise InputError(format_error("--discount-rate", "must be one number", short_repr(text), "Use a value such as 0.1.")) from None
