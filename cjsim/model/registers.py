"""What compilation hands out numbers for: streams, trait columns, slots, condition programs, spans.

Lives here: the registers that the compilers of effects, actors and tables share, and how rows become record arrays.
Does not live here: what the rows say (tables.py, effects.py, actors.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cjsim.errors import InputError, complaint
from cjsim.model.codes import Op
from cjsim.model.conditions import parse
from cjsim.model.draws import Knots
from cjsim.model.language import Names
from cjsim.model.random import stream_of
from cjsim.model.world import Records

Row = dict[str, Any]
Hole = tuple[Row, str]  # a field that waits for the index of the record that will follow
CHANNELS_AT_MOST = 64  # bits of a channel mask


class Streams:
    """The streams of one scenario, by name; two names never share one."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def of(self, name: str) -> int:
        """The stream of a name.

        Raises
        ------
        InputError
            If another name of this scenario has the same hash.
        """
        stream = int(stream_of(name))
        known = self._names.setdefault(stream, name)
        if known != name:
            must = "must not share a random stream"
            raise InputError(
                complaint(f"'{known}' and '{name}'", must, f"{stream} for both", "Rename one of them; such a clash is chance.")
            )
        return stream

    def names(self) -> tuple[str, ...]:
        """All names so far, in the order in which they were asked for."""
        return tuple(self._names.values())


class Derived(NamedTuple):
    """A trait column that follows from another one."""

    source: int
    inverse: bool  # 1/x; else 1-x


class Columns:
    """Columns of traits: one a trait in the order of declaration, then those of `1/x` and `1-x` that are used."""

    def __init__(self, traits: Iterable[str]) -> None:
        self._codes = {name: code for code, name in enumerate(traits)}
        self.n_traits = len(self._codes)
        self.derived: list[Derived] = []

    def of(self, reference: str) -> int:
        """The column of a trait, `1/trait` or `1-trait`."""
        compact = "".join(reference.split())
        if compact not in self._codes:
            self._codes[compact] = self.n_traits + len(self.derived)
            self.derived.append(Derived(self._codes[compact[2:]], inverse=compact[1] == "/"))
        return self._codes[compact]

    def __len__(self) -> int:
        return self.n_traits + len(self.derived)


_SEEN = {Op.STAGE: Op.SHOWN}  # a policy sees the last observed stage


class Programs:
    """Condition programs, one after another; equal conditions share one."""

    def __init__(self, of_journey: Names, of_policy: Names) -> None:
        self._names = {True: of_journey, False: of_policy}
        self._first: dict[tuple[bool, str], int] = {}
        self.codes: list[tuple[int, int, float]] = []

    def of(self, condition: str | None, *, latent: bool = False) -> int:
        """Index of a condition's first record, -1 for no condition; `latent`: it is the journey's own."""
        if condition is None:
            return -1
        key = (latent, condition)
        if key not in self._first:
            self._first[key] = len(self.codes)
            program = parse(condition, self._names[latent])
            self.codes += program if latent else [(_SEEN.get(Op(op), op), arg, x) for op, arg, x in program]
        return self._first[key]


class Spans:
    """Items of one kind, one span after another."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def add(self, items: Iterable[Any]) -> tuple[int, int]:
        """First index and count of the items, now at the end."""
        first = len(self.items)
        self.items.extend(items)
        return first, len(self.items) - first


class Registers:
    """Everything that hands out numbers in the compilation of one scenario."""

    def __init__(self, *, of_journey: Names, of_policy: Names) -> None:
        self.names = of_journey
        self.streams = Streams()
        self.columns = Columns(of_journey.traits)
        self.programs = Programs(of_journey, of_policy)
        self.knots = Knots()
        self.factors, self.links = Spans(), Spans()
        self.n_slots = 0

    def slot(self) -> int:
        """A new index in `Life.counts`."""
        self.n_slots += 1
        return self.n_slots - 1

    def factor_span(self, references: Iterable[str]) -> tuple[int, int]:
        """The span of `World.factors` with the columns of traits that multiply something."""
        return self.factors.add([self.columns.of(reference) for reference in references])

    def channel_mask(self, channels: Iterable[str]) -> int:
        """The bits of channels; all bits if none are named."""
        named = list(channels)
        return sum({1 << self.names.channels[name] for name in named}) if named else 2**CHANNELS_AT_MOST - 1


def fill_holes(holes: Iterable[Hole], index: int) -> None:
    """Write an index into each field that waited for it."""
    for row, field in holes:
        row[field] = index


def record_array(dtype: np.dtype[Any], rows: Iterable[Mapping[str, Any]], *, padded: bool = False) -> Records:
    """Rows as a read-only record array; fields that a row does not name are 0.

    Parameters
    ----------
    dtype : dtype
        A record type of world.py.
    rows : Iterable of mapping
        By field name.
    padded : bool
        Whether to give one record of zeros where there is no row, so that the array can be indexed.

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


def plain_array(dtype: str, values: Any, *, padded: bool = False) -> Records:
    """Values as a read-only, C-contiguous array; one 0 where there are none and `padded`."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return read_only(np.zeros(1, dtype=dtype) if padded and array.size == 0 else array)


def read_only(array: Records) -> Records:
    """The array itself, from now on read-only."""
    array.setflags(write=False)
    return array
