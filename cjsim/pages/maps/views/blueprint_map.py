"""The service blueprint: the customer's actions, what they see, and behind the line of visibility flows, desks and systems."""

from cjsim.pages.maps.lanes.backstage_lanes import customer_lane, flow_lane, message_lane, staff_lane, system_lane
from cjsim.pages.maps.lanes.head_lane import stage_heads
from cjsim.pages.maps.map_parts import MapView
from cjsim.pages.maps.map_runs import MapRuns
from cjsim.pages.maps.views.current_map import view_notes
from cjsim.pages.page_parts import Phrase
from cjsim.pages.quantity_format import count_text


def blueprint_view(runs: MapRuns) -> MapView:
    """Return the service blueprint.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    lanes = (customer_lane(runs), message_lane(runs), flow_lane(runs), staff_lane(runs), system_lane(runs))
    return MapView("blueprint", "Service blueprint", _headline(runs), _say(runs), stage_heads(runs), lanes, notes=view_notes(runs))


def _headline(runs: MapRuns) -> tuple[Phrase, ...]:
    policy = runs.policy
    flows, broadcasts = count_text(len(policy.flows), "flow"), count_text(len(policy.broadcasts), "broadcast")
    desks = f" and {count_text(len(policy.desks), 'desk')}" if policy.desks else ""
    comma = "," if desks else " and"
    return (Phrase(f"What customers see comes from {flows}{comma} {broadcasts}{desks} that they do not see"),)


def _say(runs: MapRuns) -> str:
    contacts = runs.metric("contacts")
    if contacts is None:
        return ""
    return f"{contacts.value:.1f} messages arrive per customer [{contacts.low:.1f}, {contacts.high:.1f}]."
