"""`since` of a `wait_for`: which events that have already happened count."""

import math
from typing import Literal

from cjsim.scenario.fields import PositiveDuration
from cjsim.scenario.phrases import duration_phrase

Since = Literal["flow_start"] | PositiveDuration | None


def since_days(since: Since) -> float:
    """Return the field `since` of a STEP_RECORD: days before the step, 0 for none, and inf for the start of the flow."""
    if since is None:
        return 0.0
    return math.inf if since == "flow_start" else since


def since_phrase(since: Since) -> str:
    """Describe which earlier events end the wait at once; empty if none do."""
    if since is None:
        return ""
    when = "since the flow started" if since == "flow_start" else f"within the last {duration_phrase(since)}"
    return f", unless it has happened {when}"
