"""What desks are asked, how soon they answer, what that costs.

Lives here: what these metrics are, and the wages that each customer bears. Does not live here: their arithmetic (estimate.py), what wages
add up to (model/wages.py).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, per_customer
from cjsim.model.codes import MINUTES_A_DAY, Reply
from cjsim.model.plan import Codebook
from cjsim.model.world import Records

_ANSWERED = (Reply.IN_TIME, Reply.LATE)


def definitions(codebook: Codebook) -> list[Definition]:
    """Metrics of desks, over all of them and by desk.

    Parameters
    ----------
    codebook : Codebook
        Names of desks.
    """
    if not codebook.desks:
        return []
    found = _of(None, "", "any desk")
    for i, desk in enumerate(codebook.desks):
        found += _of(i, f"[{desk}]", desk)
    return found


def wages_on(run: Run, desk: str | None = None, *, discounted: bool = False) -> Records | None:
    """Wages over customers: all who entered bear them alike.

    Parameters
    ----------
    run : Run
        The run.
    desk : str, optional
        Of this desk; of all, if not given.
    discounted : bool
        As they count in CLV.

    Returns
    -------
    ndarray of float64, shape (n_customers,), or None
        None if nobody was paid.
    """
    paid = [wages for name, wages in run.wages.items() if desk in (None, name)]
    money = math.fsum(wages.worth if discounted else wages.paid for wages in paid)
    if not money:
        return None
    return np.where(run.entered, money / max(int(np.count_nonzero(run.entered)), 1), 0.0)


def _of(desk: int | None, mark: str, name: str) -> list[Definition]:
    ended = f"of conversations with {name} that ended"
    found = [
        Definition(f"tickets{mark}", "requests", f"conversations asked of {name}, per customer", _asked(desk)),
        Definition(f"asked_again{mark}", "requests", f"further requests while {name} was asked, per customer", _again(desk)),
        Definition(f"sla_kept{mark}", SHARE, f"begun in the promised time, {ended}", _ended(desk, Reply.IN_TIME), selected=True),
        Definition(f"abandonment{mark}", SHARE, f"given up unanswered, {ended}", _ended(desk, Reply.UNANSWERED), selected=True),
        Definition(f"wait{mark}", "minutes", f"wait of who was answered by {name}", _wait(desk), selected=True),
        Definition(f"service{mark}", "minutes", f"minutes of {name} per customer", _service(desk)),
        Definition(f"desk_cost{mark}", "money", f"cost of conversations with {name} per customer", _cost(desk)),
        Definition(f"staff_cost{mark}", "money", f"wages of the staff of {name} per customer", _staff(name if mark else None)),
    ]
    return [replace(of, detail=desk is not None) for of in found]


def _field(run: Run, field: str, desk: int | None) -> Records:
    """A field of SERVED as float64, at a desk or over all."""
    values = run.outcomes.desks[field]
    return values[:, desk].astype(np.float64) if desk is not None else values.sum(axis=1, dtype=np.float64)


def _replies(run: Run, replies: Sequence[Reply], desk: int | None) -> Records:
    values = run.outcomes.desks["replies"][:, :, list(replies)].sum(axis=2, dtype=np.float64)
    return np.asarray(values[:, desk] if desk is not None else values.sum(axis=1))


def _asked(desk: int | None) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, _field(run, "asks", desk))


def _again(desk: int | None) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, _field(run, "joined", desk))


def _ended(desk: int | None, reply: Reply) -> Callable[[Run], Terms]:
    return lambda run: among(run, _replies(run, (reply,), desk), _replies(run, tuple(Reply), desk))


def _wait(desk: int | None) -> Callable[[Run], Terms]:
    return lambda run: among(run, MINUTES_A_DAY * _field(run, "waited", desk), _replies(run, _ANSWERED, desk))


def _service(desk: int | None) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, MINUTES_A_DAY * _field(run, "service", desk))


def _cost(desk: int | None) -> Callable[[Run], Terms]:
    def terms(run: Run) -> Terms:
        rates, served = run.desk_rates, run.outcomes.desks["service"].astype(np.float64) * MINUTES_A_DAY
        money = served * rates
        return per_customer(run, money[:, desk] if desk is not None else money.sum(axis=1))

    return terms


def _staff(desk: str | None) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, np.zeros(len(run)))._replace(spent=wages_on(run, desk), above=1.0)
