"""The records of `variants` and `sweep` in an experiment's file."""

from typing import Annotated, Any

from pydantic import Field

from cjsim.scenario.fields import Integer, Name
from cjsim.scenario.search_space import Free, Mix
from cjsim.simulation.documents import Scenario
from cjsim.yaml.strict_model import OneOf, StrictModel

MAX_POINTS = 4096


class Variant(StrictModel):
    """A change of the baseline: values set by path, keys merged over it (such as a new flow), or a scenario of its own.

    `merge` has the form of a scenario and works like a file that extends the baseline: mappings are merged key by key, lists are
    replaced. `set` is applied last.
    """

    merge: dict[str, Any] = {}
    set: dict[str, Any] = {}
    scenario: Scenario | None = None


class SobolSweep(StrictModel):
    """Points that cover the space of free values evenly: the first `n` of a scrambled Sobol sequence, n a power of two."""

    n: Annotated[Integer, Field(ge=2, le=MAX_POINTS)]
    free: dict[str, Free] = {}
    mixes: dict[Name, Mix] = {}


class Sweep(OneOf):
    """Many variants at once: all combinations of values (`grid`), rows of values (`list`), or points of a search space (`sobol`)."""

    grid: Annotated[dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]], Field(min_length=1)] | None = None
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None
    sobol: SobolSweep | None = None
