"""The conclusions of a readout in sentences: the recommendation, whether heterogeneity is proven, and what is assumed."""

from cjsim.readout.heterogeneity_by_arm import ArmHeterogeneity
from cjsim.readout.outcome_learning import NOBODY
from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_format import MONEY, PLAIN, SHARE, format_estimate, unit_of
from cjsim.uplift.p_values import p_phrase

_FIFTH = {5: "fifth"}
_SMALL_SHARE = 0.3  # of customers; a rule that treats more of them relies less on the ranking


def policy_unit(outcome: OutcomeReadout) -> str:
    """Return the unit of policy values: money if the value of the outcome is given, otherwise the unit of the outcome."""
    if outcome.is_money:
        return MONEY
    return SHARE if outcome.effects.kind == "binary" and not any(outcome.costs) else PLAIN


def verdict_sentences(outcome: OutcomeReadout) -> list[str]:
    """Return the verdict on an outcome, the recommendation first.

    Parameters
    ----------
    outcome : OutcomeReadout
        Readout of the outcome.

    Returns
    -------
    list of str
        Sentences, one for each line of the report.
    """
    sentences = [recommendation(outcome)]
    if outcome.learned is None:
        return [*sentences, f"Who gains is not known. {outcome.reason}"]
    unit = unit_of(outcome.effects.kind)
    for one in outcome.learned.heterogeneity:
        sentences += [heterogeneity_sentence(one, unit), rate_sentence(one, unit)]
    if (share := unconfirmed_share(outcome)) is not None:
        treats = f"the rule treats {100 * share:.0f} % of customers, and no RATE is significantly above 0, so its ranking is not confirmed"
        sentences.append(f"Caution: {treats}. Test the rule before a rollout.")
    for arm, group in outcome.harmed():
        effect = format_estimate(group.effect.estimate, group.effect.low, group.effect.high, unit)
        sentences.append(f"Do not give '{arm}' to group {group.group} of predicted effect ({group.n:,} rows): {effect} is proven harm.")
    if not outcome.harmed():
        sentences.append("No group is proven to be harmed.")
    return sentences


def recommendation(outcome: OutcomeReadout) -> str:
    """Return the policy to use, in one sentence."""
    unit, gain = policy_unit(outcome), outcome.gain
    text = format_estimate(gain.estimate, gain.low, gain.high, unit)
    learned, best = outcome.learned, outcome.best
    per_customer = "per customer in value after costs" if outcome.is_money or any(outcome.costs) else "per customer"
    if best == NOBODY:
        nothing = f"Treat nobody: no arm is clearly better than '{outcome.control}'."
        return f"{nothing} Treating everybody with the best arm: {text} {per_customer}, compared with treating nobody."
    if learned is not None and not learned.policy(best).is_constant:
        over = learned.policy(best).gain
        personal = format_estimate(over.estimate, over.low, over.high, unit)
        return f"Use the rule '{best}': {personal} {per_customer} better than '{learned.policies.best_constant}'."
    who, _, arm = best.partition(": ")
    closing = " No personalized policy is clearly better." if learned is not None else ""
    return f"Treat {who} with '{arm}': {text} {per_customer}, compared with treating nobody.{closing}"


def unconfirmed_share(outcome: OutcomeReadout) -> float | None:
    """Return the share of customers whom the proposed rule treats, if it is small and no RATE is significantly above 0; None otherwise.

    Parameters
    ----------
    outcome : OutcomeReadout
        Readout of the outcome.
    """
    learned = outcome.learned
    if learned is None or outcome.best == NOBODY or learned.policy(outcome.best).is_constant:
        return None
    share = learned.policy(outcome.best).share
    is_confirmed = any(one.rate.effect.low > 0 for one in learned.heterogeneity)
    return None if share >= _SMALL_SHARE or is_confirmed else share


def heterogeneity_sentence(found: ArmHeterogeneity, unit: str) -> str:
    """State whether the effect of an arm is shown to differ between customers, and by how much.

    Parameters
    ----------
    found : ArmHeterogeneity
        Tests of the arm.
    unit : str
        Unit of the outcome.
    """
    test, noun = found.test, _FIFTH.get(len(found.test.groups), "group")
    how = f"{p_phrase(found.p_adjusted)}; {test.learner}-learner, {test.splits} folds"
    spread = format_estimate(test.spread.estimate, test.spread.low, test.spread.high, unit)
    ends = " and ".join(
        f"{which} {noun} {format_estimate(group.effect.estimate, group.effect.low, group.effect.high, unit)}"
        for which, group in (("best", test.groups[0]), ("worst", test.groups[-1]))
    )
    if not found.is_proven:
        return (
            f"Heterogeneity is not proven for '{found.arm}' ({how}): no ranking of customers can be relied on. Best minus worst {noun} "
            f"{spread}."
        )
    size = ", but small" if found.is_small else ""
    gains = f" Every {noun} gains." if found.every_group_gains else ""
    return f"Heterogeneity is proven{size} for '{found.arm}' ({how}): {ends}; difference {spread}.{gains}{_others(found)}"


def rate_sentence(found: ArmHeterogeneity, unit: str) -> str:
    """State the rank-weighted average treatment effect and its test, which does not decide whether heterogeneity is proven.

    Parameters
    ----------
    found : ArmHeterogeneity
        Tests of the arm.
    unit : str
        Unit of the outcome.
    """
    effect = format_estimate(found.rate.effect.estimate, found.rate.effect.low, found.rate.effect.high, unit)
    how = f"{found.test.learner}-learner, fitted on one half and tested on the other"
    return f"RATE (AUTOC) for '{found.arm}': {effect}, {p_phrase(found.rate.p)} ({how})."


def _others(found: ArmHeterogeneity) -> str:
    proven = [test.learner for test in found.others if test.is_proven]
    missed = [test.learner for test in found.others if not test.is_proven]
    parts = ([f"also shown by {', '.join(proven)}"] if proven else []) + ([f"not by {', '.join(missed)}"] if missed else [])
    return f" It is {'; '.join(parts)}." if parts else ""


def assumption_sentences(outcome: OutcomeReadout) -> list[str]:
    """Return the assumptions behind the values of policies.

    Parameters
    ----------
    outcome : OutcomeReadout
        Readout of the outcome.
    """
    costs = ", ".join(f"'{arm.arm}' {cost:g}" for arm, cost in zip(outcome.effects.arms, outcome.costs, strict=True) if cost)
    value = (
        f"Given: one unit of {outcome.name} is worth {outcome.value:g}."
        if outcome.is_money
        else f"Assumed: policies are valued in the unit of {outcome.name} (no `value` is given)."
    )
    return [value, f"Given: cost per customer: {costs}." if costs else "Assumed: treatment costs nothing (no `cost` is given)."]
