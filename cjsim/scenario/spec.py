"""Schema of a scenario: a journey, a policy, a population and a horizon."""

from typing import Annotated

from pydantic import ConfigDict, Field

from cjsim.scenario.fields import AcceptedPaths, Currency, Day, Duration, Integer, Name, PositiveDuration, RealNumber, Title
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel

MAX_CUSTOMERS = 100_000_000


class Entry(StrictModel):
    """When initial customers enter: all on day 0, evenly over a period, or at the times in a file."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"over": "28d"}]})

    over: Duration = Field(0.0, examples=["28d"])
    """Period from the start over which entries are spread evenly; with 0s, all customers enter at the start of day 0."""
    file: str | None = Field(None, examples=["entries.csv"])
    """CSV file with a column `entered` (dates, or days since the start), and optionally columns of traits and attributes that replace
    random draws; customer n takes row n modulo the number of rows."""


class ScenarioSpec(Document):
    """A journey, a policy, a population and a horizon: everything that one simulation needs."""

    name: Name = Field(examples=["shop"])
    """Name of the scenario."""
    title: Title = Field("", examples=["Online shop: current policy"])
    """Title shown in output."""
    journey: JourneySpec
    """How customers behave."""
    policy: PolicySpec
    """What the firm does."""
    customers: Annotated[Integer, Field(ge=0, le=MAX_CUSTOMERS)] = Field(10_000, examples=[20_000])
    """Number of initial customers; it may be 0 if the journey has acquisition channels."""
    entry: Entry = Entry()
    """When initial customers enter; all on day 0 by default."""
    start: Day = Field(examples=["2026-01-05"])
    """Date of day 0."""
    horizon: PositiveDuration = Field(examples=["365d"])
    """Length of the simulation."""
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = Field(1, examples=[7])
    """Seed of all random numbers; the same seed gives the same customers under every policy."""
    discount_rate: Annotated[RealNumber, Field(ge=0, le=10)] = Field(0.10, examples=[0.08])
    """Annual rate at which CLV discounts money, as a fraction."""
    currency: Currency | None = None
    """Currency of all amounts of money in the journey and the policy; output shows it, and no number depends on it."""
    accept_warnings: AcceptedPaths = Field({}, examples=[{"journey.messages.spare": "other policies send it"}])
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

    @property
    def has_shared_resources(self) -> bool:
        """Whether customers share resources: desks or send budgets."""
        return bool(self.journey.desks or self.policy.guardrails.budgets)
