"""Base classes of all records: `StrictModel`, and `OneOf` for mappings with exactly one key."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class StrictModel(BaseModel):
    """A frozen record that rejects unknown keys and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OneOf(StrictModel):
    """A mapping with exactly one of its fields. The key identifies the kind."""

    @model_validator(mode="after")
    def _one_key(self) -> "OneOf":
        if sum(getattr(self, name) is not None for name in self.model_fields_set - self.companions()) != 1:
            names = ", ".join(f"'{name}'" for name in type(self).model_fields if name not in self.companions())
            raise ValueError(f"must have exactly one of {names}")
        return self

    @classmethod
    def companions(cls) -> frozenset[str]:
        """Fields that are allowed in addition to the key."""
        return frozenset()

    @property
    def kind(self) -> str:
        """The key that was given."""
        return next(name for name in type(self).model_fields if name not in self.companions() and getattr(self, name) is not None)

    @property
    def body(self) -> Any:
        """The value of the key that was given."""
        return getattr(self, self.kind)
