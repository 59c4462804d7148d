"""Kinds that refer to names: stages, events, desks, offers, scores, messages and tags."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from cjsim.scenario.kinds.registers import Chain, DeclaredJourney, PendingIndex
from cjsim.scenario.name_checks import unknown_key_faults, unknown_name_faults
from cjsim.yaml.keyed_union import Kind
from cjsim.yaml.paths import Fault, KeyPath

TAG = "tag"  # tags are not declared; any tag that is used exists


class ReferringKind(Kind):
    """A kind whose body is a name, a mapping of names to values, or a record that contains a name."""

    refers_to: ClassVar[str] = ""  # kind of the names, such as `stage`; empty if the body has no names
    changed_words: ClassVar[frozenset[str]] = frozenset()  # condition variables that it may change, apart from the names in `leads_to`

    def referred(self) -> tuple[str, ...]:
        """Return the names in the body."""
        if not self.refers_to:
            return ()
        body = self.body
        return tuple(body) if isinstance(body, Mapping) else (body if isinstance(body, str) else getattr(body, self.refers_to),)

    def unknown_faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield a fault for each name that the journey does not declare."""
        if not self.refers_to or self.refers_to == TAG:
            return
        known, here = journey.names(self.refers_to), (*path, self.key)
        if isinstance(self.body, Mapping):
            yield from unknown_key_faults(here, self.body, known, self.refers_to)
        else:
            inside = () if isinstance(self.body, str) else (self.refers_to,)
            yield from (fault for name in self.referred() for fault in unknown_name_faults((*here, *inside), name, known, self.refers_to))

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        """Return the kind and name of everything that this kind enters, fires, sends, asks or changes."""
        return tuple((self.refers_to, name) for name in self.referred())


def add_scores(records: Chain, points: Mapping[str, float], *, code: int, empty: int) -> list[PendingIndex]:
    """Append one record per score with the operation `code`, or one no-op record with the operation `empty` if there are none."""
    pending: list[PendingIndex] = [] if points else records.add({"op": empty})
    for name, gain in points.items():
        records.resume(pending)
        pending = records.add({"op": code, "target": records.registers.code("score", name), "x": gain})
    return pending


def experiment_stream(experiment: str) -> str:
    """Return the name of the random stream that draws a customer's arm of an experiment."""
    return f"experiment:{experiment}"
