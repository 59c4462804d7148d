"""Files with consent and blackouts: what is rejected, what looks like a mistake, and how they are described."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from small_scenarios import small_scenario

from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario

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
