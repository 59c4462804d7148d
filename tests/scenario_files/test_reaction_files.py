"""Prices, urgency, sways and waits in files: errors, warnings and descriptions."""

from typing import Any

import pytest

from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.simulation.documents import Journey, Policy
from cjsim.validate.warnings.lint import lint_warnings
from cjsim.validate.warnings.reaction_lint import promise_warnings, reaction_warnings

BUY: dict[str, Any] = {"in": ["here"], "wait": {"exponential": "9d"}, "effects": [{"purchase": {"value": 10}}]}
BRANCHES = [{"name": "skip", "weight": 1}, {"weight": 2, "effects": [{"fire": "box"}]}]
PICK: dict[str, Any] = {"in": ["here"], "wait": {"fixed": "7d"}, "effects": [{"choose": BRANCHES}]}
MAIL: dict[str, Any] = {"channel": "mail", "open_rate": 0.5, "sway": {"opened": {"pick": {"skip": -0.5}}}}
PARTS: dict[str, Any] = {
    "name": "j",
    "starts_in": "here",
    "stages": {"here": {}},
    "traits": {"keen": {"gamma": {"mean": 2, "shape": 2}}, "odd": {"normal": {"mean": 0, "sd": 1}}},
    "offers": {"deal": {"discount": 0.1, "valid": "5d"}},
    "channels": {"mail": {}},
    "messages": {"hello": MAIL},
    "events": {"buy": BUY, "pick": PICK, "box": {}},
}


def events(**changed: dict[str, Any]) -> dict[str, Any]:
    """Parts of a journey in which fields of events are changed."""
    return {"events": {name: {**event, **changed.get(name, {})} for name, event in PARTS["events"].items()}}


def journey(**parts: Any) -> Journey:
    return Journey.from_dict({**PARTS, **parts})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            events(buy={"demand": {"elasticity": -1}}),
            "events.buy.demand.elasticity: must be at least 0, or a trait name, 1/name or 1-name, got -1",
        ),
        (events(buy={"demand": {"elasticity": "eager"}}), "events.buy.demand.elasticity: must be one of 'keen', 'odd', got 'eager'"),
        (events(buy={"demand": {"elasticity": "odd"}}), "events.buy.demand.elasticity: must be a trait for which odd is never negative"),
        (events(buy={"demand": {}}), "events.buy.demand: must have the key 'elasticity'"),
        (
            events(buy={"demand": {"elasticity": 1, "purchase": "by"}}),
            "events.buy.demand.purchase: must be one of 'buy', 'pick', 'box', got 'by'. Did you mean 'buy'?",
        ),
        (
            events(pick={"demand": {"elasticity": 1}}),
            "events.pick.demand: must belong to an event whose effects include a 'purchase', got 'pick'. Name the event with the purchase",
        ),
        (
            events(buy={"demand": {"elasticity": 1}, "effects": [{"purchase": {"value": 0}}]}),
            "events.buy.demand: must belong to a purchase with a mean value above 0, got 0 in 'buy'",
        ),
        (events(buy={"urgency": [{"last": "1d", "times": 2}]}), "events.buy.urgency[0]: must have either 'offer' or 'event'"),
        (
            events(buy={"urgency": [{"offer": "del", "last": "1d", "times": 2}]}),
            "events.buy.urgency[0].offer: must be one of 'deal', got 'del'",
        ),
        (
            events(pick={"urgency": [{"event": "buy", "last": "1d", "times": 2}]}),
            "events.pick.urgency[0].event: must be an event with a fixed or a calendar wait, because customers know when it happens, "
            "got 'buy'",
        ),
        (
            events(pick={"urgency": [{"event": "pick", "last": "1d", "times": 2}]}),
            "events.pick.urgency[0].event: must be another event, got 'pick'",
        ),
        (
            events(buy={"urgency": [{"event": "pick", "last": "1d", "times": 2}]}, pick={"demand": {"elasticity": 1, "purchase": "buy"}}),
            "events.buy.urgency[0].event: must be an event without 'demand' and 'urgency', got 'pick', which has demand",
        ),
        (events(pick={"effects": [{"choose": [BRANCHES[0], BRANCHES[0]]}]}), "must be unique within the event, got 'skip' twice"),
        (
            events(box={"effects": [{"sway": {"pick": {"skp": 1}}}]}),
            "events.box.effects[0].sway.pick.skp: must be one of 'skip', got 'skp'",
        ),
        (
            events(box={"effects": [{"sway": {"buy": {"skip": 1}}}]}),
            "events.box.effects[0].sway.buy: must be an event with named branches, got 'buy', which has none",
        ),
        (
            {"messages": {"hello": {**MAIL, "sway": {"clicked": {"pik": {"skip": 1}}}}}},
            "messages.hello.sway.clicked.pik: must be one of 'buy', 'pick', 'box', got 'pik'",
        ),
        (
            {"messages": {"hello": {**MAIL, "effects": {"opened": [{"choose": BRANCHES}]}}}},
            "messages.hello.effects.opened[0].choose[0].name: must be left out, because only branches of an event can be swayed",
        ),
        (events(box={"effects": [{"announce": "dael"}]}), "events.box.effects[0].announce: must be one of 'deal', got 'dael'"),
        (
            {"desks": {"help": {"service": {"fixed": "5min"}, "waiting": {"expected": "0s", "loss": 1}}}},
            "desks.help.waiting.expected: must be ",
        ),
        (
            {"desks": {"help": {"service": {"fixed": "5min"}, "waiting": {"expected": "5min", "loss": 1, "broken_promise": 0.5}}}},
            "desks.help.waiting.broken_promise: must be at least 1, got 0.5",
        ),
    ],
)
def test_invalid_reactions_are_rejected(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as raised:
        journey(**parts)
    assert message in str(raised.value)


def warned(**parts: Any) -> list[str]:
    """The paths of warnings about reactions."""
    return [warning.split(": ")[0] for warning in reaction_warnings(journey(**parts), "")]


def test_demand_without_offers_and_reference_price_warns() -> None:
    assert warned(**events(buy={"demand": {"elasticity": 2}}), offers={}) == ["events.buy.demand"]
    assert warned(**events(buy={"demand": {"elasticity": 2}})) == []
    assert warned(**events(buy={"demand": {"elasticity": 2, "reference_price": 9}}), offers={}) == []


def test_urgency_that_always_applies_warns() -> None:
    urgency = [{"offer": "deal", "last": "5d", "times": 2}, {"event": "pick", "last": "6d", "times": 2}]
    assert warned(**events(buy={"urgency": urgency})) == ["events.buy.urgency[0].last"]
    assert warned(**events(buy={"urgency": [{**urgency[1], "last": "7d"}]})) == ["events.buy.urgency[0].last"]


def test_branch_that_nothing_sways_warns() -> None:
    assert warned() == []
    assert warned(messages={"hello": {**MAIL, "sway": {}}}) == ["events.pick"]


@pytest.mark.parametrize(
    ("waiting", "sla", "expected"),
    [(None, "1h", 1), ({"expected": "5min", "loss": 0.1}, None, 1), ({"expected": "5min", "loss": 0.1}, "1h", 0)],
)
def test_target_that_is_not_promised_warns_if_promises_do_not_matter(waiting: Any, sla: Any, expected: int) -> None:
    desks = {"help": {"service": {"fixed": "5min"}, "waiting": waiting}}
    policy = Policy.from_dict({"name": "p", "desks": {"help": {"agents": 1, "sla": sla, "promised": False}}})
    assert len(list(promise_warnings(journey(desks=desks), policy))) == expected


def test_demand_of_an_event_without_a_clock_warns() -> None:
    found = lint_warnings(journey(**events(box={"demand": {"elasticity": 2, "purchase": "buy"}})))
    assert any(warning.startswith("events.box.demand: has no effect, because 'box' has no clock") for warning in found)


def test_description_states_reactions() -> None:
    urgency = [{"offer": "deal", "last": "2d", "times": 2}, {"event": "pick", "last": "1d", "times": 0.5}]
    demand = {"elasticity": 1.8, "reference_price": 12}
    effects = [*BUY["effects"], {"announce": "deal"}, {"sway": {"pick": {"skip": 0.25}}}]
    desks = {"help": {"service": {"fixed": "5min"}, "waiting": {"expected": "10min", "loss": 0.1}}}
    text = describe(journey(**events(buy={"demand": demand, "urgency": urgency, "effects": effects}), desks=desks))
    for part in (
        "rate x (price of buy relative to 12, less discounts that the customer knows)^-1.8",
        "rate x 2 in the last 2 days of the offer deal, rate x 0.5 in the last 1 day before pick",
        "learns of the offer deal, log odds of skip in pick +0.25",
        "skip 1",
        "log odds of skip in pick -0.5 when opened",
        "customers expect to wait 10 minutes; each further 10 minutes multiplies satisfaction by exp(-0.1)",
        "and by exp(-0.2) beyond a promise",
    ):
        assert part in text
