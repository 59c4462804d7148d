"""Effects -> EFFECT records: lists of effects as chains, branches as detours that come back.

Lives here: the graph of effects. Does not live here: what an effect does to a customer (behavior.py).
"""

from cjsim.compiler.quantile_tables import amount_distribution, wait_distribution
from cjsim.compiler.symbols import PendingIndex, RecordFields, Symbols, resolve_pending
from cjsim.kernels.codes import EffectCode
from cjsim.scenario.effects import Branch, Purchase, Refer
from cjsim.scenario.effects import Effect as DeclaredEffect


class EffectChains:
    """The effects of a journey under construction, and the streams and slots of what they draw."""

    def __init__(self, registers: Symbols) -> None:
        self.rows: list[RecordFields] = []
        self._registers = registers
        self._drawn: dict[str, int] = {}

    def add(self, effects: tuple[DeclaredEffect, ...], owner: str) -> int:
        """Compile a list of effects.

        Parameters
        ----------
        effects : tuple of EffectCode
            As declared.
        owner : str
            What their streams are named after, such as `event:order` or `message:welcome:opened`. The first `choose` of an
            owner draws from `OWNER:choose`, further ones from `OWNER:choose:2` and so on; so do purchases from `OWNER:value`.

        Returns
        -------
        int
            Index of the first effect, -1 if there is none.
        """
        first, holes = self._chain(effects, owner)
        resolve_pending(holes, -1)
        return -1 if first is None else first

    def _chain(self, effects: tuple[DeclaredEffect, ...], owner: str) -> tuple[int | None, list[PendingIndex]]:
        first: int | None = None
        holes: list[PendingIndex] = []
        for effect in effects:
            at = len(self.rows)
            resolve_pending(holes, at)
            first = at if first is None else first
            holes = self._emit(effect, owner)
        return first, holes

    def _emit(self, effect: DeclaredEffect, owner: str) -> list[PendingIndex]:
        names = self._registers.names
        if effect.choose is not None:
            return self._choose(effect.choose, owner)
        if effect.purchase is not None:
            return self._row(EffectCode.PURCHASE, **self._purchase(effect.purchase, owner))
        if effect.score is not None:
            return self._scores(effect.score)
        if effect.go is not None:
            return self._row(EffectCode.GO, target=names.stages[effect.go])
        if effect.satisfy is not None:
            return self._row(EffectCode.SATISFY, x=effect.satisfy)
        if effect.opt_out is not None:
            return self._row(EffectCode.OPT_OUT, target=-1 if effect.opt_out == "all" else names.channels[effect.opt_out])
        if effect.offer is not None:
            return self._row(EffectCode.OFFER, target=names.offers[effect.offer])
        if effect.ask is not None:
            return self._row(EffectCode.ASK, target=names.desks[effect.ask.desk], x=float(effect.ask.priority))
        if effect.refer is not None:
            return self._row(EffectCode.REFER, **self._refer(effect.refer, owner))
        if effect.fire is not None:
            return self._row(EffectCode.FIRE, target=names.events[effect.fire])
        tags = names.tags or {}
        if effect.tag is not None:
            return self._row(EffectCode.TAG, target=tags[effect.tag])
        assert effect.untag is not None
        return self._row(EffectCode.UNTAG, target=tags[effect.untag])

    def _row(self, op: EffectCode, **fields: object) -> list[PendingIndex]:
        row: RecordFields = {"op": op, "target": -1, "column": -1, "slot": -1, "next": -1, **fields}
        self.rows.append(row)
        return [(row, "next")]

    def _purchase(self, purchase: Purchase, owner: str) -> RecordFields:
        first, count = self._registers.factor_span(purchase.times)
        value = amount_distribution(purchase.value, self._registers.knots)
        return {"column": first, "count": count, "x": purchase.margin, "value": value, **self._draw(owner, "value")}

    def _refer(self, refer: Refer, owner: str) -> RecordFields:
        by = -1 if refer.by is None else self._registers.names.acquisition[refer.by]
        value = wait_distribution(refer.delay, self._registers.knots)
        return {"target": by, "count": refer.invites, "x": refer.joins, "value": value, **self._draw(owner, "refer")}

    def _scores(self, scores: dict[str, float]) -> list[PendingIndex]:
        holes: list[PendingIndex] = [] if scores else self._row(EffectCode.JUMP)
        for name, points in scores.items():
            resolve_pending(holes, len(self.rows))
            holes = self._row(EffectCode.SCORE, target=self._registers.names.scores[name], x=points)
        return holes

    def _choose(self, branches: tuple[Branch, ...], owner: str) -> list[PendingIndex]:
        """The record, its branches directly after it, then the effects inside them; all go on with what follows."""
        after = self._row(EffectCode.CHOOSE, count=len(branches), **self._draw(owner, "choose"))
        ways: list[RecordFields] = []
        for branch in branches:
            weight = branch.weight
            odds = {"column": self._registers.columns.of(weight)} if isinstance(weight, str) else {"x": weight}
            after += self._row(EffectCode.JUMP, y=branch.bend, **odds)
            ways.append(self.rows[-1])
        for branch, way in zip(branches, ways, strict=True):
            first, holes = self._chain(branch.effects, owner)
            after += holes
            if first is None:
                after.append((way, "target"))
            else:
                way["target"] = first
        return after

    def _draw(self, owner: str, what: str) -> RecordFields:
        """Stream and slot of the next decision of this kind of an owner."""
        name = f"{owner}:{what}"
        ordinal = self._drawn[name] = self._drawn.get(name, 0) + 1
        stream = self._registers.streams.of(name if ordinal == 1 else f"{name}:{ordinal}")
        return {"slot": self._registers.slot(), "stream": stream}
