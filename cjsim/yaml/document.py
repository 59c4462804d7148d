"""`Document`, the base class of journeys, policies and scenarios: load, change by path, check, save, digest."""

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

_MAX_REPORTED_FAULTS = 5
_PROSE_KEYS = frozenset({"title", "hypothesis", "claimed_by"})


@dataclass(frozen=True)
class DocumentSource:
    """The tree that a record was read from. It does not count in comparisons: records with equal content are equal."""

    root: Node | None = field(default=None, compare=False)


class Document(StrictModel):
    """A record that has a file of its own."""

    _origin: DocumentSource = PrivateAttr(default=DocumentSource())

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, set: Mapping[str, Any] | None = None) -> Self:  # noqa: A002
        """Read a YAML file, and apply its `extends`, its included files and its `set`.

        Parameters
        ----------
        path : str or path
            The file.
        set : mapping, optional
            New values by path, such as `{"policy.guardrails.caps[0].at_most": 2}`.

        Returns
        -------
        Self
            The checked record.

        Raises
        ------
        InputError
            If anything in the file is wrong; the message names file and line.
        """
        root = load_tree(path, lambda _: cls)
        return cls.from_tree(_with_changes(root, cls, set or {}, "set"))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read plain data, as parsed from YAML. File names in it are relative to the working directory.

        Parameters
        ----------
        data : mapping
            Keys as in YAML (`in`, `if`, `else`). A value may also be a record.

        Returns
        -------
        Self
            The checked record.

        Raises
        ------
        InputError
            If anything in the data is wrong.
        """
        root = to_tree(data, cls.__name__.lower())
        return cls.from_tree(resolve_includes(root, lambda _: cls, Path()))

    @classmethod
    def from_tree(cls, root: Node) -> Self:
        """Validate a complete tree.

        Parameters
        ----------
        root : Node
            A tree without `extends` and `set`, as `load_tree` returns it.

        Returns
        -------
        Self
            The checked record.

        Raises
        ------
        InputError
            If anything in the tree is wrong.
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
        """The tree that the record was read from, or a tree made from the record."""
        return self._origin.root or to_tree(self, type(self).__name__.lower())

    def faults(self) -> Iterable[Fault]:
        """Yield what is wrong across parts of the record. Subclasses override it."""
        return ()

    def checked(self) -> Self:
        """Return the record, after checking it across its parts. Records read from a tree have been checked already.

        Raises
        ------
        InputError
            If something is wrong.
        """
        if self._origin.root is None and (faults := list(self.faults())):
            raise _input_error(faults, self.source())
        return self

    def with_values(self, values: Mapping[str, Any], *, location: str = "with_values") -> Self:
        """Return a copy with some values changed: a what-if.

        Parameters
        ----------
        values : mapping
            New values by path.
        location : str
            Where error messages say that these values come from.

        Returns
        -------
        Self
            A new, checked record.

        Raises
        ------
        InputError
            If a path does not exist, or the result is wrong.
        """
        return self.from_tree(_with_changes(self.source(), type(self), values, location))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back as an equal record. Defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def identity(self) -> dict[str, Any]:
        """Plain data on which results depend: `to_dict` without titles, hypotheses and sources of claims."""
        identity: dict[str, Any] = _without_prose(self.to_dict())
        return identity

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained YAML file that loads back as an equal record.

        Parameters
        ----------
        path : str or path
            The file. It is replaced atomically.

        Raises
        ------
        InputError
            If the file cannot be written.
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
        """SHA-256 of the content, 64 hexadecimal digits. Key order counts; defaults and locations do not."""
        text = json.dumps(self.to_dict(), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _without_prose(value: Any) -> Any:
    """Plain data without its prose. A name such as `title` for an event has no text as its value, and stays."""
    if isinstance(value, dict):
        return {key: _without_prose(one) for key, one in value.items() if key not in _PROSE_KEYS or not isinstance(one, str)}
    return [_without_prose(one) for one in value] if isinstance(value, list) else value


def _entry_mappings(data: Any) -> Iterable[dict[str, Any]]:
    """Yield every `entry` mapping that names a file, in a scenario and in documents that contain scenarios."""
    if isinstance(data, dict):
        if isinstance(entry := data.get("entry"), dict) and "file" in entry:
            yield entry
        for below in (data.get("scenario"), *(data.get("variants") or {}).values()):
            yield from _entry_mappings(below)


def _with_changes(root: Node, model: type[Document], values: Mapping[str, Any], location: str) -> Node:
    for path, value in values.items():
        root = set_value(root, model, path, value if isinstance(value, Node) else to_tree(value, location))
    return root


def _input_error(faults: list[Fault], root: Node) -> InputError:
    """One error for all faults; the message shows the first few."""
    lines = list(dict.fromkeys(fault.message(root) for fault in faults))
    more = [f"({len(lines) - _MAX_REPORTED_FAULTS} more.)"] if len(lines) > _MAX_REPORTED_FAULTS else []
    return InputError("\n".join([*lines[:_MAX_REPORTED_FAULTS], *more]))
