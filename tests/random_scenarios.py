"""Random scenarios in our language: a hypothesis strategy that makes whole scenarios as plain data."""

from dice import ARRIVING, CHANNELS, CLOCKED, DESKS, INTERESTS, MESSAGES, OFFERS, Data, Dice, Names
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_journeys import journey
from random_policies import policy

SMALL = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink)
)


@st.composite
def scenarios(draw: st.DrawFn) -> Data:
    """A whole scenario as plain data: a few customers for a few weeks, to whom much happens."""
    dice = Dice(draw)
    stages = ("first", "second", "third")[: dice.whole(1, 3)]
    names = Names(
        stages=stages,
        events=CLOCKED[: dice.whole(2, len(CLOCKED))],
        channels=CHANNELS[: dice.whole(1, 4)],
        messages=MESSAGES[: dice.whole(1, 4)],
        personas=("one", "two", "three")[: dice.whole(1, 3)],
        interests=INTERESTS[: dice.one((0, 2))],
        offers=OFFERS[: dice.whole(0, 2)],
        desks=DESKS[: dice.whole(0, 2)],
        arriving=ARRIVING[: dice.one((0, 0, 1, 2))],
        inviting=dice.chance(35),
        hidden_stage=len(stages) > 1 and dice.chance(25),
        hidden_event=dice.chance(25),
    )
    start = dice.one((24, 20, 15))
    least = 0 if names.arriving else 2
    made: Data = {
        "name": "made",
        "start": f"2025-11-{start}",
        "horizon": dice.one(("20d", "33d", "40d 6h")),
        "customers": dice.whole(least, 8),
        "seed": dice.one((1, 2**40 + 7, 2**63 - 1)),
        "journey": journey(dice, names),
        "policy": policy(dice, names, start),
    }
    dice.maybe(made, 40, entry=lambda: {"over": "6d"}, discount_rate=lambda: 0.0)
    return made


def some_scenarios(count: int) -> list[Data]:
    """Scenarios as the strategy makes them, the same in every run."""
    made: list[Data] = []

    @settings(SMALL, max_examples=count, phases=(Phase.generate,))
    @given(scenarios())
    def collect(data: Data) -> None:
        made.append(data)

    collect()
    return made
