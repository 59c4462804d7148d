"""What contacts, creative work, setup and shared staff cost, and where that is stated."""

from datetime import date
from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.compiler.fixed_costs import fixed_payments
from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.scenario.rosters import Roster, opening_times
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate
from cjsim.validate.warnings.lint import lint_warnings

JOURNEY: dict[str, Any] = {
    "personas": {"customer": {"share": 1, "affinity": {"ads": 20.0}}},
    "channels": {"mail": {}, "ads": {"kind": "paid", "click_cost": 0.5}},
    "messages": {
        "news": {"channel": "mail", "open_rate": 0.5},
        "book": {"channel": "mail", "open_rate": 0.5, "cost": 3},
        "banner": {"channel": "ads", "open_rate": 0.5},
    },
    "events": {"visit": {"in": "anywhere", "wait": {"fixed": "3d"}}},
    "desks": {"help": {"service": {"fixed": "10min"}}},
}
NEWS_ONCE = {"news": {"schedule": {"dates": ["2026-01-06"], "at": "10:00"}, "send": "news"}}
BOOK_ONCE = {"book": {"schedule": {"dates": ["2026-01-07"], "at": "10:00"}, "send": "book"}}
WELCOME = {"welcome": {"on": {"event": "visit"}, "again_after": "never", "steps": [{"send": "news"}]}}


def run_with(costs: dict[str, Any], **policy: Any) -> Run:
    scenario = small_scenario(journey=JOURNEY, policy={"costs": costs, **policy}, customers=2)
    return simulate(scenario, threads=1)


def test_a_contact_costs_what_the_policy_pays_for_its_channel() -> None:
    run = run_with({"per_contact": {"mail": 0.25}}, broadcasts=NEWS_ONCE)
    assert run.metrics["message_cost"].value == run.metrics["cost"].value == 0.25


def test_the_price_of_a_message_precedes_that_of_its_channel() -> None:
    run = run_with({"per_contact": {"mail": 0.25}}, broadcasts=NEWS_ONCE | BOOK_ONCE)
    assert run.metrics["message_cost"].value == 3.25


def test_an_impression_is_paid_when_it_is_seen() -> None:
    banner = {"banner": {"schedule": {"dates": ["2026-01-06"], "at": "10:00"}, "send": "banner"}}
    run = run_with({"per_contact": {"ads": 2}}, broadcasts=banner)
    assert run.metrics["message_cost"].value == 2 * run.metrics["open_rate"].value == 2


def test_creative_work_is_paid_once_for_what_is_used() -> None:
    costs = {"creative": {"flows": {"welcome": 100}, "messages": {"news": 30, "book": 500}}}
    assert run_with(costs, flows=WELCOME).metrics["creative_cost"].value == 130 / 2


@pytest.mark.parametrize("condition", ["day < 0", "(purchases == 0) and day < 0"])
def test_a_flow_that_is_switched_off_has_no_creative_costs(condition: str) -> None:
    costs = {"creative": {"flows": {"welcome": 100}, "messages": {"news": 30}}}
    off = {"welcome": {**WELCOME["welcome"], "if": condition}}
    assert run_with(costs, flows=off).metrics["creative_cost"].value == 0
    assert run_with(costs, flows=off, broadcasts=NEWS_ONCE).metrics["creative_cost"].value == 15


def test_a_send_in_a_branch_that_is_switched_off_has_no_creative_costs() -> None:
    steps = [{"branch": {"if": "day < 0", "then": [{"send": "news"}], "else": [{"send": "book"}]}}]
    flow = {"welcome": {**WELCOME["welcome"], "steps": steps}}
    run = run_with({"creative": {"messages": {"news": 30, "book": 500}}}, flows=flow)
    assert run.fixed_costs["creative"].paid == 500


def test_parts_add_up_to_the_cost() -> None:
    costs = {"platform_per_month": 31, "per_contact": {"mail": 0.25}, "creative": {"messages": {"news": 30}}, "setup": 80}
    desks = {"help": {"agents": 1, "wage_per_hour": 2}}
    run = run_with(costs, broadcasts=NEWS_ONCE, desks=desks)
    parts = ("message_cost", "platform_cost", "creative_cost", "setup_cost", "desk_cost", "staff_cost")
    assert run.metrics["cost"].value == pytest.approx(sum(run.metrics[name].value for name in parts))
    assert run.metrics["platform_cost"].value == 30 / 2  # 30 of the 31 days from January 5


def test_a_follow_up_leaves_fixed_costs_out() -> None:
    scenario = small_scenario(journey=JOURNEY, policy={"costs": {"platform_per_month": 31}}, customers=2)
    assert simulate(scenario, follow_up_days=5).metrics["platform_cost"].value == 0


def test_a_sample_of_the_firm_bears_its_share_of_fixed_costs() -> None:
    policy = {"costs": {"platform_per_month": 31, "setup": 80}}
    scenario = small_scenario(journey=JOURNEY, policy=policy, customers=8)
    whole, half = simulate(scenario), simulate(scenario, sample=0.5)
    assert (len(whole), len(half)) == (8, 4)
    assert {name: cost.paid for name, cost in half.fixed_costs.items()} == {"platform": 15, "setup": 40}
    assert half.metrics["cost"].value == pytest.approx(whole.metrics["cost"].value)


def test_a_shared_desk_bears_its_share_of_the_wages() -> None:
    staff = {"agents": 2, "wage_per_hour": 10}
    own, shared = run_with({}, desks={"help": staff}), run_with({}, desks={"help": staff | {"shared": 0.1}})
    assert shared.wages["help"].paid == pytest.approx(0.1 * own.wages["help"].paid)
    assert shared.wages["help"].agent_days == pytest.approx(0.1 * own.wages["help"].agent_days) == pytest.approx(6)


def test_fixed_costs_round_trip_to_disk(tmp_path: Any) -> None:
    run = run_with({"platform_per_month": 31, "per_contact": {"mail": 0.25}, "setup": 80}, broadcasts=NEWS_ONCE)
    again = Run.load(run.save(tmp_path))
    assert again.fixed_costs == run.fixed_costs
    assert again.to_json()["metrics"] == run.to_json()["metrics"]


def test_a_month_ends_on_the_last_day_of_a_shorter_month() -> None:
    scenario = small_scenario(policy={"costs": {"platform_per_month": 10}}, start=date(2026, 1, 31), horizon="100d")
    assert [one.day for one in fixed_payments(scenario)["platform"]] == [0, 28, 59, 89]


def test_no_costs_change_nothing() -> None:
    assert run_with({}, broadcasts=NEWS_ONCE).fixed_costs == {}


def test_opening_times_ignore_changes_between_shifts() -> None:
    assert opening_times(Roster((0.0, 0.5, 1.0, 2.0), (1, 2, 0, 3))) == (0.0, 1.0, 2.0)


def load(journey: dict[str, Any], policy: dict[str, Any]) -> Scenario:
    """The scenario that a user would get, with the errors that a user would see."""
    of_journey = {"name": "j", "starts_in": "here", "stages": {"here": {}}, **journey}
    settings = {"name": "small", "start": "2026-01-05", "horizon": "30d"}
    return Scenario.from_dict({**settings, "journey": of_journey, "policy": {"name": "p", **policy}}).checked()


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"per_contact": {"ads": 1, "letter": 1}}, "policy.costs.per_contact: must be one of"),
        ({"per_contact": {"mail": 0.25}}, "policy.costs.per_contact.mail: must be the only price of a contact on 'mail'"),
        ({"creative": {"flows": {"welcom": 1}}}, "policy.costs.creative.flows: must be one of 'welcome'"),
        ({"creative": {"messages": {"nws": 1}}}, "policy.costs.creative.messages: must be one of"),
        ({"platform_per_month": -1}, "policy.costs.platform_per_month: must be at least 0"),
    ],
)
def test_wrong_costs_are_reported(costs: dict[str, Any], message: str) -> None:
    journey = {**JOURNEY, "channels": {**JOURNEY["channels"], "mail": {"cost": 0.1}}}
    with pytest.raises(InputError) as caught:
        load(journey, {"costs": costs, "flows": WELCOME})
    assert message in str(caught.value)


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_of_a_desk_is_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(InputError, match=r"policy\.desks\.help\.shared"):
        load(JOURNEY, {"desks": {"help": {"agents": 1, "shared": share}}})


def warnings_of(**policy: Any) -> str:
    return "\n".join(lint_warnings(small_scenario(journey=JOURNEY, policy=policy)))


def test_check_warns_if_staff_is_paid_twice() -> None:
    staff: dict[str, Any] = {"shifts": [{"agents": 1, "wage_per_hour": 28}], "cost_per_minute": 0.5}
    assert "policy.desks.help.cost_per_minute: counts the same work twice" in warnings_of(desks={"help": staff})
    assert "twice" not in warnings_of(desks={"help": {"agents": 1, "cost_per_minute": 0.5}})


def test_check_warns_of_a_price_that_never_applies() -> None:
    costs = {"per_contact": {"ads": 1, "mail": 1}}
    found = warnings_of(costs=costs, flows=WELCOME)
    assert "policy.costs.per_contact.ads: has no effect" in found
    assert "policy.costs.per_contact.mail" not in found


def test_a_description_names_all_costs() -> None:
    costs = {"platform_per_month": 300, "per_contact": {"mail": 0.25}, "creative": {"flows": {"welcome": 100}}, "setup": 5000}
    desks = {"help": {"agents": 1, "shared": 0.1}}
    text = describe(small_scenario(journey=JOURNEY, policy={"costs": costs, "flows": WELCOME, "desks": desks}))
    for phrase in ("300 per month for the platform", "5,000 once for its setup", "0.25 per contact by mail", "100 once for flow welcome"):
        assert phrase in text
    assert "the firm pays for 10 % of the agents' time" in text
