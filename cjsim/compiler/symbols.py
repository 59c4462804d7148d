"""Symbol tables shared by the compilers of one scenario (random streams, trait columns, slots, conditions, spans), and record arrays."""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from cjsim.compiler.tables.quantile_tables import QuantileTables
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import MAX_CHANNELS, ConditionOp
from cjsim.kernels.rng import stream_id
from cjsim.kernels.world import Array, World
from cjsim.scenario.condition_names import ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.kinds.registers import LocalTimes, PendingIndex, RecordFields
from cjsim.scenario.time_zones import MARGIN_DAYS, ZoneTable


class DerivedTrait(NamedTuple):
    """A trait column computed from another column."""

    source: int
    inverse: bool  # True: 1/x; False: 1-x


class TraitColumns:
    """Trait columns: one per trait in the order of declaration, then the transforms `1/x` and `1-x` in use."""

    def __init__(self, traits: Iterable[str]) -> None:
        self._codes = {name: code for code, name in enumerate(traits)}
        self.n_traits = len(self._codes)
        self.derived: list[DerivedTrait] = []

    def index_of(self, reference: str) -> int:
        """Return the column of a trait, `1/trait` or `1-trait`. Adds a column for a new transform."""
        compact = "".join(reference.split())
        if compact not in self._codes:
            self._codes[compact] = self.n_traits + len(self.derived)
            self.derived.append(DerivedTrait(self._codes[compact[2:]], inverse=compact[1] == "/"))
        return self._codes[compact]

    def __len__(self) -> int:
        return self.n_traits + len(self.derived)


# Arrays that hold at least one element, because kernels read them without a loop.
_PADDED = frozenset({"activity", "codes", "effects", "factors", "guide", "lifts", "links", "profiles", "schedule", "shares"})
_PADDED |= {"level_zones", "opening_times", "stage_events", "steps"}
_OBSERVED_OPS = {ConditionOp.STAGE: ConditionOp.OBSERVED_STAGE}  # a policy only sees the last observed stage
_TRUE_OPS = {  # a journey reads the customer's own opens and clicks, a policy those in the log
    ConditionOp.OPENS: ConditionOp.TRUE_OPENS,
    ConditionOp.CLICKS: ConditionOp.TRUE_CLICKS,
    ConditionOp.UNOPENED: ConditionOp.TRUE_UNOPENED,
    ConditionOp.CHANNEL_OPENS: ConditionOp.TRUE_CHANNEL_OPENS,
    ConditionOp.CHANNEL_CLICKS: ConditionOp.TRUE_CHANNEL_CLICKS,
    ConditionOp.CHANNEL_UNOPENED: ConditionOp.TRUE_CHANNEL_UNOPENED,
    ConditionOp.OPENED: ConditionOp.TRUE_OPENED,
    ConditionOp.CLICKED: ConditionOp.TRUE_CLICKED,
}


class SpanTable:
    """A list of items in consecutive spans. A span is given by its first index and its count."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def add(self, items: Iterable[Any]) -> tuple[int, int]:
        """Append a span of items. Returns its first index and its count."""
        first = len(self.items)
        self.items.extend(items)
        return first, len(self.items) - first


class Symbols:
    """Symbol tables of one scenario during compilation. Implements `Registers`."""

    def __init__(
        self,
        *,
        of_journey: ConditionNames,
        of_policy: ConditionNames,
        start: date,
        begins: float,
        horizon: float,
        zones: ZoneTable,
        n_moments: int,
    ) -> None:
        self.names = of_journey
        self.stream_names: dict[int, str] = {}
        self.trait_columns = TraitColumns(of_journey.traits)
        self.condition_codes: list[tuple[int, int, float]] = []  # condition programs, one after another
        self.tables = QuantileTables()
        self.factors, self.links, self.schedule, self.opening_times = SpanTable(), SpanTable(), SpanTable(), SpanTable()
        self.n_slots = 0
        self.start, self.begins, self.horizon, self.zones = start, begins, horizon, zones
        self.branches: dict[tuple[str, str], int] = {}  # codes of named branches by event and name
        self.reserved: dict[str, int] = {}
        self._names_for = {True: of_journey, False: of_policy}
        self._condition_indices: dict[tuple[bool, str], int] = {}
        self.n_moments = n_moments  # of the journey; those of experiments follow
        self.experiments: dict[str, dict[str, float]] = {}  # cumulative shares by arm
        self.idle_arms: dict[str, tuple[str, ...]] = {}  # arms that do nothing at any split, by experiment

    def code(self, kind: str, name: str) -> int:
        """Return the code of a name, given its kind, such as `event` or `channel`."""
        return self.names.code(kind, name)

    def stream(self, name: str) -> int:
        """Return the random stream with this name. Different names never share a stream.

        Raises
        ------
        InputError
            If another name has the same hash.
        """
        stream = int(stream_id(name))
        known = self.stream_names.setdefault(stream, name)
        if known != name:
            must = "must not share a random stream"
            remedy = "Rename one of them; their hashes collide by chance."
            raise InputError(format_error(f"'{known}' and '{name}'", must, f"{stream} for both", remedy))
        return stream

    def trait_column(self, reference: str) -> int:
        """Return the column of a trait, `1/trait` or `1-trait`."""
        return self.trait_columns.index_of(reference)

    def branch(self, event: str, name: str) -> int:
        """Return the code of a named branch of an event's `choose`. Assigns a new code at the first use."""
        return self.branches.setdefault((event, name), len(self.branches))

    def condition(self, text: str | None, *, latent: bool = False) -> int:
        """Return the index of the first record of a condition, or -1 for None. `latent`: the condition belongs to the journey."""
        if text is None:
            return -1
        key = (latent, text)
        if key not in self._condition_indices:
            self._condition_indices[key] = len(self.condition_codes)
            program = parse_condition(text, self._names_for[latent])
            meanings = _TRUE_OPS if latent else _OBSERVED_OPS
            self.condition_codes += [(meanings.get(ConditionOp(op), op), arg, x) for op, arg, x in program]
        return self._condition_indices[key]

    @property
    def local_days(self) -> range:
        """Days of all local calendars that the simulation can reach, as numbers of days since the start."""
        margin = MARGIN_DAYS if self.zones.has_offsets else 0
        return range(math.floor(self.begins) - margin, int(self.horizon) + 1 + margin)

    def occurrences(self, local_times: LocalTimes, time_zone: str) -> tuple[int, int, int]:
        """Append the occurrences of something that recurs in local time to `World.schedule`, once for each relevant time zone.

        Returns the first index, the count, and the stride from one time zone to the next.
        """
        local = local_times(self.local_days, start=self.start)
        if time_zone == "firm" or len(self.zones.zones) == 1 or not self.zones.has_offsets:
            times = [time for time in map(self.zones.zones[0].instant, local) if self.begins <= time <= self.horizon]
            return (*self.schedule.add(times), 0)
        # All zones have the same number of times, even outside the simulated period, so an index means the same date in each zone.
        first, _ = self.schedule.add(time for zone in self.zones.zones for time in map(zone.instant, local))
        return first, len(local), len(local)

    def experiment(self, name: str, cumulative_shares: Mapping[str, float], idle_arms: Iterable[str]) -> int:
        """Register an experiment. Returns the index of the moment of a customer's first exposure."""
        self.experiments[name] = dict(cumulative_shares)
        chosen = set(idle_arms) & set(self.idle_arms.get(name, cumulative_shares))
        self.idle_arms[name] = tuple(arm for arm in cumulative_shares if arm in chosen)
        return self.n_moments + list(self.experiments).index(name)

    def new_slot(self) -> int:
        """Reserve an index in `CustomerState.decision_counts`."""
        self.n_slots += 1
        return self.n_slots - 1

    def reserve(self, state: str, count: int) -> int:
        """Reserve consecutive slots in an array of `CustomerState`. Returns the first slot."""
        first = self.reserved.get(state, 0)
        self.reserved[state] = first + count
        return first

    def factor_span(self, references: Iterable[str]) -> tuple[int, int]:
        """Append trait columns used as factors. Returns their first index and count in `World.factors`."""
        return self.factors.add([self.trait_columns.index_of(reference) for reference in references])

    def channel_mask(self, channels: Iterable[str]) -> int:
        """Return the bit mask of channels; all bits are set if the list is empty."""
        selected = list(channels)
        return sum({1 << self.names.channels[name] for name in selected}) if selected else 2**MAX_CHANNELS - 1


class RecordChain:
    """Linked records under construction. Implements `Chain`. Fields in `unset` are -1 unless a record sets them."""

    def __init__(self, registers: Symbols, rows: list[RecordFields], unset: Iterable[str]) -> None:
        self.registers, self.rows = registers, rows
        self._unset = dict.fromkeys(unset, -1)

    def add(self, record: RecordFields) -> list[PendingIndex]:
        """Append a record. Returns the field to be set to the index of the next record."""
        row: RecordFields = {**self._unset, **record}
        self.rows.append(row)
        return [(row, "next")]

    def resume(self, pending: Iterable[PendingIndex]) -> None:
        """Link pending fields to the record that is appended next."""
        resolve_pending(pending, len(self.rows))


def resolve_pending(pending: Iterable[PendingIndex], index: int) -> None:
    """Write an index to all pending fields."""
    for row, field in pending:
        row[field] = index


def record_array(dtype: np.dtype[Any], rows: Iterable[Mapping[str, Any]], *, padded: bool = False) -> Array:
    """Convert rows to a read-only record array. Missing fields are 0.

    Parameters
    ----------
    dtype : dtype
        A record type of `kernels.world`.
    rows : Iterable of mapping
        Values by field name.
    padded : bool
        Whether to return one record of zeros if there are no rows.

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


def plain_array(dtype: DTypeLike, values: Any, *, padded: bool = False) -> Array:
    """Convert values to a read-only, C-contiguous array. If `padded`, an empty array becomes a single 0."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return read_only(np.zeros(1, dtype=dtype) if padded and array.size == 0 else array)


def read_only(array: Array) -> Array:
    """Make an array read-only, and return it."""
    array.setflags(write=False)
    return array


def world_of(tables: Mapping[str, Any]) -> World:
    """Build the world from the rows or values of each array, by field name."""
    arrays = {}
    for name, values in tables.items():
        dtype, padded = World.FIELDS[name].dtype, name in _PADDED
        arrays[name] = (plain_array if dtype.names is None else record_array)(dtype, values, padded=padded)
    return World(**arrays)
