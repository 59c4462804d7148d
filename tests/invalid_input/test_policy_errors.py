"""Invalid policies: triggers, steps, experiments, holdouts, budgets, staffing, spend and personalization."""

from pathlib import Path

import pytest
from error_messages import WORLDS, check_error, load_text, replace_each

from cjsim.errors import InputError

TEXT = (WORLDS / "touchpoints.yaml").read_text(encoding="utf-8")

# Text in touchpoints.yaml, its replacement, and the start of the message after the file's name.
CASES = {
    "unknown score": (
        "{score: lead, above: 3}",
        "{score: laed, above: 3}",
        "75: policy.flows.nurture.on.score: must be one of 'lead', got 'laed'. Did you mean 'lead'?",
    ),
    "score without a threshold": (
        "{score: lead, above: 3}",
        "{score: lead}",
        "75: policy.flows.nurture.on: must have either 'above' or 'below' together with 'score', got {'score': 'lead'}. Give",
    ),
    "score with both thresholds": (
        "{score: lead, above: 3}",
        "{score: lead, above: 3, below: 1}",
        "75: policy.flows.nurture.on: must have either 'above' or 'below' together with 'score', got {'score': 'lead', 'above':",
    ),
    "score below 0": (
        "{score: lead, above: 3}",
        "{score: lead, below: 0}",
        "75: policy.flows.nurture.on.below: must be above 0, got 0. Use a higher value, such as 2.",
    ),
    "above without a score": (
        "{score: lead, above: 3}",
        "{event: visit, above: 3}",
        "75: policy.flows.nurture.on: must have 'above' only together with 'score', got it together with 'event'. Remove it.",
    ),
    "unopened on an unknown channel": (
        "channels: [email]}\n      steps",
        "channels: [emial]}\n      steps",
        "86: policy.flows.win_back.on.channels[0]: must be one of 'email', 'in_app', 'ads', 'calls', got 'emial'. Did",
    ),
    "unopened 0": (
        "unopened: 3",
        "unopened: 0",
        "86: policy.flows.win_back.on.unopened: must be at least 1, got 0. Use a higher value, such as 5.",
    ),
    "channels without unopened": (
        "{unopened: 3, channels: [email]}",
        "{event: visit, channels: [email]}",
        "86: policy.flows.win_back.on: must have 'channels' only together with 'unopened', got it together with 'event'. Remove it.",
    ),
    "nonexistent date of a trigger": (
        "{date: 2025-02-01, at",
        "{date: 2025-02-31, at",
        "94: must be an existing date, got '2025-02-31'. Correct the date.",
    ),
    "time of day without a date": (
        '{date: 2025-02-01, at: "8:00"}',
        '{event: visit, at: "8:00"}',
        "94: policy.flows.sale.on: must have 'at' only together with 'date', got it together with 'event'. Remove it.",
    ),
    "schedule with weekdays and dates": (
        "{weekdays: [friday], every_weeks: 4,",
        "{weekdays: [friday], dates: [2025-02-01],",
        "100: policy.flows.monthly.on.schedule: must have either 'weekdays' or 'dates', got {'weekdays': ['friday'],",
    ),
    "duplicate weekday in a schedule": (
        "weekdays: [friday]",
        "weekdays: [friday, friday]",
        "100: policy.flows.monthly.on.schedule.weekdays: must not contain duplicates, got 'friday' twice. Remove one of",
    ),
    "two triggers": (
        "{score: lead, above: 3}",
        "{score: lead, above: 3, event: visit}",
        "75: policy.flows.nurture.on: must have only one of 'event', 'score', got",
    ),
    "wait_until without a time": (
        '{at: "9:00", weekdays: [monday, tuesday], best_hour: true}',
        "{weekdays: [monday]}",
        "82: policy.flows.nurture.steps[1].wait_until: must have the key 'at', got a mapping without it. Add 'at: 18:00'.",
    ),
    "wait_until 25:00": (
        '{at: "9:00", week',
        '{at: "25:00", week',
        "82: policy.flows.nurture.steps[1].wait_until.at: must be a time of day from '00:00' to '24:00', got '25:00'. Write",
    ),
    "duplicate weekday in wait_until": (
        "weekdays: [monday, tuesday], best",
        "weekdays: [monday, monday], best",
        "82: policy.flows.nurture.steps[1].wait_until.weekdays: must not contain duplicates, got 'monday' twice. Remove",
    ),
    "learn_from 0": (
        "best_hour: true}",
        "best_hour: true, learn_from: 0}",
        "82: policy.flows.nurture.steps[1].wait_until.learn_from: must be at least 1, got 0. Use a higher value, such as 10.",
    ),
    "experiment with other arms": (
        "pushed: {share: 0.5, steps: [{send: banner}]}",
        "pusht: {share: 0.5, steps: [{send: banner}]}",
        "89: policy.flows.win_back.steps[1].split: must have the same arms for experiment 'calls_or_not' as",
    ),
    "experiment with other shares": (
        "pushed: {share: 0.5, steps: [{send: banner}]}\n            spared: {share: 0.5}",
        "pushed: {share: 0.4, steps: [{send: banner}]}\n            spared: {share: 0.6}",
        "89: policy.flows.win_back.steps[1].split: must have the same arms for experiment 'calls_or_not' as",
    ),
    "experiment without a split": (
        "- ask: sales",
        "- {ask: sales, experiment: x}",
        "88: policy.flows.win_back.steps[0]: must have 'experiment' only together with 'split', got it together with 'ask'. Remove it.",
    ),
    "unknown offer of a step": (
        "        - offer: tenth\n        - send: news",
        "        - offer: tent\n        - send: news",
        "97: policy.flows.sale.steps[0].offer: must be one of 'tenth', 'gift', got 'tent'. Did you mean 'tenth'?",
    ),
    "unknown desk of a step": (
        "- ask: sales",
        "- ask: sails",
        "88: policy.flows.win_back.steps[0].ask.desk: must be one of 'support', 'sales', got 'sails'. Did you mean",
    ),
    "flow named like a desk": (
        "    nurture:",
        "    sales:",
        "74: policy.flows.sales: must have a name different from every desk of the journey, got 'sales'. Rename one, because",
    ),
    "flow named like an offer": (
        "    nurture:",
        "    tenth:",
        "74: policy.flows.tenth: must have a name different from every offer of the journey, got 'tenth'. Rename one, because",
    ),
    "holdout above 1": ("holdout: 0.1", "holdout: 1.1", "104: policy.guardrails.holdout: must be at most 1, got 1.1. Use a lower value"),
    "unknown spared flow": (
        "spared: [sale]",
        "spared: [sael]",
        "105: policy.guardrails.spared[0]: must be one of 'nurture', 'win_back', 'sale', 'monthly', got 'sael'. Did you",
    ),
    "duplicate spared flow": (
        "spared: [sale]",
        "spared: [sale, sale]",
        "105: policy.guardrails.spared: must not contain duplicates, got 'sale' twice. Remove one of the two.",
    ),
    "budget below 0": (
        "at_most: 1000",
        "at_most: -1",
        "107: policy.guardrails.budgets[0].at_most: must be at least 0, got -1. Use a higher value, such as 50000.",
    ),
    "budget without a period": (
        "at_most: 1000, per: 1d",
        "at_most: 1000",
        "107: policy.guardrails.budgets[0]: must have the key 'per', got a mapping without it. Add 'per: 30d'.",
    ),
    "budget with too many periods": (
        "per: 1d, channels: [email]",
        "per: 1s, channels: [email]",
        "107: policy.guardrails.budgets[0].per: must divide the 60d of the simulation into at most 1,000,000 periods, got 1s.",
    ),
    "budget on an unknown channel": (
        "per: 1d, channels: [email]",
        "per: 1d, channels: [mail]",
        "107: policy.guardrails.budgets[0].channels[0]: must be one of 'email', 'in_app', 'ads', 'calls', got 'mail'.",
    ),
    "staff at an unknown desk": (
        "    sales: {agents: 1}",
        "    sales: {agents: 1}\n    sails: {agents: 1}",
        "118: policy.desks: must be one of 'support', 'sales', got 'sails'. Did you mean 'sales'?",
    ),
    "shift without agents": (
        "    sales: {agents: 1}",
        "    sales: {agents: 0}",
        "117: policy.desks.sales: must have staff within 60d from 2025-01-06, because",
    ),
    "no staffing": ("    sales: {agents: 1}\n", "", "108: policy.desks.sales: must have staff within 60d from 2025-01-06, because"),
    "shift outside the horizon": (
        "    sales: {agents: 1}",
        "    sales: {shifts: [{agents: 3, dates: [2026-01-01]}]}",
        "117: policy.desks.sales: must have staff within 60d from 2025-01-06, because",
    ),
    "fractional agents": (
        "    sales: {agents: 1}",
        "    sales: {agents: 1.5}",
        "117: policy.desks.sales.agents: must be a whole number, got 1.5. Write a whole number such as 2.",
    ),
    "empty shift": (
        'from: "22:00", to: "6:00"',
        'from: "22:00", to: "22:00"',
        "113: policy.desks.support.shifts[1]: must not start and end at the same time of day, got {'agents': 1,",
    ),
    "duplicate weekday in a shift": (
        "weekdays: [monday, tuesday, wednesday, thursday, friday]}",
        "weekdays: [monday, monday]}",
        "112: policy.desks.support.shifts[0].weekdays: must not contain duplicates, got 'monday' twice. Remove one of the",
    ),
    "desk without shifts": (
        "    sales: {agents: 1}",
        "    sales: {sla: 1h}",
        "117: policy.desks.sales: must have either 'shifts' or 'agents' (around the clock), got {'sla': '1h'}. Add one of",
    ),
    "both agents and shifts": (
        "    sales: {agents: 1}",
        "    sales: {agents: 1, shifts: [{agents: 1}]}",
        "117: policy.desks.sales: must have either 'shifts' or 'agents' (around the clock), got",
    ),
    "sla of 0": (
        "sla: 5min",
        "sla: 0s",
        "114: policy.desks.support.sla: must be at least 1s, got '0s'. Write a longer duration, such as 1h.",
    ),
    "negative cost of a minute": (
        "cost_per_minute: 0.8",
        "cost_per_minute: -1",
        "115: policy.desks.support.cost_per_minute: must be at least 0, got -1. Use a higher value, such as 0.3.",
    ),
    "negative wage": (
        "    sales: {agents: 1}",
        "    sales: {agents: 1, wage_per_hour: -1}",
        "117: policy.desks.sales.wage_per_hour: must be at least 0, got -1. Use a higher value.",
    ),
    "escalation to an unknown desk": (
        "to: sales}",
        "to: sails}",
        "116: policy.desks.support.escalate.to: must be one of 'support', 'sales', got 'sails'. Did you mean 'sales'?",
    ),
    "escalation to itself": (
        "to: sales}",
        "to: support}",
        "116: policy.desks.support.escalate.to: must not lead back to the same desk, got 'support' -> 'support'. Remove",
    ),
    "circular escalation": (
        "    sales: {agents: 1}",
        "    sales: {agents: 1, escalate: {after: 1h, to: support}}",
        "116: policy.desks.support.escalate.to: must not lead back to the same desk, got 'support' -> 'sales' ->",
    ),
    "spend on an unknown channel": (
        "    search: {per_day: 50",
        "    serch: 5\n    search: {per_day: 50",
        "119: policy.acquisition: must be one of 'search', 'friends', got 'serch'. Did you mean 'search'?",
    ),
    "negative spend": (
        "per_day: 50",
        "per_day: -50",
        "119: policy.acquisition.search.per_day: must be at least 0, got -50. Use a higher value, such as 250.",
    ),
    "spend that ends before it begins": (
        "to: 2025-01-26",
        "to: 2025-01-19",
        "119: policy.acquisition.search.periods[0]: must not end before it starts, got {'per_day': 80, 'from':",
    ),
    "accuracy above 1": (
        "accuracy: 0.6",
        "accuracy: 1.6",
        "122: policy.personalisation[1].accuracy: must be at most 1, got 1.6. Use a lower value",
    ),
    "invalid condition of personalization": (
        "opens >= 3",
        "open >= 3",
        "121: policy.personalisation[0].if: must use only names of the condition language, got 'open' (column 1). Did",
    ),
    "personalization by a latent variable": (
        "opens >= 3",
        "interest == bikes",
        "121: policy.personalisation[0].if: must use only what the firm observes; a policy cannot see the interest, got",
    ),
    "unknown level of acquired_by": (
        "acquired_by == search",
        "acquired_by == serch",
        "76: policy.flows.nurture.if: must be one of 'search', 'friends', 'none', got 'serch' (column 33). Did you mean",
    ),
    "held_out with an argument": (
        "not held_out and",
        "not held_out(x) and",
        "76: policy.flows.nurture.if: must call only 'visited', 'count', 'days_since', 'tagged', 'score' and 14 more,",
    ),
    "unknown offer of a condition": (
        "not has_offer(tenth)",
        "not has_offer(tent)",
        "95: policy.flows.sale.if: must be one of 'tenth', 'gift', got 'tent' (column 15). Did you mean 'tenth'?",
    ),
    "has_offer without a name": (
        "not has_offer(tenth)",
        "not has_offer",
        "95: policy.flows.sale.if: must name one offer in parentheses, got 'has_offer' (column 5). Write has_offer(NAME).",
    ),
    "unopened of an unknown channel": (
        "unopened(email) < 4",
        "unopened(mail) < 4",
        "95: policy.flows.sale.if: must be one of 'email', 'in_app', 'ads', 'calls', got 'mail' (column 59). Did you",
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_invalid_policy_is_rejected_with_file_and_line(name: str, tmp_path: Path) -> None:
    old, new, expected = CASES[name]
    assert check_error(tmp_path, replace_each(TEXT, [(old, new)])).startswith(f"bad.yaml:{expected}")


def test_loop_with_a_possibly_zero_wait_is_rejected(tmp_path: Path) -> None:
    until = '- wait_until: {at: "9:00", weekdays: [monday, tuesday], best_hour: true}'
    message = check_error(tmp_path, replace_each(TEXT, [(until, f"- label: top\n          {until[2:]}\n        - jump: top")]))
    assert "policy.flows.nurture.steps[2].jump: must not lead back to itself without waiting, got a loop without a wait" in message
    assert "a 'wait_until' can end immediately." in message


def test_unused_desk_needs_no_staff(tmp_path: Path) -> None:
    text = replace_each(TEXT, [("to: sales}", "to: other}"), ("    sales: {agents: 1}\n", "    other: {agents: 1}\n")])
    text = replace_each(text, [("    sales:\n      service", "    other: {service: {fixed: 1h}}\n    sales:\n      service")])
    with pytest.raises(InputError, match="sales: must have staff within"):
        load_text(tmp_path, text)
    load_text(tmp_path, replace_each(text, [("{send: call}", "{tag: x}"), ("- ask: sales", "- tag: y")]))


@pytest.mark.parametrize(
    ("shift", "horizon", "fits"),
    [
        ("from: '22:00', to: '6:00', dates: [2025-01-05]", "60d", True),  # the night before the first day
        ("from: '22:00', to: '23:00', dates: [2025-01-05]", "60d", False),
        ("from: '8:00', to: '9:00'", "8h", False),
        ("from: '8:00', to: '9:00'", "9h", True),
        ("weekdays: [sunday]", "6d", False),
        ("weekdays: [sunday]", "7d", True),
        ("weekdays: [sunday], dates: [2025-01-08]", "6d", True),
    ],
)
def test_shift_partly_inside_the_horizon_counts_as_staff(shift: str, horizon: str, fits: bool, tmp_path: Path) -> None:
    staffing = f"    sales: {{shifts: [{{agents: 1, {shift}}}]}}"
    support = "{agents: 2, from: '8:00', to: '18:00', weekdays: [monday"
    text = replace_each(
        TEXT, [("    sales: {agents: 1}", staffing), ("horizon: 60d", f"horizon: {horizon}"), ("- {agents: 1, from", "- {agents: 9, from")]
    )
    assert support.replace("'", '"') in text
    if fits:
        load_text(tmp_path, text)
    else:
        with pytest.raises(InputError, match=r"sales: must have staff within .*, got no staff \(all shifts are at other times\)\."):
            load_text(tmp_path, text)


def test_zero_initial_customers_require_arrivals(tmp_path: Path) -> None:
    none = replace_each(TEXT, [("customers: 50", "customers: 0")])
    assert load_text(tmp_path, none).customers == 0
    for unpaid in ("baseline: 0, adstock: 0.3, hill: {at_most: 0", "baseline: 0, adstock: 0.3, hill: {at_most: 4"):
        text = replace_each(none, [("baseline: 0.5, adstock: 0.3, hill: {at_most: 4", unpaid)])
        if "at_most: 4" in unpaid:
            load_text(tmp_path, text)
            text = replace_each(text, [("per_day: 50, periods: [{per_day: 80", "per_day: 0, periods: [{per_day: 0")])
        with pytest.raises(InputError, match="customers: must be at least 1 if no acquisition channel brings customers, got 0"):
            load_text(tmp_path, text)
