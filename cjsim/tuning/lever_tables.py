"""Levers as tables in text.

Lives here: how they are written. Does not live here: their effects (levers.py), the figure (tornado.py).
"""

from typing import TYPE_CHECKING

from cjsim.metrics.tables import decimals_of, interval, layout, number

if TYPE_CHECKING:
    from cjsim.tuning.levers import Lever, Levers
    from cjsim.tuning.sobol import Share, Sobol

_MOST, _MOST_BY_COST, _UNTOUCHED = 20, 5, 8  # rows and names in a short table
_FIRST = 1000  # the highest priority; the lowest is -1000


def levers_table(found: "Levers", *, full: bool = False) -> str:
    """All that a strategist needs of a ranking: the largest effects, the most for the money, what does nothing.

    Parameters
    ----------
    found : Levers
        What is told.
    full : bool
        Every lever, whatever its effect.
    """
    touching = [lever for lever in found.levers if lever.touches]
    shown = touching if full else [lever for lever in touching if lever.found.is_clear or lever.holds][:_MOST]
    unit, decimals = found.unit, decimals_of(found.unit, [found.baseline])
    head = (
        f"{found.scenario}: {found.metric}{' ^' if found.selected else ''} ({found.title}) is {number(found.baseline, unit, decimals)};"
        f" {len(found.levers)} moves of levers, one at a time."
    )
    rows = [_row(lever, unit) for lever in shown]
    columns = ("lever", "from", "to", "effect", "95 % interval", "", "cost", "per cost", "path")
    parts = [head, layout(columns, rows) if rows else "No lever moves it beyond its interval."]
    if len(shown) < len(touching):
        parts.append(f"{len(touching) - len(shown)} further moves are not shown: smaller, or not clear of 0 (--full, --json).")
    if best := found.by_cost()[:_MOST_BY_COST]:
        parts.append("\n".join(["Largest effects for their money, of those that hold:", *(f"  {_worth(lever, unit)}" for lever in best)]))
    if found.sobol is not None:
        parts.append(_indices(found.sobol, found))
    parts += [part for part in (_untouched(found), _refused(found)) if part]
    return "\n\n".join([*parts, _caption(found)])


def _row(lever: "Lever", unit: str) -> tuple[str, ...]:
    move, effect, cost = lever.move, lever.found, lever.cost
    fine = decimals_of(unit, effect[2:5])
    span = "identical" if effect.effect == effect.low == effect.high == 0 else interval(effect.low, effect.high, unit, fine, sign=True)
    money = number(cost.effect, "money", decimals_of("money", [cost.effect]), sign=True) if cost.effect else "0"
    per = number(lever.per_cost, unit, decimals_of(unit, [lever.per_cost]), sign=True)
    mark = ("**" if lever.holds else "*" if effect.is_clear else "") + ("~" if lever.rough else "")
    value = number(effect.effect, unit, fine, sign=True)
    return (move.title, said(move.before, move.path), said(move.after, move.path), value, span, mark, money, per, move.path)


def said(value: object, path: str) -> str:
    """A value of a move in words.

    Parameters
    ----------
    value : object
        As it stands in a file.
    path : str
        Of its lever.

    Examples
    --------
    >>> said(True, "policy.flows.cart.again"), said(1000, "policy.flows.cart.priority"), said(1000, "policy.desks.help.agents")
    ('true', 'first', '1000')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) == _FIRST and path.endswith(".priority"):
        return "first" if value > 0 else "last"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value}"


def _worth(lever: "Lever", unit: str) -> str:
    move, cost = lever.move, lever.cost.effect
    effect = number(lever.found.effect, unit, decimals_of(unit, [lever.found.effect]), sign=True)
    money = number(abs(cost), "money", decimals_of("money", [cost]))
    way = f"{said(move.before, move.path)} -> {said(move.after, move.path)}"
    return f"{move.title}, {way}: {effect}, and it {'costs' if cost > 0 else 'saves'} {money} a customer"


def _indices(sobol: "Sobol", found: "Levers") -> str:
    rows = [
        (
            index.title,
            said(index.low, index.path),
            said(index.high, index.path),
            *(_share(of) for of in (index.first, index.total)),
            index.path,
        )
        for index in sobol.indices
    ]
    deviation = number(sobol.deviation, found.unit, decimals_of(found.unit, [sobol.deviation]), sign=True).lstrip("+")
    head = (
        f"All of these at once, each anywhere between its steps: {found.metric} has a standard deviation of {deviation}. Of its variance:"
    )
    note = f"{sobol.points} points, {sobol.simulations:,} simulations; 95 % intervals over points."
    table = layout(("lever", "from", "to", "alone", "with others", "path"), rows)
    return f"{head}\n\n{table}\n\n{note}"


def _share(of: "Share") -> str:
    return f"{of.value:.2f} [{of.low:.2f}, {of.high:.2f}]"


def _untouched(found: "Levers") -> str:
    names = list(
        dict.fromkeys(f"{lever.move.title} -> {said(lever.move.after, lever.move.path)}" for lever in found.levers if not lever.touches)
    )
    more = f" and {len(names) - _UNTOUCHED} more" if len(names) > _UNTOUCHED else ""
    return f"Nobody is touched by {'; '.join(names[:_UNTOUCHED])}{more}." if names else ""


def _refused(found: "Levers") -> str:
    if not found.refused:
        return ""
    return (
        f"{len(found.refused)} moves are left out, as the scenario would be wrong with them (--json says why): {'; '.join(found.refused)}."
    )


def _caption(found: "Levers") -> str:
    shares = " Customers share desks or budgets: intervals count them as if they did not." if found.shares else ""
    mix = "^ among converters, buyers, receivers or openers: a move may bring others there, so that it is one of behavior and of mix."
    return "\n".join(
        [
            *([mix] if found.selected else []),
            f"{found.customers:,} customers, seed {found.seed}, paired on the same customers.{shares}",
            f"* the 95 % interval of this effect alone excludes 0; ** also when all {len(found.levers)} are asked at once (Holm, 5 %).",
            "~ few customers make up the effect: its interval holds the truth less often than it says. More customers help.",
            "cost: money a customer, more or less than now; per cost: effect per unit of it, where it is clear.",
        ]
    )
