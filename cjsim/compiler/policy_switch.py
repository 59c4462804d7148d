"""The switch from a past policy to the present one on day 0: two policies with the same flows, broadcasts and limits, in the same order.

Each policy is compiled to its own world. The state of a customer must fit both worlds, so each contains the flows, broadcasts, caps and
budgets of both policies. What only the other policy contains has no effect: its flows never start, and its limits apply to no send. A flow
or broadcast with the same definition in both is one actor, and continues.
"""

from typing import Any, NamedTuple, TypeVar

from cjsim.errors import InputError, format_error
from cjsim.scenario.policy import PAST_SUFFIX, Broadcast, Flow, PolicySpec

T = TypeVar("T")


class JointPolicy(NamedTuple):
    """One of two policies, together with what only the other one contains."""

    policy: PolicySpec
    absent: frozenset[str]  # flows and broadcasts that only the other policy contains
    begins_on_day_0: frozenset[str]  # flows and broadcasts that only the present policy contains
    past_versions: dict[str, str]  # names of past versions of flows and broadcasts, by the name of the present version
    caps_in_force: tuple[bool, ...]
    budgets_in_force: tuple[bool, ...]


def whole_policy(policy: PolicySpec) -> JointPolicy:
    """Return a policy that is not joined with another.

    Parameters
    ----------
    policy : PolicySpec
        The policy.
    """
    rules = policy.guardrails
    return JointPolicy(policy, frozenset(), frozenset(), {}, (True,) * len(rules.caps), (True,) * len(rules.budgets))


def joint_policies(past: PolicySpec, present: PolicySpec) -> tuple[JointPolicy, JointPolicy]:
    """Return the past and the present policy, each with the flows, broadcasts, caps, budgets and targeting rules of both.

    Parameters
    ----------
    past, present : PolicySpec
        Policies before day 0, and from day 0 on.

    Raises
    ------
    InputError
        If both use the same name for different targeting rules.
    """
    rules = _joint_rules(past, present)
    changed = {
        name
        for name, actor in {**past.flows, **past.broadcasts}.items()
        if actor != (present.flows.get(name) or present.broadcasts.get(name))
    }
    names_now = {*present.flows, *present.broadcasts}
    past_names = {name: f"{name}{PAST_SUFFIX}" if name in names_now else name for name in changed}
    flows: dict[str, Flow] = {**present.flows, **{past_names[name]: flow for name, flow in past.flows.items() if name in changed}}
    broadcasts: dict[str, Broadcast] = {
        **present.broadcasts,
        **{past_names[name]: one for name, one in past.broadcasts.items() if name in changed},
    }
    shared = {*past.flows, *past.broadcasts} - changed
    caps, present_caps, past_caps = _joint_limits(present.guardrails.caps, past.guardrails.caps)
    budgets, present_budgets, past_budgets = _joint_limits(present.guardrails.budgets, past.guardrails.budgets)

    def joint(policy: PolicySpec, spared: tuple[str, ...]) -> PolicySpec:
        """Return a policy with the flows, broadcasts and limits of both."""
        guardrails = policy.guardrails.model_copy(update={"caps": caps, "budgets": budgets, "spared": spared})
        return policy.model_copy(update={"flows": flows, "broadcasts": broadcasts, "rules": rules, "guardrails": guardrails})

    spared_then = tuple(past_names.get(name, name) for name in past.guardrails.spared)
    versions = {name: past_name for name, past_name in past_names.items() if past_name != name}
    new, old = frozenset(names_now - shared), frozenset(past_names.values())
    return (
        JointPolicy(joint(past, spared_then), new, new, versions, past_caps, past_budgets),
        JointPolicy(joint(present, present.guardrails.spared), old, new, versions, present_caps, present_budgets),
    )


def original_name(name: str) -> str:
    """Return the name of a flow or broadcast in its own policy. Random streams use it.

    Parameters
    ----------
    name : str
        The name in a joint policy.

    Examples
    --------
    >>> original_name("newsletter (before)")
    'newsletter'
    """
    return name.removesuffix(PAST_SUFFIX)


def _joint_limits(present: tuple[T, ...], past: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[bool, ...], tuple[bool, ...]]:
    """Return the present limits, then those that only the past policy has, and which are in force in the present and in the past."""
    rest = list(past)
    in_force_then = []
    for limit in present:
        in_force_then.append(limit in rest)
        if limit in rest:
            rest.remove(limit)
    both = (*present, *rest)
    return both, tuple(i < len(present) for i in range(len(both))), (*in_force_then, *[True] * len(rest))


def _joint_rules(past: PolicySpec, present: PolicySpec) -> dict[str, Any]:
    for name, rule in past.rules.items():
        if present.rules.get(name, rule) != rule:
            where, must = f"existing.policy.rules.{name}", "must be the same as the targeting rule of this name in the policy"
            raise InputError(format_error(where, must, "another", "Rename one of the two."))
    return {**past.rules, **present.rules}
