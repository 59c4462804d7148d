"""The interface of a user process to a simulation on the readable engine."""

import operator
from collections.abc import Callable, Mapping
from datetime import date
from numbers import Real
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
    """A read-only, live view of one customer. Attributes return the state at the time of access.

    Attributes
    ----------
    key : int
        Customer key. A customer has the same key in every run with the same seed.
    entered : float
        Time of entry, in days since the start.
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
        """Persona of the customer, which the firm does not observe."""
        return self._names.personas[int(self._record["persona"])]

    @property
    def stage(self) -> str:
        """Current stage."""
        return self._names.stages[int(self._record["stage"])]

    @property
    def observed_stage(self) -> str | None:
        """Last stage that the firm observed; None before the first observation."""
        stage = int(self._record["observed_stage"])
        return self._names.stages[stage] if stage >= 0 else None

    @property
    def satisfaction(self) -> float:
        """Current satisfaction, in [0, 1]."""
        return self._decayed(satisfaction_now)

    @property
    def pressure(self) -> float:
        """Current contact pressure: recent contacts, weighted by exponential decay."""
        return self._decayed(pressure_now)

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the customer."""
        return _names_where(self._names.tags, self._process.state.tags == 1)

    @property
    def consent(self) -> frozenset[str]:
        """Channels on which the customer consents to be contacted."""
        return _names_where(self._names.channels, self._process.state.channels["consent"] == 1)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Level of each attribute, keyed by attribute name."""
        codes = self._process.population.attributes[self._process.index]
        levels = self._names.attributes.items()
        return MappingProxyType({name: labels[int(code)] for (name, labels), code in zip(levels, codes, strict=False)})

    @property
    def purchases(self) -> int:
        """Number of purchases so far."""
        return int(self._record["purchases"])

    @property
    def revenue(self) -> float:
        """Revenue from the customer so far, in the scenario's currency."""
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
        """Desk that the customer is waiting for or talking to; None if the customer has no open request."""
        desk = int(self._record["desk"])
        return self._names.desks[desk] if desk >= 0 else None

    def count(self, event: str) -> int:
        """Return how many times a journey event has occurred for the customer.

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
        """Return a decaying quantity at the current time. The state holds its value at the customer's last event."""
        process, record = self._process, self._process.state.customer[0]
        last = float(record.now)
        record.now = max(last, process.environment.calendar.now)
        try:
            return float(getattr(rule, "py_func", rule)(process.environment.plan.world, process.state))
        finally:
            record.now = last


class RunningSimulation:
    """The interface of one user process to a simulation on the readable engine.

    Times are in days since the start. A process resumes after all other events due at the same time. Simultaneous processes resume in the
    order in which they were passed to `simulate`.

    Parameters
    ----------
    environment : SharedEnvironment
        Environment with all customers and desks.
    start : date
        Date of day 0.
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
        """Current time, in days since the start."""
        return float(self._environment.calendar.now)

    @property
    def horizon(self) -> float:
        """End of the simulation, in days since the start. All process generators are closed at this time."""
        return self._environment.calendar.horizon

    @property
    def seed(self) -> int:
        """Seed of the run. For reproducible results, a process should seed its own random number generator with it."""
        return self._environment.seed

    def day_of(self, day: date) -> float:
        """Return the time at which a calendar day begins, for use with `until`.

        Parameters
        ----------
        day : date
            A calendar day.

        Returns
        -------
        float
            Days since the start; negative for days before the start.
        """
        return float((day - self._start).days)

    def until(self, day: float) -> simpy.Event:
        """Return an event that a process yields to wait until a given time.

        A process that waits until the horizon or later does not resume.

        Parameters
        ----------
        day : float
            Time to resume, in days since the start; must not be in the past.

        Returns
        -------
        simpy.Event

        Raises
        ------
        InputError
            If the time is in the past or not a number, or the process is stuck in a zero-time loop.
        """
        where = f"process '{self._name}'"
        if not isinstance(day, Real):
            raise InputError(format_error(where, "must wait for a number of days", short_repr(day), "Write 0.5 for 12 hours."))
        if not day >= self.now:
            must, remedy = f"must wait until the current time, day {self.now:g}, or later", "Pass a time that is not in the past."
            raise InputError(format_error(where, must, short_repr(day), remedy))
        self._count_events(where, day)
        calendar = self._environment.calendar
        return calendar.event_at(float(day), self._priority) if day < calendar.horizon else calendar.event()

    def timeout(self, days: float) -> simpy.Event:
        """Return an event that a process yields to wait for some days.

        A process that waits until the horizon or later does not resume.

        Parameters
        ----------
        days : float
            Duration of the wait, in days; at least 0.

        Returns
        -------
        simpy.Event

        Raises
        ------
        InputError
            If the duration is negative or not a number, or the process is stuck in a zero-time loop.
        """
        return self.until(self.now + days if isinstance(days, Real) else days)

    @property
    def customers(self) -> tuple[CustomerView, ...]:
        """Customers who have entered so far, sorted by key."""
        entered = [customer for customer in self._environment.customers.values() if customer.has_entered]
        return tuple(self._view(customer) for customer in sorted(entered, key=operator.attrgetter("key")))

    @property
    def desks(self) -> Mapping[str, DeskLoad]:
        """Current load of each desk, keyed by desk name: waiting customers, agents in a conversation, and agents on duty."""
        names = self._environment.plan.codebook.desks
        return MappingProxyType({name: self._environment.desks.load(desk) for desk, name in enumerate(names)})

    def fire(self, customer: CustomerView, event: str) -> None:
        """Fire a journey event for a customer at the current time, as the effect `fire` does.

        The event triggers its effects, flows and log rows under the rules of the journey and the policy, before any process resumes.
        Several events for one customer occur in the order in which they were fired. If only processes cause an event, declare it with
        `wait: never`.

        Parameters
        ----------
        customer : CustomerView
            A customer of this simulation.
        event : str
            Name of the event.

        Raises
        ------
        InputError
            If the journey has no such event, the customer belongs to another simulation, or the process is stuck in a zero-time loop.
        """
        where = f"process '{self._name}'"
        index = _event_index(self._environment, event)
        process = self._environment.customers.get(customer.key) if isinstance(customer, CustomerView) else None
        if process is None or customer._process is not process:
            remedy = "Pass a customer from simulation.customers."
            raise InputError(format_error(where, "must fire events for customers of its own simulation", short_repr(customer), remedy))
        if len(process.events_to_fire) >= MAX_EVENTS_AT_ONE_TIME:
            raise _zero_time_error(where, f"{MAX_EVENTS_AT_ONE_TIME:,} events fired for customer {customer.key} on day {self.now:g}")
        process.fire(index)

    def _view(self, customer: CustomerProcess) -> CustomerView:
        """Return the view of a customer, and create it on first use."""
        if customer.key not in self._views:
            self._views[customer.key] = CustomerView(customer)
        return self._views[customer.key]

    def _count_events(self, where: str, day: float) -> None:
        """Raise if the process repeatedly waits until the current time."""
        self._n_events_now = self._n_events_now + 1 if self._last_time == self.now == day else 0
        self._last_time = self.now
        if self._n_events_now > MAX_EVENTS_AT_ONE_TIME:
            raise _zero_time_error(where, f"{self._n_events_now:,} waits of 0 days on day {self.now:g}")


def _event_index(environment: SharedEnvironment, event: str) -> int:
    """Return the index of a journey event."""
    events = environment.plan.codebook.events[N_TOUCH_CODES:]
    if event not in events:
        raise InputError(format_error("event", *unknown_name_parts(event, events, "event")))
    return events.index(event)


def _names_where(names: tuple[str, ...], is_chosen: Array) -> frozenset[str]:
    return frozenset(name for name, chosen in zip(names, is_chosen, strict=False) if chosen)


def _zero_time_error(where: str, got: str) -> InputError:
    return InputError(format_error(where, "must advance time", got, "Yield simulation.timeout(days) with days above 0 in the loop."))
