"""What a user's process sees of a simulation that runs on the readable engine, and what it can do to it."""

import operator
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import simpy

from cjsim.engine.calendar import EventPriority
from cjsim.engine.desk_queues import DeskLoad
from cjsim.engine.readable import CustomerProcess, SharedEnvironment
from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.kernels.codes import N_TOUCH_CODES
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now
from cjsim.kernels.dispatch import MAX_EVENTS_AT_ONE_TIME
from cjsim.kernels.world import Array


class CustomerView:
    """The state of one customer, as it is when an attribute is read. A process cannot change it.

    Attributes
    ----------
    key : int
        Key of the customer: the same customer has the same key in every run with the same seed.
    entered : float
        Days since the start.
    """

    def __init__(self, process: CustomerProcess) -> None:
        self._process = process
        self._names = process.environment.plan.codebook
        self.key = process.key
        self.entered = float(process.population.entered[process.index])

    def __repr__(self) -> str:
        return f"CustomerView({self.key}: {self.persona}, in {self.stage}, satisfaction {self.satisfaction:.2f})"

    @property
    def persona(self) -> str:
        """Persona, which the firm does not see."""
        return self._names.personas[int(self._record["persona"])]

    @property
    def stage(self) -> str:
        """Stage that the customer is in."""
        return self._names.stages[int(self._record["stage"])]

    @property
    def observed_stage(self) -> str | None:
        """Last stage that the firm observed; None if it has observed none."""
        stage = int(self._record["observed_stage"])
        return self._names.stages[stage] if stage >= 0 else None

    @property
    def satisfaction(self) -> float:
        """Satisfaction now, in [0, 1]."""
        return self._decayed(satisfaction_now)

    @property
    def pressure(self) -> float:
        """Recent contacts, decayed to now."""
        return self._decayed(pressure_now)

    @property
    def tags(self) -> frozenset[str]:
        """Tags that the customer has."""
        return _names_where(self._names.tags, self._process.state.tags == 1)

    @property
    def consent(self) -> frozenset[str]:
        """Channels on which the customer may be contacted."""
        return _names_where(self._names.channels, self._process.state.channels["consent"] == 1)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Level of each attribute, by its name."""
        codes = self._process.population.attributes[self._process.index]
        levels = self._names.attributes.items()
        return MappingProxyType({name: labels[int(code)] for (name, labels), code in zip(levels, codes, strict=False)})

    @property
    def purchases(self) -> int:
        """Number of purchases so far."""
        return int(self._record["purchases"])

    @property
    def revenue(self) -> float:
        """Money paid so far."""
        return float(self._record["revenue"])

    @property
    def contacts(self) -> int:
        """Number of messages delivered so far."""
        return int(self._record["contacts"])

    @property
    def opens(self) -> int:
        """Number of messages opened so far."""
        return int(self._record["opens"])

    @property
    def clicks(self) -> int:
        """Number of messages clicked so far."""
        return int(self._record["clicks"])

    @property
    def desk(self) -> str | None:
        """Desk of the conversation that the customer waits for or has; None if there is none."""
        desk = int(self._record["desk"])
        return self._names.desks[desk] if desk >= 0 else None

    def count(self, event: str) -> int:
        """Return how often an event of the journey has happened to the customer.

        Parameters
        ----------
        event : str
            Name of the event.

        Returns
        -------
        int

        Raises
        ------
        InputError
            If the journey has no such event.
        """
        return int(self._process.state.clocks["count"][_event_index(self._process.environment, event)])

    @property
    def _record(self) -> Any:
        return self._process.state.customer[0]

    def _decayed(self, rule: Callable[..., float]) -> float:
        """Return a decaying quantity at the time of the simulation: the state holds it at the customer's last event."""
        process, record = self._process, self._process.state.customer[0]
        last = float(record.now)
        record.now = max(last, process.environment.calendar.now)
        try:
            return float(getattr(rule, "py_func", rule)(process.environment.plan.world, process.state))
        finally:
            record.now = last


class RunningSimulation:
    """A simulation that runs on the readable engine, as one of the user's processes sees it.

    Times are days since the start. When a process resumes, everything else that is due at that time has happened; simultaneous processes
    resume in the order in which they were passed to `simulate`.

    Parameters
    ----------
    environment : SharedEnvironment
        All customers and desks.
    start : date
        Day 0.
    name : str
        Name of the process, for messages.
    index : int
        Position of the process in the list of processes.
    """

    def __init__(self, environment: SharedEnvironment, start: date, *, name: str, index: int) -> None:
        self._environment = environment
        self._start = start
        self._name = name
        self._priority = EventPriority.USER_PROCESS + index
        self._views: dict[int, CustomerView] = {}
        self._n_events_now = 0
        self._last_time = -1.0

    def __repr__(self) -> str:
        return f"RunningSimulation(day {self.now:g} of {self.horizon:g}, process '{self._name}')"

    @property
    def now(self) -> float:
        """Days since the start."""
        return float(self._environment.calendar.now)

    @property
    def horizon(self) -> float:
        """Days: when the simulation ends. A process is closed then, as a generator is by `close()`."""
        return self._environment.calendar.horizon

    @property
    def seed(self) -> int:
        """Seed of the run. A process that draws random numbers seeds its own generator with it, to be reproducible."""
        return self._environment.seed

    def day_of(self, day: date) -> float:
        """Return the time at which a day begins, for `until`.

        Parameters
        ----------
        day : date
            A day of the calendar.

        Returns
        -------
        float
            Days since the start; negative before it.
        """
        return float((day - self._start).days)

    def until(self, day: float) -> simpy.Event:
        """Return an event that a process yields to resume at a time; at the horizon or later, it does not resume.

        Parameters
        ----------
        day : float
            Days since the start; not before now.

        Returns
        -------
        simpy.Event

        Raises
        ------
        InputError
            If the time is past or not a number, or the process does not let time pass.
        """
        where = f"process '{self._name}'"
        if not day >= self.now:
            remedy = "Wait for now or later."
            raise InputError(format_error(where, f"must wait for a day from now on, day {self.now:g}", short_repr(day), remedy))
        self._count_events(where, day)
        calendar = self._environment.calendar
        return calendar.event_at(float(day), self._priority) if day < calendar.horizon else calendar.event()

    def timeout(self, days: float) -> simpy.Event:
        """Return an event that a process yields to resume after some days; at the horizon or later, it does not resume.

        Parameters
        ----------
        days : float
            Length of the wait, in days; at least 0.

        Returns
        -------
        simpy.Event

        Raises
        ------
        InputError
            If the wait is negative or not a number, or the process does not let time pass.
        """
        return self.until(self.now + days)

    @property
    def customers(self) -> tuple[CustomerView, ...]:
        """The customers who have entered, in the order of their keys."""
        entered = [customer for customer in self._environment.customers.values() if customer.has_entered]
        return tuple(self._view(customer) for customer in sorted(entered, key=operator.attrgetter("key")))

    @property
    def desks(self) -> Mapping[str, DeskLoad]:
        """Customers who wait, agents in a conversation and agents on duty now, by desk."""
        names = self._environment.plan.codebook.desks
        return MappingProxyType({name: self._environment.desks.load(desk) for desk, name in enumerate(names)})

    def fire(self, customer: CustomerView, event: str) -> None:
        """Let an event of the journey happen to a customer now, as the effect `fire` does.

        Its effects, flows and log rows follow by the rules of the journey and the policy, before any process resumes. Declare an event
        with `wait: never` for what only a process causes. Several events to one customer happen in the order in which they are fired.

        Parameters
        ----------
        customer : CustomerView
            A customer of this simulation.
        event : str
            Name of the event.

        Raises
        ------
        InputError
            If the journey has no such event, the customer is not one of this simulation, or the process fires without letting time pass.
        """
        where = f"process '{self._name}'"
        index = _event_index(self._environment, event)
        process = self._environment.customers.get(customer.key) if isinstance(customer, CustomerView) else None
        if process is None or customer._process is not process:
            remedy = "Take one of simulation.customers."
            raise InputError(format_error(where, "must fire events to customers of its simulation", short_repr(customer), remedy))
        if len(process.events_to_fire) >= MAX_EVENTS_AT_ONE_TIME:
            raise _zero_time_error(where, f"{MAX_EVENTS_AT_ONE_TIME:,} events fired to customer {customer.key} on day {self.now:g}")
        process.fire(index)

    def _view(self, customer: CustomerProcess) -> CustomerView:
        """Return the view of a customer, always the same one."""
        if customer.key not in self._views:
            self._views[customer.key] = CustomerView(customer)
        return self._views[customer.key]

    def _count_events(self, where: str, day: float) -> None:
        """Raise if the process waits for the current time again and again."""
        self._n_events_now = self._n_events_now + 1 if self._last_time == self.now == day else 0
        self._last_time = self.now
        if self._n_events_now > MAX_EVENTS_AT_ONE_TIME:
            raise _zero_time_error(where, f"{self._n_events_now:,} waits of length 0 on day {self.now:g}")


def _event_index(environment: SharedEnvironment, event: str) -> int:
    """Return the index of an event of the journey."""
    events = environment.plan.codebook.events[N_TOUCH_CODES:]
    if event not in events:
        raise InputError(format_error("event", *unknown_name_parts(event, events, "event")))
    return events.index(event)


def _names_where(names: tuple[str, ...], is_chosen: Array) -> frozenset[str]:
    return frozenset(name for name, chosen in zip(names, is_chosen, strict=False) if chosen)


def _zero_time_error(where: str, got: str) -> InputError:
    return InputError(format_error(where, "must let time pass", got, "Yield simulation.timeout(days) in its loop."))
