"""Common random numbers: equal policies do not differ, elements that never fire change nothing, and pairing reduces variance."""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chooser import ScenarioData
from conftest import ROOT
from in_memory_simulation import InMemoryResult, simulate_in_memory

from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

SCENARIOS = ROOT / "configs" / "scenarios"
NEVER = "contacts < 0"
EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Change = Callable[[ScenarioData], None]


def shop() -> Scenario:
    return Scenario.load(SCENARIOS / "shop.yaml")


def every_construct() -> Scenario:
    return Scenario.load(ROOT / "tests" / "worlds" / "every_construct.yaml")


def put_first(data: ScenarioData, path: str, name: str, value: Any) -> None:
    """Insert an element before the others of its kind, so that all their codes shift."""
    home = data
    for key in path.split("."):
        home = home.setdefault(key, {})
    others = dict(home)
    home.clear()
    home.update({name: value} | others)


def flow_whose_trigger_never_happens(data: ScenarioData) -> None:
    put_first(data, "journey.events", "doom", {"wait": "never"})
    put_first(data, "policy.flows", "ark", {"on": {"event": "doom"}, "priority": 50, "steps": [{"send": message_of(data)}]})


def flow_whose_if_never_holds(data: ScenarioData) -> None:
    on = {"event": frequent_event_of(data)}
    put_first(data, "policy.flows", "idle", {"on": on, "if": NEVER, "priority": 50, "steps": [{"send": message_of(data)}, {"tag": "new"}]})


def flow_on_a_stage_whose_if_never_holds(data: ScenarioData) -> None:
    for number, stage in enumerate(name for name, stage in data["journey"]["stages"].items() if stage.get("observed", True)):
        put_first(data, "policy.flows", f"idle_{number}", {"on": {"stage": stage}, "if": NEVER, "steps": [{"send": message_of(data)}]})


def inactivity_whose_if_never_holds(data: ScenarioData) -> None:
    put_first(data, "policy.flows", "idle", {"on": {"inactivity": "1h"}, "if": NEVER, "steps": [{"send": message_of(data)}]})
    of = {"inactivity": "2h", "of": [frequent_event_of(data)]}
    put_first(data, "policy.flows", "idler", {"on": of, "if": NEVER, "steps": [{"send": message_of(data)}]})


def broadcast_whose_if_never_holds(data: ScenarioData) -> None:
    schedule = {"weekdays": EVERY_DAY, "at": "10:00"}
    put_first(data, "policy.broadcasts", "hush", {"schedule": schedule, "if": NEVER, "priority": 50, "send": message_of(data)})


def broadcast_after_the_horizon(data: ScenarioData) -> None:
    put_first(data, "policy.broadcasts", "late", {"schedule": {"dates": ["2099-01-01"], "at": "10:00"}, "send": message_of(data)})


def events_that_never_happen(data: ScenarioData) -> None:
    effects = [{"go": data["journey"]["starts_in"]}, {"purchase": {"value": 9}}, {"satisfy": -1}, {"tag": "new"}]
    put_first(data, "journey.events", "doom", {"wait": "never", "in": "anywhere", "effects": effects})
    put_first(data, "journey.stages", "limbo", {})
    put_first(data, "journey.events", "drown", {"wait": {"exponential": "1h"}, "in": ["limbo"], "effects": effects})
    data["journey"]["events"]["sink"] = {"wait": {"exponential": "1h"}, "in": "anywhere", "speed": ["nought"], "effects": effects}
    data["journey"]["traits"]["nought"] = {"fixed": 0}


def events_whose_when_never_holds(data: ScenarioData) -> None:
    # Their conditions depend on everything, so they are evaluated after every event, purchase, touch and score.
    asked = "tagged(new) and (purchases + contacts + opens + clicks >= 0 or score(extra) > 1)"
    stages = list(data["journey"]["stages"])
    event = {"wait": {"exponential": "1h"}, "when": asked, "satisfaction": 2.0, "effects": [{"score": {"extra": 1}}, {"tag": "new"}]}
    put_first(data, "journey.scores", "extra", {})
    put_first(data, "journey.events", "wish", event | {"in": "anywhere"})
    data["journey"]["events"]["hope"] = event | {"in": stages}


def message_and_channel_that_are_never_used(data: ScenarioData) -> None:
    event = frequent_event_of(data)
    lifts = {"delivered": {event: 5}, "opened": {event: -1}}
    put_first(data, "journey.channels", "pigeon", {"consent": 0.0, "delivery_gain": -1})
    put_first(
        data, "journey.messages", "coo", {"channel": "pigeon", "open_rate": 0.5, "lift": lifts, "effects": {"opened": [{"satisfy": -1}]}}
    )


def traits_attributes_and_profiles_that_nobody_uses(data: ScenarioData) -> None:
    put_first(data, "journey.traits", "humor", {"beta": {"alpha": 0.5, "beta": 0.5}})
    put_first(data, "journey.attributes", "sign", {"aries": 0.5, "taurus": 0.5})
    put_first(data, "journey.activity", "moonlit", {"weekdays": [1, 0, 0, 0, 0, 0, 0]})
    put_first(data, "journey.scores", "karma", {"half_life": "1d"})


def persona_with_zero_share(data: ScenarioData) -> None:
    event = frequent_event_of(data)
    data["journey"]["personas"]["ghost"] = {"share": 0.0, "satisfaction": 0.0, "speed": {event: 9}, "contact_lift": {event: 9}}


def guardrails_that_never_bind(data: ScenarioData) -> None:
    put_first(data, "journey.channels", "pigeon", {"consent": 0.0})
    rules = data["policy"].setdefault("guardrails", {})
    rules.setdefault("exit", NEVER)
    everywhere = {"at_most": 1000, "per": "1d"}
    rules["caps"] = [everywhere, {"at_most": 0, "per": "30d", "channels": ["pigeon"]}, *rules.get("caps", [])]
    rules["gaps"] = [{"at_least": "30d", "channels": ["pigeon"]}, *rules.get("gaps", [])]
    rules["quiet_hours"] = [{"from": "00:00", "to": "23:59", "channels": ["pigeon"]}, *rules.get("quiet_hours", [])]


def channels_of_all_kinds_that_are_never_used(data: ScenarioData) -> None:
    kinds = {"wall": {"kind": "pull", "visits": [frequent_event_of(data)]}, "banner": {"kind": "paid", "cost": 9}}
    kinds["agent"] = {"kind": "human", "desk": "lodge"}
    desk_that_nobody_asks(data)
    for name, channel in kinds.items():
        put_first(data, "journey.channels", name, channel | {"consent": 0.0})  # so that a full opt-out does not change it
        put_first(data, "journey.messages", f"{name}_hello", {"channel": name, "open_rate": 0.5})


def desk_that_nobody_asks(data: ScenarioData) -> None:
    put_first(data, "journey.desks", "lodge", {"service": {"fixed": "1h"}, "effects": {"late": [{"satisfy": -1}]}})
    put_first(data, "policy.desks", "lodge", {"agents": 1})


def offer_that_nobody_is_given(data: ScenarioData) -> None:
    put_first(data, "journey.offers", "gift", {"discount": 1.0, "valid": "30d"})


def referrals_that_never_join(data: ScenarioData) -> None:
    event = data["journey"]["events"][frequent_event_of(data)]
    event["effects"] = [{"refer": {"invites": 5, "joins": 0.0}}, *event.get("effects", [])]


def acquisition_channel_without_arrivals(data: ScenarioData) -> None:
    put_first(data, "journey.acquisition", "nowhere", {"hill": {"at_most": 9, "half": 1}})


def interest_that_no_message_is_about(data: ScenarioData) -> None:
    put_first(data, "journey.interests", "nothing", 0.0 if "interests" in data["journey"] else 1.0)


def flows_on_triggers_that_never_come(data: ScenarioData) -> None:
    put_first(data, "journey.scores", "karma", {"half_life": "1d"})
    for name, on in {"high": {"score": "karma", "above": 1}, "bored": {"unopened": 1000}, "someday": {"date": "2099-01-01"}}.items():
        put_first(data, "policy.flows", name, {"on": on, "priority": 50, "steps": [{"send": message_of(data)}]})


def moments_that_are_only_noted(data: ScenarioData) -> None:
    put_first(data, "journey.moments", "tenth", {"event": frequent_event_of(data), "nth": 10})


CHANGES: list[Change] = [
    flow_whose_trigger_never_happens,
    flow_whose_if_never_holds,
    flow_on_a_stage_whose_if_never_holds,
    inactivity_whose_if_never_holds,
    broadcast_whose_if_never_holds,
    broadcast_after_the_horizon,
    events_that_never_happen,
    events_whose_when_never_holds,
    message_and_channel_that_are_never_used,
    traits_attributes_and_profiles_that_nobody_uses,
    persona_with_zero_share,
    guardrails_that_never_bind,
    channels_of_all_kinds_that_are_never_used,
    desk_that_nobody_asks,
    offer_that_nobody_is_given,
    referrals_that_never_join,
    acquisition_channel_without_arrivals,
    interest_that_no_message_is_about,
    flows_on_triggers_that_never_come,
    moments_that_are_only_noted,
]


def frequent_event_of(data: ScenarioData) -> str:
    return {"shop": "visit", "every_construct": "browse"}[data["journey"]["name"]]


def message_of(data: ScenarioData) -> str:
    return str(next(iter(data["journey"]["messages"])))


def with_change(scenario: Scenario, change: Change) -> Scenario:
    data = copy.deepcopy(scenario.to_dict())
    change(data)
    return Scenario.from_dict(data)


BASE_SCENARIOS = {"shop": (shop(), 40), "every_construct": (every_construct(), 60)}


@pytest.fixture(scope="module")
def base_results() -> dict[str, InMemoryResult]:
    """The shop and every construct, unchanged."""
    return {name: simulate_in_memory(scenario, customers=customers) for name, (scenario, customers) in BASE_SCENARIOS.items()}


@pytest.mark.parametrize("name", BASE_SCENARIOS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_adding_an_element_that_never_fires_changes_nothing(base_results: dict[str, InMemoryResult], name: str, change: Change) -> None:
    scenario, customers = BASE_SCENARIOS[name]
    other = simulate_in_memory(with_change(scenario, change), customers=customers)
    assert other.log_rows() == base_results[name].log_rows()
    for field in set(other.outcomes.customers.dtype.names or ()) - {"stage", "interest"}:
        assert other.outcomes.customers[field].tobytes() == base_results[name].outcomes.customers[field].tobytes(), field


def test_log_file_is_identical_if_an_unused_element_is_appended(tmp_path: Path) -> None:
    def last(data: ScenarioData) -> None:
        data["journey"]["events"]["doom"] = {"wait": "never", "effects": [{"purchase": {"value": 9}}]}
        data["policy"]["flows"]["ark"] = {"on": {"event": "doom"}, "priority": -99, "steps": [{"send": message_of(data)}]}

    for name, (scenario, customers) in BASE_SCENARIOS.items():
        for log, world in (("with", with_change(scenario, last)), ("without", scenario)):
            simulate(world, customers=customers, log=tmp_path / f"{name} {log}", replications=1)
        assert (tmp_path / f"{name} with").read_bytes() == (tmp_path / f"{name} without").read_bytes()


def test_log_file_is_identical_if_an_unused_flow_is_prepended(tmp_path: Path) -> None:
    shop = Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml")
    data = shop.to_dict()
    never = {"on": {"event": "visit"}, "if": "purchases < 0", "priority": 999, "steps": [{"send": "newsletter"}]}
    data["policy"]["flows"] = {"ark": never, **data["policy"]["flows"]}
    for name, scenario in (("without", shop), ("with", Scenario.from_dict(data))):
        simulate(scenario, customers=200, log=tmp_path / name, replications=1)
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes()


@pytest.mark.parametrize("name", BASE_SCENARIOS)
def test_equal_policies_have_zero_effects_for_every_customer(name: str) -> None:
    scenario, customers = BASE_SCENARIOS[name]
    pair = compare({"one": scenario, "same": with_change(scenario, flow_whose_if_never_holds)}, customers=customers, replications=1)
    found = pair.alternatives["same"]
    assert all(math.isnan(effect.effect) or (effect.effect, effect.low, effect.high) == (0, 0, 0) for effect in found.values())
    defined = [metric for metric, effect in found.items() if not math.isnan(effect.effect)]
    assert len(defined) > 30
    assert [metric for metric in defined if pair.effects("same", metric)["effect"].any()] == []


def shop_without_contact_lift() -> Scenario:
    """The shop without contact lift, so that a delivery alone has no effect."""
    return shop().with_values({"journey.personas.sleeping_dog.contact_lift": {}})


def assert_equal_up_to_rounding(changed: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> None:
    """The same rows; a delivery updates satisfaction, which can change the rounding of times."""
    assert [(row[0], *row[2:]) for row in changed] == [(row[0], *row[2:]) for row in other]
    assert max(abs(row[1] - same[1]) for row, same in zip(changed, other, strict=True)) < 1e-9


def test_added_flow_does_not_change_other_draws() -> None:
    def change(data: ScenarioData) -> None:
        """A flow that fires often, on a separate channel."""
        put_first(data, "journey.channels", "pigeon", {"pressure": 0})
        put_first(data, "journey.messages", "coo", {"channel": "pigeon", "open_rate": 0.5, "click_rate": 0.5, "unsubscribe_rate": 0.1})
        steps = [{"send": "coo"}, {"wait": "1d"}, {"send": "coo"}]
        put_first(data, "policy.flows", "loft", {"on": {"event": "visit"}, "priority": 50, "holdout": 0.1, "steps": steps})

    base = shop_without_contact_lift()
    changed, usual = (simulate_in_memory(scenario, customers=60).log_rows() for scenario in (with_change(base, change), base))
    assert_equal_up_to_rounding([row for row in changed if row[-1] != "loft"], usual)
    assert len(changed) > 1.2 * len(usual)


def test_added_message_does_not_change_draws_of_its_flow() -> None:
    def change(data: ScenarioData) -> None:
        put_first(data, "journey.channels", "pigeon", {"pressure": 0})
        put_first(data, "journey.messages", "coo", {"channel": "pigeon", "open_rate": 0.5})
        for name in ("welcome", "cart", "win_back"):
            data["policy"]["flows"][name]["steps"].insert(0, {"send": "coo"})

    base = shop_without_contact_lift()
    changed, usual = (simulate_in_memory(scenario, customers=60).log_rows() for scenario in (with_change(base, change), base))
    assert_equal_up_to_rounding([row for row in changed if row[6] != "coo"], usual)
    assert sum(row[6] == "coo" for row in changed) > 60


def test_population_does_not_depend_on_the_policy() -> None:
    runs = [
        simulate_in_memory(Scenario.load(SCENARIOS / f"{name}.yaml"), customers=200) for name in ("shop", "shop_less_mail", "shop_better")
    ]
    assert len({run.outcomes.customers["entered"].tobytes() for run in runs}) == 1
    assert len({run.outcomes.customers["persona"].tobytes() for run in runs}) == 1


def test_pairing_narrows_the_effect_of_less_mail() -> None:
    # The ratio of variances is 9.9 here: without the newsletter of every other week, a fifth of the purchases differ.
    less = Scenario.load(SCENARIOS / "shop_less_mail.yaml")
    found = compare({"today": shop(), "less": less}, customers=4000, seed=1).alternatives["less"]["clv"]
    assert found.effect != 0
    assert found.variance_ratio >= 5
