"""Purchases that are written in any combination of formats are read as they were."""

import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.row_reader import read_rows

DATES: dict[str, Callable[[datetime], str]] = {
    "iso": lambda time: f"{time:%Y-%m-%d}",
    "iso with times": lambda time: f"{time:%Y-%m-%dT%H:%M:%S}",
    "offsets": lambda time: f"{time:%Y-%m-%d %H:%M:%S}{'+02' if time.month < 6 else '-0530'}",
    "day first": lambda time: f"{time:%d.%m.%Y %H:%M}",
    "month first": lambda time: f"{time.month}/{time.day}/{time:%Y %I:%M %p}",
    "month names": lambda time: f"{time:%d-%b-%y}",
    "digits": lambda time: f"{time:%Y%m%d}",
    "seconds": lambda time: f"{(time - datetime(1970, 1, 1)).total_seconds():.0f}",
    "serials": lambda time: f"{(time - datetime(1899, 12, 30)) / timedelta(days=1):.5f}",
}
AMOUNTS: dict[str, Callable[[float], str]] = {
    "plain": lambda amount: f"{amount:.2f}",
    "commas in thousands": lambda amount: f"{amount:,.2f}",
    "decimal commas": lambda amount: f"{amount:.2f}".replace(".", ","),
    "points in thousands": lambda amount: f"{amount:,.2f} €".translate(str.maketrans(",.", ".,")),
    "spaces in thousands": lambda amount: f"{amount:,.2f}".replace(",", "\u202f").replace(".", ","),
    "parentheses": lambda amount: f"(${-amount:,.2f})" if amount < 0 else f"${amount:,.2f}",
}


@pytest.mark.parametrize(("dates", "amounts"), list(itertools.product(DATES, AMOUNTS)))
def test_purchases_are_read_as_they_were_written(dates: str, amounts: str, tmp_path: Path) -> None:
    rng = random.Random(f"{dates} {amounts}")
    sep, encoding = (
        rng.choice(";\t|"),
        rng.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252" if "\u202f" not in AMOUNTS[amounts](1e3) else "utf-8"]),
    )
    purchases = [
        (f"é{rng.randrange(9)}", datetime(2023, 1, 1) + timedelta(seconds=rng.randrange(63_000_000)), round(rng.uniform(-50, 5000), 2))
        for _ in range(60)
    ]
    rows = [f"{customer}{sep}{DATES[dates](time)}{sep}{AMOUNTS[amounts](amount)}" for customer, time, amount in purchases]
    text = "\r\n".join(["Orders", f"customer{sep}date{sep}amount", *rows])
    (tmp_path / "log").write_bytes(text.encode(encoding))
    read = read_rows(tmp_path / "log", customer="customer", time="date", value="amount", log_format=LogFormat())
    assert read.customer.tolist() == [customer for customer, _, _ in purchases]
    assert read.day.astype(str).tolist() == [f"{time:%Y-%m-%d}" for _, time, _ in purchases]
    assert read.money.tolist() == [amount for _, _, amount in purchases]
    assert read.row.tolist() == list(range(3, 63))
