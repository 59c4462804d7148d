"""Numbers on pages: signs, units, decimals."""

import math

import pytest

from cjsim.metrics.ratios import MetricDefinition, mean_of_outcome
from cjsim.pages.quantity_format import MINUS, QuantityFormat, quantity_format


def metric(unit: str, denominator: str = "customers who entered") -> MetricDefinition:
    return MetricDefinition("x", unit, "x", mean_of_outcome("opens"), denominator=denominator)


def test_differences_have_a_sign_and_levels_do_not() -> None:
    form = QuantityFormat(prefix="$")
    assert (form.difference(0.98), form.difference(-7.6), form.level(19.571)) == ("+$0.98", f"{MINUS}$7.60", "$19.57")


def test_interval_has_no_units() -> None:
    assert QuantityFormat(prefix="€", decimals=1).interval(-0.52, 1.2) == f"[{MINUS}0.5, +1.2]"


def test_interval_of_a_fall_is_positive() -> None:
    assert QuantityFormat(decimals=1).size_interval(-5.7, -3.6) == "[3.6, 5.7]"


def test_shares_are_percentages_and_their_differences_are_points() -> None:
    form = quantity_format(metric("share"), [0.397, 0.406], half_width=0.003)
    assert (form.level(0.397), form.difference(0.0089)) == ("39.7%", "+0.9 pp")


@pytest.mark.parametrize(("level", "per"), [(0.3, "per 100 customers"), (0.004, "per 1,000 customers"), (1e-5, "per 10,000 customers")])
def test_rare_events_are_counted_per_100_or_more(level: float, per: str) -> None:
    assert quantity_format(metric("opt-outs"), [level]).per == per


def test_decimals_follow_the_interval() -> None:
    assert quantity_format(metric("0 to 1"), [0.518], half_width=0.0006).level(0.51824) == "0.5182"
    assert quantity_format(metric("money"), [25_000.0], half_width=200.0).level(25_000.0) == "25,000"


def test_long_waits_are_in_hours() -> None:
    assert quantity_format(metric("minutes"), [240.0]).level(240.0) == "4.0 h"
    assert quantity_format(metric("minutes"), [12.0]).level(12.0) == "12.0 min"


def test_currency_is_a_symbol_or_a_code() -> None:
    assert quantity_format(metric("money"), [1.0], currency="USD").level(1.0) == "$1.00"
    assert quantity_format(metric("money"), [1.0], currency="CHF").level(1.0) == "CHF 1.00"


def test_undefined_numbers_are_dashes() -> None:
    form = QuantityFormat()
    assert (form.level(math.nan), form.difference(math.nan), form.interval(math.nan, 1.0)) == ("–", "–", "")
