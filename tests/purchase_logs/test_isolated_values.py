"""Dates and values that are far from all others: found, named and counted, with few false alarms."""

from datetime import date

import numpy as np
import pytest
from shop_log import Purchase, rows_of, shop_log

from cjsim.purchase_logs.checks.check_rows import CheckedPurchases, check_purchase_rows
from cjsim.purchase_logs.checks.extreme_values import EXTREME_AMOUNTS, EXTREME_COUNTS, count_extreme_values
from cjsim.purchase_logs.checks.isolated_dates import isolated_dates, rows_beyond_pause

TODAY = date(2026, 1, 1)


def check(log: list[Purchase]) -> CheckedPurchases:
    return check_purchase_rows(rows_of(log), customer="who", time="day", today=TODAY)


def with_change(row: int, **fields: object) -> list[Purchase]:
    """The shop's log with another value in one row of the file."""
    log = shop_log()
    log[row - 2] = log[row - 2]._replace(**fields)  # type: ignore[arg-type]
    return log


@pytest.mark.parametrize("wrong", ["2204-03-01", "1900-01-01", "9999-12-31", "2014-03-01", "1970-01-01", "0204-03-01"])
def test_one_date_far_from_all_others_is_omitted_with_row_and_date(wrong: str) -> None:
    log = with_change(102, day=wrong)
    found = check(log)
    assert 102 not in found.rows.row
    assert len(found.rows) == len(log) - 1
    first, last = log[0].day, log[-1].day
    assert found.warnings == (
        f"rows dated far from all others are omitted: 1 of {len(log):,}, the first in row 102 ({wrong}); the other rows are from "
        f"{first} to {last}; correct the dates if these are purchases",
    )


def omitted(*days: str) -> list[str]:
    """The dates that are omitted of these and kept ones."""
    day = np.array(days, dtype="datetime64[D]")
    return [str(one) for one in day[isolated_dates(day, today=np.datetime64(TODAY)).omitted]]


YEAR = [f"2024-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 28)]


def test_several_wrong_dates_are_omitted_together() -> None:
    log = [*YEAR * 4, "1900-01-01", "2204-05-01", "9999-12-31"]
    assert omitted(*log) == log[-3:]


@pytest.mark.parametrize(
    ("placeholder", "is_omitted"), [("1970-01-01", True), ("2099-12-31", True), ("2044-06-02", True), ("2004-06-02", False)]
)
def test_many_isolated_rows_are_omitted_only_if_their_date_is_impossible(placeholder: str, is_omitted: bool) -> None:
    many = [placeholder] * (len(YEAR) // 5)
    assert omitted(*YEAR, *many) == (many if is_omitted else [])


def test_many_isolated_rows_that_are_kept_give_a_warning() -> None:
    log = [Purchase(f"c{n % 9}", day, 5.0, str(n)) for n, day in enumerate([*YEAR, *["2004-06-02"] * 60])]
    found = check(log)
    assert len(found.rows) == len(log)
    assert found.warnings[0].startswith(
        "rows dated far from all others are kept, as there are many of them: 60 of 384, the first in row 326 (2004-06-02)"
    )


@pytest.mark.parametrize(
    "log",
    [
        ["2024-01-01"],
        ["2024-01-01", "2024-01-05"],
        [*YEAR, "2026-11-02"],  # within three years
        [*YEAR, *[f"{year}-01-01" for year in range(1990, 2024)]],  # yearly purchases before
        ["1990-01-01", *[f"{year}-06-01" for year in range(1996, 2024)]],  # a gap shorter than twice the rest
        ["2040-01-01", "2041-01-01", "2042-06-30"],  # simulated in the future
        [*["2010-01-01"] * 40, *["2020-01-01"] * 60],  # two periods
    ],
)
def test_dates_of_a_real_log_are_kept(log: list[str]) -> None:
    assert omitted(*log) == []


def test_single_future_row_beside_few_others_is_omitted() -> None:
    assert omitted("2024-01-01", "2204-01-01") == ["2204-01-01"]


def test_few_rows_in_the_future_are_kept_with_a_warning() -> None:
    found = check([*[Purchase("a", day, 5.0, str(n)) for n, day in enumerate(YEAR)], Purchase("a", "2026-07-04", 5.0)])
    assert found.warnings == (
        "rows dated in the future (after 2026-01-01) are kept: 1 of 325, the first in row 326 (2026-07-04); "
        "check the order of day and month, and the year",
    )


@pytest.mark.parametrize("wrong", ["2025-12-20", "2022-10-01"])
def test_a_year_off_by_one_gives_a_warning(wrong: str) -> None:
    log = with_change(102, day=wrong)
    first, last = log[0].day, log[-1].day
    found = check(log)
    assert len(found.rows) == len(log)
    assert found.warnings == (
        f"a few rows are separated from the others by a long gap, and are kept: 1 of {len(log):,}, the first in row 102 ({wrong}); "
        f"the other rows are from {first} to {last}; if the year is mistyped, correct it",
    )


@pytest.mark.parametrize(
    "days",
    [
        [*range(60), *range(150, 210)],  # a pause between two busy periods
        [*range(60), 100],  # a short pause
        [*range(0, 400, 20), 500],  # few rows before the pause
        [0],
    ],
)
def test_pauses_of_a_real_log_give_no_warning(days: list[int]) -> None:
    assert not rows_beyond_pause(np.datetime64("2024-01-01") + np.array(days)).any()


def test_one_huge_amount_is_named_with_its_share_of_the_money() -> None:
    log = with_change(102, money=900_000_000.0)
    found = check(log)
    largest = max(one.money for one in log if one.money < 1e6)
    assert len(found.rows) == len(log)
    assert found.warnings == (
        f"an amount is far above all others: 900,000,000.00 in row 102 (the largest of the others is {largest:,.2f}); "
        "100.0 % of total spend; if it is mistyped, correct or remove it",
    )


def test_repeated_huge_amounts_do_not_mask_each_other() -> None:
    log = with_change(102, money=90_000.0)
    log[300] = log[300]._replace(money=90_000.0)
    (warning,) = check(log).warnings
    assert warning.startswith("2 amounts are far above all others, the first is 90,000.00 in row 102")


def test_one_customer_with_an_improbable_share_is_named() -> None:
    log = shop_log()
    till = [Purchase("TILL", f"2024-{1 + n % 12:02d}-{1 + n % 27:02d}", 30.0, str(n)) for n in range(500)]
    warnings = check([*log[:9], *till, *log[9:]]).warnings
    most = max(sum(one.customer == name for one in log) for name in {one.customer for one in log})
    assert warnings == (
        f"a customer has an improbable share of the rows, {50000 / (len(log) + 500):.1f} %: 'TILL' (row 11) with 500 rows; "
        f"the next customer has {most}; remove the rows of tills, guest accounts and resellers, which are not single customers",
    )


def test_constant_amounts_and_equal_counts_are_not_extreme() -> None:
    equal = np.full(200, 9.99)
    assert (count_extreme_values(equal, EXTREME_AMOUNTS), count_extreme_values(np.ones(200), EXTREME_COUNTS)) == (0, 0)


@pytest.mark.parametrize("size", [0, 1, 5, 7, 8, 9, 12, 100])
def test_samples_of_any_size_are_tested(size: int) -> None:
    values = np.random.default_rng(1).gamma(2.0, 15.0, size)
    assert count_extreme_values(values, EXTREME_AMOUNTS) == 0


def false_alarms(n_samples: int) -> dict[str, float]:
    """Shares of samples without extreme values in which some are found."""
    rng = np.random.default_rng(1)
    amounts = {
        "Pareto, index 1": lambda n: 1 + rng.pareto(1.0, n),
        "gamma-gamma": lambda n: rng.gamma(6.25, 1, n) / rng.gamma(3.74, 0.06, n),
    }
    counts = {f"gamma-Poisson, shape {r}": lambda n, r=r: 1.0 + rng.poisson(rng.gamma(r, 8.0, n)) for r in (0.25, 1.0)}
    found = {}
    for rule, laws in ((EXTREME_AMOUNTS, amounts), (EXTREME_COUNTS, counts)):
        for name, law in laws.items():
            found[name] = float(np.mean([count_extreme_values(law(int(rng.choice([20, 100, 500]))), rule) > 0 for _ in range(n_samples)]))
    return found


def test_false_alarms_are_rare() -> None:
    """At a rate of 0.1 %, more than 3 of 400 samples come up for 1 in 1,000 seeds; the seed is fixed."""
    assert max(false_alarms(400).values()) <= 3 / 400


@pytest.mark.slow
def test_false_alarms_are_at_most_one_in_a_thousand() -> None:
    """At a rate of 0.1 %, more than 36 of 20,000 samples come up for 1 in 2,000 seeds; the seed is fixed."""
    assert max(false_alarms(20_000).values()) <= 36 / 20_000
