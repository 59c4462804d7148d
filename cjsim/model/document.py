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

from cjsim.errors import InputError, complaint
from cjsim.model.assemble import assembled, included
from cjsim.model.explain import faults_of
from cjsim.model.paths import Fault, with_value
from cjsim.model.source import Node, tree, written
from cjsim.model.vocabulary import Base

_REPORTED = 5  # faults in one message


@dataclass(frozen=True)
class Origin:
    """The tree that a record was read from. Records that were written in different places are equal if they say the same."""

    root: Node | None = field(default=None, compare=False)


class Document(Base):
    """A record that stands in a file of its own."""

    _origin: Origin = PrivateAttr(default=Origin())

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
        root = assembled(path, lambda _: cls)
        return cls.from_tree(_changed(root, cls, set or {}, "set"))

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
        root = tree(data, cls.__name__.lower())
        return cls.from_tree(included(root, lambda _: cls, Path()))

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
            raise _refusal(faults_of(error, root, cls), root) from None
        record._origin = Origin(root)
        if faults := list(record.faults()):
            raise _refusal(faults, root)
        return record

    def source(self) -> Node:
        """The tree that the record was read from, or one of the record itself."""
        return self._origin.root or tree(self, type(self).__name__.lower())

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
            raise _refusal(faults, self.source())
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
        return self.from_tree(_changed(self.source(), type(self), values, place))

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
        for entry in _entries(data):
            entry["file"] = os.path.relpath(entry["file"], target.parent)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_text(written(data), encoding="utf-8")
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(
                complaint(str(path), "must be a file that can be written", error.strerror or str(error), "Name another.")
            ) from None

    def digest(self) -> str:
        """A hash of what the record says, 64 hexadecimal digits: defaults and where it was written do not count, order does."""
        text = json.dumps(self.to_dict(), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _entries(data: Any) -> Iterable[dict[str, Any]]:
    """Mappings `entry` with a file, of a scenario and of all that hold scenarios."""
    if isinstance(data, dict):
        if isinstance(entry := data.get("entry"), dict) and "file" in entry:
            yield entry
        for below in (data.get("scenario"), *(data.get("variants") or {}).values()):
            yield from _entries(below)


def _changed(root: Node, model: type[Document], values: Mapping[str, Any], place: str) -> Node:
    for path, value in values.items():
        root = with_value(root, model, path, value if isinstance(value, Node) else tree(value, place))
    return root


def _refusal(faults: list[Fault], root: Node) -> InputError:
    """One error for what was found."""
    lines = list(dict.fromkeys(fault.message(root) for fault in faults))
    more = [f"({len(lines) - _REPORTED} more.)"] if len(lines) > _REPORTED else []
    return InputError("\n".join([*lines[:_REPORTED], *more]))
