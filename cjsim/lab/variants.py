"""Schemas of `variants` and `sweep` in an experiment file."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from cjsim.scenario.fields import Integer, Name, ValuePath, check_listed_once
from cjsim.scenario.search_space import Free, Mix
from cjsim.simulation.documents import Scenario
from cjsim.yaml.strict_model import FieldError, StrictModel

MAX_POINTS = 4096


class Variant(StrictModel):
    """A change to the baseline: values set by path, merged keys (such as a new flow), or a separate scenario."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"set": {"policy.flows.cart.steps[0].wait": "2h"}}]})

    merge: dict[str, Any] = Field({}, examples=[{"policy": {"guardrails": {"gaps": [{"at_least": "1d"}]}}}])
    """Content in the structure of a scenario; mappings are merged with the baseline key by key, and lists are replaced."""
    set: dict[str, Any] = Field({}, examples=[{"policy.flows.cart.steps[0].wait": "2h"}])
    """Values by path, applied after `merge`."""
    scenario: Scenario | None = Field(None, examples=["../scenarios/shop_better.yaml"])
    """Another scenario in place of the baseline, or the path of its file; it may differ only in journey and policy."""


class SobolSweep(StrictModel):
    """Points that cover the search space evenly: the first points of a scrambled Sobol sequence."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"n": 16, "free": {"policy.flows.cart.steps[0].wait": {"low": "1h", "high": "48h"}}}]}
    )

    n: Annotated[Integer, Field(ge=2, le=MAX_POINTS)] = Field(examples=[16])
    """Number of points, a power of two."""
    free: dict[ValuePath, Free] = {}
    """Values that vary, by their path under `policy` or `journey`."""
    mixes: dict[Annotated[Name, Field(examples=["media_budget"])], Mix] = {}
    """Totals that are split among paths, by name."""


class Sweep(StrictModel):
    """Many variants: all combinations of values (`grid`), rows of values (`list`), or points of a search space (`sobol`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grid": {"policy.flows.cart.steps[0].wait": ["1h", "4h", "24h"]}}]})

    grid: (
        Annotated[dict[ValuePath, Annotated[tuple[Any, ...], Field(min_length=1), AfterValidator(check_listed_once)]], Field(min_length=1)]
        | None
    ) = Field(None, examples=[{"policy.flows.cart.steps[0].wait": ["1h", "4h", "24h"]}])
    """Values by path; each combination of them is a variant."""
    list: Annotated[tuple[dict[str, Any], ...], Field(min_length=1), AfterValidator(check_listed_once)] | None = Field(
        None, examples=[[{"policy.flows.cart.steps[0].wait": "1h"}, {"policy.flows.cart.steps[0].wait": "24h"}]]
    )
    """Rows of values by path; each row is a variant."""
    sobol: SobolSweep | None = None
    """Points that cover a search space evenly; each point is a variant."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.grid is None) + (self.list is None) + (self.sobol is None) != 2:
            raise FieldError("must have exactly one of 'grid', 'list', 'sobol'", "Keep one of them, or add one, such as 'grid'.")
        return self
