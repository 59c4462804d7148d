"""Schema of a scenario: a journey, a policy, a population and a horizon."""

from typing import Annotated

from pydantic import ConfigDict, Field

from cjsim.scenario.fields import AcceptedPaths, Currency, Day, Duration, Integer, Name, PositiveDuration, RealNumber, SourcesByPath, Title
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.zone_names import ZoneName
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel

MAX_CUSTOMERS = 100_000_000
DAYS_PER_YEAR = 365.0


class Entry(StrictModel):
    """When initial customers enter: all on day 0, evenly over a period, or at the times in a file."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"over": "28d"}]})

    over: Duration = Field(0.0, examples=["28d"])
    """Period from the start over which entries are spread evenly; with 0s, all customers enter at the start of day 0."""
    file: str | None = Field(None, examples=["entries.csv"])
    """CSV file with a column `entered` (dates, or days since the start), and optionally columns of traits and attributes that replace
    random draws; customer n takes row n modulo the number of rows."""


class Existing(StrictModel):
    """Customers whom the firm already has at the start. They are simulated from their entry, and metrics count them from day 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customers": 5000, "years": 3}]})

    customers: Annotated[Integer, Field(ge=1, le=MAX_CUSTOMERS)] = Field(examples=[5000])
    """Number of customers who entered before the start, including those who have left since."""
    years: Annotated[RealNumber, Field(gt=0, le=50)] = Field(examples=[3])
    """Length of the period before the start over which their entries are spread evenly, in years of 365 days."""
    policy: PolicySpec | None = None
    """Policy until day 0, or the path to its file; by default the scenario's policy; in a comparison, the baseline's."""


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
    """Number of initial customers; it may be 0 if the journey has acquisition channels, or if there are `existing` customers."""
    entry: Entry = Entry()
    """When initial customers enter; all on day 0 by default."""
    existing: Existing | None = None
    """Customers whom the firm already has at the start; none by default."""
    start: Day = Field(examples=["2026-01-05"])
    """Date of day 0."""
    time_zone: ZoneName | None = None
    """Time zone of the firm, in which day 0 begins at midnight; required if the journey has `time_zones`. Without it, there is no daylight
    saving."""
    horizon: PositiveDuration = Field(examples=["365d"])
    """Time from the start after which metrics stop. Without a `value_horizon`, the simulation ends then."""
    value_horizon: PositiveDuration | None = Field(None, examples=["1095d"])
    """Time from the start until which CLV counts, under the same policy; by default `horizon`. All other metrics stop at `horizon`."""
    seed: Annotated[Integer, Field(ge=0, lt=2**63)] = Field(1, examples=[7])
    """Seed of all random numbers; the same seed gives the same customers under every policy."""
    discount_rate: Annotated[RealNumber, Field(ge=0, le=10)] = Field(0.10, examples=[0.08])
    """Annual rate at which CLV discounts money, as a fraction."""
    currency: Currency | None = None
    """Currency of all amounts of money in the journey and the policy; output shows it, and no number depends on it."""
    sources: SourcesByPath = Field({}, examples=[{"journey.events.visit.wait": {"data": "web analytics, 2025"}}])
    """Where numbers come from, by path, in addition to the `sources` of the journey and the policy; these entries take precedence."""
    accept_warnings: AcceptedPaths = Field({}, examples=[{"journey.messages.spare": "other policies send it"}])
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

    @property
    def simulated_days(self) -> float:
        """Days from the start to the end of the simulation: the horizon, or the later value horizon."""
        return self.horizon if self.value_horizon is None else max(self.horizon, self.value_horizon)

    @property
    def begins(self) -> float:
        """Days from day 0 to the beginning of the simulation: 0, or a negative number if there are existing customers."""
        return 0.0 if self.existing is None else -DAYS_PER_YEAR * self.existing.years

    @property
    def past_policy(self) -> PolicySpec:
        """The policy in force before day 0."""
        return self.policy if self.existing is None or self.existing.policy is None else self.existing.policy

    @property
    def switches_policy(self) -> bool:
        """Whether the policy before day 0 differs from the present one."""
        return self.existing is not None and self.past_policy.to_dict() != self.policy.to_dict()

    @property
    def has_shared_resources(self) -> bool:
        """Whether customers share resources: desks or send budgets."""
        return bool(self.journey.desks or self.policy.guardrails.budgets or self.past_policy.guardrails.budgets)

    @property
    def depends_on_population_size(self) -> bool:
        """Whether outcomes per customer depend on the number of initial customers.

        They do if customers share desks, budgets or fixed costs, or if other customers exist before day 0 or arrive later.
        """
        has_others = bool(self.journey.acquisition) or self.existing is not None
        return self.has_shared_resources or has_others or not self.policy.costs.is_free()
