"""Invalid touchpoints: channels, messages, offers, desks, acquisition channels, referrals, and conditions about them."""

from pathlib import Path

import pytest
from error_messages import WORLDS, check_error, load_text, replace_each

TEXT = (WORLDS / "touchpoints.yaml").read_text(encoding="utf-8")

# Text in touchpoints.yaml, its replacement, and the start of the message after the file's name.
CASES = {
    "unknown kind of channel": (
        "kind: pull",
        "kind: pul",
        "46: journey.channels.in_app.kind: must be 'push', 'pull', 'paid' or 'human', got 'pul'. Did you mean 'pull'?",
    ),
    "pull without visits": (
        "visits: [visit], ",
        "",
        "46: journey.channels.in_app: must have 'visits' (the events at which it is seen) if and only if its kind is",
    ),
    "visits of a push": (
        "email: {cost",
        "email: {visits: [visit], cost",
        "45: journey.channels.email: must have 'visits' (the events at which it is seen) if and only if its kind is",
    ),
    "visits at an unknown event": (
        "visits: [visit]",
        "visits: [vist]",
        "46: journey.channels.in_app.visits[0]: must be one of 'visit', 'buy', 'trouble', 'seen_lurking', got 'vist'.",
    ),
    "visits at a hidden event": (
        "visits: [visit]",
        "visits: [seen_lurking]",
        "46: journey.channels.in_app.visits[0]: must be an event that the firm observes, got 'seen_lurking', which is",
    ),
    "duplicate visits": (
        "visits: [visit]",
        "visits: [visit, visit]",
        "46: journey.channels.in_app.visits: must not contain duplicates, got 'visit' twice. Remove one of the two.",
    ),
    "human without desk": (
        "kind: human, desk: sales",
        "kind: human",
        "48: journey.channels.calls: must have 'desk' (the desk that talks to customers) if and only if its kind is 'human', got",
    ),
    "desk of a push": (
        "email: {cost",
        "email: {desk: sales, cost",
        "45: journey.channels.email: must have 'desk' (the desk that talks to customers) if and only if its kind is 'human', got",
    ),
    "unknown desk of a channel": (
        "desk: sales}",
        "desk: salse}",
        "48: journey.channels.calls.desk: must be one of 'support', 'sales', got 'salse'. Did you mean 'sales'?",
    ),
    "negative cost of a click": (
        "click_cost: 0.2",
        "click_cost: -1",
        "45: journey.channels.email.click_cost: must be at least 0, got -1. Use a higher value, such as 0.4.",
    ),
    "unknown topic": (
        "topic: bikes",
        "topic: bike",
        "50: journey.messages.news.topic: must be one of 'bikes', 'boats', 'personal', got 'bike'. Did you mean 'bikes'?",
    ),
    "relevance without topic": (
        "topic: bikes, ",
        "",
        "50: journey.messages.news: must have a 'topic' if it has 'relevance', got {'channel': 'email', 'open_rate':",
    ),
    "interest named personal": (
        "interests: {bikes: 0.5, boats: 0.5}",
        "interests: {bikes: 0.5, boats: 0.5, personal: 1}",
        "15: journey.interests.personal: must have a name other than 'personal', which as a topic means the interest that the firm",
    ),
    "unknown interest of a persona": (
        "{bikes: 3, boats: 1}",
        "{bike: 3}",
        "10: journey.personas.keen.interests: must be one of 'bikes', 'boats', got 'bike'. Did you mean 'bikes'?",
    ),
    "interests without weight": (
        "{bikes: 3, boats: 1}",
        "{bikes: 0}",
        "10: journey.personas.keen.interests: must have a weight above 0, got weights of 0. Give one of them a weight.",
    ),
    "negative interest": (
        "{bikes: 3, boats: 1}",
        "{bikes: -1}",
        "10: journey.personas.keen.interests.bikes: must be at least 0, got -1. Use a higher value, such as 1.5.",
    ),
    "unknown trait of preferred contacts": (
        "preferred_contacts: likes",
        "preferred_contacts: like",
        "14: journey.preferred_contacts: must be one of 'likes', got 'like'. Did you mean 'likes'?",
    ),
    "preferred contacts below 0": (
        "likes: {gamma: {mean: 2, shape: 4}}",
        "likes: {normal: {mean: 2, sd: 4}}",
        "14: journey.preferred_contacts: must be a trait for which likes is never negative, got a trait with values from -inf",
    ),
    "offer above 100 %": (
        "discount: 0.1",
        "discount: 1.2",
        "55: journey.offers.tenth.discount: must be at most 1, got 1.2. Use a lower value",
    ),
    "offer in percent": (
        "discount: 0.1",
        "discount: 120%",
        "55: journey.offers.tenth.discount: must be a number, got '120%'. Write a share, such as 0.05 for 5 %.",
    ),
    "negative offer": (
        "discount: 0.1",
        "discount: -0.1",
        "55: journey.offers.tenth.discount: must be above 0, got -0.1. Use a higher value, such as 0.1.",
    ),
    "offer without a discount": (
        "discount: 0.1, ",
        "",
        "55: journey.offers.tenth: must have either 'discount' (a share) or 'amount' (money), got {'title': 'A tenth",
    ),
    "offer with two discounts": (
        "amount: 5",
        "amount: 5, discount: 0.1",
        "56: journey.offers.gift: must have either 'discount' (a share) or 'amount' (money), got {'amount': 5,",
    ),
    "negative amount": (
        "amount: 5",
        "amount: -5",
        "56: journey.offers.gift.amount: must be above 0, got -5. Use a higher value, such as 5.",
    ),
    "offer without validity": (
        "amount: 5, valid: 7d",
        "amount: 5",
        "56: journey.offers.gift: must have the key 'valid', got a mapping without it. Add 'valid: 14d'.",
    ),
    "offer used 0 times": (
        "uses: 2",
        "uses: 0",
        "55: journey.offers.tenth.uses: must be at least 1, got 0. Use a higher value, such as 3.",
    ),
    "offer redeemed too often": (
        "redeems: 0.8",
        "redeems: 1.8",
        "55: journey.offers.tenth.redeems: must be at most 1, got 1.8. Use a lower value",
    ),
    "unknown offer of an effect": (
        "{offer: gift}",
        "{offer: gyft}",
        "64: journey.desks.support.effects.late[1].offer: must be one of 'tenth', 'gift', got 'gyft'. Did you mean",
    ),
    "unknown desk of an effect": (
        "{desk: support, priority: 2}",
        "{desk: suport}",
        "39: journey.events.trouble.effects[0].ask.desk: must be one of 'support', 'sales', got 'suport'. Did you mean",
    ),
    "priority that is not a number": (
        "{desk: support, priority: 2}",
        "{desk: support, priority: high}",
        "39: journey.events.trouble.effects[0].ask.priority: must be a whole number, got 'high'. Write a value such as 10.",
    ),
    "service without a distribution": (
        "service: {fixed: 20min}",
        "service: 20min",
        "67: journey.desks.sales.service: must be a mapping (keys: 'exponential', 'gamma', 'weibull', 'lognormal',",
    ),
    "negative service": (
        "service: {fixed: 20min}",
        "service: {fixed: -20min}",
        "67: journey.desks.sales.service.fixed: must not be negative, got '-20min'. Remove the minus sign.",
    ),
    "desk without service": (
        "      service: {fixed: 20min}",
        "      title: Sales",
        "66: journey.desks.sales: must have the key 'service', got a mapping without it. Add 'service: {lognormal: {median:",
    ),
    "invalid patience": (
        "patience: {exponential: 6min}",
        "patience: never",
        "61: journey.desks.support.patience: must be a mapping (keys: 'exponential', 'gamma', 'weibull',",
    ),
    "negative patience": (
        "patience: {exponential: 6min}",
        "patience: {exponential: -6min}",
        "61: journey.desks.support.patience.exponential: must not be negative, got '-6min'. Remove the minus sign.",
    ),
    "unknown reply of a desk": (
        "late: [",
        "to_late: [",
        "64: journey.desks.support.effects: must have only the keys 'in_time', 'late', 'unanswered', got 'to_late'. Did",
    ),
    "purchase at a desk": (
        "[{satisfy: -0.3}]",
        "[{purchase: {value: 5}}]",
        "65: journey.desks.support.effects.unanswered[0].purchase: must be an effect of an event, whose log row contains the",
    ),
    "desk with zero service asks itself": (
        "service: {fixed: 20min}",
        "service: {fixed: 0s}\n      effects: {in_time: [{ask: sales}]}",
        "66: journey.desks.sales: must not be asked again immediately by its own effects, got desk 'sales' -> desk",
    ),
    "desk with zero patience asks itself": (
        "service: {fixed: 20min}",
        "service: {fixed: 20min}\n      patience: {fixed: 0s}\n      effects: {unanswered: [{ask: sales}]}",
        "66: journey.desks.sales: must not be asked again immediately by its own effects, got desk 'sales' -> desk",
    ),
    "Hill curve with negative slope": (
        "slope: 1.5",
        "slope: -1.5",
        "69: journey.acquisition.search.hill.slope: must be above 0, got -1.5. Use a higher value, such as 1.5.",
    ),
    "Hill curve with half of 0": (
        "half: 100",
        "half: 0",
        "69: journey.acquisition.search.hill.half: must be above 0, got 0. Use a higher value, such as 300.",
    ),
    "Hill curve with negative maximum": (
        "at_most: 4, half",
        "at_most: -4, half",
        "69: journey.acquisition.search.hill.at_most: must be at least 0, got -4. Use a higher value, such as 40.",
    ),
    "adstock of 1": (
        "adstock: 0.3",
        "adstock: 1",
        "69: journey.acquisition.search.adstock: must be below 1, got 1. Use a lower value, such as 0.5.",
    ),
    "negative baseline": (
        "baseline: 0.5",
        "baseline: -1",
        "69: journey.acquisition.search.baseline: must be at least 0, got -1. Use a higher value, such as 2.",
    ),
    "mix of unknown personas": (
        "personas: {keen: 2, calm: 1}",
        "personas: {keenn: 2}",
        "69: journey.acquisition.search.personas: must be one of 'keen', 'calm', got 'keenn'. Did you mean 'keen'?",
    ),
    "persona mix without weight": (
        "personas: {keen: 2, calm: 1}",
        "personas: {keen: 0}",
        "69: journey.acquisition.search.personas: must have a weight above 0, got weights of 0. Give one of them a weight.",
    ),
    "acquisition channel named none": (
        "    friends: {}",
        "    friends: {}\n    none: {}",
        "71: journey.acquisition.none: must have a name other than 'none', which as a level of acquired_by means no",
    ),
    "referrals above the limit": (
        "invites: 2, joins: 0.1",
        "invites: 60, joins: 0.1",
        "33: journey.events.buy.effects[2].refer: must bring at most 5 friends on average (invites * joins), or the",
    ),
    "joins above 1": (
        "joins: 0.1",
        "joins: 1.1",
        "33: journey.events.buy.effects[2].refer.joins: must be at most 1, got 1.1. Use a lower value",
    ),
    "referral without invitations": (
        "invites: 2, ",
        "invites: 0, ",
        "33: journey.events.buy.effects[2].refer.invites: must be at least 1, got 0. Use a higher value, such as 2.",
    ),
    "referral without joins": (
        "invites: 2, joins: 0.1, ",
        "invites: 2, ",
        "33: journey.events.buy.effects[2].refer: must have the key 'joins', got a mapping without it. Add 'joins: 0.1'.",
    ),
    "referral by an unknown channel": (
        "by: friends",
        "by: frends",
        "33: journey.events.buy.effects[2].refer.by: must be one of 'search', 'friends', got 'frends'. Did you mean",
    ),
    "attribute named acquired_by": (
        "  interests: {bikes: 0.5",
        "  attributes: {acquired_by: {x: 1}}\n  interests: {bikes: 0.5",
        "15: journey.attributes.acquired_by: must not be a reserved word of the condition language, got",
    ),
    "trait named interest": (
        "    likes: {gamma",
        "    interest: {fixed: 1}\n    likes: {gamma",
        "13: journey.traits.interest: must not be a reserved word of the condition language, got 'interest'. Rename",
    ),
    "event named redeemed": (
        "    trouble:\n",
        "    redeemed:\n",
        "34: journey.events.redeemed: must not have a name that the event log reserves, got 'redeemed'. Rename the",
    ),
    "event named referral": (
        "    trouble:\n",
        "    referral:\n",
        "34: journey.events.referral: must not have a name that the event log reserves, got 'referral'. Rename the",
    ),
    "event named asked": (
        "    trouble:\n",
        "    asked:\n",
        "34: journey.events.asked: must not have a name that the event log reserves, got 'asked'. Rename the event.",
    ),
    "offer named like a desk": (
        "    gift: {amount",
        "    sales: {valid: 3d, amount: 1}\n    gift: {amount",
        "56: journey.offers.sales: must have a name different from every desk, got 'sales'. Rename one, because",
    ),
    "offer in a when": (
        "when: asks(support) < 3",
        "when: has_offer(gift)",
        "37: journey.events.trouble.when: must use only values that change when something happens to the customer, got",
    ),
    "asks with an unknown desk": (
        "when: asks(support) < 3",
        "when: asks(suport) < 3",
        "37: journey.events.trouble.when: must be one of 'support', 'sales', got 'suport' (column 6). Did you mean",
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_invalid_touchpoint_is_rejected_with_file_and_line(name: str, tmp_path: Path) -> None:
    old, new, expected = CASES[name]
    assert check_error(tmp_path, replace_each(TEXT, [(old, new)])).startswith(f"bad.yaml:{expected}")


def without_interests(text: str) -> str:
    dropped = [(", interests: {bikes: 3, boats: 1}", ""), ("  interests: {bikes: 0.5, boats: 0.5}\n", "")]
    return replace_each(text, [*dropped, (", topic: bikes, relevance: 1", "")])


def test_personal_topic_without_interests_is_rejected(tmp_path: Path) -> None:
    unknown = [("  personalisation:\n    - {if: opens >= 3, accuracy: 0.9}\n    - {accuracy: 0.6}\n", "")]
    message = check_error(tmp_path, replace_each(without_interests(TEXT), unknown))
    assert "journey.messages.tip.topic: must not be 'personal' if the journey declares no 'interests'" in message


def test_personalisation_without_interests_is_rejected(tmp_path: Path) -> None:
    message = check_error(tmp_path, replace_each(without_interests(TEXT), [(", topic: personal", "")]))
    assert "policy.personalisation: must be empty if the journey declares no 'interests', got [0.9, 0.6]. Declare" in message


def test_desks_that_ask_each_other_in_a_loop_are_rejected(tmp_path: Path) -> None:
    at_once = "service: {fixed: 0s}\n      effects: {late: [{fire: trouble}]}"
    changes = [("service: {exponential: 10min}", "service: {fixed: 0s}"), ("[{satisfy: 0.1}]", "[{ask: sales}]")]
    message = check_error(tmp_path, replace_each(TEXT, [*changes, ("service: {fixed: 20min}", at_once)]))
    assert "must not be asked again immediately by its own effects" in message
    assert "desk 'support' -> desk 'sales' -> event 'trouble'" in message


def test_lifetime_of_a_pull_channel_does_not_limit_rates(tmp_path: Path) -> None:
    # The lifetime starts when the message is placed, and expired messages are never shown.
    late = replace_each(TEXT, [("lifetime: 7d, open_delay: {fixed: 1h}", "lifetime: 1s, open_delay: {fixed: 30d}")])
    assert load_text(tmp_path, late).journey.channels["in_app"].lifetime == 1 / 86_400
