"""Errors name what was probably meant: another key, a quoted path, a way to write a wait or a duration."""

from pathlib import Path

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError

TINY = ROOT / "tests" / "worlds" / "tiny.yaml"


def error_of(tmp_path: Path, text: str) -> str:
    (tmp_path / "bad.yaml").write_text(f"extends: {TINY}\nname: bad\n{text}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        cj.Scenario.load(tmp_path / "bad.yaml")
    return str(caught.value).removeprefix(f"{tmp_path}/")


FLOW = "policy: {flows: {cart: {on: {stage: active}, steps: [{wait: 1d}, {stop: true}, {wait: 2d}]}}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set: {policy.flows.cart.steps[0].wait: 3d}\n", "Put a key that contains [ in quotes."),
        (f"{FLOW}set: {{'policy.flows.cart.steps[1].wait': 3d}}\n", "'wait' is at policy.flows.cart.steps[0], policy.flows.cart.steps[2]."),
        (f"{FLOW}set: {{'policy.flows.cart.steps[1]': 3d}}\n", "Write {wait: 3d}."),
        ("journey: {offers: {spring: {off: 0.2, valid: 30d}}}\n", "got 'off'. Did you mean 'discount'?"),
        ("journey: {currency: EUR}\n", "got 'currency'. It belongs in a scenario: move it there."),
        (
            "journey: {events: {pays: {in: anywhere, wait: {fixed: 1d}, effects: [{purchase: {price: 19}}]}}}\n",
            "got 'price'. Did you mean 'value'?",
        ),
        ("horizon: 1 year\n", "got '1 year'. Write 1y."),
        ("horizon: 12months\n", "got '12months'. Write 12mo."),
    ],
)
def test_an_error_names_what_was_probably_meant(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in error_of(tmp_path, text)


def test_a_plain_duration_for_a_clock_is_answered_with_two_distributions(tmp_path: Path) -> None:
    event = next(iter(cj.Scenario.load(TINY).journey.events))
    assert "write {fixed: 120d}; for a random one with this mean, {exponential: 120d}." in error_of(
        tmp_path, f"set: {{journey.events.{event}.wait: 120d}}\n"
    )


def test_a_long_list_of_names_is_cut_to_the_nearest_five() -> None:
    with pytest.raises(InputError, match=r"metric: must be one of 'clv', (?:'[^']+', ){3}'[^']+' and \d+ more, got 'clw'"):
        cj.levers(cj.Scenario.load(TINY), metric="clw")


def test_errors_are_in_the_order_of_their_lines(tmp_path: Path) -> None:
    event = "wait: {fixed: 60 days}, effects: [{purchase: {price: 19}}]"
    text = f"journey:\n  currency: EUR\n  events:\n    pays: {{in: anywhere, {event}}}\nhorizon: 1 year\n"
    lines = [int(line.split(":")[1]) for line in error_of(tmp_path, text).splitlines()]
    assert lines == sorted(lines)
    assert len(lines) > 3
