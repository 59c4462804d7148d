"""Passwords in the address of a storage: no message, traceback, progress or result shows them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from error_messages import WORLDS
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.escaping.passwords import HIDDEN, hide_password, hide_passwords
from cjsim.tuning import storage
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study

SECRETS = ("hunter22", "s3cr3t!x", "s3cr3t%21x", "k3yk3yk3y")
ADDRESSES = [
    "postgresql://ann:hunter22@nowhere/db",
    "postgresql+psycopg://ann:hunter22@nowhere:1/db?sslmode=require&sslpassword=s3cr3t%21x",
    "postgresql+pg8000://ann@nowhere/db?password=hunter22",
    "postgresql:///db?host=nowhere&user=ann&password=hunter22&passfile=k3yk3yk3y",
    "mysql://ann:hunter22@nowhere/db",
    "mysql+pymysql://ann:hunter22@nowhere/db?ssl_key_password=k3yk3yk3y",
    "mysql+mysqldb:///db?user=ann&passwd=hunter22",
    "mysql+mysqlconnector://:hunter22@nowhere/db",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter22",
    "redis://:hunter22@nowhere:6379/0",
    "sqlite:////nowhere/x.db?key=hunter22",
    "sqlite://ann:hunter22@nowhere/x.db",
    "nosuchdriver://ann:hunter22@nowhere/db",
    "postgresql://ann:hunter22@nowhere:port/db",
    "postgresql://ann:hunter22/x@y?z@nowhere/db",
    "postgresql:/ann:hunter22@nowhere/db",
    "postgresql:ann:hunter22@nowhere/db",
    "host=nowhere dbname=db user=ann password=hunter22",
    "host=nowhere dbname=db user=ann password='hunter22 hunter22'",
    " postgresql://ann:hunter22@nowhere/db",
    "POSTGRESQL://ann:hunter22@nowhere/db",
]


def shown_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_error_shows_a_password(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CJSIM_TRACEBACK", "1")
    words = ("optimize", str(WORLDS / "study.yaml"), "--trials", "2", "--storage", address, "--out", "best")
    result = CliRunner().invoke(app, list(words))
    assert (result.exit_code, shown_secrets(result.output), result.stderr.count("\n")) == (2, [], 1), result.stderr
    assert os.listdir() == []  # noqa: PTH208 - also names that are hidden


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_exception_in_python_shows_a_password(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import traceback

    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        TrialStore(Study.load(WORLDS / "study.yaml"), storage=address)
    assert shown_secrets("".join(traceback.format_exception(caught.value)).replace(repr(address), "")) == []


@pytest.fixture
def failing_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception]]:
    """A driver that raises an error in place of connecting."""
    errors: list[Exception] = []

    def fail(where: str) -> Any:
        raise errors[0]

    monkeypatch.setattr(storage, "_open_optuna_storage", fail)
    return errors


PLAIN = "mysql://ann:hunter22@db/studies?ssl_key_password=s3cr3t%21x"
QUOTING = [
    "access denied for ann (using password: hunter22)",
    "cannot parse " + PLAIN,
    "wrong key password s3cr3t!x",
    "connect(user='ann', password='hunter22', host='db')",
]


@pytest.mark.parametrize("text", QUOTING)
@pytest.mark.parametrize("kind", [BufferError, ValueError, sqlalchemy.exc.ArgumentError])
def test_messages_of_a_driver_are_shown_without_the_password(
    kind: type[Exception], text: str, failing_storage: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CJSIM_TRACEBACK", "1")
    failing_storage.append(kind(text))
    result = CliRunner().invoke(app, ["optimize", str(WORLDS / "study.yaml"), "--trials", "2", "--storage", PLAIN])
    assert (result.exit_code, shown_secrets(result.output)) == (1 if kind is BufferError else 2, [])
    assert HIDDEN in result.stderr


def test_a_message_that_could_quote_a_part_of_the_password_is_not_shown(failing_storage: list[Exception]) -> None:
    failing_storage.append(sqlalchemy.exc.ArgumentError("could not translate host name 22@db"))
    address = "mysql://ann:hunter@22@db/studies"
    result = CliRunner().invoke(app, ["optimize", str(WORLDS / "study.yaml"), "--trials", "2", "--storage", address])
    assert "22@db" not in result.stderr
    assert "got the message is not shown, because it could quote the password." in result.stderr


def test_results_name_the_storage_without_its_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import optuna

    monkeypatch.setattr(storage, "_open_optuna_storage", lambda where: optuna.storages.InMemoryStorage())
    store = TrialStore(Study.load(WORLDS / "study.yaml"), storage=PLAIN)
    assert store.location == f"storage 'mysql://ann:{HIDDEN}@db/studies?ssl_key_password={HIDDEN}'"
    assert shown_secrets(json.dumps(store._optuna_study.user_attrs)) == []


def test_an_address_in_another_place_is_shown_without_its_password() -> None:
    result = CliRunner().invoke(app, ["check", "postgresql://ann:hunter22@db/studies"])
    assert (result.exit_code, shown_secrets(result.output)) == (2, [])


@pytest.mark.parametrize(
    "text", ["sqlite:///studies.db", "runs/studies/a-1.journal", "--set: policy.flows.password_reset.holdout=0.5", "a@b.example, 5:30"]
)
def test_text_without_a_password_is_unchanged(text: str) -> None:
    assert (hide_password(text), hide_passwords(text)) == (text, text)
