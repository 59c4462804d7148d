"""Schema of what a firm pays for marketing: platform, contacts, creative work and setup."""

from typing import Annotated

from pydantic import ConfigDict, Field

from cjsim.scenario.fields import ChannelName, MessageName, Name, NonNegative
from cjsim.yaml.strict_model import StrictModel


class CreativeCosts(StrictModel):
    """Creative work, paid once. Work that no active flow or broadcast uses costs nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"flows": {"cart": 800}, "messages": {"news": 150}}]})

    flows: dict[Annotated[Name, Field(examples=["cart"])], NonNegative] = {}
    """Money per flow, paid once unless the flow is switched off."""
    messages: dict[MessageName, NonNegative] = {}
    """Money per message, paid once if an active flow or broadcast sends it."""


class Costs(StrictModel):
    """What the firm pays for marketing, in money. Staff costs are set under `desks`, and acquisition spend under `acquisition`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"platform_per_month": 300, "per_contact": {"email": 0.001}, "setup": 5000}]})

    platform_per_month: NonNegative = Field(0.0, examples=[300])
    """Money per month for the marketing platform, paid in advance from day 0; the last month counts in proportion."""
    per_contact: dict[ChannelName, NonNegative] = {}
    """Money per delivery by channel (on `paid` channels, per open), instead of the `cost` of the journey's channel."""
    creative: CreativeCosts = CreativeCosts()
    """Creative work for flows and messages, paid once on day 0."""
    setup: NonNegative = Field(0.0, examples=[5000])
    """Money for setting up the platform, paid once on day 0."""

    def is_free(self) -> bool:
        """Whether all amounts are 0, apart from contacts."""
        return not any((self.platform_per_month, self.setup, *self.creative.flows.values(), *self.creative.messages.values()))
