"""What the compilers of one scenario share: codes of streams, trait columns, slots, conditions and spans; rows as record arrays."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from cjsim.compiler.quantile_tables import QuantileTables
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import MAX_CHANNELS, ConditionOp
from cjsim.kernels.rng import stream_id
from cjsim.kernels.world import Array
from cjsim.scenario.condition_names import ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.kinds.registers import PendingIndex


class RandomStreams:
    """The random streams of one scenario, by name. Two names never share a stream."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def id_of(self, name: str) -> int:
        """The stream of a name.

        Raises
        ------
        InputError
            If another name of this scenario has the same hash.
        """
        stream = int(stream_id(name))
        known = self._names.setdefault(stream, name)
        if known != name:
            must = "must not share a random stream"
            raise InputError(
                format_error(f"'{known}' and '{name}'", must, f"{stream} for both", "Rename one of them; such a clash is chance.")
            )
        return stream

    def names(self) -> tuple[str, ...]:
        """All names so far, in the order of first use."""
        return tuple(self._names.values())


class DerivedTrait(NamedTuple):
    """A trait column that is computed from another column."""

    source: int
    inverse: bool  # 1/x; else 1-x


class TraitColumns:
    """Columns of traits: one for each trait in the order of declaration, then the `1/x` and `1-x` that are used."""

    def __init__(self, traits: Iterable[str]) -> None:
        self._codes = {name: code for code, name in enumerate(traits)}
        self.n_traits = len(self._codes)
        self.derived: list[DerivedTrait] = []

    def index_of(self, reference: str) -> int:
        """The column of a trait, `1/trait` or `1-trait`."""
        compact = "".join(reference.split())
        if compact not in self._codes:
            self._codes[compact] = self.n_traits + len(self.derived)
            self.derived.append(DerivedTrait(self._codes[compact[2:]], inverse=compact[1] == "/"))
        return self._codes[compact]

    def __len__(self) -> int:
        return self.n_traits + len(self.derived)


_OBSERVED_OPS = {ConditionOp.STAGE: ConditionOp.OBSERVED_STAGE}  # a policy sees the last observed stage


class ConditionTable:
    """Condition programs, one after another. Equal conditions share a program."""

    def __init__(self, of_journey: ConditionNames, of_policy: ConditionNames) -> None:
        self._names = {True: of_journey, False: of_policy}
        self._indices: dict[tuple[bool, str], int] = {}
        self.codes: list[tuple[int, int, float]] = []

    def index_of(self, condition: str | None, *, latent: bool = False) -> int:
        """Index of a condition's first record, -1 for no condition. `latent`: the condition belongs to the journey."""
        if condition is None:
            return -1
        key = (latent, condition)
        if key not in self._indices:
            self._indices[key] = len(self.codes)
            program = parse_condition(condition, self._names[latent])
            self.codes += program if latent else [(_OBSERVED_OPS.get(ConditionOp(op), op), arg, x) for op, arg, x in program]
        return self._indices[key]


class SpanTable:
    """Items of one kind in consecutive spans, each given by first index and count."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def add(self, items: Iterable[Any]) -> tuple[int, int]:
        """Append items. Returns their first index and count."""
        first = len(self.items)
        self.items.extend(items)
        return first, len(self.items) - first


class Symbols:
    """The names of one scenario, and everything that assigns numbers to them during compilation."""

    def __init__(self, *, of_journey: ConditionNames, of_policy: ConditionNames, start: date, horizon: float) -> None:
        self.names = of_journey
        self.streams = RandomStreams()
        self.trait_columns = TraitColumns(of_journey.traits)
        self.programs = ConditionTable(of_journey, of_policy)
        self.tables = QuantileTables()
        self.factors, self.links = SpanTable(), SpanTable()
        self.n_slots = 0
        self.start, self.horizon = start, horizon
        self.reserved: dict[str, int] = {}

    def code(self, kind: str, name: str) -> int:
        """The code of a name of a kind, such as `event` or `channel`."""
        return self.names.code(kind, name)

    def stream(self, name: str) -> int:
        """The random stream of a name."""
        return self.streams.id_of(name)

    def trait_column(self, reference: str) -> int:
        """The column of a trait, `1/trait` or `1-trait`."""
        return self.trait_columns.index_of(reference)

    def condition(self, text: str | None) -> int:
        """The first record of a policy's condition; -1 for no condition."""
        return self.programs.index_of(text)

    def new_slot(self) -> int:
        """A new index in `CustomerState.decision_counts`."""
        self.n_slots += 1
        return self.n_slots - 1

    def reserve(self, state: str, count: int) -> int:
        """Reserve consecutive slots in an array of `CustomerState`. Returns the first."""
        first = self.reserved.get(state, 0)
        self.reserved[state] = first + count
        return first

    def factor_span(self, references: Iterable[str]) -> tuple[int, int]:
        """Append trait columns that multiply something. Returns their span in `World.factors`."""
        return self.factors.add([self.trait_columns.index_of(reference) for reference in references])

    def channel_mask(self, channels: Iterable[str]) -> int:
        """The bits of channels; all bits if the list is empty."""
        selected = list(channels)
        return sum({1 << self.names.channels[name] for name in selected}) if selected else 2**MAX_CHANNELS - 1


def resolve_pending(pending: Iterable[PendingIndex], index: int) -> None:
    """Write an index into each pending field."""
    for row, field in pending:
        row[field] = index


def record_array(dtype: np.dtype[Any], rows: Iterable[Mapping[str, Any]], *, padded: bool = False) -> Array:
    """Rows as a read-only record array. Fields that a row does not have are 0.

    Parameters
    ----------
    dtype : dtype
        A record type of `kernels.world`.
    rows : Iterable of mapping
        By field name.
    padded : bool
        Whether to return one record of zeros if there are no rows, so that the array can be indexed.

    Returns
    -------
    recarray of dtype, shape (n_rows,)
    """
    listed = list(rows)
    array = np.zeros(max(len(listed), int(padded)), dtype=dtype)
    for index, row in enumerate(listed):
        for field, value in row.items():
            array[field][index] = tuple(value) if isinstance(value, tuple) else value
    return read_only(array.view(np.recarray))


def plain_array(dtype: str, values: Any, *, padded: bool = False) -> Array:
    """Values as a read-only, C-contiguous array. If `padded`, an empty array becomes a single 0."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return read_only(np.zeros(1, dtype=dtype) if padded and array.size == 0 else array)


def read_only(array: Array) -> Array:
    """Make an array read-only, and return it."""
    array.setflags(write=False)
    return array
