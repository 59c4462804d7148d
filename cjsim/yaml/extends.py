"""Builds one tree from several files: resolves `extends`, included files and `set`."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import read_text
from cjsim.library import LIBRARY_FOLDERS, find_document, nearest_file
from cjsim.yaml.document_kind import is_document
from cjsim.yaml.paths import node_at, set_value, types_at
from cjsim.yaml.tree import MAX_BYTES, Node, read_yaml_file

INCLUDE_KEYS = ("journey", "policy", "scenario")  # top-level keys whose value may be a file name
_KEY_PATTERN = re.compile(r"^([^\s#'\"-][^:\n]*):", re.MULTILINE)
ModelChooser = Callable[[Iterable[str]], type[BaseModel]]


def load_tree(
    path: str | os.PathLike[str], choose_model: ModelChooser, above: tuple[Path, ...] = (), *, library_kinds: Sequence[str] = ()
) -> Node:
    """Read a YAML file, and resolve its `extends`, included files and `set`.

    `extends: base.yaml` merges the file over a base file. Mappings are merged key by key; other values replace those of the base.
    The values of `journey`, `policy` and `scenario` may be file names. `set: {path: value}` is applied last. File names are relative to
    the file that contains them. Names from the library, such as `shop`, can be used instead of file names.

    Parameters
    ----------
    path : str or path
        The YAML file.
    choose_model : callable
        Maps the top-level keys of a file to its model.
    above : tuple of Path
        The chain of files that include this one.
    library_kinds : sequence of str
        Kinds of library files that `path` may name, such as 'scenario'.

    Returns
    -------
    Node
        The complete tree.

    Raises
    ------
    InputError
        If a file cannot be read, is not a mapping, or includes itself, or if a path in `set` does not exist.
    """
    file = find_document(Path(path), library_kinds) if library_kinds else Path(path)
    return _resolve_file(file, read_yaml_file(file), choose_model, above)


def _resolve_file(file: Path, root: Node, choose_model: ModelChooser, above: tuple[Path, ...]) -> Node:
    """Resolve the includes of a file that has been read."""
    if (real := Path(os.path.realpath(file))) in above:
        files = " -> ".join(one.name for one in (*above[above.index(real) :], real))
        raise InputError(format_error(str(file), "must not extend or include itself", files, "Remove one of these references."))
    return resolve_includes(root, choose_model, file.parent, (*above, real))


def resolve_includes(root: Node, choose_model: ModelChooser, folder: Path, above: tuple[Path, ...] = ()) -> Node:
    """Replace file names in a tree with the contents of the files, and apply `set`. File names are relative to `folder`."""
    own = {key: node for key, node in root.value.items() if key not in ("extends", "set")}
    merged = Node(_with_absolute_data_files(own, folder), root.location)
    if (base := root.child("extends")) is not None:
        kind = choose_model(root.value).__name__.lower()
        file, tree = _read_referenced_file(base, "extends", kind, folder)
        merged = merge_trees(_resolve_file(file, tree, choose_model, above), merged)
    for path in _include_paths(merged):
        node = node_at(merged, path)
        if node is not None and isinstance(node.value, str):
            models = types_at(choose_model(merged.value), path)
            if models:
                file, tree = _read_referenced_file(node, path[-1], path[-1], folder)
                merged = _replace_node(merged, path, _resolve_file(file, tree, _constant_model(models[0]), above))
        elif node is not None and isinstance(node.value, dict):
            merged = _replace_node(merged, path, Node(_with_absolute_data_files(node.value, folder), node.location))
    return _apply_set(merged, choose_model(merged.value), root.child("set"))


def _include_paths(top: Node) -> list[tuple[str, ...]]:
    """Paths of values that may be file names: top-level keys, the policy before day 0, and the scenarios of an experiment's variants."""
    variants = top.child("variants")
    names = list(variants.value) if variants is not None and isinstance(variants.value, dict) else []
    return [*((key,) for key in INCLUDE_KEYS), ("existing", "policy"), *(("variants", name, "scenario") for name in names)]


def _replace_node(node: Node, path: tuple[str, ...], new: Node) -> Node:
    """Return a tree in which the node at an existing path is replaced."""
    below = node.child(path[0])
    assert below is not None
    return Node({**node.value, path[0]: new if len(path) == 1 else _replace_node(below, path[1:], new)}, node.location)


def _constant_model(model: type[BaseModel]) -> ModelChooser:
    return lambda _: model


def _apply_set(root: Node, model: type[BaseModel], changes: Node | None) -> Node:
    """Return a tree with the changes in `set` applied."""
    if changes is None:
        return root
    if not isinstance(changes.value, dict):
        where = f"{changes.location}: set"
        raise InputError(format_error(where, "must be a mapping of paths to values", short_repr(changes.plain()), "Write 'path: value'."))
    for path, node in changes.value.items():
        root = set_value(root, model, path, node)
    return root


def _referenced_file(node: Node, key: str, kind: str, folder: Path) -> Path:
    """Path of the file that a node names, relative to `folder` or by its name in the library."""
    if not isinstance(node.value, str) or not node.value.strip() or "\0" in node.value:
        remedy = "Give a file name."
        raise InputError(format_error(f"{node.location}: {key}", "must be the name of a YAML file", short_repr(node.plain()), remedy))
    kinds = [kind] if kind in LIBRARY_FOLDERS else []
    try:
        file = find_document(Path(node.value), kinds, where=f"{node.location}: {key}", folder=folder) if kinds else folder / node.value
        known = os.path.lexists(file) and not file.is_dir()
    except OSError:  # a name that is too long
        known = False
    if not known:
        remedy = nearest_file(Path(node.value), kinds, folder=folder) or "File names are relative to the file that contains them."
        raise InputError(format_error(f"{node.location}: {key}", "must be a file that exists", short_repr(node.value), remedy))
    return file


def _read_referenced_file(node: Node, key: str, kind: str, folder: Path) -> tuple[Path, Node]:
    """Read the file that a node names. If it is not a document, it may be private, and the error quotes nothing from it.

    A file with errors counts as a document if most of its unindented lines begin with keys of documents.
    """
    file = _referenced_file(node, key, kind, folder)
    try:
        tree = read_yaml_file(file)
        is_ours = is_document(tree.value)
    except InputError:
        keys = _unindented_keys(file)
        if keys and is_document(keys):
            raise
        is_ours = False
    if not is_ours:
        got = f"{short_repr(node.value)}, which contains something else"
        remedy = f"Name another file, or run 'cjsim check {file}' to see what is wrong with this one."
        raise InputError(format_error(f"{node.location}: {key}", f"must be a file with a {kind}", got, remedy)) from None
    return file, tree


def _unindented_keys(file: Path) -> list[str]:
    """Return the words before a colon at the start of lines; empty if the file cannot be read as text."""
    try:
        text = read_text(file, max_bytes=MAX_BYTES)
    except InputError:
        return []
    return [match[1] for match in _KEY_PATTERN.finditer(text)]


def _with_absolute_data_files(top: dict[str, Node], folder: Path) -> dict[str, Node]:
    """Make the file paths in `entry`, `draws` and `rules` absolute. In a YAML file, they are relative to that file."""
    for key in ("entry", "draws"):
        if (node := top.get(key)) is not None:
            top = {**top, key: _with_absolute_file(node, folder)}
    rules, policy = top.get("rules"), top.get("policy")
    if rules is not None and isinstance(rules.value, dict):
        top = {**top, "rules": Node({name: _with_absolute_file(one, folder) for name, one in rules.value.items()}, rules.location)}
    if policy is not None and isinstance(policy.value, dict):
        top = {**top, "policy": Node(_with_absolute_data_files(policy.value, folder), policy.location)}
    return top


def _with_absolute_file(node: Node, folder: Path) -> Node:
    """Return a mapping whose `file` is absolute. A node without a file name is returned unchanged."""
    file = node.child("file")
    if file is None or not isinstance(file.value, str):
        return node
    absolute = Node(os.path.abspath(folder / file.value), file.location)  # noqa: PTH100 - `resolve` would follow links
    return Node({**node.value, "file": absolute}, node.location)


def merge_trees(base: Node, top: Node) -> Node:
    """Merge `top` over `base`. Mappings are merged key by key; other values of `top` replace those of `base`.

    Parameters
    ----------
    base, top : Node
        The trees to merge; neither is modified.

    Returns
    -------
    Node
        The merged tree.
    """
    if not isinstance(base.value, dict) or not isinstance(top.value, dict):
        return top
    merged = dict(base.value)
    for key, node in top.value.items():
        merged[key] = merge_trees(merged[key], node) if key in merged else node
    return Node(merged, top.location)
