"""Files with consent and blackouts: what is rejected, what looks like a mistake, and how they are described."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_scenarios import small_scenario

from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.moves import list_moves
from cjsim.validate.warnings.lint import lint_warnings

JOURNEY: dict[str, Any] = {
    "channels": {"mail": {}, "text": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ping": {"channel": "text", "open_rate": 0.5}},
}


def error_of(folder: Path, journey: dict[str, Any], policy: dict[str, Any]) -> str:
    """What is said of a scenario file with a fault."""
    file, data = folder / "bad.yaml", small_scenario(journey=JOURNEY).to_dict()
    data["journey"] |= journey
    data["policy"] |= policy
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    with pytest.raises(InputError) as found:
        Scenario.load(file).checked()
    return str(found.value)


def test_an_opt_in_to_an_unknown_channel_is_rejected_with_file_and_line(tmp_path: Path) -> None:
    message = error_of(tmp_path, {"events": {"back": {"effects": [{"opt_in": "mial"}]}}}, {})
    assert "bad.yaml:" in message
    assert "journey.events.back.effects[0].opt_in: must be one of 'mail', 'text', 'all', got 'mial'. Did you mean 'mail'?" in message


def test_an_opt_in_is_described() -> None:
    events = {"back": {"in": "anywhere", "wait": {"fixed": "3d"}, "effects": [{"opt_in": "mail"}]}}
    assert "opts in to mail" in describe(small_scenario(journey={**JOURNEY, "events": events}))


@pytest.mark.parametrize(
    ("blackout", "message"),
    [
        ({"dates": ["2026-02-30"]}, "blackouts[0].dates[0]: must be an existing date from 1900 to 2199, such as 2026-12-24, or 12-24"),
        ({"dates": ["02-30"]}, "blackouts[0].dates[0]: must be an existing date from 1900 to 2199, such as 2026-12-24, or 12-24"),
        ({"from": "2026-12-24", "to": "9999-12-31"}, "blackouts[0].to: must be an existing date from 1900 to 2199"),
        ({"from": "2026-12-24", "to": "tomorrow"}, "blackouts[0].to: must be an existing date"),
        ({"from": "2026-12-24", "to": "2026-12-23"}, "blackouts[0]: must not end before it starts"),
        ({"dates": ["2026-12-24", "2026-12-24"]}, "blackouts[0].dates: must not contain a date twice"),
        ({"dates": ["12-24", "12-24"]}, "blackouts[0].dates: must not contain a date twice"),
        ({"from": "12-24", "to": "2026-12-26"}, "blackouts[0]: must have 'from' and 'to' either both with a year or both without"),
        ({"from": "12-24"}, "blackouts[0]: must have either 'dates', or 'from' and 'to'"),
        ({"channels": ["mail"]}, "blackouts[0]: must have either 'dates', or 'from' and 'to'"),
        ({"dates": ["12-24"], "from": "12-24", "to": "12-26"}, "blackouts[0]: must have either 'dates', or 'from' and 'to'"),
        ({"dates": ["12-24"], "then": "delay"}, "blackouts[0].then: must be 'defer' or 'refuse', got 'delay'"),
        ({"dates": ["12-24"], "channels": ["mial"]}, "blackouts[0].channels[0]: must be one of 'mail', 'text', got 'mial'"),
    ],
)
def test_a_wrong_blackout_is_rejected_with_file_and_line(blackout: dict[str, Any], message: str, tmp_path: Path) -> None:
    found = error_of(tmp_path, {}, {"guardrails": {"blackouts": [blackout]}})
    assert re.search(r"bad\.yaml:\d+: policy\.guardrails\.", found)
    assert message in found


def with_blackout(**blackout: Any) -> Scenario:
    """A scenario of 30 days from 2026-01-05 that writes mails, under a blackout."""
    news = {"schedule": {"weekdays": ["monday"], "at": "12:00"}, "send": "hello"}
    return small_scenario(journey=JOURNEY, policy={"broadcasts": {"news": news}, "guardrails": {"blackouts": [blackout]}})


@pytest.mark.parametrize(
    ("blackout", "warning"),
    [
        ({"dates": ["2026-02-04", "12-24"]}, "contains no simulated day. The simulation covers 30d from 2026-01-05."),
        ({"from": "2026-01-01", "to": "2026-02-03"}, "covers the whole simulated period, so nothing is ever sent by mail."),
    ],
)
def test_a_blackout_that_looks_like_a_mistake_gives_a_warning(blackout: dict[str, Any], warning: str) -> None:
    assert f"policy.guardrails.blackouts[0]: {warning}" in lint_warnings(with_blackout(**blackout))


@pytest.mark.parametrize(
    "blackout",
    [
        {"dates": ["2026-02-03", "2030-12-24"]},
        {"from": "2026-01-01", "to": "2026-02-02"},
        {"from": "2026-01-01", "to": "2026-03-01", "channels": ["text"]},
    ],
)
def test_a_blackout_that_is_no_mistake_gives_no_warning(blackout: dict[str, Any]) -> None:
    assert [text for text in lint_warnings(with_blackout(**blackout)) if "blackouts" in text] == []


@pytest.mark.parametrize(
    ("blackout", "phrase"),
    [
        ({"dates": ["2026-01-07", "12-24", "12-25"]}, "not on 2026-01-07 and 12-24, 12-25 of every year (deferred)"),
        (
            {"from": "2026-01-07", "to": "2026-01-09", "channels": ["mail"], "then": "refuse"},
            "not from 2026-01-07 to 2026-01-09 by mail (refused)",
        ),
        ({"from": "12-24", "to": "01-01"}, "not from 12-24 to 01-01 of every year (deferred)"),
    ],
)
def test_a_blackout_is_described(blackout: dict[str, Any], phrase: str) -> None:
    assert f"    {phrase}" in describe(with_blackout(**blackout)).split("\n")


def test_a_blackout_is_written_as_it_was_read() -> None:
    scenario = with_blackout(dates=["2026-01-07", "12-24"])
    assert Scenario.from_dict(scenario.to_dict()).policy == scenario.policy


def test_the_number_in_a_file_with_blackouts_is_still_a_lever() -> None:
    scenario = with_blackout(**{"from": "12-24", "to": "12-26"}).with_values({"policy.guardrails.caps": [{"at_most": 2, "per": "7d"}]})
    assert {move.path for move in list_moves(scenario)} >= {"policy.guardrails.caps[0].at_most"}
