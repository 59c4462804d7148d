"""A scenario, as declared: a journey under a policy, with a population and a horizon."""

from typing import Annotated

from pydantic import Field

from cjsim.scenario.fields import Day, Duration, Integer, Name, PositiveDuration, RealNumber
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel

MAX_CUSTOMERS = 100_000_000


class Entry(StrictModel):
    """When customers enter: all at day 0, evenly over a window, or as a file says.

    `file`: CSV with a column `entered` (a date, a date-time, or days since the start) and, where wanted, columns named as traits
    or attributes, whose values then hold for that customer instead of a draw. Customer n takes row n modulo the rows.
    """

    over: Duration = 0.0
    file: str | None = None


class ScenarioSpec(Document):
    """A journey under a policy, with a population and a horizon."""

    name: Name
    title: str = ""
    journey: JourneySpec
    policy: PolicySpec
    customers: Annotated[Integer, Field(ge=0, le=MAX_CUSTOMERS)] = 10_000
    entry: Entry = Entry()
    start: Day
    horizon: PositiveDuration
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = 1
    discount_rate: Annotated[RealNumber, Field(ge=0, le=10)] = 0.10

    @property
    def has_shared_resources(self) -> bool:
        """Whether customers compete for desks or for budgets of sends."""
        return bool(self.journey.desks or self.policy.guardrails.budgets)
