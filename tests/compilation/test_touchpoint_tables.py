"""Touchpoints as records: channel kinds, topics, offers, desks, triggers, local times, experiments, budgets and personalization."""

import math
from typing import Any

import pytest
from error_messages import WORLDS
from scipy import special
from small_scenarios import small_scenario, trace_effects

from cjsim.compiler import symbols
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.kernels.codes import ChangeFlag, ChannelKind, ConditionOp, DistributionCode, EffectCode, StepCode, TriggerCode
from cjsim.kernels.world import PERSONAL_TOPIC
from cjsim.simulation.documents import Scenario


@pytest.fixture(scope="module")
def declared() -> Scenario:
    return Scenario.load(WORLDS / "touchpoints.yaml")


@pytest.fixture(scope="module")
def plan(declared: Scenario) -> Plan:
    return compile_scenario(declared)


def actor(plan: Plan, name: str) -> Any:
    return plan.world.actors[plan.codebook.sources.index(name)]


def steps_of(plan: Plan, op: StepCode) -> list[Any]:
    return [step for step in plan.world.steps if step.op == op]


def test_channels_have_their_kind_and_its_fields(plan: Plan) -> None:
    channels = plan.world.channels
    assert [ChannelKind(kind).name for kind in channels.kind] == ["PUSH", "PULL", "PAID", "HUMAN"]
    assert list(channels.desk) == [-1, -1, -1, 1]
    assert list(channels.click_cost) == [0.2, 0, 0, 0]


def test_visit_events_encode_pull_channels_as_bits(plan: Plan) -> None:
    assert list(plan.world.events.pull_channels) == [2, 0, 0, 0]
    messages = [plan.codebook.messages[plan.world.sites[site].message] for site in plan.world.pull_sites]
    assert messages == ["tip"]


def test_lifetime_of_a_pull_channel_does_not_raise_its_rates(plan: Plan) -> None:
    tip = plan.world.messages[plan.codebook.messages.index("tip")]
    assert special.expit(tip.open_logit) == pytest.approx(0.9, rel=1e-14)
    assert plan.world.channels[1].lifetime == 7


def test_topics_are_interest_codes(plan: Plan) -> None:
    assert list(plan.world.messages.topic) == [0, PERSONAL_TOPIC, -1, -1]
    assert list(plan.world.messages.relevance) == [1, 0, 0, 0]
    assert plan.world.setting[0].interests == 2
    assert plan.codebook.interests == ("bikes", "boats")


def test_preferred_contacts_refer_to_a_trait_column(plan: Plan) -> None:
    assert plan.world.setting[0].preferred_column == 0
    assert compile_scenario(small_scenario()).world.setting[0].preferred_column == -1


def test_offers_are_a_share_or_an_amount(plan: Plan) -> None:
    fields = [(o.discount, o.amount, o.days, o.uses, o.redeems, o.at_least) for o in plan.world.offers]
    assert fields == [(0.1, 0, 14, 2, 0.8, 0), (0, 5, 7, 1, 1, 20)]
    assert list(plan.world.offers.stream) == [symbols.stream_id(f"offer:{name}:redeem") for name in ("tenth", "gift")]


def test_desks_combine_journey_and_policy(plan: Plan) -> None:
    support, sales = plan.world.desks
    assert (plan.desks[0].sla, support.cost) == (pytest.approx(5 / 1440), pytest.approx(0.8 * 1440))
    assert (plan.desks[1].sla, sales.cost, sales.patience.kind, sales.service.kind) == (
        math.inf,
        0,
        DistributionCode.NEVER,
        DistributionCode.FIXED,
    )
    assert support.patience.kind == DistributionCode.EXPONENTIAL
    assert [trace_effects(plan.world, support[f"on_{reply}"], []) for reply in ("in_time", "late", "unanswered")] == [
        [("SATISFY", -1, 0.1)],
        [("SATISFY", -1, -0.1), ("OFFER", 1, 0)],
        [("SATISFY", -1, -0.3)],
    ]
    assert sales.on_in_time == -1
    assert support.stream_patience == symbols.stream_id("desk:support:patience")


def test_log_sources_are_flows_then_desks_then_offers(plan: Plan) -> None:
    assert plan.codebook.sources == ("nurture", "win_back", "sale", "monthly", "support", "sales", "tenth", "gift")
    assert list(plan.world.desks.source) == [4, 5]


def test_requests_and_referrals_are_effects(plan: Plan) -> None:
    ask = next(effect for effect in plan.world.effects if effect.op == EffectCode.ASK)
    assert (ask.target, ask.x) == (0, 2)
    refer = next(effect for effect in plan.world.effects if effect.op == EffectCode.REFER)
    assert (refer.target, refer.count, refer.x, refer.value.kind, refer.value.scale) == (1, 2, 0.1, DistributionCode.EXPONENTIAL, 7)
    assert refer.stream == symbols.stream_id("event:buy:refer")


def test_score_and_unopened_triggers_have_thresholds(plan: Plan) -> None:
    nurture, win_back = actor(plan, "nurture"), actor(plan, "win_back")
    assert (nurture.trigger, nurture.score, nurture.threshold) == (TriggerCode.SCORE_ABOVE, 0, 3)
    assert (win_back.trigger, win_back.unopened, win_back.channels) == (TriggerCode.UNOPENED, 3, 1)
    assert [plan.codebook.sources[code] for code in plan.world.score_actors] == ["nurture"]
    assert [plan.codebook.sources[code] for code in plan.world.unopened_actors] == ["win_back"]


def test_score_trigger_can_be_below_a_threshold(declared: Scenario) -> None:
    falling = compile_scenario(declared.with_values({"policy.flows.nurture.on": {"score": "lead", "below": 1.5}}))
    assert (actor(falling, "nurture").trigger, actor(falling, "nurture").threshold) == (TriggerCode.SCORE_BELOW, 1.5)


def test_flow_dates_are_compiled_like_broadcast_dates(plan: Plan) -> None:
    sale, monthly = actor(plan, "sale"), actor(plan, "monthly")
    dates = [list(plan.world.schedule[a.schedule_first : a.schedule_first + a.schedule_count]) for a in (sale, monthly)]
    assert dates == [[pytest.approx(26 + 8 / 24)], [4.5, 32.5]]
    assert (sale.trigger, sale.is_flow, monthly.trigger, monthly.is_flow) == (TriggerCode.SCHEDULE, 1, TriggerCode.SCHEDULE, 1)


def test_wait_until_has_an_hour_and_weekdays(plan: Plan, declared: Scenario) -> None:
    (until,) = steps_of(plan, StepCode.UNTIL)
    assert (until.x, until.count, until.target, until.other) == (9, 0b11, 1, 5)
    plain = declared.with_values({"policy.flows.nurture.steps[1].wait_until": {"at": "24:00"}})
    (until,) = steps_of(compile_scenario(plain), StepCode.UNTIL)
    assert (until.x, until.count, until.target) == (24, 0b1111111, 0)


def test_experiment_uses_one_stream_in_all_flows(plan: Plan) -> None:
    splits = steps_of(plan, StepCode.SPLIT)
    assert [(split.target, split.stream) for split in splits] == [(1, symbols.stream_id("experiment:calls_or_not"))] * 2


def test_offers_and_requests_are_steps(plan: Plan) -> None:
    assert [step.target for step in steps_of(plan, StepCode.OFFER)] == [0, 0]
    assert [(step.target, step.x) for step in steps_of(plan, StepCode.ASK)] == [(1, 0)]


def test_budgets_have_a_cutoff_for_each_period(plan: Plan) -> None:
    (budget,) = plan.world.budgets
    assert (budget.channels, budget.days, budget.at_most, budget.first, budget.periods) == (1, 1, 1000, 0, 61)
    assert plan.sizes.cutoffs == 61


def test_actors_that_can_use_a_budget_are_marked(plan: Plan) -> None:
    assert [name for name in plan.codebook.sources[:4] if actor(plan, name).draws_on_budget] == ["sale"]


def test_sources_exempt_from_the_holdout_are_marked(plan: Plan) -> None:
    assert [name for name in plan.codebook.sources[:4] if actor(plan, name).ignores_holdout] == ["sale"]
    assert plan.world.setting[0].holdout == 0.1


def test_accuracy_comes_from_the_first_true_condition(plan: Plan) -> None:
    first, second = plan.world.personalisation
    assert [(code.op, code.x) for code in plan.world.codes[first.program :][:3]] == [
        (ConditionOp.OPENS, 0),
        (ConditionOp.CONST, 3),
        (ConditionOp.GE, 0),
    ]
    assert (first.accuracy, second.program, second.accuracy) == (0.9, -1, 0.6)


def test_acquired_by_is_the_last_attribute(plan: Plan) -> None:
    assert plan.codebook.attributes == {"acquired_by": ("search", "friends", "none")}
    assert plan.sizes.attributes == 1


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        ("asks(support) < 3", ChangeFlag.DESK),
        ("redeemed(gift) < 1", ChangeFlag.PURCHASE),
        ("unopened < 5", ChangeFlag.TOUCH),
        ("unopened(email) < 5", ChangeFlag.TOUCH),
        ("referrals >= 1", ChangeFlag.REFERRAL),
        ("interest == bikes and not held_out", 0),
    ],
)
def test_clocks_list_the_changes_they_depend_on(declared: Scenario, when: str, cause: int) -> None:
    world = compile_scenario(declared.with_values({"journey.events.trouble.when": when})).world
    assert world.setting[0].when_changes == cause
