"""Stretches of customers: each lives as in a simulation of all."""

import numpy as np
import pytest
from studies import settings

from cjsim.engine.run import simulate
from cjsim.engine.stretches import Stretches
from cjsim.model.scenario import Scenario


def scenario(*, refers: bool) -> Scenario:
    data = settings()["scenario"]
    if refers:
        data["journey"]["events"]["order"]["effects"].append({"refer": {"invites": 1, "joins": 0.3, "delay": {"fixed": "1d"}}})
    return Scenario.from_dict(data)


@pytest.mark.parametrize("refers", [False, True])
def test_stretches_together_are_the_simulation_of_all(refers: bool) -> None:
    of = scenario(refers=refers)
    whole, parts = simulate(of, customers=300, seed=5), Stretches(of, seed=5, threads=2)
    first, second = parts.live(0, 100), parts.live(100, 200)
    keys = np.concatenate([first.keys, second.keys])
    assert sorted(keys.tolist()) == sorted(whole.keys.tolist())
    assert (len(whole) > 300) == refers
    outcomes = np.concatenate([first.outcomes.customers, second.outcomes.customers])
    assert outcomes[np.argsort(keys)].tobytes() == whole.outcomes.customers[np.argsort(whole.keys)].tobytes()
    assert first.provenance.events + second.provenance.events == whole.provenance.events


def test_who_descends_from_whom_is_known_within_a_stretch() -> None:
    of = scenario(refers=True)
    whole, part = simulate(of, customers=300, seed=5), Stretches(of, seed=5, threads=1).live(100, 200)
    root_of = dict(zip(whole.keys.tolist(), whole.keys[whole.roots].tolist(), strict=True))
    assert {key: root_of[key] for key in part.keys.tolist()} == dict(zip(part.keys.tolist(), part.keys[part.roots].tolist(), strict=True))
    assert part.people().traits.keys() == whole.people().traits.keys()


def test_the_population_of_a_stretch_is_that_of_its_keys() -> None:
    data = settings()["scenario"]
    data["journey"]["traits"] = {"pace": {"gamma": {"mean": 1.0, "shape": 2.0}}}
    of = Scenario.from_dict(data)
    whole, part = simulate(of, customers=50, seed=5).people(), Stretches(of, seed=5, threads=1).live(20, 30).people()
    assert np.array_equal(whole.traits["pace"][20:], part.traits["pace"])
