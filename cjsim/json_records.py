"""JSON serialization of results. Undefined and infinite numbers become null."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, TypeAdapter
from pydantic_core import to_jsonable_python

from cjsim.errors import InputError, format_error
from cjsim.input_files.json_file import read_json_object

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]  # null in JSON where undefined


def _records_are_equal(one: Any, other: Any) -> bool:
    same_type = type(one) is type(other)
    return same_type and all(_are_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one) if field.compare)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal, where nan equals nan, even inside tuples, lists and mappings."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_are_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return bool(one == other)


class ComparableRecord:
    """Base class for frozen dataclasses that are equal if they have the same type and equal fields.

    Undefined numbers (nan) are equal to each other, so that a result equals itself and its saved copy.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__eq__ = _records_are_equal  # type: ignore[method-assign] # `dataclass` keeps it, as the class itself has it


class JsonRecord(ComparableRecord):
    """Base class for frozen dataclasses that are saved as JSON. The key of a field is its `Field(alias=...)`, or else its name."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` accepts. Undefined and infinite numbers become null."""
        return plain_values(self._adapter().dump_python(self, by_alias=True))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Create a record from the return value of `to_json`. Unknown keys are ignored.

        Parameters
        ----------
        values : Mapping of str to Any
            Plain values.

        Raises
        ------
        pydantic.ValidationError
            If a value is missing or has the wrong type. A subclass of ValueError.
        """
        record: Self = cls._adapter().validate_python(values)
        return record

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[Any]:
        return TypeAdapter(cls)


def plain_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """Convert to plain values for JSON: mappings to dicts, tuples to lists, nan and infinities to None.

    Examples
    --------
    >>> plain_values({"low": float("nan"), "high": 0.5, "unit": "share"})
    {'low': None, 'high': 0.5, 'unit': 'share'}
    """
    values: dict[str, Any] = to_jsonable_python(content, inf_nan_mode="null", fallback=_plain_mapping)
    return values


def _plain_mapping(value: Any) -> dict[str, Any]:
    """Convert a mapping that is not a dict, such as a read-only one, to a dict."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} is not a plain value")
    return dict(value)


def read_json(file: Path, kind: str) -> dict[str, Any]:
    """Read the JSON file of a saved result.

    Parameters
    ----------
    file : Path
        The file.
    kind : str
        Kind of result in the folder, such as 'run', for error messages.

    Raises
    ------
    InputError
        If the file is missing, or is not a regular file that contains a JSON object.
    """
    if not os.path.lexists(file):
        must, got = f"must be the folder of a saved {kind}", f"no readable {file.name}"
        raise InputError(format_error(str(file.parent), must, got, "Save it again."))
    return read_json_object(file)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write plain values to a JSON file."""
    file.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
