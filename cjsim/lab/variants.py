"""Schemas of `variants` and `sweep` in an experiment file."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from cjsim.scenario.fields import Integer, Name
from cjsim.scenario.search_space import Free, Mix
from cjsim.simulation.documents import Scenario
from cjsim.yaml.strict_model import StrictModel

MAX_POINTS = 4096


class Variant(StrictModel):
    """A change to the baseline: values set by path, merged keys (such as a new flow), or a separate scenario.

    `merge` has the structure of a scenario and works like a file that extends the baseline: mappings are merged key by key, and lists
    are replaced. `set` is applied last.
    """

    merge: dict[str, Any] = {}
    set: dict[str, Any] = {}
    scenario: Scenario | None = None


class SobolSweep(StrictModel):
    """Points that cover the search space evenly: the first `n` points of a scrambled Sobol sequence. `n` is a power of two."""

    n: Annotated[Integer, Field(ge=2, le=MAX_POINTS)]
    free: dict[str, Free] = {}
    mixes: dict[Name, Mix] = {}


class Sweep(StrictModel):
    """Many variants: all combinations of values (`grid`), rows of values (`list`), or points of a search space (`sobol`)."""

    grid: Annotated[dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]], Field(min_length=1)] | None = None
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None
    sobol: SobolSweep | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.grid is None) + (self.list is None) + (self.sobol is None) != 2:
            raise ValueError("must have exactly one of 'grid', 'list', 'sobol'")
        return self
