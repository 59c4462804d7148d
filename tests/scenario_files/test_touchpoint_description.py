"""Descriptions of touchpoints, staffing and spend, and lint warnings about them."""

import pytest
from error_messages import WORLDS

from cjsim.description.describe import describe
from cjsim.simulation.documents import Scenario
from cjsim.validate.reachability import find_reachable
from cjsim.validate.warnings.lint import lint_warnings


@pytest.fixture(scope="module")
def shop() -> Scenario:
    return Scenario.load(WORLDS / "touchpoints.yaml")


EXPECTED_LINES = """
Scenario touchpoints: 50 customers enter on day 0, and more arrive through acquisition channels.
Only contacts beyond a customer's preferred weekly number (trait 'likes') count toward fatigue.
  keen, 50 %: resting satisfaction 0.5, interested in bikes 75 %, boats 25 %
Interests (hidden from the firm): bikes 50 %, boats 50 %.
    trouble after 40 days on average (exponential), only while asks(support) < 3: contacts the support desk with priority 2
  email: 100 % consent, 0.01 per message, 0.2 per click, opened immediately
  in_app: 100 % consent, shown at the next visit, median time to view 1 hour, messages expire after 7 days
  ads: 100 % consent, 0.3 per viewed impression, viewed immediately
  calls: 100 % consent, handled by the sales desk, answered immediately
  news via email: about bikes, relevance +1, 30 % open it, 0 % of openers click
  tenth (A tenth off): 10 % off 2 purchases within 14 days, redeemed on 80 % of eligible purchases
  gift: 5 off one purchase of at least 20 within 7 days
  support (Support): a conversation takes 10 minutes on average, customers give up after 6 minutes on average (exponential)
    if answered in time: satisfaction +0.1
    if answered late: satisfaction -0.1, gets the offer gift
    if not answered: satisfaction -0.3
  sales: a conversation takes 20 minutes on average, customers never give up
  friends: referred customers only
  Flow nurture when score lead rises above 3, if not held_out and acquired_by == search:
    split by experiment calls_or_not
    wait until the customer's best hour on Monday and Tuesday (09:00 at first; after 5 observed opens, clicks or visits, \
shifted by the difference between the customer's typical hour of activity and 09:00)
    offer tenth
  Flow win_back when a message is delivered by email and the previous 3 were not opened:
    ask the sales desk
  Flow sale on 2025-02-01 at 08:00, if not has_offer(tenth) and redeemed(tenth) < 2 and unopened(email) < 4:
  Flow monthly every 4 weeks on Friday at 12:00:
    not to a holdout of 10 %, except for sale
    at most 1,000 in 1 day by email, across all customers
  Desk sales: 1 agent around the clock
  Spend on search: 50 per day, 80 per day from 2025-01-20 to 2025-01-26
  Personalization for customers where opens >= 3: the interest is known in 90 % of sends
  Personalization for all other customers: the interest is known in 60 % of sends
"""


@pytest.mark.parametrize("line", EXPECTED_LINES.strip("\n").split("\n"))
def test_description_of_touchpoints(shop: Scenario, line: str) -> None:
    assert line in describe(shop).split("\n")


def test_description_of_desks_acquisition_and_referrals_is_complete(shop: Scenario) -> None:
    description = describe(shop)
    assert "invites 2 friends, of whom 10 % join after 7 days on average (exponential), attributed to friends" in description
    assert (
        "  search: 0.5 customers per day without spend, up to 4 more per day from spend, half of that at a spend of 100 per day "
        "(slope 1.5), 30 % of each day's spend carries over to the next day, personas keen 66.67 %, calm 33.33 %\n"
    ) in description
    assert (
        "  Desk support: 2 agents from 08:00 to 18:00 on Monday, Tuesday, Wednesday, Thursday and Friday, 1 agent from 22:00 to 06:00, "
        "service-level target: answer within 5 minutes, escalates to sales after 3 minutes, 0.8 per minute of conversation, owner: Ada\n"
    ) in description


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"policy.flows.nurture.on": {"score": "lead", "below": 1}}, "Flow nurture when score lead falls to 1 or less,"),
        ({"policy.flows.nurture.steps[1].wait_until": {"at": "7:30"}}, "    wait until 07:30\n"),
        ({"policy.flows.nurture.steps[1].wait_until.typical": "11:30"}, "typical hour of activity and 11:30)\n"),
        ({"policy.desks.sales": {"shifts": [{"agents": 3, "dates": ["2025-01-07"]}]}}, "  Desk sales: 3 agents on 2025-01-07\n"),
        ({"journey.events.buy.effects[2].refer.invites": 1}, "invites a friend, who joins with a probability of 10 %"),
        ({"journey.messages.news.cost": 0.5}, "0 % of openers click, 0.5 per message\n"),
    ],
)
def test_description_follows_changed_values(shop: Scenario, values: dict[str, object], text: str) -> None:
    assert text not in describe(shop)
    assert text in describe(shop.with_values(values))


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"policy.guardrails.holdout": 0}, "policy.guardrails.spared: has no effect, because there is no holdout."),
        ({"policy.guardrails.holdout": 1}, "policy.guardrails.holdout: is 1, so all customers are held out."),
        (
            {"policy.flows.nurture.steps[1].wait_until": {"at": "7:30", "typical": "9:00"}},
            "policy.flows.nurture.steps[1].wait_until.typical: has no effect without 'best_hour'.",
        ),
        (
            {"policy.flows.nurture.steps[0].split.pushed.steps": [{"wait_until": {"at": "7:30", "learn_from": 6}}, {"send": "news"}]},
            "policy.flows.nurture.steps[0].split.pushed.steps[0].wait_until.learn_from: has no effect without 'best_hour'.",
        ),
        ({"policy.guardrails.budgets[0].at_most": 0}, "policy.guardrails.budgets[0]: is 0, so nothing is ever sent by email."),
        (
            {"policy.personalisation": [{"accuracy": 0.5}, {"accuracy": 0.6}]},
            "policy.personalisation[1]: never applies, because the entry before it has no condition.",
        ),
        (
            {"journey.messages.tip": {"channel": "in_app", "open_rate": 0.9}},
            "policy.personalisation: has no effect, because no message that is sent has the topic 'personal'.",
        ),
        (
            {"policy.flows.sale.on.date": "2024-02-01"},
            "policy.flows.sale.on.date: no date is within the simulated period (60d from 2025-01-06)",
        ),
        (
            {"policy.flows.monthly.on.schedule": {"dates": ["2025-03-07"], "at": "12:00"}},
            "policy.flows.monthly.on.schedule.dates: no date is within the simulated period",
        ),
        (
            {"policy.acquisition.search.periods[0].from": "2024-01-20", "policy.acquisition.search.periods[0].to": "2025-01-05"},
            "policy.acquisition.search.periods[0]: has no effect, because it is outside the simulated period (60d from 2025-01-06).",
        ),
        (
            {"journey.acquisition.search.hill": None},
            "policy.acquisition.search: the spend brings no customers, because the channel has no 'hill'.",
        ),
        (
            {"journey.events.buy.effects[2].refer.by": "search"},
            "journey.acquisition.friends: brings no customers, because it has no 'baseline' and no 'hill', and no 'refer' names it.",
        ),
        (
            {"journey.channels.in_app.visits": ["trouble"], "journey.events.trouble.wait": "never"},
            "journey.channels.in_app: its messages are never seen, because none of its visits ever happens.",
        ),
        (
            {"journey.events.buy.effects[2].refer.invites": 6},
            "journey: each customer refers about 1.2 others during the simulation, who refer others in turn.",
        ),
        (
            {"journey.scores": {"lead": {}, "calm": {}}, "policy.flows.nurture.on.score": "calm"},
            "policy.flows.nurture.on: the trigger never happens, so the flow never starts",
        ),
    ],
)
def test_likely_touchpoint_mistakes_give_warnings(shop: Scenario, values: dict[str, object], warning: str) -> None:
    assert lint_warnings(shop) == []
    assert [text for text in lint_warnings(shop.with_values(values)) if warning in text] != []


def test_staff_without_requests_gives_a_warning(shop: Scenario) -> None:
    idle = shop.with_values({"journey.events.trouble.effects": []})
    assert (
        "policy.desks.support: has staff but never receives a request. Remove its staff, or add an 'ask' or a human channel."
    ) in lint_warnings(idle)


def test_referrals_that_sustain_the_population_give_no_warning(shop: Scenario) -> None:
    assert lint_warnings(shop.with_values({"journey.events.buy.effects[2].refer.invites": 5})) == []


def test_desks_are_reachable_by_effects_steps_messages_and_escalation(shop: Scenario) -> None:
    assert find_reachable(shop.journey, shop.policy).desks == {"support", "sales"}
    steps = [{"policy.flows.nurture.steps": [{"tag": "x"}], "policy.flows.win_back.steps": [{"tag": "x"}]}]
    passed_on = shop.with_values(steps[0])
    assert find_reachable(passed_on.journey, passed_on.policy).desks == {"support", "sales"}
    kept = passed_on.with_values({"policy.desks.support.escalate": None})
    assert find_reachable(kept.journey, kept.policy).desks == {"support"}
    assert find_reachable(kept.journey, None).desks == {"support", "sales"}
