"""Lint warnings about free values of a search to whose size the modeled customers do not respond."""

from collections.abc import Iterator, Mapping

from cjsim.scenario.search_space import Free, Mix
from cjsim.yaml.paths import parse_path

# Values of a journey that only move money: customers respond to getting a message or an offer, not to these sizes.
_MONEY_KEYS = frozenset({"discount", "amount", "cost", "click_cost", "margin", "value"})


def free_value_warnings(free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> Iterator[str]:
    """Yield a warning for each free value of the journey to whose size customers do not respond.

    Parameters
    ----------
    free : Mapping of str to Free
        Free values by key path.
    mixes : Mapping of str to Mix
        Mixes by name.

    Yields
    ------
    str
    """
    listed = [(f"free.{name}", path) for name, one in free.items() for path in (name, *one.also)]
    listed += [(f"mixes.{name}", path) for name, mix in mixes.items() for path in mix.of]
    for place, path in listed:
        keys = [key for key in parse_path(path) or () if isinstance(key, str)]
        if keys[:1] == ["journey"] and any(key in _MONEY_KEYS for key in keys[3:]):
            what = "the size of an offer" if keys[1] == "offers" else "this value"
            yield (
                f"{place}: in the model, customers do not respond to {what}, so the search moves it to the bound that earns most. "
                "Search among scenarios whose lifts or 'redeems' differ with it, or fix it."
            )
