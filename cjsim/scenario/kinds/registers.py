"""What the kinds of a family may ask when they are checked and compiled; the compiler and the checks implement these protocols."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from cjsim.kernels.codes import DistributionCode
from cjsim.yaml.paths import Fault, KeyPath

RecordFields = dict[str, Any]  # the fields of a record of `kernels.world`; the others are 0
PendingIndex = tuple[RecordFields, str]  # a record and its field that will hold the index of the next record


class DistributionRecord(NamedTuple):
    """The fields of a DISTRIBUTION record, in its order."""

    kind: DistributionCode = DistributionCode.NEVER
    table: int = 0
    length: int = 0
    pad: int = 0
    scale: float = 0.0
    a: float = 0.0


class QuantileRegister(Protocol):
    """The tables of quantile functions of one scenario."""

    def gamma(self, shape: float) -> tuple[int, int]:
        """First knot and length of the table of a gamma distribution with scale 1."""

    def beta(self, alpha: float, beta: float) -> tuple[int, int] | None:
        """First knot and length of the table of the odds of a beta distribution; None if a table would not be accurate enough."""

    def steps(self, values: tuple[float, ...], weights: tuple[float, ...] | None) -> tuple[int, int]:
        """First knot and length of the table of an empirical distribution."""


class Registers(Protocol):
    """Assigns codes, streams, slots and tables to what a scenario declares."""

    @property
    def tables(self) -> QuantileRegister:
        """Tables of quantile functions."""

    def code(self, kind: str, name: str) -> int:
        """The code of a name of a kind, such as `event` or `channel`."""

    def stream(self, name: str) -> int:
        """The random stream of a name."""

    def new_slot(self) -> int:
        """A new index in `CustomerState.decision_counts`."""

    def trait_column(self, reference: str) -> int:
        """The column of a trait, `1/trait` or `1-trait`."""

    def factor_span(self, references: Iterable[str]) -> tuple[int, int]:
        """First index and count, in `World.factors`, of trait columns that multiply something."""

    def condition(self, text: str | None) -> int:
        """The first record of a policy's condition; -1 for no condition."""

    def channel_mask(self, channels: Iterable[str]) -> int:
        """The bits of channels; all bits if none are named."""


class Chain(Protocol):
    """Records under construction, of which each continues with another."""

    @property
    def registers(self) -> Registers:
        """Codes, streams and tables."""

    def add(self, record: RecordFields) -> list[PendingIndex]:
        """Append a record. Returns its field that waits for the index of the next one."""

    def resume(self, pending: Iterable[PendingIndex]) -> None:
        """Let the fields that wait point to the record that is appended next."""


class DeclaredEvent(Protocol):
    """An event of a journey, as far as checks of other parts need it."""

    @property
    def observed(self) -> bool:
        """Whether the firm observes it."""


class DeclaredTrait(Protocol):
    """The distribution of a trait, as far as checks of factors need it."""

    def support(self) -> tuple[float, float]:
        """The smallest and the largest value."""


class DeclaredJourney(Protocol):
    """What a journey declares, as far as checks of its parts and of policies need it."""

    @property
    def events(self) -> Mapping[str, DeclaredEvent]:
        """Events by name."""

    @property
    def traits(self) -> Mapping[str, DeclaredTrait]:
        """Traits by name."""

    def names(self, kind: str) -> Collection[str]:
        """The names of a kind, such as `stage` or `channel`."""


class PolicyNames(Protocol):
    """The names that a policy may use under its journey."""

    @property
    def journey(self) -> DeclaredJourney:
        """What the journey declares."""

    def observed_faults(self, path: KeyPath, kind: str, name: str) -> Iterator[Fault]:
        """Yield a fault if a stage or an event does not exist, or if the firm cannot observe it."""
