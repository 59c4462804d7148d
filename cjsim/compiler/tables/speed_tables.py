"""Compiles the rules by which prices, offers and deadlines change the speed of clocks."""

from collections.abc import Mapping

from cjsim.compiler.effect_chains import EffectChains
from cjsim.compiler.symbols import Symbols
from cjsim.kernels.codes import EffectCode, SpeedRuleCode
from cjsim.scenario.demand import Demand, Urgency
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import PurchaseEffect
from cjsim.scenario.kinds.registers import RecordFields
from cjsim.scenario.traversal import iterate_effects


def first_purchase(effects: EffectChains, begin: int) -> int:
    """Return the index of the first PURCHASE record from `begin` on, or -1 if there is none."""
    return next((i for i in range(begin, len(effects.rows)) if effects.rows[i]["op"] == EffectCode.PURCHASE), -1)


def speed_rule_rows(journey: JourneySpec, symbols: Symbols, purchases: Mapping[str, int]) -> list[RecordFields]:
    """Compile the speed rules of all events that have a clock, in the order of the events.

    Parameters
    ----------
    journey : JourneySpec
        The journey.
    symbols : Symbols
        Receives trait columns.
    purchases : Mapping of str to int
        Index of the first PURCHASE record of each event.

    Returns
    -------
    list of records
    """
    rows: list[RecordFields] = []
    for name, event in journey.events.items():
        if event.wait != "never":
            rules = [] if event.demand is None else [_price_rule(event.demand, name, journey, symbols, purchases)]
            rules += [_urgency_rule(urgency, symbols) for urgency in event.urgency]
            rows += [{"event": symbols.names.events[name], **rule} for rule in rules]
    return rows


def _price_rule(demand: Demand, event: str, journey: JourneySpec, symbols: Symbols, purchases: Mapping[str, int]) -> RecordFields:
    source = demand.purchase or event
    listed = (effect for _, effect in iterate_effects(journey.events[source].effects, ()))
    price = next(effect.purchase.value.mean() for effect in listed if isinstance(effect, PurchaseEffect))
    is_trait = isinstance(demand.elasticity, str)
    return {
        "kind": SpeedRuleCode.PRICE,
        "target": purchases[source],
        "column": symbols.trait_column(demand.elasticity) if isinstance(demand.elasticity, str) else -1,
        "x": 0.0 if is_trait else demand.elasticity,
        "price": price,
        "relative": 1.0 if demand.reference_price is None else price / demand.reference_price,
    }


def _urgency_rule(urgency: Urgency, symbols: Symbols) -> RecordFields:
    if urgency.offer is not None:
        rule = {"kind": SpeedRuleCode.OFFER_ENDS, "target": symbols.code("offer", urgency.offer)}
    else:
        rule = {"kind": SpeedRuleCode.EVENT_DUE, "target": symbols.code("event", urgency.event or "")}
    return {**rule, "days": urgency.last, "x": urgency.times}
