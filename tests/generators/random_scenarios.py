"""A hypothesis strategy for whole random scenarios as plain data."""

from pathlib import Path

from chooser import ACQUISITION_CHANNELS, CHANNELS, DESKS, INTERESTS, MESSAGES, OFFERS, TIMED_EVENTS, Chooser, ScenarioData, ScenarioNames
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_journeys import random_journey
from random_policies import add_costs, random_blackouts, random_policy
from random_reactions import add_reactions
from random_time_zones import add_calendar_wait, add_time_zones

RULE_FILE = Path(__file__).parents[1] / "worlds" / "every_construct_rule.json"
DETERMINISTIC_SETTINGS = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink)
)


@st.composite
def scenario_strategy(draw: st.DrawFn) -> ScenarioData:
    """A whole scenario as plain data: a few customers with many events, for a few weeks."""
    chooser = Chooser(draw)
    stages = ("first", "second", "third")[: chooser.integer(1, 3)]
    names = ScenarioNames(
        stages=stages,
        events=TIMED_EVENTS[: chooser.integer(2, len(TIMED_EVENTS))],
        channels=CHANNELS[: chooser.integer(1, 4)],
        messages=MESSAGES[: chooser.integer(1, 4)],
        personas=("one", "two", "three")[: chooser.integer(1, 3)],
        interests=INTERESTS[: chooser.choice((0, 2))],
        offers=OFFERS[: chooser.integer(0, 2)],
        desks=DESKS[: chooser.integer(0, 2)],
        acquisition_channels=ACQUISITION_CHANNELS[: chooser.choice((0, 0, 1, 2))],
        has_referrals=chooser.chance(35),
        has_hidden_stage=len(stages) > 1 and chooser.chance(25),
        has_hidden_event=chooser.chance(25),
    )
    start = chooser.choice((24, 20, 15))
    least = 0 if names.acquisition_channels else 2
    made: ScenarioData = {
        "name": "made",
        "start": f"2025-11-{start}",
        "horizon": chooser.choice(("20d", "33d", "40d 6h")),
        "customers": chooser.integer(least, 8),
        "seed": chooser.choice((1, 2**40 + 7, 2**63 - 1)),
        "journey": random_journey(chooser, names),
        "policy": random_policy(chooser, names, start),
    }
    chooser.add_optional(made, 40, entry=lambda: {"over": "6d"}, discount_rate=lambda: 0.0)
    # Last, so that scenarios without blackouts are as they were before there were any.
    chooser.add_optional(made["policy"]["guardrails"], 30, blackouts=lambda: random_blackouts(chooser, names, start))
    if chooser.chance(30):
        target_by_rule(chooser, made["policy"])
    if chooser.chance(30):
        add_costs(chooser, made["journey"], made["policy"])
    if chooser.chance(35):
        add_calendar_wait(chooser, names, made)
    if chooser.chance(70):
        add_reactions(chooser, names, made["journey"])
    if chooser.chance(35):
        made = add_time_zones(chooser, made)
    if chooser.chance(25):
        made["value_horizon"] = chooser.choice(("41d", "60d"))
    if chooser.chance(30):
        made["existing"] = random_base(chooser, names, start, made["policy"])
    return made


def random_base(chooser: Chooser, names: ScenarioNames, start: int, present: ScenarioData) -> ScenarioData:
    """A few existing customers, who were under the same policy, a similar one, or another one."""
    base: ScenarioData = {"customers": chooser.integer(1, 4), "years": chooser.choice((0.05, 0.1))}
    kind = chooser.choice(("same", "similar", "other"))
    if kind == "same":
        return base
    past = {**present, "name": "past"}
    for actors in ("flows", "broadcasts"):
        past[actors] = {name: actor for name, actor in past.get(actors, {}).items() if chooser.chance(60)}
    if kind == "other":
        other = random_policy(chooser, names, start)
        past |= {key: other[key] for key in ("broadcasts", "guardrails", "desks") if key in other}
    if creative := past.get("costs", {}).get("creative"):  # of the flows that are left
        flows = {name: cost for name, cost in creative["flows"].items() if name in past["flows"]}
        past["costs"] = past["costs"] | {"creative": creative | {"flows": flows}}
    past["guardrails"] = {key: value for key, value in past.get("guardrails", {}).items() if key != "spared"}
    return base | {"policy": past}


def target_by_rule(chooser: Chooser, policy: ScenarioData) -> None:
    """Let flows and broadcasts ask a targeting rule."""
    policy["rules"] = {"likely": {"file": str(RULE_FILE), "above": chooser.choice((0.3, 0.4, 0.5))}}
    for actor in (*policy.get("flows", {}).values(), *policy.get("broadcasts", {}).values()):
        asked = chooser.choice(("rule(likely)", "gain(likely) > 0.35", "not rule(likely)"))
        actor["if"] = f"({actor['if']}) or {asked}" if "if" in actor else asked


def generate_scenarios(count: int) -> list[ScenarioData]:
    """Scenarios drawn from the strategy, identical in every run."""
    made: list[ScenarioData] = []

    @settings(DETERMINISTIC_SETTINGS, max_examples=count, phases=(Phase.generate,))
    @given(scenario_strategy())
    def collect(data: ScenarioData) -> None:
        made.append(data)

    collect()
    return made
