"""Schema of a scenario: a journey, a policy, a population and a horizon."""

from typing import Annotated

from pydantic import Field

from cjsim.scenario.fields import AcceptedPaths, Day, Duration, Integer, Name, PositiveDuration, RealNumber
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel

MAX_CUSTOMERS = 100_000_000


class Entry(StrictModel):
    """When initial customers enter: all on day 0, evenly over a period (`over`), or at the times in a file.

    `file`: CSV with an `entered` column (a date, a date-time, or days since the start). Optional columns named after traits or attributes
    give values that replace random draws. Customer n takes row n modulo the number of rows.
    """

    over: Duration = 0.0
    file: str | None = None


class ScenarioSpec(Document):
    """A journey, a policy, a population and a horizon: everything that one simulation needs."""

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
    accept_warnings: AcceptedPaths = {}
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

    @property
    def has_shared_resources(self) -> bool:
        """Whether customers share resources: desks or send budgets."""
        return bool(self.journey.desks or self.policy.guardrails.budgets)
