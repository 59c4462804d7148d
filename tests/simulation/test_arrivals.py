"""Acquisition: spend, carry-over and saturation by hand; arrivals against the Poisson distribution; the n-th arrival has a fixed identity.

Statistical tests pass their p-values to `assert_plausible` (statistical_checks.py): each fails by chance for at most one seed in a million.
Seeds are fixed.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small_scenarios import small_scenario
from statistical_checks import assert_plausible

from cjsim.compiler.arrivals import adstock, draw_arrivals, saturation, spend_by_day
from cjsim.compiler.cohorts import ARRIVED, Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.errors import InputError
from cjsim.eventlog import EventLog
from cjsim.scenario.policy import Spend
from cjsim.scenario.touchpoints import Hill
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

SEARCH = {"adstock": 0.5, "hill": {"at_most": 40, "half": 100, "slope": 2}}
JOURNEY: dict[str, Any] = {
    "personas": {"keen": {"share": 0.25}, "cool": {"share": 0.75}},
    "traits": {"pace": {"gamma": {"mean": 1, "shape": 2}}},
    "attributes": {"country": {"DE": 0.5, "FR": 0.5}},
    "interests": {"shoes": 0.25, "hats": 0.75},
    "acquisition": {"search": SEARCH, "organic": {"baseline": 3}},
    "events": {"buy": {"in": ["here"], "wait": {"exponential": "10d"}, "speed": ["pace"], "effects": [{"purchase": {"value": 10}}]}},
}


def two_channel_scenario(per_day: float = 100, *, journey: dict[str, Any] | None = None, **settings: Any) -> Scenario:
    """Two channels, one of them paid."""
    settings.setdefault("customers", 20)
    return small_scenario(journey=JOURNEY | (journey or {}), policy={"acquisition": {"search": per_day}}, **settings)


def draw_all_arrivals(plan: Plan, seed: int = 7) -> Cohort:
    return draw_arrivals(plan, seed, first=0, at_most=10**6)


def arrival_times(cohort: Cohort) -> dict[int, float]:
    """Arrival time of each key."""
    return dict(zip(cohort.key.tolist(), cohort.entered.tolist(), strict=True))


def test_daily_spend_comes_from_the_last_period_covering_the_day() -> None:
    periods = [{"per_day": 9, "from": "2026-01-02", "to": "2026-01-04"}, {"per_day": 0, "from": "2026-01-04", "to": "2027-01-01"}]
    spend = Spend.model_validate({"per_day": 5, "periods": [{"per_day": 7, "from": "2025-01-01", "to": "2026-01-01"}, *periods]})
    assert spend_by_day(spend, start=date(2026, 1, 1), horizon_days=4.5).tolist() == [7, 9, 9, 0, 0]


def test_spend_period_before_the_start_has_no_effect() -> None:
    spend = Spend.model_validate({"per_day": 5, "periods": [{"per_day": 7, "from": "2025-12-01", "to": "2025-12-31"}]})
    assert spend_by_day(spend, start=date(2026, 1, 1), horizon_days=2).tolist() == [5, 5]


def test_adstock_carries_over_a_share_of_each_day() -> None:
    assert adstock(np.array([100.0, 0.0, 50.0, 0.0]), 0.6) == pytest.approx([100, 60, 86, 51.6], rel=1e-15)


def test_hill_curve_reaches_half_its_maximum_at_half() -> None:
    hill = Hill(at_most=40, half=100, slope=2)
    effect = np.array([0.0, 1e-300, 50.0, 100.0, 300.0, 1e12])
    assert saturation(effect, hill) == pytest.approx([0, 0, 8, 20, 36, 40], rel=1e-15)


def test_expected_arrivals_and_spend_handle_a_horizon_within_a_day() -> None:
    search = compile_scenario(two_channel_scenario(100, horizon="60h")).population.acquisition[0]
    # s = 100, 150, 175: 40 s^2 / (100^2 + s^2) = 20, 27.69.., 30.15..; only half of the third day counts
    rates = [20, 40 * 2.25 / 3.25, 40 * 3.0625 / 4.0625]
    assert search.expected == pytest.approx([0, rates[0], rates[0] + rates[1], rates[0] + rates[1] + rates[2] / 2], rel=1e-15)
    assert search.days.tolist() == [0, 1, 2, 2.5]
    assert search.spend == 250


def test_arrivals_are_a_poisson_process_of_the_stated_rate() -> None:
    plan = compile_scenario(two_channel_scenario(100))
    channels = [channel.expected for channel in plan.population.acquisition]
    wanted = np.array([np.diff(expected) for expected in channels])
    seen, within, gaps = [], [], []
    for seed in range(150):
        drawn = draw_all_arrivals(plan, seed)
        seen.append([np.bincount(drawn.entered[drawn.channel == code].astype(int), minlength=30) for code in range(2)])
        within.append(drawn.entered % 1)
        gaps.append(np.diff(drawn.entered[drawn.channel == 1]))
    counts = np.array(seen)
    total, mean = counts.sum(axis=(0, 2)), 150 * wanted.sum(axis=1)
    surplus = counts[:, 0] - wanted[0]
    dispersion, cells = ((counts - wanted) ** 2 / wanted).sum(axis=(0, 2)), counts.shape[0] * 30
    assert_plausible(
        *(2 * min(stats.poisson.cdf(n, m), stats.poisson.sf(n - 1, m)) for n, m in zip(total, mean, strict=True)),
        *(2 * min(stats.chi2.cdf(d, cells), stats.chi2.sf(d, cells)) for d in dispersion),
        stats.kstest(np.concatenate(within), "uniform").pvalue,
        stats.kstest(np.concatenate(gaps), stats.expon(scale=1 / 3).cdf).pvalue,
        stats.spearmanr(surplus[:, :-1].ravel(), surplus[:, 1:].ravel()).pvalue,
    )


def test_no_arrivals_on_days_with_zero_rate() -> None:
    pauses = {"per_day": 100, "periods": [{"per_day": 0, "from": "2026-01-10", "to": "2026-01-19"}]}
    paid = {"hill": SEARCH["hill"]}
    plan = compile_scenario(small_scenario(journey={"acquisition": {"ads": paid}}, policy={"acquisition": {"ads": pauses}}, customers=1))
    days = draw_all_arrivals(plan).entered.astype(int)
    assert set(days) == set(range(30)) - set(range(5, 15))


def test_more_spend_makes_the_same_customers_arrive_earlier() -> None:
    seldom, often = (draw_all_arrivals(compile_scenario(two_channel_scenario(per_day))) for per_day in (40, 200))
    early = arrival_times(often)
    paid = {key: time for key, time in arrival_times(seldom).items() if key in early}
    assert len(seldom) < len(often)
    assert set(paid) == set(arrival_times(seldom))
    earlier = [time - early[key] for key, time in paid.items()]
    assert min(earlier) == 0.0  # organic ones
    assert sum(gain > 0 for gain in earlier) == np.count_nonzero(seldom.channel == 0)


def test_nth_arrival_does_not_depend_on_spend() -> None:
    people = []
    for per_day in (60, 100):
        plan = compile_scenario(two_channel_scenario(per_day))
        drawn = draw_population(plan, 7, draw_all_arrivals(plan))
        who = [drawn.persona, drawn.interest, *drawn.traits.T, *drawn.attributes.T]
        people.append({key: tuple(values) for key, *values in zip(drawn.key.tolist(), *(of.tolist() for of in who), strict=True)})
    seldom, often = people
    assert len(seldom) < len(often)
    assert {key: often[key] for key in seldom} == seldom


def test_arrival_key_encodes_channel_and_ordinal() -> None:
    drawn = draw_all_arrivals(compile_scenario(two_channel_scenario(100)))
    assert np.all((drawn.key >> np.uint64(62)) == 1)
    assert len(np.unique(drawn.key)) == len(drawn)
    for code in range(2):
        of = drawn.key[drawn.channel == code]
        assert len(np.unique(of >> np.uint64(30))) == 1
        assert np.array_equal(of & np.uint64(2**30 - 1), np.arange(len(of)))


def test_adding_a_channel_does_not_change_other_arrivals() -> None:
    more = compile_scenario(
        two_channel_scenario(100, journey={"acquisition": {"fair": {"baseline": 2}, "search": SEARCH, "organic": {"baseline": 3}}})
    )
    usual, with_fair = draw_all_arrivals(compile_scenario(two_channel_scenario(100))), draw_all_arrivals(more)
    assert arrival_times(usual).items() < arrival_times(with_fair).items()


def test_block_size_does_not_change_arrivals(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = compile_scenario(two_channel_scenario(100))
    usual = draw_all_arrivals(plan)
    monkeypatch.setattr("cjsim.compiler.arrivals._BLOCK_SIZE", 7)
    assert arrival_times(draw_all_arrivals(plan)) == arrival_times(usual)


def test_arrivals_are_numbered_by_time_after_the_initial_customers() -> None:
    run = simulate(two_channel_scenario(100))
    entered = run.outcomes.customers["entered"]
    assert np.array_equal(run.keys[:20], np.arange(20))
    assert np.all(run.keys[20:] >= ARRIVED)
    assert np.all(np.diff(entered[20:]) >= 0)
    assert run.roots.tolist() == list(range(len(run)))


def test_acquisition_spend_is_split_equally_among_arrivals() -> None:
    run = simulate(two_channel_scenario(100, journey={"events": {}}))
    of, search = run.outcomes.customers, run.acquisition_channels == 0
    assert of["cost"][search] == pytest.approx(np.full(search.sum(), 3000 / search.sum()), rel=1e-12)
    assert not of["cost"][~search].any()
    assert np.array_equal(of["clv"], -of["cost"])


def test_spend_of_a_channel_without_arrivals_is_reported() -> None:
    run = simulate(small_scenario(journey={"acquisition": {"ads": {}, "organic": {}}}, policy={"acquisition": {"ads": 5}}, customers=3))
    assert len(run) == 3
    assert run.spend.tolist() == [150, 0]
    assert not run.outcomes.customers["cost"].any()


def test_channel_uses_its_own_persona_shares() -> None:
    mixed = {"search": SEARCH | {"personas": {"keen": 1}}, "organic": {"baseline": 100}}
    plan = compile_scenario(two_channel_scenario(100, journey={"acquisition": mixed}))
    drawn = draw_all_arrivals(plan)
    persona = draw_population(plan, 7, drawn).persona
    assert not persona[drawn.channel == 0].any()
    organic = persona[drawn.channel == 1]
    assert_plausible(stats.binomtest(int(organic.sum()), len(organic), 0.75).pvalue)


def test_policy_conditions_can_use_the_acquisition_channel(tmp_path: Path) -> None:
    policy = {
        "acquisition": {"search": 100},
        "flows": {"hello": {"on": {"stage": "here"}, "if": "acquired_by == search", "steps": [{"tag": "paid"}]}},
    }
    run = simulate(small_scenario(journey=JOURNEY, policy=policy, customers=20), log=tmp_path / "log.parquet")
    acquired = run.customers["acquired_by"]
    assert acquired.tolist() == [["search", "organic", "none"][code] for code in run.acquisition_channels]
    rows = EventLog(tmp_path / "log.parquet").to_pandas()
    greeted = rows.loc[rows["event"] == "flow_started", "customer"]
    assert greeted.tolist() == run.customers.index[acquired == "search"].tolist()


def test_scenario_without_initial_customers_has_only_arrivals() -> None:
    run = simulate(two_channel_scenario(100, customers=0))
    assert len(run) == run.provenance.arrived > 500
    assert run.provenance.customers == 0
    with_some = simulate(two_channel_scenario(100))
    assert np.array_equal(with_some.outcomes.customers["clv"][20:], run.outcomes.customers["clv"])


def test_run_without_any_customers_is_empty() -> None:
    run = simulate(small_scenario(journey={"acquisition": {"ads": {"baseline": 1e-9}}}, customers=0))
    assert len(run) == 0
    assert run.to_json()["customers"] == 0


def test_arrivals_do_not_change_initial_customers() -> None:
    seldom, often = (simulate(two_channel_scenario(per_day)).outcomes.customers[:20].tobytes() for per_day in (0, 300))
    assert seldom == often


def test_engines_threads_and_chunks_give_the_same_arrivals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def result_bytes(name: str, **how: Any) -> list[bytes]:
        run = simulate(two_channel_scenario(30), log=tmp_path / name, **how)
        return [*(array.tobytes() for array in run.outcomes), (tmp_path / name).read_bytes(), run.keys.tobytes()]

    usual = result_bytes("usual")
    assert result_bytes("readable", engine="readable") == usual
    monkeypatch.setattr("cjsim.engine.worker_pool.FIRST_CHUNK_SIZE", 3)
    monkeypatch.setattr("cjsim.engine.worker_pool.MAX_CHUNK_SIZE", 5)
    assert result_bytes("cut", threads=3) == usual


def test_entry_file_does_not_apply_to_arrivals(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered,pace,country\n1,99,FR\n2,98,FR\n")
    run = simulate(two_channel_scenario(100, entry={"file": str(tmp_path / "entries.csv")}))
    traits, country = run.truth["trait[pace]"], run.customers["country"]
    assert traits[:4].tolist() == [99, 98, 99, 98]
    assert traits[20:].max() < 90
    assert set(country[:20]) == {"FR"}
    assert set(country[20:]) == {"DE", "FR"}


@pytest.mark.parametrize(
    ("customers", "most", "got"),
    [
        (20, 100, "20 initial customers and about 1,030 arrivals from acquisition channels"),
        (20, 1_000, "20 initial customers and about 1,030 arrivals from acquisition channels"),
        (200, 100, "200 initial customers and about 1,030 arrivals from acquisition channels"),
    ],
)
def test_too_many_arrivals_are_rejected(customers: int, most: int, got: str) -> None:
    message = rf"scenario: must not exceed {most:,} customers, got {got}\. Lower the arrivals or the spend, .* `max_customers`"
    with pytest.raises(InputError, match=message):
        simulate(two_channel_scenario(100, customers=customers), max_customers=most)


def test_too_many_initial_customers_are_rejected() -> None:
    message = (
        r"scenario: must not exceed 10 customers, got 11 initial customers\. Use fewer customers, or raise the limit with `max_customers`"
    )
    with pytest.raises(InputError, match=message):
        simulate(small_scenario(customers=11), max_customers=10)


def test_unbounded_arrivals_are_rejected_before_sampling() -> None:
    flood = small_scenario(journey={"acquisition": {"ads": {"baseline": 1e12}}}, customers=1)
    with pytest.raises(
        InputError, match="must not exceed 1,000,000 customers, got 1 initial customers and about 30,000,000,000,000 arrivals"
    ):
        simulate(flood)


@pytest.mark.parametrize("most", [0, 100_000_001, 2.5, True])
def test_invalid_max_customers_is_rejected(most: Any) -> None:
    with pytest.raises(InputError, match=r"max_customers: must be a whole number from 1 to 100,000,000"):
        simulate(two_channel_scenario(), max_customers=most)
