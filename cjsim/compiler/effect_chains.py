"""Compiles effects into EFFECT_RECORD records: a list of effects is a chain, a branch of `choose` is a detour that rejoins it."""

from cjsim.compiler.quantile_tables import amount_distribution, wait_distribution
from cjsim.compiler.symbols import PendingIndex, RecordFields, Symbols, resolve_pending
from cjsim.kernels.codes import EffectCode
from cjsim.scenario.effects import Branch, Effect, Purchase, Refer


class EffectChains:
    """The effect records of a journey under construction, with the streams and slots of their random draws."""

    def __init__(self, symbols: Symbols) -> None:
        self.rows: list[RecordFields] = []
        self._symbols = symbols
        self._draw_counts: dict[str, int] = {}

    def add(self, effects: tuple[Effect, ...], owner: str) -> int:
        """Compile a list of effects.

        Parameters
        ----------
        effects : tuple of Effect
            As declared.
        owner : str
            Prefix of the names of their streams, such as `event:order` or `message:welcome:opened`. The first `choose` of an
            owner draws from `OWNER:choose`, further ones from `OWNER:choose:2` and so on; likewise purchases from `OWNER:value`.

        Returns
        -------
        int
            Index of the first effect, -1 if there is none.
        """
        first, pending = self._compile_chain(effects, owner)
        resolve_pending(pending, -1)
        return -1 if first is None else first

    def _compile_chain(self, effects: tuple[Effect, ...], owner: str) -> tuple[int | None, list[PendingIndex]]:
        """Index of the first record, None if there is none, and the fields that wait for the record after the last."""
        first: int | None = None
        pending: list[PendingIndex] = []
        for effect in effects:
            index = len(self.rows)
            resolve_pending(pending, index)
            first = index if first is None else first
            pending = self._compile_effect(effect, owner)
        return first, pending

    def _compile_effect(self, effect: Effect, owner: str) -> list[PendingIndex]:
        names = self._symbols.names
        if effect.choose is not None:
            return self._compile_choose(effect.choose, owner)
        if effect.purchase is not None:
            return self._add_row(EffectCode.PURCHASE, **self._purchase_fields(effect.purchase, owner))
        if effect.score is not None:
            return self._compile_scores(effect.score)
        if effect.go is not None:
            return self._add_row(EffectCode.GO, target=names.stages[effect.go])
        if effect.satisfy is not None:
            return self._add_row(EffectCode.SATISFY, x=effect.satisfy)
        if effect.opt_out is not None:
            return self._add_row(EffectCode.OPT_OUT, target=-1 if effect.opt_out == "all" else names.channels[effect.opt_out])
        if effect.offer is not None:
            return self._add_row(EffectCode.OFFER, target=names.offers[effect.offer])
        if effect.ask is not None:
            return self._add_row(EffectCode.ASK, target=names.desks[effect.ask.desk], x=float(effect.ask.priority))
        if effect.refer is not None:
            return self._add_row(EffectCode.REFER, **self._referral_fields(effect.refer, owner))
        if effect.fire is not None:
            return self._add_row(EffectCode.FIRE, target=names.events[effect.fire])
        tags = names.tags or {}
        if effect.tag is not None:
            return self._add_row(EffectCode.TAG, target=tags[effect.tag])
        assert effect.untag is not None
        return self._add_row(EffectCode.UNTAG, target=tags[effect.untag])

    def _add_row(self, op: EffectCode, **fields: object) -> list[PendingIndex]:
        row: RecordFields = {"op": op, "target": -1, "column": -1, "slot": -1, "next": -1, **fields}
        self.rows.append(row)
        return [(row, "next")]

    def _purchase_fields(self, purchase: Purchase, owner: str) -> RecordFields:
        first, count = self._symbols.factor_span(purchase.times)
        value = amount_distribution(purchase.value, self._symbols.tables)
        return {"column": first, "count": count, "x": purchase.margin, "value": value, **self._draw_fields(owner, "value")}

    def _referral_fields(self, refer: Refer, owner: str) -> RecordFields:
        by = -1 if refer.by is None else self._symbols.names.acquisition[refer.by]
        value = wait_distribution(refer.delay, self._symbols.tables)
        return {"target": by, "count": refer.invites, "x": refer.joins, "value": value, **self._draw_fields(owner, "refer")}

    def _compile_scores(self, scores: dict[str, float]) -> list[PendingIndex]:
        pending: list[PendingIndex] = [] if scores else self._add_row(EffectCode.JUMP)
        for name, points in scores.items():
            resolve_pending(pending, len(self.rows))
            pending = self._add_row(EffectCode.SCORE, target=self._symbols.names.scores[name], x=points)
        return pending

    def _compile_choose(self, branches: tuple[Branch, ...], owner: str) -> list[PendingIndex]:
        """The record, then one record for each branch, then the effects of the branches. All continue with the next effect."""
        pending = self._add_row(EffectCode.CHOOSE, count=len(branches), **self._draw_fields(owner, "choose"))
        branch_rows: list[RecordFields] = []
        for branch in branches:
            weight = branch.weight
            odds = {"column": self._symbols.trait_columns.index_of(weight)} if isinstance(weight, str) else {"x": weight}
            pending += self._add_row(EffectCode.JUMP, y=branch.bend, **odds)
            branch_rows.append(self.rows[-1])
        for branch, row in zip(branches, branch_rows, strict=True):
            first, branch_pending = self._compile_chain(branch.effects, owner)
            pending += branch_pending
            if first is None:
                pending.append((row, "target"))
            else:
                row["target"] = first
        return pending

    def _draw_fields(self, owner: str, kind: str) -> RecordFields:
        """Stream and slot of an owner's next random draw of a kind."""
        name = f"{owner}:{kind}"
        ordinal = self._draw_counts[name] = self._draw_counts.get(name, 0) + 1
        stream = self._symbols.streams.id_of(name if ordinal == 1 else f"{name}:{ordinal}")
        return {"slot": self._symbols.new_slot(), "stream": stream}
