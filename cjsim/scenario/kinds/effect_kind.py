"""What all effects on a customer have in common: checks, phrase, compilation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from cjsim.kernels.codes import EffectCode, TouchCode
from cjsim.scenario.kinds.references import ReferringKind
from cjsim.scenario.kinds.registers import Chain, DeclaredJourney, PendingIndex, RecordFields
from cjsim.yaml.paths import Fault, KeyPath


class EffectRecords(Chain, Protocol):
    """The effect records of one owner (an event, a message's touch or a desk's reply) under construction."""

    def draw_fields(self, use: str) -> RecordFields:
        """The stream and the slot of the owner's next random draw for a use such as `value`."""

    def branch_code(self, name: str) -> int:
        """Return the code of a named branch of the owner, which is an event."""

    def add_all(self, effects: Iterable[Any]) -> tuple[int | None, list[PendingIndex]]:
        """Append effects. Returns the index of their first record (None if none) and the fields that need the index of the next."""


class EffectKind(ReferringKind):
    """An effect on a customer, such as a change of stage or of satisfaction."""

    code: ClassVar[EffectCode]
    predicate: ClassVar[str] = "{}"  # of a sentence about the customer, with a placeholder for the value of the key
    logs: ClassVar[Mapping[TouchCode, str]] = {}  # channel touches that it logs, with sentences about the customer that contain `{channel}`

    def phrase(self) -> str:
        """Describe the effect as the predicate of a sentence about the customer."""
        return self.predicate.format(self.body)

    def faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield faults for unknown names and for effects that are not allowed at this path."""
        yield from self.unknown_faults(path, journey)

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        """Append the EFFECT_RECORD records of the effect. Returns the fields that need the index of the next record."""
        [name] = self.referred()
        return records.add({"op": self.code, "target": records.registers.code(self.refers_to, name)})

    def inner(self) -> Iterator[tuple[KeyPath, tuple[Any, ...]]]:
        """Yield the lists of effects inside this effect, with their paths."""
        yield from ()
