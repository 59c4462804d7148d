"""JSON for results: records as plain values and back, with null for undefined and infinite numbers."""

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, TypeAdapter
from pydantic_core import to_jsonable_python

from cjsim.errors import InputError, format_error

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]  # null in JSON where undefined


class JsonRecord:
    """Base of frozen dataclasses that are saved as JSON. A field has the key that `Field(alias=...)` gives it, or its own name."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads; null for numbers that are undefined or infinite."""
        return plain_values(self._adapter().dump_python(self, by_alias=True))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make a record from the return value of `to_json`; other keys are ignored.

        Parameters
        ----------
        values : Mapping of str to Any
            Plain values.

        Raises
        ------
        pydantic.ValidationError
            If a value is missing or has another type. It is a ValueError.
        """
        record: Self = cls._adapter().validate_python(values)
        return record

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[Any]:
        return TypeAdapter(cls)


def plain_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values for JSON: mappings as dicts, tuples as lists, null in place of nan and the infinities.

    Examples
    --------
    >>> plain_values({"low": float("nan"), "high": 0.5, "unit": "share"})
    {'low': None, 'high': 0.5, 'unit': 'share'}
    """
    values: dict[str, Any] = to_jsonable_python(content, inf_nan_mode="null", fallback=_plain_mapping)
    return values


def _plain_mapping(value: Any) -> dict[str, Any]:
    """A mapping that is no dict, such as a read-only one, as a dict."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} is no plain value")
    return dict(value)


def read_json(file: Path, kind: str) -> dict[str, Any]:
    """Read the JSON file of a saved result.

    Parameters
    ----------
    file : Path
        The file.
    kind : str
        What its folder holds, such as 'run', for the message.

    Raises
    ------
    InputError
        If it is not a JSON object that can be read.
    """
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        must, got = f"must be the folder of a saved {kind}", f"no {file.name} that can be read"
        raise InputError(format_error(str(file.parent), must, got, "Save it again.")) from error


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write plain values to a JSON file."""
    file.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
