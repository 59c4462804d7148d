"""Referrals as a branching process: closed forms, the tree of referred customers, and the limit on the population.

Statistical tests pass their p-values to `assert_plausible` (statistical_checks.py): each fails by chance for at most one seed in a million.
Seeds are fixed.
"""

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small_scenarios import small_scenario
from statistical_checks import assert_plausible, counts_p_value, mean_p_value, share_p_value

from cjsim.compiler.cohorts import Cohort
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.errors import InputError
from cjsim.eventlog import EventLog
from cjsim.kernels.state import REFERRAL
from cjsim.progress import Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

INVITES, JOINS, FOUNDERS = 3, 0.2, 4000
MEAN = INVITES * JOINS  # referred customers per customer


def referral_journey_once(**refer: Any) -> dict[str, Any]:
    """A journey in which each customer refers friends once, a day after entry."""
    return {
        "stages": {"here": {}, "done": {}},
        "events": {"tell": {"in": ["here"], "wait": {"fixed": "1d"}, "effects": [{"refer": refer}, {"go": "done"}]}},
    }


def branching_scenario(customers: int = FOUNDERS, *, journey: dict[str, Any] | None = None, **settings: Any) -> Scenario:
    """Each customer invites three friends a day after entry; a fifth join two days later, so that generation g enters on day 3 g."""
    settings.setdefault("horizon", "300d")
    referring = referral_journey_once(invites=INVITES, joins=JOINS, delay={"fixed": "2d"})
    return small_scenario(journey=referring | (journey or {}), customers=customers, **settings)


@cache
def extinct_branching_run() -> tuple[Any, np.ndarray[Any, Any]]:
    """A run in which every tree is extinct long before the horizon, and the generation of each customer."""
    run = simulate(branching_scenario())
    generation = np.rint(run.outcomes.customers["entered"] / 3).astype(int)
    assert generation.max() < 90
    return run, generation


def test_expected_progeny_of_a_branching_process() -> None:
    # Harris (1963), The Theory of Branching Processes, section I.13: 1 / (1 - m), including the founder.
    run, _ = extinct_branching_run()
    assert_plausible(mean_p_value(np.bincount(run.roots), 1 / (1 - MEAN)))


def test_progeny_follows_the_otter_dwass_distribution() -> None:
    # Dwass (1969), J. Appl. Prob. 6: P(T = t) = P(X_1 + ... + X_t = t - 1) / t, here with a binomial number of 3 t invitations.
    run, _ = extinct_branching_run()
    size = np.arange(1, 2000)
    chances = stats.binom.pmf(size - 1, INVITES * size, JOINS) / size
    assert_plausible(counts_p_value(np.bincount(np.bincount(run.roots), minlength=2000)[1:2000], chances))


def test_generation_sizes_are_binomial() -> None:
    run, generation = extinct_branching_run()
    sizes = np.bincount(generation)
    assert len(sizes) > 8
    assert sizes.sum() == len(run)
    assert_plausible(*(stats.binomtest(int(later), int(INVITES * now), JOINS).pvalue for now, later in itertools.pairwise(sizes[:9])))


def test_referred_customers_are_numbered_by_generation_then_parent() -> None:
    run, generation = extinct_branching_run()
    assert np.array_equal(run.keys[:FOUNDERS], np.arange(FOUNDERS))
    assert np.all(run.keys[FOUNDERS:] >> np.uint64(63) == 1)
    assert np.all(np.diff(generation) >= 0)
    parents = run.registry.parents
    assert np.array_equal(parents < 0, generation == 0)
    assert np.array_equal(generation[parents[FOUNDERS:]], generation[FOUNDERS:] - 1)
    assert np.all(np.diff(parents[FOUNDERS:]) >= 0)
    assert len(np.unique(run.keys)) == len(run)


def test_referral_outcomes_count_the_referred_customers() -> None:
    run, _ = extinct_branching_run()
    children = np.bincount(run.registry.parents[FOUNDERS:], minlength=len(run))
    assert np.array_equal(run.outcomes.customers["referrals"], children)
    assert run.provenance.referred == children.sum()


def test_root_is_the_founding_customer() -> None:
    run, generation = extinct_branching_run()
    parents, at = run.registry.parents, np.arange(len(run))
    for _ in range(generation.max()):
        at = np.where(parents[at] < 0, at, parents[at])
    assert np.array_equal(run.roots, at)
    assert np.all(run.roots < FOUNDERS)


def test_referred_customer_enters_after_the_delay(tmp_path: Path) -> None:
    journey = referral_journey_once(invites=5, joins=0.3, delay={"exponential": "2d"}) | {
        "traits": {"pace": {"gamma": {"mean": 1, "shape": 2}}}
    }
    journey["events"]["tell"] |= {"wait": {"exponential": "1d"}, "speed": ["pace"]}
    run = simulate(small_scenario(journey=journey, customers=800), log=tmp_path / "log.parquet")
    rows = EventLog(tmp_path / "log.parquet").to_pandas()
    start = np.datetime64("2026-01-05")
    referred_at = rows[rows["event"] == "tell"].set_index("customer")["time"]
    brought = run.customers[run.customers["referred_by"].notna()]
    since = brought["entered"].to_numpy() - (referred_at[brought["referred_by"]].to_numpy() - start) / np.timedelta64(1, "D")
    early = referred_at[brought["referred_by"]].to_numpy() < start + np.timedelta64(1, "D")  # so that the horizon cuts off 1 in 10^6
    assert_plausible(stats.kstest(since[early], stats.expon(scale=2).cdf).pvalue)
    entries = rows[rows["event"] == "entered"].set_index("customer")["time"]
    assert len(entries) == len(run)


def test_referrals_by_a_channel_use_its_persona_shares() -> None:
    personas = {"keen": {"share": 0.25}, "cool": {"share": 0.75}}
    channels = {"word": {"personas": {"keen": 0.9, "cool": 0.1}}}
    journey = referral_journey_once(invites=3, joins=0.5, by="word") | {"personas": personas, "acquisition": channels}
    run = simulate(small_scenario(journey=journey, customers=1500, horizon="4d"))
    founders, friends = run.registry.parents < 0, run.registry.parents >= 0
    assert set(run.customers.loc[founders, "acquired_by"]) == {"none"}
    assert set(run.customers.loc[friends, "acquired_by"]) == {"word"}
    keen = run.outcomes.customers["persona"] == 0
    assert_plausible(share_p_value(keen[founders], 0.25), share_p_value(keen[friends], 0.9))


def test_referrals_without_a_channel_use_the_journey_persona_shares() -> None:
    journey = referral_journey_once(invites=3, joins=0.5) | {"personas": {"keen": {"share": 0.25}, "cool": {"share": 0.75}}}
    run = simulate(small_scenario(journey=journey, customers=1500, horizon="3d"))
    friends = run.registry.parents >= 0
    assert set(run.acquisition_channels) == {-1}
    assert_plausible(share_p_value(run.outcomes.customers["persona"][friends] == 0, 0.25))


def test_arrivals_can_refer() -> None:
    journey = referral_journey_once(invites=3, joins=0.5, by="word") | {"acquisition": {"ads": {"baseline": 10}, "word": {}}}
    run = simulate(small_scenario(journey=journey, customers=0, horizon="10d"))
    arrived = run.registry.n_arrived
    assert set(run.acquisition_channels[:arrived]) == {0}
    assert set(run.acquisition_channels[arrived:]) == {1}
    assert set(run.roots) <= set(range(arrived))
    assert run.provenance.referred == len(run) - arrived > arrived


def test_engines_threads_and_chunks_give_the_same_referrals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def result_bytes(name: str, **how: Any) -> list[bytes]:
        run = simulate(branching_scenario(120), log=tmp_path / name, **how)
        assert len(run) > 250
        return [*(array.tobytes() for array in run.outcomes), (tmp_path / name).read_bytes(), run.keys.tobytes(), run.roots.tobytes()]

    usual = result_bytes("usual")
    assert result_bytes("readable", engine="readable") == usual
    monkeypatch.setattr("cjsim.engine.worker_pool.FIRST_CHUNK_SIZE", 3)
    monkeypatch.setattr("cjsim.engine.worker_pool.MAX_CHUNK_SIZE", 5)
    assert result_bytes("cut", threads=3) == usual


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_hundreds_of_referrals_of_one_customer_are_recorded_once(engine: Any) -> None:
    journey = referral_journey_once(invites=5, joins=1.0)
    journey["events"]["tell"]["effects"] *= 60
    run = simulate(small_scenario(journey=journey, customers=3, horizon="36h"), engine=engine)
    assert np.bincount(run.registry.parents[3:]).tolist() == [300, 300, 300]
    assert len(np.unique(run.keys)) == 903
    assert run.outcomes.customers["referrals"].tolist() == [300] * 3 + [0] * 900


def test_referrals_do_not_depend_on_other_events() -> None:
    journey = referral_journey_once(invites=INVITES, joins=JOINS, delay={"fixed": "2d"})
    more = {"chat": {"in": "anywhere", "wait": {"exponential": "1d"}, "effects": [{"refer": {"invites": 1, "joins": 0.01}}]}}
    usual, chatty = (
        simulate(branching_scenario(50)),
        simulate(branching_scenario(50, journey={"events": more | journey["events"]}, horizon="30d")),
    )
    before = usual.keys[usual.outcomes.customers["entered"] < 30]
    assert len(chatty) > len(before) > 70
    assert set(before) < set(chatty.keys)


@pytest.mark.parametrize(("most", "total", "generation"), [(150, "170", "1st"), (1_000, "1,440", "5th")])
def test_run_aborts_if_the_population_exceeds_its_limit(most: int, total: str, generation: str) -> None:
    got = f"{total} in the {generation} generation of referred customers"
    message = rf"scenario: must not exceed {most:,} customers, got {got}\. Lower 'invites' or 'joins' of 'refer', .* `max_customers`"
    with pytest.raises(InputError, match=message):
        simulate(small_scenario(journey=referral_journey_once(invites=3, joins=0.5), customers=70, horizon="300d"), max_customers=most)


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_run_with_desks_aborts_if_the_population_exceeds_its_limit(engine: Any) -> None:
    journey = referral_journey_once(invites=3, joins=0.9) | {"desks": {"help": {"service": {"fixed": "5min"}}}}
    journey["events"]["tell"]["effects"].append({"ask": "help"})
    policy = {"desks": {"help": {"agents": 9}}}
    with pytest.raises(InputError, match=r"must not exceed 300 customers, got 30\d by day 3\. Lower 'invites' or 'joins'"):
        simulate(small_scenario(journey=journey, policy=policy, customers=10, horizon="300d"), max_customers=300, engine=engine)


def test_aborted_run_leaves_no_log(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must not exceed"):
        simulate(branching_scenario(50), max_customers=60, log=tmp_path / "log.parquet")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_updated_for_each_generation() -> None:
    class CountingProgress(Progress):
        def __init__(self) -> None:
            self.total = self.done = 0

        def start(self, total: int, label: str) -> None:
            self.total = total

        def grow(self, n: int) -> None:
            assert self.done == self.total
            self.total += n

        def advance(self, n: int) -> None:
            self.done += n

    progress = CountingProgress()
    run = simulate(branching_scenario(40), progress=progress)
    assert progress.total == progress.done == len(run) > 40


def test_population_registry_tracks_descent() -> None:
    referrals = np.zeros(3, REFERRAL)
    referrals["key"], referrals["parent"], referrals["acquisition_channel"] = [70, 71, 72], [1, 2, 2], [0, -1, 0]
    later = referrals[:1].copy()
    later["key"], later["parent"] = 73, 4
    arrivals = Cohort(np.array([60], np.uint64), np.zeros(1), np.array([1], np.int32), np.zeros(1), 2)
    registry = PopulationRegistry.of(2, arrivals, [referrals, later])
    assert registry.keys.tolist() == [0, 1, 60, 70, 71, 72, 73]
    assert registry.channels.tolist() == [-1, -1, 1, 0, -1, 0, 0]
    assert registry.parents.tolist() == [-1, -1, -1, 1, 2, 2, 4]
    assert registry.roots.tolist() == [0, 1, 2, 1, 2, 2, 2]
    assert (len(registry), registry.n_arrived) == (7, 1)
