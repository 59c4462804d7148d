"""Tables of a readout: effects, learners, groups, policies and required sizes."""

from dataclasses import dataclass

from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_format import format_estimate, format_relative, unit_of
from cjsim.readout.readout_verdict import policy_unit
from cjsim.uplift.p_values import p_phrase


@dataclass(frozen=True)
class ReadoutTable:
    """A table with a title and a note that explains how to read it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def outcome_tables(outcome: OutcomeReadout) -> list[ReadoutTable]:
    """Return the tables of an outcome, in reading order.

    Parameters
    ----------
    outcome : OutcomeReadout
        Readout of the outcome.
    """
    learned = [_groups(outcome), _learners(outcome)] if outcome.learned is not None else []
    sizes = [_sizes(outcome)] if outcome.sizes else []
    return [_arms(outcome), _effects(outcome), *learned, _policies(outcome), *sizes]


def _arms(outcome: OutcomeReadout) -> ReadoutTable:
    effects, unit = outcome.effects, unit_of(outcome.effects.kind)
    rows = tuple((arm.arm, f"{arm.n:,}", format_estimate(arm.mean, arm.low, arm.high, unit, is_difference=False)) for arm in effects.arms)
    missing = f" {effects.n_missing:,} rows without the outcome are left out." if effects.n_missing else ""
    return ReadoutTable(
        "Means", ("arm", "rows", "mean, 95 % interval"), rows, f"{effects.n:,} rows; {effects.kind} outcome; {effects.method}.{missing}"
    )


def _effects(outcome: OutcomeReadout) -> ReadoutTable:
    unit = unit_of(outcome.effects.kind)
    rows = tuple(
        (
            f"{effect.arm} versus {effect.versus}",
            format_estimate(effect.effect, effect.low, effect.high, unit),
            format_relative(effect.relative, effect.relative_low, effect.relative_high),
            p_phrase(effect.p).removeprefix("p ").removeprefix("= "),
            p_phrase(effect.p_adjusted).removeprefix("p ").removeprefix("= "),
        )
        for effect in outcome.effects.effects
    )
    reduction = max((effect.variance_reduction for effect in outcome.effects.effects), default=0.0)
    adjusted = f" The adjustment removes {100 * reduction:.0f} % of the variance." if reduction > 0 else ""
    note = f"p: two-sided; adjusted by Holm's method over all effects and outcomes. Relative: Fieller interval.{adjusted}"
    return ReadoutTable("Effects", ("arms", "effect, 95 % interval", "relative", "p", "adjusted p"), rows, note)


def _groups(outcome: OutcomeReadout) -> ReadoutTable:
    learned, unit = outcome.learned, unit_of(outcome.effects.kind)
    assert learned is not None
    rows = []
    proven = {one.arm: one.is_proven for one in learned.heterogeneity}
    for ranking in learned.rankings:
        for group in ranking.groups.groups:
            effect = format_estimate(group.effect.estimate, group.effect.low, group.effect.high, unit)
            word = "proven harm" if group in ranking.harmed else "" if proven[ranking.arm] else "ranking not proven"
            predicted = format_estimate(group.predicted, group.effect.low, group.effect.high, unit).partition(" [")[0]
            rows.append((f"{ranking.arm}, group {group.group}", f"{group.n:,}", predicted, effect, word))
    note = (
        f"Group 1 has the largest predicted effects, by {learned.ranked_by_fold}. Whether an individual customer would act without "
        "treatment cannot be known; only group-level results can be interpreted."
    )
    return ReadoutTable(
        "Effect by group of predicted effect", ("group", "rows", "predicted", "effect, 95 % interval", ""), tuple(rows), note
    )


def _learners(outcome: OutcomeReadout) -> ReadoutTable:
    learned, unit = outcome.learned, unit_of(outcome.effects.kind)
    assert learned is not None
    is_binary = outcome.effects.kind == "binary"
    rows = []
    for ranking in learned.rankings:
        for one in ranking.curves.learners:
            score = one.qini if is_binary else one.qini_area
            top = format_estimate(one.uplift_at_top.estimate, one.uplift_at_top.low, one.uplift_at_top.high, unit)
            rows.append((f"{ranking.arm}: {one.learner}", f"{score.estimate:+.4f} [{score.low:+.4f}, {score.high:+.4f}]", top))
    name = "Qini (scikit-uplift's qini_auc_score)" if is_binary else "Qini area (outcome per treated customer)"
    by_arm = {ranking.arm: ranking.curves.statement for ranking in learned.rankings}
    is_same = len(set(by_arm.values())) == 1
    statements = by_arm[learned.rankings[0].arm] if is_same else " ".join(f"'{arm}': {text}" for arm, text in by_arm.items())
    selected = learned.selection.chosen
    chosen = f"Lowest DR loss: {selected}." if selected == learned.ranked_by else "No learner has a lower DR loss than a constant effect."
    note = f"{statements}\n{chosen} {learned.plan.folds}-fold predictions, {learned.plan.draws} bootstrap draws, seed {learned.plan.seed}."
    return ReadoutTable("Learners", ("arm: learner", f"{name}, 95 % interval", "effect among the top 30 %"), tuple(rows), note)


def _policies(outcome: OutcomeReadout) -> ReadoutTable:
    unit, rows = policy_unit(outcome), []
    for rule, share, value, gain in outcome.policy_rows():
        over = "" if gain is None else format_estimate(gain.estimate, gain.low, gain.high, unit)
        mark = "use this" if rule == outcome.best else ""
        worth = format_estimate(value.estimate, value.low, value.high, unit, is_difference=False)
        rows.append((rule, f"{100 * share:.0f} %", worth, over, mark))
    source = (
        "from the means of the arms"
        if outcome.learned is None
        else "doubly robust, by models that have not seen the row; the learner for a fold is selected by its losses on the other folds"
    )
    over = "gain over the best constant policy" if outcome.learned is not None else ""
    note = f"Value per customer after costs, {source}. A rule is proposed only if heterogeneity is proven and its gain is clear."
    return ReadoutTable("Policies", ("rule", "treated", "value, 95 % interval", over, ""), tuple(rows), note)


def _sizes(outcome: OutcomeReadout) -> ReadoutTable:
    unit = unit_of(outcome.effects.kind)
    rows = tuple(
        (
            size.arm,
            format_estimate(size.effect, size.effect, size.effect, unit).partition(" [")[0],
            f"{size.control:,}",
            f"{size.treated:,}",
        )
        for size in outcome.sizes
    )
    first = outcome.sizes[0]
    note = f"Power {100 * first.power:.0f} %, significance level {first.alpha:.3g} (two-sided); shares and variance as in this trial."
    return ReadoutTable("Size of the next test", ("arm", "effect to detect", "rows needed in control", "rows needed in arm"), rows, note)
