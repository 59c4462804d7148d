"""Distributions compile to records, and the kernels' quantile functions of these records match scipy."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import integrate, special, stats
from small_scenarios import frame_arrays, small_scenario

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.symbols import plain_array, record_array
from cjsim.compiler.tables.quantile_tables import (
    TABLE_ERROR,
    QuantileTables,
    beta_table,
)
from cjsim.kernels.codes import DistributionCode
from cjsim.kernels.quantiles import fill_quantiles
from cjsim.kernels.world import DISTRIBUTION, World
from cjsim.scenario.kinds.amount_laws import AmountLaw
from cjsim.scenario.kinds.distributions import DistributionKind
from cjsim.scenario.kinds.registers import DistributionRecord
from cjsim.scenario.kinds.wait_laws import WaitKind, WaitLaw, survival_share

UNIFORMS = np.concatenate([special.ndtr(np.linspace(-8.2, 0, 5001)), 1 - special.ndtr(-np.linspace(0.001, 8.1, 5001))])


@pytest.fixture(scope="module")
def world() -> Any:
    return compile_scenario(small_scenario()).world


def wait(**law: Any) -> WaitKind:
    return TypeAdapter[WaitKind](WaitLaw).validate_python(law)


def amount(**law: Any) -> DistributionKind:
    return TypeAdapter[DistributionKind](AmountLaw).validate_python(law)


def values(world: Any, record: DistributionRecord, tables: QuantileTables, u: Any = UNIFORMS) -> Any:
    out = np.empty(len(u))
    world_with_tables = World(**frame_arrays(world) | {"knots": plain_array("f8", tables.array())})
    fill_quantiles(world_with_tables, record_array(DISTRIBUTION, [record._asdict()]), np.asarray(u), out)
    return out


def exact_gamma(shape: float, u: Any) -> Any:
    return np.where(u < 0.5, special.gammaincinv(shape, u), special.gammainccinv(shape, 1 - u))


@pytest.mark.parametrize("shape", [0.01, 0.05, 0.243, 1.0, 6.25, 100.0, 1000.0])
def test_gamma_quantile_matches_scipy_within_the_stated_error(world: Any, shape: float) -> None:
    tables = QuantileTables()
    got = values(world, wait(gamma={"mean": "3d", "shape": shape}).record(tables), tables)
    want = exact_gamma(shape, UNIFORMS) * 3.0 / shape
    seen = want > 1e-290
    assert seen.sum() > 1000
    assert np.max(np.abs(got[seen] / want[seen] - 1)) < TABLE_ERROR
    assert np.all(got[~seen] < 1e-280)


def test_gamma_quantile_is_monotone(world: Any) -> None:
    tables = QuantileTables()
    record = wait(gamma={"mean": "3d", "shape": 0.05}).record(tables)
    assert np.all(np.diff(values(world, record, tables)) >= 0)


def test_closed_form_quantiles_match_scipy(world: Any) -> None:
    tables = QuantileTables()
    laws = [
        (wait(exponential={"mean": "2d"}).record(tables), stats.expon(scale=2)),
        (wait(weibull={"scale": "2d", "shape": 0.7}).record(tables), stats.weibull_min(0.7, scale=2)),
        (wait(lognormal={"median": "6h", "sigma": 1.3}).record(tables), stats.lognorm(1.3, scale=0.25)),
        (amount(uniform={"low": -5, "high": 20}).record(tables), stats.uniform(-5, 25)),
        (amount(exponential={"mean": 30}).record(tables), stats.expon(scale=30)),
        (amount(lognormal={"median": 30, "sigma": 0.5}).record(tables), stats.lognorm(0.5, scale=30)),
        (amount(gamma={"mean": 30, "shape": 4}).record(tables), stats.gamma(4, scale=7.5)),
    ]
    u = np.linspace(0.001, 0.999, 999)
    for record, law in laws:
        np.testing.assert_allclose(values(world, record, tables, u), law.ppf(u), rtol=TABLE_ERROR)


def test_fixed_wait_is_its_value_and_never_is_infinite(world: Any) -> None:
    tables = QuantileTables()
    assert set(values(world, wait(fixed="36h").record(tables), tables)) == {1.5}
    assert set(values(world, amount(fixed=0).record(tables), tables)) == {0.0}
    assert set(values(world, DistributionRecord(), tables)) == {np.inf}


def test_empirical_values_are_sorted_with_their_weights(world: Any) -> None:
    tables = QuantileTables()
    record = amount(empirical={"values": [9, 1, 5, 1], "weights": [2, 1, 0, 1]}).record(tables)
    assert (record.kind, record.length) == (DistributionCode.STEPS, 2)
    assert list(values(world, record, tables, [0.01, 0.49, 0.51, 0.999999])) == [1, 1, 9, 9]


def test_empirical_values_without_weights_are_equally_likely(world: Any) -> None:
    tables = QuantileTables()
    record = wait(empirical={"values": ["3d", "1d", "2d"]}).record(tables)
    assert list(values(world, record, tables, [0.33, 0.34, 0.66, 0.67, 1 - 2**-53])) == [1, 2, 2, 3, 3]


def test_equal_distributions_share_a_table() -> None:
    tables = QuantileTables()
    first = wait(gamma={"mean": "1d", "shape": 2}).record(tables)
    other = amount(gamma={"mean": 50, "shape": 2}).record(tables)
    different = amount(gamma={"mean": 50, "shape": 3}).record(tables)
    assert first.table == other.table
    assert different.table == 2 * first.length
    assert len(tables.array()) == 4 * first.length
    assert tables.steps((1.0, 2.0), None) == tables.steps((2.0, 1.0), (3.0, 3.0)) != tables.steps((1.0, 2.0), (1.0, 3.0))


@pytest.mark.parametrize(("alpha", "beta"), [(0.793, 2.426), (0.05, 3.0), (2.0, 5.0), (1000.0, 3.0), (1e6, 1e6), (0.01, 100.0)])
def test_beta_table_matches_scipy(world: Any, alpha: float, beta: float) -> None:
    tables = QuantileTables()
    span = tables.beta(alpha, beta)
    assert span is not None
    u = np.linspace(1e-6, 1 - 1e-6, 10_001)
    odds = values(world, DistributionRecord(DistributionCode.TABLE, table=span[0], length=span[1], scale=1.0), tables, u)
    want = special.betaincinv(alpha, beta, u)
    seen = want > 1e-250
    np.testing.assert_allclose((odds / (1 + odds))[seen], want[seen], rtol=2 * TABLE_ERROR)


def test_beta_table_is_omitted_if_inexact() -> None:
    assert beta_table(0.01, 0.01) is None
    assert QuantileTables().beta(1e-5, 1.0) is None


DELAYS = [
    ({"fixed": "12h"}, lambda u: 0.5 + 0 * u),
    ({"exponential": {"mean": "8h"}}, lambda u: -np.log1p(-u) / 3),
    ({"gamma": {"mean": "1d", "shape": 0.3}}, lambda u: special.gammaincinv(0.3, u) / 0.3),
    ({"weibull": {"scale": "2d", "shape": 0.05}}, lambda u: 2 * (-np.log1p(-u)) ** 20),
    ({"weibull": {"scale": "2d", "shape": 100}}, lambda u: 2 * (-np.log1p(-u)) ** 0.01),
    ({"lognormal": {"median": "6h", "sigma": 10}}, lambda u: 0.25 * np.exp(10 * special.ndtri(u))),
    ({"lognormal": {"median": "6h", "sigma": 1.9}}, lambda u: 0.25 * np.exp(1.9 * special.ndtri(u))),
    ({"lognormal": {"median": "6h", "sigma": 0}}, lambda u: 0.25 + 0 * u),
]


@pytest.mark.parametrize("lifetime", [0.05, 1.0, 30.0])
@pytest.mark.parametrize(("law", "delay"), DELAYS, ids=[str(law) for law, _ in DELAYS])
def test_survival_share_is_the_integral_over_the_delay(law: dict[str, Any], delay: Any, lifetime: float) -> None:
    want, _ = integrate.quad(lambda u: np.exp(-delay(u) / lifetime), 0, 1, epsabs=1e-11, epsrel=1e-11, limit=2000)
    assert survival_share(wait(**law), lifetime) == pytest.approx(want, abs=1e-9)


def test_survival_of_an_empirical_delay_is_the_weighted_mean() -> None:
    law = wait(empirical={"values": ["0s", "1d"], "weights": [3, 1]})
    assert survival_share(law, 1.0) == pytest.approx((3 + np.exp(-1)) / 4, rel=1e-15)


def test_survival_share_is_one_for_an_infinite_lifetime() -> None:
    assert survival_share(wait(lognormal={"median": "6h", "sigma": 2}), np.inf) == 1.0
