"""What journeys, policies and scenarios have in common: they are read from files, changed by path, checked and saved.

Lives here: load, from_dict, with_values, save, digest. Does not live here: YAML (source.py), checks (check.py).
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError

from cjsim.errors import InputError, format_error
from cjsim.yaml.extends import load_tree, resolve_includes
from cjsim.yaml.paths import Fault, set_value
from cjsim.yaml.pydantic_errors import faults_from_pydantic
from cjsim.yaml.strict_model import StrictModel
from cjsim.yaml.tree import Node, to_tree, to_yaml

_MAX_REPORTED_FAULTS = 5  # faults in one message


@dataclass(frozen=True)
class DocumentSource:
    """The tree that a record was read from. Records that were written in different places are equal if they say the same."""

    root: Node | None = field(default=None, compare=False)


class Document(StrictModel):
    """A record that stands in a file of its own."""

    _origin: DocumentSource = PrivateAttr(default=DocumentSource())

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, set: Mapping[str, Any] | None = None) -> Self:  # noqa: A002
        """Read a YAML file, with what it extends, includes and sets.

        Parameters
        ----------
        path : str or path
            The file.
        set : mapping, optional
            Values by path that hold instead, such as `{"policy.guardrails.caps[0].at_most": 2}`.

        Raises
        ------
        InputError
            If anything in it is wrong, with file and line.
        """
        root = load_tree(path, lambda _: cls)
        return cls.from_tree(_with_changes(root, cls, set or {}, "set"))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """A record from plain data, as YAML would give it; files that it names are relative to the working directory.

        Parameters
        ----------
        data : mapping
            Keys as in YAML (`in`, `if`, `else`); records of ours may stand for mappings.

        Raises
        ------
        InputError
            If anything in it is wrong.
        """
        root = to_tree(data, cls.__name__.lower())
        return cls.from_tree(resolve_includes(root, lambda _: cls, Path()))

    @classmethod
    def from_tree(cls, root: Node) -> Self:
        """A record from a tree that is complete.

        Parameters
        ----------
        root : Node
            As `assembled` gives it.

        Raises
        ------
        InputError
            If anything in it is wrong.
        """
        try:
            record = cls.model_validate(root.plain())
        except ValidationError as error:
            raise _input_error(faults_from_pydantic(error, root, cls), root) from None
        record._origin = DocumentSource(root)
        if faults := list(record.faults()):
            raise _input_error(faults, root)
        return record

    def source(self) -> Node:
        """The tree that the record was read from, or one of the record itself."""
        return self._origin.root or to_tree(self, type(self).__name__.lower())

    def faults(self) -> Iterable[Fault]:
        """What is wrong across its parts."""
        return ()

    def checked(self) -> Self:
        """The record itself, if nothing is wrong across its parts; those that were loaded have been checked.

        Raises
        ------
        InputError
            If something is wrong.
        """
        if self._origin.root is None and (faults := list(self.faults())):
            raise _input_error(faults, self.source())
        return self

    def with_values(self, values: Mapping[str, Any], *, place: str = "with_values") -> Self:
        """The same with some values set otherwise: a what-if.

        Parameters
        ----------
        values : mapping
            New values by path.
        place : str
            What a message calls the place of these values.

        Raises
        ------
        InputError
            If a path does not exist, or the result is wrong.
        """
        return self.from_tree(_with_changes(self.source(), type(self), values, place))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads as an equal record; defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained YAML file that loads as an equal record.

        Parameters
        ----------
        path : str or path
            The file; it is replaced at once, never half-written.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        target = Path(path)
        data = self.to_dict()
        for entry in _entry_mappings(data):
            entry["file"] = os.path.relpath(entry["file"], target.parent)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_text(to_yaml(data), encoding="utf-8")
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(
                format_error(str(path), "must be a file that can be written", error.strerror or str(error), "Name another.")
            ) from None

    def digest(self) -> str:
        """A hash of what the record says, 64 hexadecimal digits: defaults and where it was written do not count, order does."""
        text = json.dumps(self.to_dict(), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _entry_mappings(data: Any) -> Iterable[dict[str, Any]]:
    """Mappings `entry` with a file, of a scenario and of all that hold scenarios."""
    if isinstance(data, dict):
        if isinstance(entry := data.get("entry"), dict) and "file" in entry:
            yield entry
        for below in (data.get("scenario"), *(data.get("variants") or {}).values()):
            yield from _entry_mappings(below)


def _with_changes(root: Node, model: type[Document], values: Mapping[str, Any], place: str) -> Node:
    for path, value in values.items():
        root = set_value(root, model, path, value if isinstance(value, Node) else to_tree(value, place))
    return root


def _input_error(faults: list[Fault], root: Node) -> InputError:
    """One error for what was found."""
    lines = list(dict.fromkeys(fault.message(root) for fault in faults))
    more = [f"({len(lines) - _MAX_REPORTED_FAULTS} more.)"] if len(lines) > _MAX_REPORTED_FAULTS else []
    return InputError("\n".join([*lines[:_MAX_REPORTED_FAULTS], *more]))
