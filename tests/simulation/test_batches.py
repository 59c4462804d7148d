"""Batches of customers: every customer has the same result as in a simulation of all customers."""

import numpy as np
import pytest
from reminder_study import reminder_study_data

from cjsim.simulation.batches import BatchSimulator
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate


def referral_scenario(*, refers: bool) -> Scenario:
    data = reminder_study_data()["scenario"]
    if refers:
        data["journey"]["events"]["order"]["effects"].append({"refer": {"invites": 1, "joins": 0.3, "delay": {"fixed": "1d"}}})
    return Scenario.from_dict(data)


@pytest.mark.parametrize("refers", [False, True])
def test_batches_together_equal_the_full_simulation(refers: bool) -> None:
    scenario = referral_scenario(refers=refers)
    whole, parts = simulate(scenario, customers=300, seed=5), BatchSimulator(scenario, seed=5, threads=2)
    first, second = parts.simulate(0, 100), parts.simulate(100, 200)
    keys = np.concatenate([first.keys, second.keys])
    assert sorted(keys.tolist()) == sorted(whole.keys.tolist())
    assert (len(whole) > 300) == refers
    outcomes = np.concatenate([first.outcomes.customers, second.outcomes.customers])
    assert outcomes[np.argsort(keys)].tobytes() == whole.outcomes.customers[np.argsort(whole.keys)].tobytes()
    assert first.provenance.events + second.provenance.events == whole.provenance.events


def test_descent_is_tracked_within_a_batch() -> None:
    scenario = referral_scenario(refers=True)
    whole, part = simulate(scenario, customers=300, seed=5), BatchSimulator(scenario, seed=5, threads=1).simulate(100, 200)
    root_of = dict(zip(whole.keys.tolist(), whole.keys[whole.roots].tolist(), strict=True))
    assert {key: root_of[key] for key in part.keys.tolist()} == dict(zip(part.keys.tolist(), part.keys[part.roots].tolist(), strict=True))
    assert part.profiles().traits.keys() == whole.profiles().traits.keys()


def test_batch_population_is_determined_by_its_keys() -> None:
    data = reminder_study_data()["scenario"]
    data["journey"]["traits"] = {"pace": {"gamma": {"mean": 1.0, "shape": 2.0}}}
    scenario = Scenario.from_dict(data)
    whole, part = (
        simulate(scenario, customers=50, seed=5).profiles(),
        BatchSimulator(scenario, seed=5, threads=1).simulate(20, 30).profiles(),
    )
    assert np.array_equal(whole.traits["pace"][20:], part.traits["pace"])
