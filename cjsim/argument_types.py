"""Checks that arguments and settings have the annotated types. Errors name the argument and what it must be.

Unlike `pydantic.validate_call`, the checks accept only instances, convert only numpy scalars and single list items, and do not import the
types of unresolved annotations.
"""

import collections.abc as abc
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from cjsim.errors import InputError, format_error, quote_choices, short_repr
from cjsim.progress import Progress

P = ParamSpec("P")
R = TypeVar("R")
_SEQUENCES = (abc.Sequence, list, tuple)
_MAPPINGS = (abc.Mapping, dict)
_NOUNS = {str: ("a string", "strings"), int: ("a whole number", "whole numbers"), float: ("a number", "numbers")}
_NUMBERS = (int, float, type(None))


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that it checks its arguments against its annotations.

    A single string or number is accepted as a list of one, and a numpy scalar as a Python number. The function itself must check two kinds
    of arguments: numbers, which must be in a range, and documents, which may be given by path or name.

    Parameters
    ----------
    function : callable
        A function or method. Arguments without an annotation, or with one that cannot be resolved, are not checked.

    Returns
    -------
    callable
        Raises InputError if an argument has the wrong type.

    Examples
    --------
    >>> @checked_arguments
    ... def total(sizes: list[int]) -> int:
    ...     return sum(sizes)
    >>> total(5)
    5
    >>> total("many")
    Traceback (most recent call last):
    ...
    cjsim.errors.InputError: sizes: must be a list of whole numbers, got 'many'. Use a list.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def _run(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        hints = _resolved_hints(function)
        for name, value in bound.arguments.items():
            if name in hints and signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(_conformed(name, one, hints[name], are_numbers_checked=False) for one in value)
            elif name in hints:
                bound.arguments[name] = _conformed(name, value, hints[name], are_numbers_checked=False)
        return function(*bound.args, **bound.kwargs)

    return _run


def check_fields(record: Any, names: tuple[str, ...] = ()) -> None:
    """Check fields of a dataclass against their annotations. Call it first in `__post_init__`.

    A single string or number is accepted as a list of one, and a numpy scalar as a Python number.

    Parameters
    ----------
    record : dataclass instance
        The record; it may be frozen.
    names : tuple of str
        Names of the fields; all by default.

    Raises
    ------
    InputError
        If a field has the wrong type.
    """
    owner: Any = type(record)
    hints = _resolved_hints(owner)
    for field in fields(record):
        if field.name in (names or hints) and field.name in hints:
            value = _conformed(field.name, getattr(record, field.name), hints[field.name])
            object.__setattr__(record, field.name, value)


@functools.cache
def _resolved_hints(owner: Any) -> dict[str, Any]:
    """Return the annotations of a function or class, without those that cannot be resolved, such as imports for type checkers."""
    function = inspect.unwrap(owner) if callable(owner) and not isinstance(owner, type) else owner
    names = getattr(function, "__globals__", None) or vars(inspect.getmodule(function))
    hints = {}
    for name, hint in inspect.get_annotations(function).items():
        try:
            hints[name] = eval(hint, names) if isinstance(hint, str) else hint  # noqa: S307 - annotations of this package
        except (NameError, AttributeError):
            continue
    hints.pop("return", None)
    return hints


def _conformed(where: str, value: Any, hint: Any, *, are_numbers_checked: bool = True) -> Any:
    """Return a value of the annotated type, or raise."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    members = _members(hint)
    if not are_numbers_checked and str in members and any(hasattr(member, "load") for member in members):
        return value
    if getattr(value, "ndim", None) == 1 and any(get_origin(member) in _SEQUENCES for member in members):
        value = tuple(value.tolist())
    if not are_numbers_checked and all(member in _NUMBERS for member in members):
        return value
    if any(_matches(value, member) for member in members):
        return value
    for member in members:
        if get_origin(member) in _SEQUENCES and _matches((value,), member):
            return (value,)
    is_plain = value is None or isinstance(value, (str, int, float, list, tuple, dict)) or hasattr(value, "ndim")
    got = short_repr(value) if is_plain else _with_article(type(value).__name__)
    raise InputError(format_error(where, f"must be {_phrase(members)}", got, _remedy(members, value)))


def _members(hint: Any) -> list[Any]:
    """Return the types that an annotation allows."""
    if get_origin(hint) is Annotated:
        return _members(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [member for one in get_args(hint) for member in _members(one)]
    return [hint]


def _matches(value: Any, hint: Any) -> bool:
    """Whether a value has an annotated type. Annotations of unknown kinds match everything."""
    origin, args = get_origin(hint), get_args(hint)
    if len(members := _members(hint)) > 1 or origin is Annotated:
        return any(_matches(value, member) for member in members)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in args)
    if origin in _SEQUENCES:
        is_list = isinstance(value, abc.Sequence | abc.Set | abc.KeysView) and not isinstance(value, (str, bytes))
        return is_list and (not args or all(_matches(_item(item), args[0]) for item in value))
    if origin in _MAPPINGS:
        return isinstance(value, Mapping) and all(_matches(key, args[0]) and _matches(_item(one), args[1]) for key, one in value.items())
    if origin is abc.Callable or hint is abc.Callable:
        return callable(value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is Any:
        return True
    kind = origin or hint
    return isinstance(value, kind) if isinstance(kind, type) and not getattr(kind, "_is_protocol", False) else True


def _item(value: Any) -> Any:
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _phrase(members: list[Any], *, is_plural: bool = False) -> str:
    """Describe the allowed types, such as 'a string or a Path'."""
    words = [_noun(member, is_plural) for member in members if member is not type(None)]
    return " or ".join(dict.fromkeys(words)) or "None"


def _noun(hint: Any, is_plural: bool) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(map(repr, args)) if len(args) <= 2 else f"one of {quote_choices(args)}"
    if origin in _SEQUENCES:
        return ("lists" if is_plural else "a list") + (f" of {_phrase(_members(args[0]), is_plural=True)}" if args else "")
    if origin in _MAPPINGS:
        keys, values = (_phrase(_members(one), is_plural=True) for one in args)
        return f"{'mappings' if is_plural else 'a mapping'} of {keys} to {values}"
    if origin is abc.Callable or hint is abc.Callable:
        return "functions" if is_plural else "a function"
    if hint is bool:
        return "True or False"
    if hint in _NOUNS:
        return _NOUNS[hint][is_plural]
    name = "value" if hint is Any else str(getattr(hint, "__name__", hint)).removesuffix("Spec")
    name = "path" if name in ("Path", "PathLike") else name
    return f"{name}s" if is_plural else _with_article(name)


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _remedy(members: list[Any], value: Any) -> str:
    """Return what to do, for the first allowed type that is not a plain value."""
    for member in members:
        if member is Progress:
            return "Pass cj.ProgressBar()."
        if get_origin(member) is Literal:
            return "Choose one of these."
        if get_origin(member) in _SEQUENCES:
            return "Use a list."
        if get_origin(member) in _MAPPINGS:
            return "Use a dict."
        if isinstance(member, type) and member.__module__.startswith("cjsim"):
            name = member.__name__.removesuffix("Spec")
            return f"Use {name}.load(FILE), or {name}.from_dict(...)." if hasattr(member, "from_dict") else f"Create one with {name}(...)."
    if {int, float} & set(members):
        return "Remove the quotes." if isinstance(value, str) and value.replace(".", "", 1).isdigit() else "Use a number."
    return "Pass such a value."
