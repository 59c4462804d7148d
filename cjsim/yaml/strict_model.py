"""The base class of all records, and the error that validators of records raise."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict

from cjsim.errors import InputError, format_error, short_repr


class FieldError(ValueError):
    """An invalid value in a record: what must hold, and what to do."""

    def __init__(self, must: str, remedy: str) -> None:
        super().__init__(must)
        self.remedy = remedy


class StrictModel(BaseModel):
    """A frozen record that rejects unknown keys and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields:
            remedy = f"Use with_values({{{name!r}: ...}}), which returns a changed copy. For a nested field, pass its whole path."
            raise InputError(format_error(f"{type(self).__name__}.{name}", "must not be assigned", short_repr(value), remedy))
        super().__setattr__(name, value)


def short_form(key: str, *types: type) -> Callable[[Any], Any]:
    """Return a function for validators that expands a bare value of one of these types, except bool, to `{key: value}`."""

    def expand(value: Any) -> Any:
        """Expand a bare value."""
        return {key: value} if isinstance(value, types) and not isinstance(value, bool) else value

    return expand
