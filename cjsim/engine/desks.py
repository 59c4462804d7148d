"""Desks in SimPy: who waits for whom, for how long, and how it ends. Both engines send their customers to these same desks.

Lives here: queues, staff, patience, escalation, and a door for experiments that bring their own requests. Does not live here: what is drawn
for a customer (model/asking.py), what an answer does to it (model/replying.py).

A desk is a `simpy.PriorityResource` with room for its largest staff. Who is off duty holds places in it like a customer, asks for them
before all customers, and so gets each when a conversation ends: nobody is sent away in the middle of one.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.resources.resource import PriorityRequest, PriorityResource, SortedQueue
from simpy.resources.resource import Request as SimpyRequest

from cjsim.engine.calendar import Calendar, Level
from cjsim.model.codes import Reply
from cjsim.model.plan import Floats
from cjsim.model.programs import SLACK
from cjsim.model.rotas import Post, Rota

_Key = tuple[float, float, int]
_OFF_DUTY: _Key = (-math.inf, 0.0, 0)  # before all customers
_BY_KEY = attrgetter("key")
NEVER_ANSWERED = -1  # in `Served.reply`


class Answer(NamedTuple):
    """How a request ended: the fields of an `ANSWER` record."""

    time: float  # days: when the conversation, or patience, ended
    waited: float  # days
    service: float  # days
    reply: Reply
    desk: int  # where


class Request:
    """Someone who asks a desk."""

    __slots__ = ("asked", "desk", "key", "ordinal", "patience", "place", "rank", "who")

    def __init__(self, who: Any, key: int, desk: int, *, asked: float, priority: float, patience: float, ordinal: int = 0) -> None:
        self.who = who  # for whoever is told of the answer
        self.key = key
        self.desk = desk  # that was asked
        self.asked = asked  # days
        self.rank = -priority
        self.patience = patience  # days
        self.ordinal = ordinal
        self.place: _Place | None = None  # where it waits or is answered


ServiceOf = Callable[[Request, int], float]  # days that a request takes at a desk
Tell = Callable[[Request, Answer], None]


class _Line(SortedQueue):
    """A queue in the order of keys: SimPy's own sorts all anew for each who comes."""

    def append(self, item: Any) -> None:
        insort(self, item, key=_BY_KEY)

    def remove(self, item: Any) -> None:
        at = bisect_left(self, item.key, key=_BY_KEY)
        while self[at] is not item:
            at += 1
        del self[at]


class _Staff(PriorityResource):
    """The people of one desk."""

    PutQueue = _Line


class _Place(PriorityRequest):
    """A place in the queue of a desk, and then with one of its people."""

    key: Any

    def __init__(self, staff: _Staff, desk: "_Desk", key: _Key) -> None:
        self.key = key
        self.desk = desk
        SimpyRequest.__init__(self, staff)


class _Desk:
    """One desk: its people, and who of them is off duty."""

    def __init__(self, desks: "Desks", code: int, post: Post) -> None:
        self.code = code
        self.post = post
        self._desks = desks
        self._most = max(post.rota.staff, default=0) or 1  # SimPy wants somebody
        self._staff = _Staff(desks.calendar, self._most)
        self._away = [_Place(self._staff, self, _OFF_DUTY) for _ in range(self._most)]
        self._next_shift = 0
        self._await_shift()

    def _await_shift(self) -> None:
        if self._next_shift < len(self.post.rota.times):
            self._desks.calendar.at(self.post.rota.times[self._next_shift], Level.SHIFT, self._change_shift)

    def _change_shift(self, _: simpy.Event) -> None:
        """People come, or go when their conversation is over."""
        away = self._most - self.post.rota.staff[self._next_shift]
        while len(self._away) < away:
            self._away.append(_Place(self._staff, self, _OFF_DUTY))
        while len(self._away) > away:
            self.leave(self._away.pop())
        self._next_shift += 1
        self._await_shift()

    def leave(self, place: _Place) -> None:
        """A conversation is over, or whoever waited waits no more."""
        if place.triggered:
            self._staff.release(place)
        else:
            place.cancel()

    def enter(self, request: Request) -> None:
        """Someone comes: is answered at once, or waits."""
        is_new = request.place is None
        place = request.place = _Place(self._staff, self, (request.rank, request.asked, request.key))
        if place.triggered:
            self._begin(request, place)
            return
        desks, calendar = self._desks, self._desks.calendar
        place.callbacks.append(lambda _: self._begin(request, place))
        if is_new and request.patience < math.inf:
            calendar.at(request.asked + request.patience, Level.PATIENCE, lambda _: desks.give_up(request))
        if self.post.to >= 0:
            calendar.at(calendar.now + self.post.after, Level.ESCALATION, lambda _: self._hand_over(request, place))

    def _begin(self, request: Request, place: _Place) -> None:
        """A conversation begins; it is known when it will end."""
        desks, now = self._desks, self._desks.calendar.now
        service, waited = desks.service_of(request, self.code), now - request.asked
        in_time = waited <= desks.posts[request.desk].sla + SLACK
        desks.calendar.at(now + service, Level.END, lambda _: self.leave(place))
        desks.tell(request, Answer(now + service, waited, service, Reply.IN_TIME if in_time else Reply.LATE, self.code))

    def _hand_over(self, request: Request, place: _Place) -> None:
        """Who has waited long enough goes to another desk."""
        if request.place is place and not place.triggered:
            self.leave(place)
            self._desks.come(request, self.post.to)


class Desks:
    """All desks of a firm."""

    def __init__(self, calendar: Calendar, posts: Sequence[Post], *, service_of: ServiceOf, tell: Tell) -> None:
        self.calendar = calendar
        self.posts = posts
        self.service_of = service_of
        self.tell = tell
        self._desks = [_Desk(self, code, post) for code, post in enumerate(posts)]
        self._coming: list[tuple[_Key, int, Request]] = []

    def ask(self, request: Request) -> None:
        """Someone asks now; `tell` is called when it is known how that ends.

        Parameters
        ----------
        request : Request
            Of this instant.
        """
        self.come(request, request.desk)

    def come(self, request: Request, desk: int) -> None:
        """Someone comes to a desk: with all others of this instant, in the order in which they would wait.

        Parameters
        ----------
        request : Request
            Who.
        desk : int
            Where to.
        """
        if not self._coming:
            self.calendar.at(self.calendar.now, Level.ARRIVAL, self._let_in)
        self._coming.append(((request.rank, request.asked, request.key), desk, request))

    def give_up(self, request: Request) -> None:
        """Patience has ended: who still waits is gone.

        Parameters
        ----------
        request : Request
            Whose.
        """
        place = request.place
        if place is not None and not place.triggered:
            place.cancel()
            request.place = None
            now = self.calendar.now
            self.tell(request, Answer(now, now - request.asked, 0.0, Reply.UNANSWERED, place.desk.code))

    def _let_in(self, _: simpy.Event) -> None:
        coming, self._coming = self._coming, []
        coming.sort(key=itemgetter(0))
        for _key, desk, request in coming:
            self._desks[desk].enter(request)


class Served(NamedTuple):
    """What became of requests to one desk, in their order."""

    waited: Floats  # days until an answer began, or patience ended; nan: still waiting
    ended: Floats  # days: when the conversation, or patience, ended
    reply: NDArray[np.int8]  # `Reply`; NEVER_ANSWERED: still waiting when everybody had gone


def serve(
    rota: Rota, arrivals: Floats, service: Floats, patience: Floats | None = None, *, priority: Floats | None = None, sla: float = math.inf
) -> Served:
    """Let one desk serve requests that are given with their times.

    Parameters
    ----------
    rota : Rota
        Its people.
    arrivals : ndarray of float64, shape (n,), days
        When each asks, ascending.
    service : ndarray of float64, shape (n,), days
        How long each conversation is.
    patience : ndarray of float64, shape (n,), days, optional
        How long each would wait; without end if not given.
    priority : ndarray of float64, shape (n,), optional
        Higher goes first; all the same if not given.
    sla : float, days
        An answer that begins later is late.

    Returns
    -------
    Served

    Examples
    --------
    >>> import numpy as np
    >>> serve(Rota((0.0,), (1,)), np.array([0.0, 0.5]), np.array([2.0, 1.0])).waited
    array([0. , 1.5])
    """
    count = len(arrivals)
    served = Served(np.full(count, np.nan), np.full(count, np.nan), np.full(count, NEVER_ANSWERED, np.int8))

    def tell(request: Request, answer: Answer) -> None:
        """Note an answer."""
        served.waited[request.key], served.ended[request.key], served.reply[request.key] = answer.waited, answer.time, answer.reply

    calendar = Calendar(math.inf)
    desks = Desks(calendar, [Post(rota, sla)], service_of=lambda request, _: float(service[request.key]), tell=tell)

    def arrive(n: int) -> None:
        """Let one ask, and the next be waited for."""
        patient = math.inf if patience is None else float(patience[n])
        rank = 0.0 if priority is None else float(priority[n])
        desks.ask(Request(None, n, 0, asked=calendar.now, priority=rank, patience=patient))
        if n + 1 < count:
            calendar.at(float(arrivals[n + 1]), Level.LIFE, lambda _: arrive(n + 1))

    if count:
        calendar.at(float(arrivals[0]), Level.LIFE, lambda _: arrive(0))
    calendar.run()
    return served
