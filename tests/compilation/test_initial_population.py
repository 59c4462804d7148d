"""Customers follow the declared distributions, regardless of the batch size.

Statistical tests compare a p-value with MIN_P_VALUE: each fails by chance for one seed in a million. Seeds are fixed.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small_scenarios import frame_arrays, small_scenario

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan, TraitTransform
from cjsim.compiler.population import MAX_CLOCK_SHIFT_DAYS, draw_population, initial_cohort, trait_values
from cjsim.errors import InputError
from cjsim.kernels.state import Population

MIN_P_VALUE = 1e-6
N = 20_000

TRAITS: dict[str, tuple[dict[str, Any], Any]] = {
    "rate": ({"gamma": {"mean": 0.055, "shape": 0.243}}, stats.gamma(0.243, scale=0.055 / 0.243)),
    "spend": ({"lognormal": {"median": 3, "sigma": 0.6}}, stats.lognorm(0.6, scale=3)),
    "dropout": ({"beta": {"alpha": 0.793, "beta": 2.426}}, stats.beta(0.793, 2.426)),
    "edge": ({"beta": {"alpha": 0.01, "beta": 0.01}}, stats.beta(0.01, 0.01)),
    "taste": ({"normal": {"mean": -1, "sd": 2}}, stats.norm(-1, 2)),
    "part": ({"uniform": {"low": -3, "high": 5}}, stats.uniform(-3, 8)),
}


def draw_people(seed: int = 7, first: int = 0, count: int = N, *, journey: dict[str, Any] | None = None, **settings: Any) -> Population:
    return draw_initial_population(compile_scenario(small_scenario(journey=journey, **settings)), seed, first, count)


def draw_initial_population(plan: Plan, seed: int, first: int, count: int) -> Population:
    return draw_population(plan, seed, initial_cohort(plan, seed, first, count))


def every_trait_journey() -> dict[str, Any]:
    return {
        "personas": {"a": {"share": 0.5}, "b": {"share": 0.3}, "c": {"share": 0.2}},
        "traits": {name: law for name, (law, _) in TRAITS.items()} | {"same": {"fixed": 2.5}},
        "attributes": {"country": {"DE": 5, "AT": 3, "CH": 2}, "plan": {"free": 1, "paid": 0, "pro": 1}},
        "clock_shift": "taste",
        "stages": {"here": {}},
        "events": {"buy": {"in": ["here"], "wait": {"exponential": "1d"}, "speed": ["rate", "1/spend", "1 - dropout"]}},
    }


@pytest.fixture(scope="module")
def plan() -> Any:
    return compile_scenario(small_scenario(journey=every_trait_journey(), entry={"over": "10d"}))


@pytest.fixture(scope="module")
def drawn(plan: Any) -> Population:
    return draw_initial_population(plan, 7, 0, N)


def test_batches_make_up_the_same_population(plan: Any) -> None:
    whole = draw_initial_population(plan, 7, 100, 1000)
    cuts = [100, 101, 108, 611, 1100]
    parts = [draw_initial_population(plan, 7, a, b - a) for a, b in itertools.pairwise(cuts)]
    for field, array in frame_arrays(whole).items():
        assert np.concatenate([getattr(part, field) for part in parts]).tobytes() == array.tobytes(), field


def test_population_has_the_declared_types_and_shapes(drawn: Population) -> None:
    assert {name: (array.dtype.str, array.shape) for name, array in frame_arrays(drawn).items()} == {
        "key": ("<u8", (N,)),
        "persona": ("<i4", (N,)),
        "entered": ("<f8", (N,)),
        "ends": ("<f8", (N,)),
        "shift": ("<f8", (N,)),
        "traits": ("<f8", (N, 9)),
        "attributes": ("<f8", (N, 2)),
        "number": ("<i8", (N,)),
        "interest": ("<i4", (N,)),
        "cost": ("<f8", (N,)),
        "replies": ("<i8", (N, 2)),
    }


def test_key_of_an_initial_customer_is_its_number() -> None:
    assert list(draw_people(1, 5, 3).key) == [5, 6, 7]


def test_seed_changes_the_population(plan: Any) -> None:
    assert not np.array_equal(draw_initial_population(plan, 8, 0, 50).traits, draw_initial_population(plan, 7, 0, 50).traits)


def test_persona_shares_are_as_declared(drawn: Population) -> None:
    assert stats.chisquare(np.bincount(drawn.persona), N * np.array([0.5, 0.3, 0.2])).pvalue > MIN_P_VALUE


def test_attribute_shares_follow_their_weights(drawn: Population) -> None:
    country, plan_ = np.bincount(drawn.attributes[:, 0].astype(int)), np.bincount(drawn.attributes[:, 1].astype(int))
    assert stats.chisquare(country, N * np.array([0.5, 0.3, 0.2])).pvalue > MIN_P_VALUE
    assert plan_[1] == 0
    assert stats.chisquare(plan_[[0, 2]], N * np.array([0.5, 0.5])).pvalue > MIN_P_VALUE


@pytest.mark.parametrize("name", [name for name in TRAITS if name != "edge"])  # that law's values are rounded to 0 and 1
def test_trait_follows_its_distribution(drawn: Population, name: str) -> None:
    assert stats.kstest(drawn.traits[:, list(TRAITS).index(name)], TRAITS[name][1].cdf).pvalue > MIN_P_VALUE


@pytest.mark.parametrize("name", TRAITS)
def test_trait_is_the_quantile_of_its_uniform(plan: Any, name: str) -> None:
    trait = next(trait for trait in plan.population.traits if trait.name == name)
    u = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(trait_values(trait, plan.world, u), TRAITS[name][1].ppf(u), rtol=1e-7, atol=1e-14)


def test_only_beta_traits_without_an_exact_table_use_scipy(plan: Any) -> None:
    assert {trait.name: trait.form for trait in plan.population.traits if trait.form is not TraitTransform.DRAW} == {
        "dropout": TraitTransform.ODDS,
        "edge": TraitTransform.BETA,
        "taste": TraitTransform.NORMAL,
    }


def test_traits_are_independent(drawn: Population) -> None:
    for column in range(5):
        assert stats.spearmanr(drawn.traits[:, column], drawn.traits[:, column + 1]).pvalue > MIN_P_VALUE


def test_fixed_trait_is_its_value(drawn: Population) -> None:
    assert set(drawn.traits[:, 6]) == {2.5}


def test_derived_columns_follow_from_their_trait(drawn: Population) -> None:
    assert np.array_equal(drawn.traits[:, 7], 1 / drawn.traits[:, 1])
    assert np.array_equal(drawn.traits[:, 8], 1 - drawn.traits[:, 2])


def test_inverse_of_a_trait_of_0_is_finite() -> None:
    journey = {"traits": {"none": {"fixed": 0}}, "events": {"buy": {"in": ["here"], "wait": {"exponential": "1d"}, "speed": ["1/none"]}}}
    assert set(draw_people(count=5, journey=journey).traits[:, 1]) == {1e12}


def test_new_trait_does_not_change_other_draws(drawn: Population) -> None:
    journey = every_trait_journey()
    journey["traits"] = {"new": {"normal": {"mean": 0, "sd": 1}}} | journey["traits"]
    assert np.array_equal(draw_people(count=N, journey=journey).traits[:, 1:8], drawn.traits[:, :7])


def test_clock_shift_is_clipped_to_the_table_range(drawn: Population) -> None:
    assert np.array_equal(drawn.shift, drawn.traits[:, 4] / 24)
    journey = {"traits": {"late": {"normal": {"mean": 0, "sd": 60}}}, "clock_shift": "late"}
    shift = draw_people(journey=journey).shift
    assert (shift.min(), shift.max()) == (-MAX_CLOCK_SHIFT_DAYS, MAX_CLOCK_SHIFT_DAYS)


def test_customers_enter_at_the_start_without_an_entry_window() -> None:
    assert set(draw_people(count=100).entered) == {0.0}


def test_customers_enter_uniformly_over_the_window(drawn: Population) -> None:
    assert stats.kstest(drawn.entered, stats.uniform(0, 10).cdf).pvalue > MIN_P_VALUE


def from_file(tmp_path: Path, text: str, **fields: Any) -> Population:
    (tmp_path / "entries.csv").write_text(text, encoding="utf-8")
    journey = {"traits": {"rate": {"fixed": 9}}, "attributes": {"country": {"DE": 1, "AT": 1}}}
    return draw_people(journey=journey, entry={"file": str(tmp_path / "entries.csv")}, count=5, **fields)


def test_entry_file_accepts_dates_datetimes_and_days(tmp_path: Path) -> None:
    entered = from_file(tmp_path, "entered\n2026-01-06\n2026-01-05 12:00\n2026-01-07T06:00:00\n3.25\n").entered
    assert list(entered) == [1.0, 0.5, 2.25, 3.25, 1.0]


def test_entry_rows_repeat_for_further_customers(tmp_path: Path) -> None:
    assert list(from_file(tmp_path, "entered\n1\n2\n3\n", first=4).entered) == [2, 3, 1, 2, 3]


def test_columns_of_an_entry_file_override_draws(tmp_path: Path) -> None:
    drawn = from_file(tmp_path, "rate,entered,country\n0.5,1,AT\n-2,2,DE\n")
    assert list(drawn.traits[:, 0]) == [0.5, -2, 0.5, -2, 0.5]
    assert list(drawn.attributes[:, 0]) == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entered\n1\n2026-13-01\n", r"entries\.csv:3: entered: must be a date, a date-time, or days since the start, got '2026-13-01'"),
        ("entered\ninf\n", r"entries\.csv:2: entered: must be a date, a date-time, or days since the start, got 'inf'"),
        ("entered\n1\n-0.5\n", r"entries\.csv:3: entered: must not be before the start of the scenario \(2026-01-05\), got '-0\.5'"),
        (
            "entered\n2026-01-04\n",
            r"entries\.csv:2: entered: must not be before the start of the scenario \(2026-01-05\), got '2026-01-04'",
        ),
        ("entered,rate\n1,x\n", r"entries\.csv:2: rate: must be a finite number, because it is a trait, got 'x'"),
        ("entered,rate\n1,nan\n", r"entries\.csv:2: rate: must be a finite number, because it is a trait, got 'nan'"),
        ("entered,country\n1,ATX\n", r"entries\.csv:2: country: must be one of 'DE', 'AT', got 'ATX'\. Did you mean 'AT'\?"),
        ("entered,contry\n1,AT\n", r"entries\.csv:1: must be one of 'entered', 'customer', .*, got 'contry'\. Did you mean 'country'\?"),
        ("rate\n1\n", r"entries\.csv:1: must have an 'entered' column and no duplicate columns, got 'rate'"),
        ("entered,entered\n1,2\n", r"entries\.csv:1: must have an 'entered' column and no duplicate columns, got 'entered, entered'"),
        ("entered,rate\n1,2\n1\n", r"entries\.csv:3: must have 2 values, like the header, got 1"),
        ("entered\n", r"entries\.csv: must have a header and at least one row, got none"),
        ("", r"entries\.csv: must have a header and at least one row, got none"),
    ],
)
def test_invalid_entry_file_is_rejected_with_its_row(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_file(tmp_path, text)


def test_entry_file_cannot_set_the_acquisition_channel(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered,acquired_by\n1,ads\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"entries\.csv:1: must be one of 'entered', 'customer', got 'acquired_by'"):
        draw_people(journey={"acquisition": {"ads": {"baseline": 1}}}, entry={"file": str(tmp_path / "entries.csv")})


def test_unreadable_entry_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("entered,größe\n".encode("latin-1"))
    for path, message in [
        (tmp_path / "none.csv", "must be a readable file"),
        (tmp_path, "must be a readable file"),
        (tmp_path / "latin.csv", "must be text in UTF-8"),
    ]:
        with pytest.raises(InputError, match=rf"entry\.file: .*{path.name}.*: {message}, got "):
            draw_people(entry={"file": str(path)})
