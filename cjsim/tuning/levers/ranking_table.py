"""Levers as tables in text.

Lives here: how they are written. Does not live here: their effects (levers.py), the figure (tornado.py).
"""

from typing import TYPE_CHECKING

from cjsim.metrics.number_format import decimal_places, format_interval, format_value
from cjsim.metrics.text_table import align_columns

if TYPE_CHECKING:
    from cjsim.tuning.levers.ranking import LeverEffect, LeverRanking
    from cjsim.tuning.levers.sobol import SobolIndices, VarianceShare

_MAX_ROWS, _MAX_COST_ROWS, _MAX_UNAFFECTED_NAMES = 20, 5, 8  # rows and names in a short table
_TOP_PRIORITY = 1000  # the highest priority; the lowest is -1000


def ranking_table(ranking: "LeverRanking", *, full: bool = False) -> str:
    """All that a strategist needs of a ranking: the largest effects, the most for the money, what does nothing.

    Parameters
    ----------
    ranking : LeverRanking
        What is told.
    full : bool
        Every lever, whatever its effect.
    """
    touching = [lever for lever in ranking.levers if lever.changes_any_customer]
    shown = (
        touching
        if full
        else [lever for lever in touching if lever.metric_effect.is_significant or lever.is_significant_after_holm][:_MAX_ROWS]
    )
    unit, decimals = ranking.unit, decimal_places(ranking.unit, [ranking.baseline])
    head = (
        f"{ranking.scenario}: {ranking.metric}{' ^' if ranking.has_selected_denominator else ''} ({ranking.title}) is {format_value(ranking.baseline, unit, decimals)};"
        f" {len(ranking.levers)} moves of levers, one at a time."
    )
    rows = [_lever_row(lever, unit) for lever in shown]
    columns = ("lever", "from", "to", "effect", "95 % interval", "", "cost", "per cost", "path")
    parts = [head, align_columns(columns, rows) if rows else "No lever moves it beyond its interval."]
    if len(shown) < len(touching):
        parts.append(f"{len(touching) - len(shown)} further moves are not shown: smaller, or not clear of 0 (--full, --json).")
    if best := ranking.by_effect_per_cost()[:_MAX_COST_ROWS]:
        parts.append(
            "\n".join(
                ["Largest effects for their money, of those that hold:", *(f"  {_effect_per_cost_line(lever, unit)}" for lever in best)]
            )
        )
    if ranking.sobol_indices is not None:
        parts.append(_sobol_section(ranking.sobol_indices, ranking))
    parts += [part for part in (_unaffected_line(ranking), _refused_line(ranking)) if part]
    return "\n\n".join([*parts, _table_caption(ranking)])


def _lever_row(lever: "LeverEffect", unit: str) -> tuple[str, ...]:
    move, effect, cost = lever.move, lever.metric_effect, lever.cost_effect
    fine = decimal_places(unit, effect[2:5])
    span = (
        "identical"
        if effect.effect == effect.low == effect.high == 0
        else format_interval(effect.low, effect.high, unit, fine, is_difference=True)
    )
    money = format_value(cost.effect, "money", decimal_places("money", [cost.effect]), is_difference=True) if cost.effect else "0"
    per = format_value(lever.effect_per_cost, unit, decimal_places(unit, [lever.effect_per_cost]), is_difference=True)
    mark = ("**" if lever.is_significant_after_holm else "*" if effect.is_significant else "") + (
        "~" if lever.has_unreliable_interval else ""
    )
    value = format_value(effect.effect, unit, fine, is_difference=True)
    return (
        move.title,
        move_value_text(move.before, move.path),
        move_value_text(move.after, move.path),
        value,
        span,
        mark,
        money,
        per,
        move.path,
    )


def move_value_text(value: object, path: str) -> str:
    """A value of a move in words.

    Parameters
    ----------
    value : object
        As it stands in a file.
    path : str
        Of its lever.

    Examples
    --------
    >>> move_value_text(True, "policy.flows.cart.again"), move_value_text(1000, "policy.flows.cart.priority"), move_value_text(1000, "policy.desks.help.agents")
    ('true', 'first', '1000')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) == _TOP_PRIORITY and path.endswith(".priority"):
        return "first" if value > 0 else "last"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value}"


def _effect_per_cost_line(lever: "LeverEffect", unit: str) -> str:
    move, cost = lever.move, lever.cost_effect.effect
    effect = format_value(lever.metric_effect.effect, unit, decimal_places(unit, [lever.metric_effect.effect]), is_difference=True)
    money = format_value(abs(cost), "money", decimal_places("money", [cost]))
    way = f"{move_value_text(move.before, move.path)} -> {move_value_text(move.after, move.path)}"
    return f"{move.title}, {way}: {effect}, and it {'costs' if cost > 0 else 'saves'} {money} a customer"


def _sobol_section(sobol_indices: "SobolIndices", ranking: "LeverRanking") -> str:
    rows = [
        (
            index.title,
            move_value_text(index.low, index.path),
            move_value_text(index.high, index.path),
            *(_share_text(of) for of in (index.first_order, index.total_order)),
            index.path,
        )
        for index in sobol_indices.indices
    ]
    deviation = format_value(
        sobol_indices.standard_deviation, ranking.unit, decimal_places(ranking.unit, [sobol_indices.standard_deviation]), is_difference=True
    ).lstrip("+")
    head = (
        f"All of these at once, each anywhere between its steps: {ranking.metric} has a standard deviation of {deviation}. Of its variance:"
    )
    note = f"{sobol_indices.points} points, {sobol_indices.simulations:,} simulations; 95 % intervals over points."
    table = align_columns(("lever", "from", "to", "alone", "with others", "path"), rows)
    return f"{head}\n\n{table}\n\n{note}"


def _share_text(share: "VarianceShare") -> str:
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _unaffected_line(ranking: "LeverRanking") -> str:
    names = list(
        dict.fromkeys(
            f"{lever.move.title} -> {move_value_text(lever.move.after, lever.move.path)}"
            for lever in ranking.levers
            if not lever.changes_any_customer
        )
    )
    more = f" and {len(names) - _MAX_UNAFFECTED_NAMES} more" if len(names) > _MAX_UNAFFECTED_NAMES else ""
    return f"Nobody is touched by {'; '.join(names[:_MAX_UNAFFECTED_NAMES])}{more}." if names else ""


def _refused_line(ranking: "LeverRanking") -> str:
    if not ranking.refusal_reasons:
        return ""
    return f"{len(ranking.refusal_reasons)} moves are left out, as the scenario would be wrong with them (--json says why): {'; '.join(ranking.refusal_reasons)}."


def _table_caption(ranking: "LeverRanking") -> str:
    shares = " Customers share desks or budgets: intervals count them as if they did not." if ranking.has_shared_resources else ""
    mix = "^ among converters, buyers, receivers or openers: a move may bring others there, so that it is one of behavior and of mix."
    return "\n".join(
        [
            *([mix] if ranking.has_selected_denominator else []),
            f"{ranking.customers:,} customers, seed {ranking.seed}, paired on the same customers.{shares}",
            f"* the 95 % interval of this effect alone excludes 0; ** also when all {len(ranking.levers)} are asked at once (Holm, 5 %).",
            "~ few customers make up the effect: its interval holds the truth less often than it says. More customers help.",
            "cost: money a customer, more or less than now; per cost: effect per unit of it, where it is clear.",
        ]
    )
