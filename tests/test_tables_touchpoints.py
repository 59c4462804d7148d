"""Touchpoints as records: kinds of channels, topics, offers, desks, triggers, local times, experiments, budgets, what the firm knows."""

import math
from typing import Any

import pytest
from scipy import special
from small_worlds import scenario, walk_effects
from wrong_input import WORLDS

from cjsim.model import registers
from cjsim.model.codes import Cause, Effect, Kind, Op, Step, Trigger, Wait
from cjsim.model.plan import Plan
from cjsim.model.scenario import Scenario
from cjsim.model.tables import compile_world
from cjsim.model.world import PERSONAL_TOPIC


@pytest.fixture(scope="module")
def declared() -> Scenario:
    return Scenario.load(WORLDS / "touchpoints.yaml")


@pytest.fixture(scope="module")
def plan(declared: Scenario) -> Plan:
    return compile_world(declared)


def actor(plan: Plan, name: str) -> Any:
    return plan.world.actors[plan.codebook.sources.index(name)]


def steps_of(plan: Plan, op: Step) -> list[Any]:
    return [step for step in plan.world.steps if step.op == op]


def test_channels_have_their_kinds_and_what_these_need(plan: Plan) -> None:
    channels = plan.world.channels
    assert [Kind(kind).name for kind in channels.kind] == ["PUSH", "PULL", "PAID", "HUMAN"]
    assert list(channels.desk) == [-1, -1, -1, 1]
    assert list(channels.click_cost) == [0.2, 0, 0, 0]


def test_visits_are_bits_of_the_channels_that_they_show(plan: Plan) -> None:
    assert list(plan.world.events.visits) == [2, 0, 0, 0]
    messages = [plan.codebook.messages[plan.world.sites[site].message] for site in plan.world.pull_sites]
    assert messages == ["tip"]


def test_lifetime_of_a_pull_channel_does_not_raise_its_rates(plan: Plan) -> None:
    tip = plan.world.messages[plan.codebook.messages.index("tip")]
    assert special.expit(tip.open_logit) == pytest.approx(0.9, rel=1e-14)
    assert plan.world.channels[1].lifetime == 7


def test_topics_are_codes_of_interests(plan: Plan) -> None:
    assert list(plan.world.messages.topic) == [0, PERSONAL_TOPIC, -1, -1]
    assert list(plan.world.messages.relevance) == [1, 0, 0, 0]
    assert plan.world.setting[0].interests == 2
    assert plan.codebook.interests == ("bikes", "boats")


def test_preferred_contacts_name_a_column(plan: Plan) -> None:
    assert plan.world.setting[0].preferred_column == 0
    assert compile_world(scenario()).world.setting[0].preferred_column == -1


def test_offers_are_a_share_or_an_amount(plan: Plan) -> None:
    fields = [(o.discount, o.amount, o.days, o.uses, o.redeems, o.at_least) for o in plan.world.offers]
    assert fields == [(0.1, 0, 14, 2, 0.8, 0), (0, 5, 7, 1, 1, 20)]
    assert list(plan.world.offers.stream) == [registers.stream_of(f"offer:{name}:redeem") for name in ("tenth", "gift")]


def test_desks_are_told_by_journey_and_policy(plan: Plan) -> None:
    support, sales = plan.world.desks
    assert (plan.posts[0].sla, support.cost) == (pytest.approx(5 / 1440), pytest.approx(0.8 * 1440))
    assert (plan.posts[1].sla, sales.cost, sales.patience.kind, sales.service.kind) == (math.inf, 0, Wait.NEVER, Wait.FIXED)
    assert support.patience.kind == Wait.EXPONENTIAL
    assert [walk_effects(plan.world, support[f"on_{reply}"], []) for reply in ("in_time", "late", "unanswered")] == [
        [("SATISFY", -1, 0.1)],
        [("SATISFY", -1, -0.1), ("OFFER", 1, 0)],
        [("SATISFY", -1, -0.3)],
    ]
    assert sales.on_in_time == -1
    assert support.stream_patience == registers.stream_of("desk:support:patience")


def test_log_names_flows_then_desks_then_offers(plan: Plan) -> None:
    assert plan.codebook.sources == ("nurture", "win_back", "sale", "monthly", "support", "sales", "tenth", "gift")
    assert list(plan.world.desks.source) == [4, 5]


def test_requests_and_invitations_are_effects(plan: Plan) -> None:
    ask = next(effect for effect in plan.world.effects if effect.op == Effect.ASK)
    assert (ask.target, ask.x) == (0, 2)
    refer = next(effect for effect in plan.world.effects if effect.op == Effect.REFER)
    assert (refer.target, refer.count, refer.x, refer.value.kind, refer.value.scale) == (1, 2, 0.1, Wait.EXPONENTIAL, 7)
    assert refer.stream == registers.stream_of("event:buy:refer")


def test_triggers_cross_thresholds_and_count_what_was_not_opened(plan: Plan) -> None:
    nurture, win_back = actor(plan, "nurture"), actor(plan, "win_back")
    assert (nurture.trigger, nurture.score, nurture.threshold) == (Trigger.SCORE_ABOVE, 0, 3)
    assert (win_back.trigger, win_back.unopened, win_back.channels) == (Trigger.UNOPENED, 3, 1)
    assert [plan.codebook.sources[code] for code in plan.world.score_actors] == ["nurture"]
    assert [plan.codebook.sources[code] for code in plan.world.unopened_actors] == ["win_back"]


def test_score_may_fall_to_a_threshold(declared: Scenario) -> None:
    falling = compile_world(declared.with_values({"policy.flows.nurture.on": {"score": "lead", "below": 1.5}}))
    assert (actor(falling, "nurture").trigger, actor(falling, "nurture").threshold) == (Trigger.SCORE_BELOW, 1.5)


def test_flows_start_on_dates_as_broadcasts_do(plan: Plan) -> None:
    sale, monthly = actor(plan, "sale"), actor(plan, "monthly")
    dates = [list(plan.world.schedule[a.schedule_first : a.schedule_first + a.schedule_count]) for a in (sale, monthly)]
    assert dates == [[pytest.approx(26 + 8 / 24)], [4.5, 32.5]]
    assert (sale.trigger, sale.is_flow, monthly.trigger, monthly.is_flow) == (Trigger.SCHEDULE, 1, Trigger.SCHEDULE, 1)


def test_wait_until_is_an_hour_on_days_of_the_week(plan: Plan, declared: Scenario) -> None:
    (until,) = steps_of(plan, Step.UNTIL)
    assert (until.x, until.count, until.target, until.other) == (9, 0b11, 1, 5)
    plain = declared.with_values({"policy.flows.nurture.steps[1].wait_until": {"at": "24:00"}})
    (until,) = steps_of(compile_world(plain), Step.UNTIL)
    assert (until.x, until.count, until.target) == (24, 0b1111111, 0)


def test_an_experiment_is_one_stream_in_all_flows(plan: Plan) -> None:
    splits = steps_of(plan, Step.SPLIT)
    assert [(split.target, split.stream) for split in splits] == [(1, registers.stream_of("experiment:calls_or_not"))] * 2


def test_offers_and_requests_are_steps(plan: Plan) -> None:
    assert [step.target for step in steps_of(plan, Step.OFFER)] == [0, 0]
    assert [(step.target, step.x) for step in steps_of(plan, Step.ASK)] == [(1, 0)]


def test_budgets_have_a_cutoff_for_each_period(plan: Plan) -> None:
    (budget,) = plan.world.budgets
    assert (budget.channels, budget.days, budget.at_most, budget.first, budget.periods) == (1, 1, 1000, 0, 61)
    assert plan.sizes.cutoffs == 61


def test_actors_that_may_draw_on_a_budget_are_gated(plan: Plan) -> None:
    assert [name for name in plan.codebook.sources[:4] if actor(plan, name).gated] == ["sale"]


def test_holdout_spares_whom_the_policy_names(plan: Plan) -> None:
    assert [name for name in plan.codebook.sources[:4] if actor(plan, name).spared] == ["sale"]
    assert plan.world.setting[0].holdout == 0.1


def test_accuracy_is_that_of_the_first_condition_that_holds(plan: Plan) -> None:
    first, second = plan.world.personalisation
    assert [(code.op, code.x) for code in plan.world.codes[first.program :][:3]] == [(Op.OPENS, 0), (Op.CONST, 3), (Op.GE, 0)]
    assert (first.accuracy, second.program, second.accuracy) == (0.9, -1, 0.6)


def test_acquired_by_is_the_last_attribute(plan: Plan) -> None:
    assert plan.codebook.attributes == {"acquired_by": ("search", "friends", "none")}
    assert plan.sizes.attributes == 1


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        ("asks(support) < 3", Cause.DESK),
        ("redeemed(gift) < 1", Cause.PURCHASE),
        ("unopened < 5", Cause.TOUCH),
        ("unopened(email) < 5", Cause.TOUCH),
        ("referrals >= 1", Cause.REFERRAL),
        ("interest == bikes and not held_out", 0),
    ],
)
def test_clocks_are_asked_again_when_what_they_depend_on_changes(declared: Scenario, when: str, cause: int) -> None:
    world = compile_world(declared.with_values({"journey.events.trouble.when": when})).world
    assert world.setting[0].when_causes == cause
