"""A lever ranking as text tables."""

from collections.abc import Sequence

from cjsim.metrics.number_format import (
    MONEY_UNIT,
    decimal_places,
    estimate_decimals,
    format_interval,
    format_value,
    unit_in_text,
    with_unit,
)
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.scenario.phrases import join_items
from cjsim.tuning.levers.ranking_data import LeverEffect, RankingData, is_negligible
from cjsim.tuning.levers.sobol_indices import SobolIndices, VarianceShare
from cjsim.tuning.levers.titles import move_value_text

_LEVER_COLUMNS = ("lever", "from", "to", "effect", "95 % interval", "", "cost", "per cost", "profit", "path")
_OPTIONAL_COLUMNS = ("path", "per cost", "cost", "profit")  # left out, in this order, where the terminal is narrow
_PROFIT_COLUMN = _LEVER_COLUMNS.index("profit")
_MAX_ROWS, _MAX_COST_ROWS, _MAX_UNAFFECTED_NAMES = 20, 5, 8  # in the short table


def ranking_table(ranking: RankingData, *, full: bool = False) -> str:
    """Format a ranking: the largest effects, the largest effects per unit of cost, and the moves without an effect.

    Parameters
    ----------
    ranking : RankingData
        The ranking.
    full : bool
        Whether to list all moves that change any customer. By default, only the largest significant ones are listed.

    Returns
    -------
    str
        Paragraphs separated by blank lines.
    """
    effective = [lever for lever in ranking.levers if lever.changes_any_amount]
    noticeable = [lever for lever in effective if not is_negligible(lever.metric_effect)]
    significant = [lever for lever in noticeable if lever.metric_effect.is_significant or lever.is_significant_after_holm]
    shown = effective if full else significant[:_MAX_ROWS]
    table = _lever_table(ranking, shown)
    parts = [_heading(ranking), table if shown else "No move has a significant effect."]
    if hidden := len(effective) - len(shown):
        more = "1 more move has a smaller effect" if hidden == 1 else f"{hidden} more moves have smaller effects"
        parts.append(f"{more} or no significant effect (use `full` or `to_json` to show all).")
    if best := ranking.by_effect_per_cost()[:_MAX_COST_ROWS]:
        lines = (f"  {_effect_per_cost_line(lever, ranking)}" for lever in best)
        parts.append("\n".join(["Best for their cost, among significant improvements (**):", *lines]))
    if growing := ranking.growing_moves()[:_MAX_COST_ROWS]:
        lines = (f"  {_growth_line(lever, ranking)}" for lever in growing)
        parts.append("\n".join([f"These moves lower {ranking.metric} per customer through growth, but raise total profit:", *lines]))
    if ranking.sobol_indices is not None:
        parts.append(_sobol_section(ranking.sobol_indices, ranking))
    parts += [part for part in (*_unaffected_lines(ranking), _refused_line(ranking)) if part]
    return "\n\n".join([part if part is table else wrap_lines(part) for part in [*parts, _table_caption(ranking)]])


def _heading(ranking: RankingData) -> str:
    mark = " ^" if ranking.has_selected_denominator else ""
    number = format_value(ranking.baseline, ranking.unit, decimal_places(ranking.unit, [ranking.baseline]))
    baseline = with_unit(number, ranking.unit, ranking.currency)
    return f"{ranking.scenario}: {ranking.metric}{mark} ({ranking.title}) is {baseline}. {len(ranking.levers)} lever moves, one at a time:"


def _lever_table(ranking: RankingData, shown: Sequence[LeverEffect]) -> str:
    """Return the table of moves. Profit is shown where customers can be acquired or referred."""
    rows = [_lever_row(lever, ranking.unit) for lever in shown]
    chosen = [i for i in range(len(_LEVER_COLUMNS)) if ranking.has_new_customers or i != _PROFIT_COLUMN]
    return align_columns([_LEVER_COLUMNS[i] for i in chosen], [[row[i] for i in chosen] for row in rows], optional=_OPTIONAL_COLUMNS)


def _growth_line(lever: LeverEffect, ranking: RankingData) -> str:
    """Describe a move that lowers the mean but raises profit."""
    profit, currency = lever.profit_effect, ranking.currency
    decimals = estimate_decimals(MONEY_UNIT, profit[2:5])
    interval = format_interval(profit.low, profit.high, MONEY_UNIT, decimals, is_difference=True)
    amount = with_unit(format_value(profit.effect, MONEY_UNIT, decimals, is_difference=True), MONEY_UNIT, currency)
    effect = with_unit(_difference_text(lever.metric_effect.effect, ranking.unit), ranking.unit, currency)
    return f"{_change_text(lever)}: {effect}, but profit {amount} {interval}"


def _change_text(lever: LeverEffect) -> str:
    move = lever.move
    return f"{move.title}, {move_value_text(move.before, move.path)} -> {move_value_text(move.after, move.path)}"


def _lever_row(lever: LeverEffect, unit: str) -> tuple[str, ...]:
    move, effect, cost = lever.move, lever.metric_effect, lever.cost_effect
    decimals = estimate_decimals(unit, effect[2:5])
    interval = "identical" if effect.is_identical else "negligible"
    if not is_negligible(effect):
        interval = format_interval(effect.low, effect.high, unit, decimals, is_difference=True, is_beside_value=True)
    stars = "" if is_negligible(effect) else "**" if lever.is_significant_after_holm else "*" if effect.is_significant else ""
    return (
        move.title,
        move_value_text(move.before, move.path),
        move_value_text(move.after, move.path),
        format_value(0.0 if is_negligible(effect) else effect.effect, unit, decimals, is_difference=True),
        interval,
        stars + ("~" if lever.has_unreliable_interval else ""),
        _difference_text(cost.effect, MONEY_UNIT) if cost.effect else "0",
        _difference_text(lever.effect_per_cost, unit),
        _difference_text(lever.profit_effect.effect, MONEY_UNIT) + ("*" if lever.profit_effect.is_significant else " "),
        move.path,
    )


def _difference_text(value: float, unit: str) -> str:
    return format_value(value, unit, decimal_places(unit, [value]), is_difference=True)


def _effect_per_cost_line(lever: LeverEffect, ranking: RankingData) -> str:
    cost = lever.cost_effect.effect
    effect = with_unit(_difference_text(lever.metric_effect.effect, ranking.unit), ranking.unit, ranking.currency)
    money = with_unit(format_value(abs(cost), MONEY_UNIT, decimal_places(MONEY_UNIT, [cost])), MONEY_UNIT, ranking.currency)
    return f"{_change_text(lever)}: {effect}, {'costs' if cost > 0 else 'saves'} {money} per customer"


def _sobol_section(sobol_indices: SobolIndices, ranking: RankingData) -> str:
    rows = []
    for index in sobol_indices.indices:
        steps = (move_value_text(value, index.path) for value in (index.low, index.high))
        rows.append((index.title, *steps, _share_text(index.first_order), _share_text(index.total_order), index.path))
    number = _difference_text(sobol_indices.standard_deviation, ranking.unit).lstrip("+")
    deviation = with_unit(number, ranking.unit, ranking.currency)
    head = (
        f"Sobol indices, with these levers varied together between their steps. {ranking.metric} has a standard deviation of {deviation}."
    )
    note = (
        "first order: share of the variance due to the lever alone; total: including its interactions with other levers.\n"
        f"{sobol_indices.points} points, {sobol_indices.simulations:,} simulations; 95 % bootstrap intervals over points."
    )
    table = align_columns(("lever", "from", "to", "first order", "total", "path"), rows)
    return f"{head}\n\n{table}\n\n{note}"


def _units_sentence(ranking: RankingData) -> str:
    """State the unit of the effects, and the currency of cost and profit."""
    unit = unit_in_text(ranking.unit, ranking.currency)
    of_effect = f" Effects are in {unit}." if unit and unit != ranking.currency else ""
    if not ranking.currency:
        return of_effect
    return (
        f" Effects, cost and profit are in {unit}."
        if unit == ranking.currency
        else f"{of_effect} Cost and profit are in {ranking.currency}."
    )


def _share_text(share: VarianceShare) -> str:
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _unaffected_lines(ranking: RankingData) -> list[str]:
    """Name the moves that change nothing, and those that change neither the metric nor any money."""
    same = [lever for lever in ranking.levers if not lever.changes_any_customer]
    same_amounts = [lever for lever in ranking.levers if lever.changes_any_customer and not lever.changes_any_amount]
    amounts = join_items(dict.fromkeys((ranking.metric, "cost", "profit")))
    return [_names_of_moves("no customer", same), _names_of_moves(f"{amounts} by less than a millionth", same_amounts)]


def _names_of_moves(affected: str, levers: Sequence[LeverEffect]) -> str:
    names = list(dict.fromkeys(f"{one.move.title} -> {move_value_text(one.move.after, one.move.path)}" for one in levers))
    more = f"; and {len(names) - _MAX_UNAFFECTED_NAMES} more" if len(names) > _MAX_UNAFFECTED_NAMES else ""
    return f"Moves that affect {affected}: {'; '.join(names[:_MAX_UNAFFECTED_NAMES])}{more}." if names else ""


def _refused_line(ranking: RankingData) -> str:
    refused = ranking.refusal_reasons
    if not refused:
        return ""
    skipped = "1 move was skipped because it makes" if len(refused) == 1 else f"{len(refused)} moves were skipped because they make"
    return f"{skipped} the scenario invalid (`to_json` lists the reasons): {'; '.join(refused)}."


def _table_caption(ranking: RankingData) -> str:
    shares = (
        " Customers share desks or budgets, but intervals come from one seed and treat customers as independent; they may be too narrow:"
        " confirm a lever with `compare`, which replicates."
    )
    shares = shares if ranking.has_shared_resources else ""
    mix = "^ ratio among converters, buyers, recipients or openers. A move can change who they are, not only what they do."
    return "\n".join(
        [
            *([mix] if ranking.has_selected_denominator else []),
            f"{ranking.customers:,} customers, seed {ranking.seed}, paired on the same customers.{shares}{_units_sentence(ranking)}",
            "* the 95 % interval of this effect excludes 0.",
            f"** significant at the 5 % level after Holm's correction for {len(ranking.levers)} moves.",
            "~ only a few customers account for the effect, so the interval may be too narrow. Simulate more customers.",
            "cost: change in cost per customer. per cost: effect per unit of additional cost, shown if the cost rises significantly.",
            *(["profit: change in the profit from all customers; * its interval excludes 0."] if ranking.has_new_customers else []),
            *ranking.assumptions,
            *ranking.notes,
        ]
    )
