"""Files that a document names but that are not documents: the error says which key names the file, and quotes nothing of it."""

import json
import os
from datetime import date
from pathlib import Path

import pytest
from error_messages import WORLDS, check_error

from cjsim.compiler.entry_file import read_entries
from cjsim.errors import InputError
from cjsim.lab.document_types import document_types
from cjsim.tuning.parameter_draws import read_parameter_draws
from cjsim.uplift.targeting.rule_tables import TargetingRule
from cjsim.yaml.document_kind import _KEYS

SECRET = "hunter22"
PRIVATE = {
    "text": f"{SECRET}\n",
    "passwd": f"root:{SECRET}:0:0:root:/root:/bin/bash\ndaemon:x:1:1:{SECRET}:/usr/sbin\n",
    "mapping": f"name: production\ndatabase: {{password: {SECRET}}}\n",
    "secret as a key": f"name: production\n{SECRET}: 1\nother: 2\n",
    "list": f"- {SECRET}\n- b\n",
    "broken": f"token: {SECRET}: [x\n",
    "alias": f"token: *{SECRET}\n",
    "repeated key": f"{SECRET}: 1\n{SECRET}: 2\n",
    "tag": f"token: !{SECRET} 1\n",
    "date": f"token: 2024-99-99\n{SECRET}: 1\n",
    "not text": f"\x00\x01{SECRET}",
    "json": json.dumps({"format": SECRET, SECRET: SECRET}),
    "ini": f"[database]\npassword={SECRET}\n",
    "csv": f"{SECRET},b\n{SECRET},2\n{SECRET},3\n",
}
EXPERIMENT = f"""
name: bad
hypothesis: x
scenario: {WORLDS / "tiny.yaml"}
metric: clv
direction: rises
variants: {{a: {{scenario: PRIVATE}}}}
"""
REFERENCES = {
    "extends": "extends: PRIVATE\nname: bad\n",
    "journey": f"extends: {WORLDS / 'tiny.yaml'}\nname: bad\njourney: PRIVATE\n",
    "policy": f"extends: {WORLDS / 'tiny.yaml'}\nname: bad\npolicy: PRIVATE\n",
    "scenario": "name: bad\nscenario: PRIVATE\nfree: {}\nobjectives: []\n",
    "variant": EXPERIMENT,
}


CASES = [("extends", private) for private in PRIVATE]
CASES += [(key, private) for key in REFERENCES if key != "extends" for private in ("passwd", "mapping", "broken")]


@pytest.mark.parametrize(("key", "private"), CASES)
def test_an_error_quotes_nothing_of_a_private_file(key: str, private: str, tmp_path: Path) -> None:
    file = tmp_path / "private.yaml"
    file.write_text(PRIVATE[private], encoding="utf-8")
    message = check_error(tmp_path, REFERENCES[key].replace("PRIVATE", file.name))
    assert SECRET not in message
    assert message.startswith("bad.yaml:") and "private.yaml', which contains something else. " in message


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize("key", ["entry", "draws", "rules"])
def test_an_error_about_a_data_file_quotes_nothing_of_a_private_file(key: str, private: str, tmp_path: Path) -> None:

    file = tmp_path / "private"
    file.write_text(PRIVATE[private], encoding="utf-8")
    readers = {
        "entry": lambda: read_entries(file, start=date(2024, 1, 1), traits={}, levels={}),
        "draws": lambda: read_parameter_draws(file),
        "rules": lambda: TargetingRule.load(file),
    }
    with pytest.raises(InputError) as caught:
        readers[key]()
    assert SECRET not in str(caught.value)


def test_a_base_with_an_error_of_its_own_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\nhorizon: 30d\ncustomers: [1\nseed: 1\n", encoding="utf-8")
    message = check_error(tmp_path, "extends: base.yaml\nname: bad\n")
    assert message.startswith("base.yaml:4: must be valid YAML, got ")


def test_every_key_of_a_document_is_known() -> None:
    models = document_types().values()
    fields = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert fields | {"extends", "set"} == _KEYS


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_not_reported_as_a_missing_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "base.yaml")
    message = check_error(tmp_path, "extends: base.yaml\nname: bad\n")
    assert "extends: must be a file with a scenario, got 'base.yaml', which contains something else." in message
