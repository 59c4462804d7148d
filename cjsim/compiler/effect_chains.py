"""Compiles effects to EFFECT_RECORD records. A list of effects is a linked chain; branches of `choose` rejoin the chain."""

from collections.abc import Iterable

from cjsim.compiler.symbols import RecordChain, Symbols, resolve_pending
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.kinds.registers import PendingIndex, RecordFields


class EffectChains:
    """Effect records of a journey under construction, with the streams and slots of their random draws."""

    def __init__(self, symbols: Symbols) -> None:
        self.rows: list[RecordFields] = []
        self.symbols = symbols
        self.draw_counts: dict[str, int] = {}

    def add(self, effects: tuple[Effect, ...], owner: str) -> int:
        """Compile a list of effects.

        Parameters
        ----------
        effects : tuple of Effect
            The effects, as declared.
        owner : str
            Prefix of the names of their random streams, such as `event:order` or `message:welcome:opened`. The first `choose` of an
            owner draws from `OWNER:choose`, the next from `OWNER:choose:2`, and so on. Purchases use `OWNER:value` in the same way.

        Returns
        -------
        int
            Index of the first record, or -1 if there are no effects.
        """
        first, pending = _OwnerEffects(self, owner).add_all(effects)
        resolve_pending(pending, -1)
        return -1 if first is None else first


class _OwnerEffects(RecordChain):
    """Effect records of one owner under construction. Implements `EffectRecords`."""

    def __init__(self, chains: EffectChains, owner: str) -> None:
        super().__init__(chains.symbols, chains.rows, ("target", "column", "slot", "next"))
        self._draw_counts, self._owner = chains.draw_counts, owner

    def draw_fields(self, use: str) -> RecordFields:
        """Assign the stream and the slot of the owner's next random draw for a use such as `value`."""
        name = f"{self._owner}:{use}"
        ordinal = self._draw_counts[name] = self._draw_counts.get(name, 0) + 1
        stream = self.registers.stream(name if ordinal == 1 else f"{name}:{ordinal}")
        return {"slot": self.registers.new_slot(), "stream": stream}

    def branch_code(self, name: str) -> int:
        """Return the code of a named branch of the owner, which is an event."""
        return self.registers.branch(self._owner.removeprefix("event:"), name)

    def add_all(self, effects: Iterable[Effect]) -> tuple[int | None, list[PendingIndex]]:
        """Append effects. Returns the index of the first record (None without effects), and the fields that need the next index."""
        first: int | None = None
        pending: list[PendingIndex] = []
        for effect in effects:
            first = len(self.rows) if first is None else first
            self.resume(pending)
            pending = effect.compile(self)
        return first, pending
