"""The base class of all records."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A frozen record that rejects unknown keys and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
