"""What may stand under `variants` and `sweep` in an experiment's file.

Lives here: the records. Does not live here: the scenarios that they come to (arms.py).
"""

from typing import Annotated, Any

from pydantic import Field

from cjsim.scenario.fields import Integer, Name
from cjsim.scenario.search_space import Free, Mix
from cjsim.simulation.documents import Scenario
from cjsim.yaml.strict_model import OneOf, StrictModel

MAX_POINTS = 4096


class Variant(StrictModel):
    """A change: values of the baseline set otherwise by path, or what is merged over it (a new flow), or a scenario of its own.

    `merge` is written as a scenario is, and counts as a file that extends the baseline: mappings are merged key by key, lists replaced.
    `set` comes last.
    """

    merge: dict[str, Any] = {}
    set: dict[str, Any] = {}
    scenario: Scenario | None = None


class SobolSweep(StrictModel):
    """Points that fill the space of free values evenly: the first `n` of a scrambled Sobol sequence, n a power of two."""

    n: Annotated[Integer, Field(ge=2, le=MAX_POINTS)]
    free: dict[str, Free] = {}
    mixes: dict[Name, Mix] = {}


class Sweep(OneOf):
    """Many variants at once: all combinations of values (`grid`), rows of values (`list`), or points of a space (`sobol`)."""

    grid: Annotated[dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]], Field(min_length=1)] | None = None
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = None
    sobol: SobolSweep | None = None
