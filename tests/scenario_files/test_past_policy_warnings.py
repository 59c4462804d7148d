"""`check` warns of the policy before day 0 as of the present one, and counts what either of them uses."""

from typing import Any

from small_scenarios import small_scenario

from cjsim.validate.warnings.lint import lint_warnings

MAIL = {
    "channels": {"mail": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ciao": {"channel": "mail", "open_rate": 0.5}},
}


def on_date(day: str, message: str) -> dict[str, Any]:
    return {"broadcasts": {"news": {"schedule": {"dates": [day], "at": "12:00"}, "send": message}}}


def warnings(policy: dict[str, Any], past: dict[str, Any] | None) -> list[str]:
    existing: dict[str, Any] = {"customers": 5, "years": 0.2}
    if past is not None:
        existing["policy"] = {"name": "past", **past}
    made = small_scenario(journey=MAIL, policy=policy, customers=0, existing=existing, start="2026-03-15", horizon="30d")
    return [warning.split(":")[0] for warning in lint_warnings(made)]


def test_a_message_of_either_policy_is_used() -> None:
    assert warnings(on_date("2026-03-20", "hello"), on_date("2026-02-20", "ciao")) == []
    assert warnings(on_date("2026-03-20", "hello"), on_date("2026-02-20", "hello")) == ["journey.messages.ciao"]


def test_dates_count_while_their_policy_is_in_force() -> None:
    now, before = on_date("2026-02-20", "hello"), on_date("2026-03-20", "ciao")
    unused = ["journey.messages.hello", "journey.messages.ciao"]
    found = warnings(now, before)
    assert [path for path in found if path not in unused] == [
        "policy.broadcasts.news.schedule.dates",
        "existing.policy.broadcasts.news.schedule.dates",
    ]
    # Without a past policy, the present one is in force before day 0 too.
    assert "policy.broadcasts.news.schedule.dates" not in warnings(now, None)


def test_mistakes_in_the_past_policy_are_named_there() -> None:
    idle = {**on_date("2026-02-20", "ciao"), "flows": {"idle": {"on": {"stage": "here"}, "holdout": 1, "steps": [{"send": "ciao"}]}}}
    assert "existing.policy.flows.idle.holdout" in warnings(on_date("2026-03-20", "hello"), idle)
