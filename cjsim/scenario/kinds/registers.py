"""Protocols through which kinds are checked and compiled. The compiler and the validation code implement them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple, Protocol

from cjsim.kernels.codes import DistributionCode
from cjsim.yaml.paths import Fault, KeyPath

RecordFields = dict[str, Any]  # fields of a record of `kernels.world`; missing fields are 0
LocalTimes = Callable[..., list[float]]  # (range of days since the start, start=date): local times in days since midnight of day 0
PendingIndex = tuple[RecordFields, str]  # a record, and the field that will hold the index of the next record


def span_fields(name: str, span: tuple[int, int]) -> RecordFields:
    """Return the fields `NAME_first` and `NAME_count` of a record."""
    return {f"{name}_first": span[0], f"{name}_count": span[1]}


class DistributionRecord(NamedTuple):
    """Fields of a DISTRIBUTION record, in the order of the record."""

    kind: DistributionCode = DistributionCode.NEVER
    table: int = 0
    length: int = 0
    stride: int = 0
    scale: float = 0.0
    a: float = 0.0


class QuantileRegister(Protocol):
    """Tables of the quantile functions of one scenario."""

    def gamma(self, shape: float) -> tuple[int, int]:
        """Return the first knot and the length of the table for a gamma distribution with scale 1."""

    def beta(self, alpha: float, beta: float) -> tuple[int, int] | None:
        """Return the first knot and the length of the table for a beta distribution's odds. None if no table is accurate enough."""

    def steps(self, values: tuple[float, ...], weights: tuple[float, ...] | None) -> tuple[int, int]:
        """Return the first knot and the length of the table for an empirical distribution."""


class Registers(Protocol):
    """Assigns codes, random streams, slots and tables to the parts of a scenario."""

    start: date  # day 0
    begins: float  # days from day 0 to the beginning of the simulation, 0 or negative
    horizon: float  # days from the start to the end

    @property
    def tables(self) -> QuantileRegister:
        """Tables of quantile functions."""

    def code(self, kind: str, name: str) -> int:
        """Return the code of a name, given its kind, such as `event` or `channel`."""

    def stream(self, name: str) -> int:
        """Return the random stream with this name."""

    def new_slot(self) -> int:
        """Reserve an index in `CustomerState.decision_counts`."""

    def trait_column(self, reference: str) -> int:
        """Return the column of a trait, `1/trait` or `1-trait`."""

    def factor_span(self, references: Iterable[str]) -> tuple[int, int]:
        """Append trait columns used as factors. Returns their first index and count in `World.factors`."""

    @property
    def local_days(self) -> range:
        """Days of all local calendars that the simulation can reach, as numbers of days since the start."""

    def occurrences(self, local_times: LocalTimes, time_zone: str) -> tuple[int, int, int]:
        """Append the occurrences of something that recurs in local time to `World.schedule`.

        `time_zone` states whose local time counts. Returns the first index, the count, and the stride from one time zone to the next.
        """

    def branch(self, event: str, name: str) -> int:
        """Return the code of a named branch of an event's `choose`."""

    def condition(self, text: str | None) -> int:
        """Return the index of the first record of a policy condition, or -1 if there is none."""

    def experiment(self, name: str, cumulative_shares: Mapping[str, float], idle_arms: Iterable[str]) -> int:
        """Register an experiment with the cumulative shares of its arms. Returns the index of the moment of a customer's first exposure.

        `idle_arms` are the arms whose steps do nothing to a customer.
        """

    def channel_mask(self, channels: Iterable[str]) -> int:
        """Return the bit mask of channels; all bits are set if the list is empty."""

    def reserve(self, state: str, count: int) -> int:
        """Reserve consecutive slots in an array of `CustomerState`. Returns the first."""


class Chain(Protocol):
    """Linked records under construction."""

    @property
    def registers(self) -> Registers:
        """Codes, streams and tables."""

    def add(self, record: RecordFields) -> list[PendingIndex]:
        """Append a record. Returns the field to be set to the index of the next record."""

    def resume(self, pending: Iterable[PendingIndex]) -> None:
        """Link pending fields to the record that is appended next."""


class DeclaredEvent(Protocol):
    """An event of a journey, as seen by the checks of other parts."""

    @property
    def observed(self) -> bool:
        """Whether the firm observes it."""


class DeclaredTrait(Protocol):
    """The distribution of a trait, as seen by the checks of factors."""

    def support(self) -> tuple[float, float]:
        """Return the smallest and the largest possible value."""


class DeclaredJourney(Protocol):
    """A journey, as seen by the checks of its parts and of policies."""

    @property
    def events(self) -> Mapping[str, DeclaredEvent]:
        """Events by name."""

    @property
    def traits(self) -> Mapping[str, DeclaredTrait]:
        """Traits by name."""

    def names(self, kind: str) -> Collection[str]:
        """Return the names of a kind such as `stage` or `channel`."""


class PolicyNames(Protocol):
    """The names that a policy may use with its journey."""

    @property
    def journey(self) -> DeclaredJourney:
        """The journey."""

    def observed_faults(self, path: KeyPath, kind: str, name: str) -> Iterator[Fault]:
        """Yield a fault if a stage or an event does not exist or the firm does not observe it."""
