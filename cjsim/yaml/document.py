"""`Document`, the base class of journeys, policies and scenarios: load, change by path, validate, save, hash."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import PrivateAttr, ValidationError

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.input_files.regular_file import file_digest
from cjsim.library import LIBRARY_FOLDERS
from cjsim.output_folder import write_atomically
from cjsim.yaml.document_kind import DOCUMENT_KINDS, kind_of, wrong_kind_error
from cjsim.yaml.extends import load_tree, resolve_includes
from cjsim.yaml.paths import Fault, child_types, location_of, model_keys, set_value
from cjsim.yaml.pydantic_errors import faults_from_pydantic
from cjsim.yaml.strict_model import StrictModel
from cjsim.yaml.tree import Node, to_tree, to_yaml

_MAX_REPORTED_FAULTS = 5
_PROSE_KEYS = frozenset({"title", "hypothesis", "claimed_by", "goal", "blockers", "success_markers", "detours", "question"})
DOCUMENT_NOTES = ("sources", "accept_warnings")  # of journeys, policies and scenarios; no result depends on them


@dataclass(frozen=True)
class DocumentSource:
    """The tree that a record was read from. Comparisons ignore it, so records with equal content are equal."""

    root: Node | None = field(default=None, compare=False)


class Document(StrictModel):
    """A record with its own YAML file."""

    _origin: DocumentSource = PrivateAttr(default=DocumentSource())

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            root = to_tree(data, type(self).__name__.lower())
            raise _input_error(faults_from_pydantic(error, root, type(self)), root) from None

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # parents validate this record without calling it

    def __repr__(self) -> str:
        """Name the document. `to_dict` returns its content."""
        return f"{type(self).__name__}({getattr(self, 'name', '')!r})"

    __str__ = __repr__

    @classmethod
    @checked_arguments
    def load(cls, path: str | os.PathLike[str], *, set: Mapping[str, Any] | None = None) -> Self:  # noqa: A002
        """Read a YAML file, and resolve its `extends`, included files and `set`.

        Parameters
        ----------
        path : str or path
            The YAML file, or the name of one in the library, such as 'shop'.
        set : mapping, optional
            New values by key path, such as `{"policy.guardrails.caps[0].at_most": 2}`.

        Returns
        -------
        Self
            The validated record.

        Raises
        ------
        InputError
            If the file is invalid, or a document of another kind. The message gives the file and the line.
        """
        kind = cls.__name__.lower()
        root = load_tree(path, lambda _: cls, library_kinds=[kind] if kind in LIBRARY_FOLDERS else [])
        if kind in DOCUMENT_KINDS and (found := kind_of(root.value, default=kind)) != kind:
            raise InputError(wrong_kind_error(str(path), kind, found))
        return cls.from_tree(_with_changes(root, cls, set or {}, "set"))

    @classmethod
    @checked_arguments
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Validate plain data, as parsed from YAML. File names in the data are relative to the working directory.

        Parameters
        ----------
        data : mapping
            Keys as in YAML (`in`, `if`, `else`). Values may be records.

        Returns
        -------
        Self
            The validated record.

        Raises
        ------
        InputError
            If the data is invalid.
        """
        root = to_tree(data, cls.__name__.lower())
        return cls.from_tree(resolve_includes(root, lambda _: cls, Path()))

    @classmethod
    def from_tree(cls, root: Node) -> Self:
        """Validate a complete tree.

        Parameters
        ----------
        root : Node
            A tree without `extends` and `set`, as returned by `load_tree`.

        Returns
        -------
        Self
            The validated record.

        Raises
        ------
        InputError
            If the tree is invalid.
        """
        try:
            record = cls.model_validate(root.plain())
        except ValidationError as error:
            raise _input_error(faults_from_pydantic(error, root, cls), root) from None
        record._origin = DocumentSource(root)
        if faults := list(record.faults()):
            raise _input_error(faults, root)
        return record

    def __dir__(self) -> list[str]:
        """Names for completion: fields and methods of documents, without those that pydantic gives every model."""
        inherited = set(dir(StrictModel))
        return [name for name in super().__dir__() if name.startswith("_") or name not in inherited]

    def source(self) -> Node:
        """Return the tree that the record was read from, or else a tree built from the record."""
        return self._origin.root or to_tree(self, type(self).__name__.lower())

    def faults(self) -> Iterable[Fault]:
        """Yield faults that involve several parts of the record. Subclasses override this method."""
        return ()

    def checked(self) -> Self:
        """Validate a record that was built or copied in Python. Records read from a tree are already valid.

        Returns
        -------
        Self
            The record itself.

        Raises
        ------
        InputError
            If the record is invalid.
        """
        if self._origin.root is None:
            self.from_tree(self.source())
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some fields changed but not validated. `checked` validates it, and `with_values` changes and validates.

        Parameters
        ----------
        update : mapping, optional
            New values by field.
        deep : bool
            Whether to copy the values of other fields.

        Returns
        -------
        Self
        """
        copy = super().model_copy(update=update, deep=deep)
        if update:
            copy._origin = DocumentSource()  # the tree has the old values
        return copy

    @checked_arguments
    def with_values(self, values: Mapping[str, Any], *, location: str = "with_values") -> Self:
        """Return a copy with some values changed.

        Parameters
        ----------
        values : mapping
            New values by key path.
        location : str
            Origin of the values in error messages.

        Returns
        -------
        Self
            A new, validated record.

        Raises
        ------
        InputError
            If a path does not exist, or the new record is invalid.
        """
        return self.from_tree(_with_changes(self.source(), type(self), values, location))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without defaults. `from_dict` turns it into an equal record."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def identity(self) -> dict[str, Any]:
        """Return the plain data on which results depend: `to_dict` without prose such as titles, sources and accepted warnings."""
        data = self.to_dict()
        for document in _documents_in(data):
            for key in DOCUMENT_NOTES:
                document.pop(key, None)
            for moment in (document.get("moments") or {}).values():
                moment.pop("owner", None)
                moment.pop("metric", None)
        identity: dict[str, Any] = _without_prose(data, [type(self)])
        for document in _documents_in(identity):
            if (existing := document.get("existing")) and existing.get("policy") == document.get("policy"):
                del existing["policy"]  # the default
        return identity

    @checked_arguments
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to one self-contained YAML file. Loading the file gives an equal record.

        Parameters
        ----------
        path : str or path
            The file to write. An existing file is replaced atomically.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        target = Path(path)
        data = self.to_dict()
        for entry in _mappings_with_files(data):
            entry["file"] = relative_path(entry["file"], target.parent)
        try:
            write_atomically(target, to_yaml(data))
        except OSError as error:
            remedy = "Choose another file name."
            raise InputError(format_error(str(path), "must be a file that can be written", error.strerror or str(error), remedy)) from None

    def digest(self) -> str:
        """Return the SHA-256 of the content as 64 hexadecimal digits. The order of keys matters; defaults and locations do not.

        A file that the document names, such as an entry file or a targeting rule, is represented by its content.
        """
        text = json.dumps(with_file_digests(self.to_dict()), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def relative_path(file: str | os.PathLike[str], folder: Path) -> str:
    """Return the path of a file relative to a folder, with slashes. It is absolute if the two are on different Windows drives.

    Parameters
    ----------
    file : str or path
        The file.
    folder : Path
        The folder.
    """
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return Path(file).absolute().as_posix()


D = TypeVar("D", bound=Document)


def as_document(source: object, model: type[D], *, argument: str) -> D:
    """Return the document that an argument stands for: the argument itself, or the document that it names.

    Parameters
    ----------
    source : Document, str or path
        A document, the path of its file, or the name of one in the library, such as 'shop'.
    model : type of Document
        Type of the document.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If `source` is something else, or the file is invalid.
    """
    if isinstance(source, model):
        return source
    if isinstance(source, str | os.PathLike):
        return model.load(source)
    kind = model.__name__
    must = f"must be an {kind} or the path of its file"  # for an experiment; the library has none
    if kind.lower() in LIBRARY_FOLDERS:
        must = f"must be a {kind}, the path of its file or a name in the library"
    raise InputError(format_error(argument, must, type(source).__name__, f"Use {kind}.load(FILE), or {kind}.from_dict(...)."))


def with_file_digests(content: Any) -> Any:
    """Replace the names of data files with the SHA-256 of their content, so that a change to a file changes what is compared.

    Parameters
    ----------
    content : dict, list or scalar
        Plain data of a document. Files are the text values of keys that are `file` or end in `.file`.

    Returns
    -------
    dict, list or scalar
        The data. The names of files that do not exist are kept.
    """
    if isinstance(content, dict):
        return {key: _file_digest(value) if _names_file(key, value) else with_file_digests(value) for key, value in content.items()}
    return [with_file_digests(one) for one in content] if isinstance(content, list) else content


def _names_file(key: Any, value: Any) -> bool:
    return isinstance(value, str) and (key == "file" or str(key).endswith(".file"))


def _file_digest(name: str) -> str:
    try:
        return file_digest(name)
    except InputError:
        return name


def _without_prose(value: Any, kinds: list[Any]) -> Any:
    """Return plain data without its prose, given the types that it may have.

    Names that users choose, such as an attribute level `owner`, stay even if they equal the key of a text. In data of any type, such as the
    changes of a variant, the keys of texts count as such if their value is text.
    """
    if isinstance(value, list):
        return [_without_prose(one, child_types(kinds, index)) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    fields = _PROSE_KEYS.intersection(model_keys(kinds)) if any(kind is not Any for kind in kinds) else _PROSE_KEYS
    return {key: _without_prose(one, child_types(kinds, key)) for key, one in value.items() if key not in fields or not _is_text(one)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _mappings_with_files(data: Any) -> Iterable[dict[str, Any]]:
    """Yield each `entry` and each targeting rule with a file, in a policy, a scenario, or a document that contains scenarios."""
    for document in _documents_in(data):
        rules = document.get("rules")
        for entry in (document.get("entry"), *(rules.values() if isinstance(rules, dict) else ())):
            if isinstance(entry, dict) and "file" in entry:
                yield entry


def _documents_in(data: Any) -> Iterable[dict[str, Any]]:
    """Yield the plain data of a document, and of the documents that it contains: journeys, policies (past ones, too), and scenarios."""
    if isinstance(data, dict):
        yield data
        parts = (data.get(key) for key in ("journey", "policy", "scenario", "existing"))
        for below in (*parts, *(data.get("variants") or {}).values()):
            yield from _documents_in(below)


def _with_changes(root: Node, model: type[Document], values: Mapping[str, Any], location: str) -> Node:
    for path, value in values.items():
        root = set_value(root, model, path, value if isinstance(value, Node) else to_tree(value, location, str(path)))
    return root


def _by_line(faults: list[Fault], root: Node) -> list[Fault]:
    """Sort faults by line, file by file."""
    places = [location_of(root, fault.at or fault.path).rpartition(":")[::2] for fault in faults]
    files = [file for file, _ in places]
    keys = [(files.index(file), int(line) if line.isdigit() else 0) for file, line in places]
    return [faults[i] for i in sorted(range(len(faults)), key=keys.__getitem__)]


def _input_error(faults: list[Fault], root: Node) -> InputError:
    """Combine faults into one error. The message shows the first five."""
    lines = list(dict.fromkeys(fault.message(root) for fault in _by_line(faults, root)))
    n_more = len(lines) - _MAX_REPORTED_FAULTS
    more = [f"({n_more} more error{'s' if n_more > 1 else ''}. 'cjsim check' shows all.)"] if n_more > 0 else []
    return InputError("\n".join([*lines[:_MAX_REPORTED_FAULTS], *more]), errors=lines)
