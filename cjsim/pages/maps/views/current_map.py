"""The current state: what customers do, ask and feel in each stage, what reaches them, who answers them, and the figures."""

from cjsim.pages.maps.lanes.behavior_lane import action_lane, question_data, question_lane
from cjsim.pages.maps.lanes.cliff_lane import cliff_lane
from cjsim.pages.maps.lanes.committee_lane import committee_lanes
from cjsim.pages.maps.lanes.desk_lane import desk_lane
from cjsim.pages.maps.lanes.feeling_lane import feeling_lane
from cjsim.pages.maps.lanes.head_lane import figure_lane, head_data, onward_data, stage_heads
from cjsim.pages.maps.lanes.moment_lane import moment_lane
from cjsim.pages.maps.lanes.persona_cards import persona_cards
from cjsim.pages.maps.lanes.touchpoint_lane import touchpoint_lanes
from cjsim.pages.maps.map_parts import MapView
from cjsim.pages.maps.map_runs import MapRuns, interval_of
from cjsim.pages.page_parts import Phrase

HIDDEN_NOTE = "What happens while a customer is in a stage that the firm does not see counts in the stage that it last saw."
_CLEAR_SHARE = 0.2  # of requests without an answer, from which the sentence names them


def current_view(runs: MapRuns) -> MapView:
    """Return the map of the current state.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    lanes = [
        action_lane(runs),
        question_lane(runs),
        *touchpoint_lanes(runs),
        feeling_lane(runs),
        *committee_lanes(runs),
        moment_lane(runs),
        cliff_lane(runs),
        desk_lane(runs),
        figure_lane(runs),
    ]
    headline, say = current_headline(runs)
    return MapView("current", "Current state", headline, say, stage_heads(runs), tuple(lanes), persona_cards(runs), view_notes(runs))


def current_headline(runs: MapRuns) -> tuple[tuple[Phrase, ...], str]:
    """Return where most customers stop, and which question gets no answer most often, by rule.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    reached, onward = head_data(runs), onward_data(runs)
    lost = {name: one.value * (1 - onward[name].value) for name, one in reached.items() if one is not None and name in onward}
    sentences = []
    headline: tuple[Phrase, ...] = (Phrase("How customers go through this journey"),)
    if lost and max(lost.values()) > 0:
        worst = max(lost, key=lambda name: lost[name])
        here, further = reached[worst], onward[worst]
        assert here is not None
        stop = f"{100 * (1 - further.value):.0f}%"
        headline = (Phrase(f"More customers stop at “{runs.stage_title(worst)}” than anywhere else: "), Phrase(stop, "loss"))
        headline = (*headline, Phrase(" of those who get there go no further"))
        sentences.append(
            f"“{runs.stage_title(worst)}” is reached by {100 * here.value:.0f}% of customers {interval_of(here, 0)}; "
            f"{100 * further.value:.0f}% of them {interval_of(further, 0)} get further."
        )
    asked = [(pair, stage, desk) for stage, desks in question_data(runs).items() for desk, pair in desks.items()]
    unanswered = [(pair.share.value, pair, stage, desk) for pair, stage, desk in asked if pair.share.value >= _CLEAR_SHARE]
    if unanswered:
        _, pair, stage, desk = max(unanswered, key=lambda one: one[1].rate.value * one[0])
        sentences.append(
            f"Most unanswered requests come in “{runs.stage_title(stage)}”: {100 * pair.share.value:.0f}% {interval_of(pair.share, 0)} "
            f"of those to {runs.title('desks', desk)}."
        )
    return headline, " ".join(sentences)


def view_notes(runs: MapRuns) -> tuple[str, ...]:
    """Return what a reader must know about the numbers.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    notes = [f"{runs.runs.caption('Intervals are 95% intervals.')}"]
    if any(run.repeats for run in runs.runs.runs.values()):
        n = " and ".join(f"{counts.n:,}" for counts in runs.counts)
        notes.append(f"Counts of events, messages and requests by stage come from the first replication (n = {n}).")
    if any(not stage.observed for stage in runs.stages.values()):
        notes.append(HIDDEN_NOTE)
    if runs.level == "stage":
        notes.append("Left out: what happens less than 5 times per 1,000 customers who get to a stage. The level of touchpoints shows it.")
    return tuple(notes)
