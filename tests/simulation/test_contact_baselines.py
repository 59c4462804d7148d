"""The baselines `no-contact` and `nothing`: what they drop and what stays, on the same customers."""

from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.kernels.codes import TouchCode
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.simulation.switching.contact_baselines import contact_baseline

JOURNEY: dict[str, Any] = {
    "channels": {"mail": {"cost": 0.1}, "phone": {"kind": "human", "desk": "help"}},
    "messages": {
        "news": {"channel": "mail", "open_rate": 0.5, "lift": {"opened": {"order": 1.0}}},
        "receipt": {"channel": "mail", "open_rate": 0.5, "transactional": True},
        "pitch": {"channel": "phone", "open_rate": 0.5},
    },
    "events": {
        "order": {"in": "anywhere", "wait": {"exponential": "5d"}, "effects": [{"purchase": {"value": 10}}]},
        "question": {"in": "anywhere", "wait": {"exponential": "9d"}, "effects": [{"ask": "help"}]},
    },
    "offers": {"ten": {"discount": 0.1, "valid": "30d"}, "cash": {"amount": 1, "valid": "30d"}},
    "desks": {"help": {"service": {"fixed": "1min"}}},
}
POLICY: dict[str, Any] = {
    "flows": {
        "win": {"on": {"event": "question"}, "steps": [{"offer": "ten"}, {"ask": "help"}, {"send": "news"}, {"tag": "asked"}]},
        "thank": {"on": {"event": "order"}, "steps": [{"offer": "cash"}, {"send": "receipt"}, {"send": "pitch"}]},
    },
    "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}},
    "guardrails": {"spared": ["weekly"]},
    "desks": {"help": {"agents": 2, "wage_per_hour": 1}},
    "costs": {"platform_per_month": 30, "setup": 9, "creative": {"flows": {"win": 5, "thank": 7}, "messages": {"news": 11, "receipt": 13}}},
}


def scenario() -> Scenario:
    return small_scenario(journey=JOURNEY, policy=POLICY, customers=40)


def sent(run: Any) -> dict[str, float]:
    counts = run.outcomes.touch_counts[:, :, TouchCode.DELIVERED].sum(axis=0)
    return dict(zip(run.codebook.channels, counts.tolist(), strict=True))


def test_no_contact_sends_only_transactional_messages() -> None:
    run, base = simulate(contact_baseline(scenario(), "no-contact")), simulate(scenario())
    assert sent(run)["phone"] == 0 < sent(run)["mail"] < sent(base)["mail"]
    assert run.outcomes.customers["contacts"].sum() == run.outcomes.customers["purchases"].sum()


def test_nothing_sends_no_message() -> None:
    assert simulate(contact_baseline(scenario(), "nothing")).outcomes.customers["contacts"].sum() == 0


def test_offers_go_with_the_messages_that_announce_them() -> None:
    quiet, silent = (simulate(contact_baseline(scenario(), kind)) for kind in ("no-contact", "nothing"))
    assert quiet.outcomes.customers["redemptions"].sum() > 0  # the receipt still announces one of the offers
    assert silent.outcomes.customers["redemptions"].sum() == 0


def test_requests_and_staff_stay_and_requests_of_the_firm_go() -> None:
    run, base = simulate(contact_baseline(scenario(), "nothing")), simulate(scenario())
    questions = run.outcomes.desks["asks"].sum() + run.outcomes.desks["joined"].sum()
    assert 0 < questions < base.outcomes.desks["asks"].sum() + base.outcomes.desks["joined"].sum()
    assert run.wages == base.wages


def test_names_of_arms_and_scores_are_not_taken_for_steps() -> None:
    arms = {"offer": {"share": 0.5, "steps": [{"offer": "ten"}]}, "ask": {"share": 0.5, "steps": [{"score": {"send": 2, "ask": 1}}]}}
    flow = {"on": {"event": "question"}, "steps": [{"split": arms, "experiment": "test"}, {"send": "news", "label": "last"}]}
    named = small_scenario(journey=JOURNEY | {"scores": {"send": {}, "ask": {}}}, policy=POLICY | {"flows": {"win": flow}}, customers=40)
    never = {"if": "day < 0", "then": [{"offer": "ten"}]}
    expected = {**arms, "offer": {"share": 0.5, "steps": [{"branch": never}]}}
    steps = contact_baseline(named, "nothing").to_dict()["policy"]["flows"]["win"]["steps"]
    assert steps[0] == {"split": expected, "experiment": "test"}
    assert steps[1] == {"label": "last", "branch": {"if": "day < 0", "then": [{"send": "news"}]}}


def test_the_platform_and_creative_work_without_use_cost_nothing() -> None:
    quiet, silent = (contact_baseline(scenario(), kind) for kind in ("no-contact", "nothing"))
    assert {name: cost.paid for name, cost in simulate(quiet).fixed_costs.items()} == {"creative": 7 + 13}
    assert simulate(silent).fixed_costs == {}


def test_a_policy_without_contacts_is_its_own_baseline() -> None:
    bare = small_scenario(journey=JOURNEY, policy={"desks": POLICY["desks"]}, customers=20)
    found = compare(bare, against="nothing").alternatives["small"]
    assert all(one[2:5] == (0, 0, 0) for one in found.values() if one.effect == one.effect)


def test_the_baseline_stands_beside_named_alternatives() -> None:
    louder = scenario().with_values({"policy.broadcasts.weekly.schedule.weekdays": ["monday", "thursday"]})
    found = compare({"today": scenario(), "louder": louder}, against="no-contact")
    assert (found.baseline, list(found.alternatives)) == ("no-contact", ["today", "louder"])
    assert found.returns["today"].incremental_roi is not None


def test_no_scenario_may_have_the_name_of_the_baseline() -> None:
    with pytest.raises(InputError, match="must not be the name of a scenario"):
        compare({"nothing": scenario()}, against="nothing")
