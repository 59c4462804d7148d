"""The features that a targeting rule may use: the columns of an exported trial that the firm knows when it decides."""

from typing import NamedTuple

from cjsim.errors import unknown_name_parts
from cjsim.kernels.codes import RuleFeature
from cjsim.scenario.condition_names import ConditionError, ConditionNames

FEATURES: dict[str, RuleFeature] = {
    "assigned_day": RuleFeature.DAY,
    "days_since_entry": RuleFeature.SINCE_ENTRY,
    "purchases_before": RuleFeature.PURCHASES,
    "revenue_before": RuleFeature.REVENUE,
    "contacts_before": RuleFeature.CONTACTS,
    "opens_before": RuleFeature.OPENS,
    "clicks_before": RuleFeature.CLICKS,
    "opt_outs_before": RuleFeature.OPT_OUTS,
    "days_since_purchase": RuleFeature.SINCE_PURCHASE,
    "days_since_contact": RuleFeature.SINCE_CONTACT,
}
STAGE_FEATURE = "stage_before"
# Columns of a trial that are unknown or irrelevant when the firm decides.
LATER_COLUMNS = ("customer", "arm", "observed_days", "purchases", "revenue", "contacts", "opens", "clicks", "opt_outs", "retained")
_ATTRIBUTE_PREFIX = "attribute_"


class FeatureCode(NamedTuple):
    """The code of a feature, the code of the name in it, and its levels (None for a number)."""

    feature: RuleFeature
    arg: int = 0
    levels: tuple[str, ...] | None = None


def feature_code(name: str, names: ConditionNames) -> FeatureCode:
    """Return the code of a feature.

    Parameters
    ----------
    name : str
        Name of a column of an exported trial, such as `purchases_before`, `events[visit]_before`, or an attribute.
    names : ConditionNames
        The names that a policy may use.

    Returns
    -------
    FeatureCode

    Raises
    ------
    ConditionError
        If the feature does not exist, the firm does not observe it, or it is known only after the decision.
    """
    if name in FEATURES:
        return FeatureCode(FEATURES[name])
    if name == STAGE_FEATURE:
        return FeatureCode(RuleFeature.STAGE, 0, tuple(names.stages))
    if name.startswith("events[") and name.endswith("]_before"):
        return FeatureCode(RuleFeature.COUNT, names.code("event", name.removeprefix("events[").removesuffix("]_before")))
    if name in LATER_COLUMNS and name not in names.attributes:
        remedy = "Fit the model to columns that describe the customer before the assignment."
        raise ConditionError("must use only features that the firm knows when it decides", f"'{name}'", remedy)
    attribute = name.removeprefix(_ATTRIBUTE_PREFIX) if name not in names.attributes else name
    if attribute in names.attributes:
        return FeatureCode(RuleFeature.ATTRIBUTE, names.attributes[attribute], tuple(names.levels[attribute]))
    if name in ("persona", "interest", "satisfaction", "pressure") or name in names.traits:
        remedy = "Use what the firm observes: purchases, opens, clicks, days since events, attributes."
        raise ConditionError("must use only features that the firm observes", f"'{name}'", remedy)
    counts = [f"events[{event}]_before" for event in names.events if f"event {event}" not in names.hidden]
    raise ConditionError(*unknown_name_parts(name, [*FEATURES, STAGE_FEATURE, *counts, *names.attributes], "feature"))
