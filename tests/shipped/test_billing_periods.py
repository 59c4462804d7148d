"""Bills and deadlines of the shipped firms: whole months between bills, and the full period after each pause, exactly."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from conftest import ROOT
from in_memory_simulation import simulate_in_memory

from cjsim.simulation.documents import Scenario

EXACT = 1e-9
# Payments and contracts end so often here that customers have several spells within a year. The waits are those of the firm.
UNSETTLED = {
    "subscription": {
        "journey.events.renews.effects[1].choose[1].weight": 0.9,
        "journey.events.becomes_advocate.wait": {"exponential": "20d"},
        "journey.events.meets_paywall.wait": {"exponential": "1d"},
        "journey.events.comes_back.wait": {"exponential": "20d"},
    },
    "saas": {
        "journey.events.does_step_2.wait": {"exponential": "1d"},
        "journey.events.subscribes.wait": {"exponential": "2d"},
        "journey.events.cancels.wait": {"exponential": "60d"},
        "journey.events.returns.wait": {"exponential": "20d"},
        "journey.events.adds_team.wait": {"exponential": "60d"},
    },
}


EVENTS = {
    "subscription": ("payment_fails", "updates_card", "cut_off", "month_ends", "contract_ends"),
    "saas": ("pays_first", "month_ends", "prepays", "ends", "adds_team", "team_month"),
}


class Row(NamedTuple):
    """A row of the log."""

    time: float
    event: str
    stage: str


@cache
def histories(firm: str) -> list[list[Row]]:
    """The rows of some events by customer, of a firm whose customers leave and return often."""
    scenario = Scenario.load(ROOT / "configs" / "scenarios" / f"{firm}.yaml", set=UNSETTLED[firm])
    result = simulate_in_memory(scenario, customers=400)
    events, stages = result.plan.codebook.events, result.plan.codebook.stages
    rows = result.rows[np.isin(result.rows["event"], [events.index(name) for name in EVENTS[firm]])]
    found: dict[int, list[Row]] = {}
    for customer, time, event, stage in zip(*(rows[name].tolist() for name in ("customer", "time", "event", "stage")), strict=True):
        found.setdefault(customer, []).append(Row(time, events[event], stages[stage]))
    return list(found.values())


def periods(firm: str, begin: str, end: str, *breaks: str) -> Iterator[list[float]]:
    """By customer: days from each event `begin` to the first `end` after it, unless one of `breaks` comes first."""
    for history in histories(firm):
        since: float | None = None
        lengths = []
        for row in history:
            if row.event == end and since is not None:
                lengths.append(row.time - since)
            if row.event in (begin, end, *breaks):
                since = row.time if row.event == begin else None
        yield lengths


def test_every_unpaid_spell_has_its_full_grace_period() -> None:
    spells = list(periods("subscription", "payment_fails", "cut_off", "updates_card"))
    later = [days for lengths in spells for days in lengths[1:]]
    assert len(later) > 20
    assert [days for lengths in spells for days in lengths] == pytest.approx([14.0] * sum(map(len, spells)), abs=EXACT)


def test_months_of_a_subscription_follow_each_other_without_a_gap() -> None:
    months = [days for lengths in periods("subscription", "month_ends", "month_ends", "cut_off", "contract_ends") for days in lengths]
    advocates = [row for history in histories("subscription") for row in history if row.event == "month_ends" and row.stage == "promotion"]
    assert len(months) > 500
    assert len(advocates) > 50
    assert months == pytest.approx([30.0] * len(months), abs=EXACT)


@pytest.mark.parametrize(
    ("begin", "end", "breaks"), [("pays_first", "month_ends", ("ends", "prepays")), ("adds_team", "team_month", ("ends",))]
)
def test_the_first_month_of_each_subscription_to_software_is_whole(begin: str, end: str, breaks: tuple[str, ...]) -> None:
    months = list(periods("saas", begin, end, *breaks))
    assert sum(len(lengths[1:]) for lengths in months) > 20
    assert [days for lengths in months for days in lengths] == pytest.approx([30.0] * sum(map(len, months)), abs=EXACT)
