"""The cost of a calibration: linear in the number of distinct histories, and independent of BLAS threads."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # a dependency of scikit-learn

from cjsim.calibration.bgnbd import fit_bgnbd
from cjsim.calibration.customer_forecast import forecast_customers
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import fit_spend, fit_timing

CPU_TIME_OF_A_FIT = """
import sys, time
sys.path.insert(0, "tests/support"), sys.path.insert(0, "tests/calibration")
from test_calibration_cost import distinct_histories
from cjsim.calibration.bgnbd import fit_bgnbd
histories = distinct_histories(int(sys.argv[1]))
fit_bgnbd(*distinct_histories(50))
start = time.process_time()
fit_bgnbd(*histories)
print(time.process_time() - start)
"""


def distinct_histories(count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, t_x and T of BG/NBD customers, nearly all distinct because times are continuous."""
    rng = np.random.default_rng(3)
    T = rng.uniform(28.0, 39.0, count)
    without_dropout = rng.poisson(rng.gamma(0.8, 1 / 6, count) * T)
    x = np.minimum(without_dropout, rng.geometric(rng.beta(0.8, 2.5, count))).astype(np.float64)
    share = rng.beta(np.maximum(x, 1), without_dropout - x + 1)
    return x, np.where(x > 0, T * share, 0.0), T


def cpu_time(count: int, threads: int | None) -> float:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {} if threads is None else dict.fromkeys(names, str(threads))
    command = [sys.executable, "-c", CPU_TIME_OF_A_FIT, str(count)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def test_estimates_do_not_depend_on_blas_threads() -> None:
    histories = distinct_histories(300)
    with threadpool_limits(limits=4, user_api="blas"):
        several = fit_bgnbd(*histories).values
    with threadpool_limits(limits=1, user_api="blas"):
        assert fit_bgnbd(*histories).values.tolist() == several.tolist()


@pytest.mark.slow
def test_cpu_time_does_not_depend_on_blas_threads() -> None:
    """The least of three runs each; without the limit in `maximize_likelihood` and the sums outside BLAS, the ratio was 20."""
    one, default = (min(cpu_time(12_000, threads) for _ in range(3)) for threads in (1, None))
    assert default < 1.2 * one


@pytest.mark.slow
def test_cpu_time_of_a_fit_is_linear_in_the_number_of_distinct_histories() -> None:
    few, many = (min(cpu_time(count, 1) for _ in range(2)) for count in (25_000, 100_000))
    assert many < 6 * few


@pytest.mark.slow
def test_customers_with_equal_histories_share_their_cost() -> None:
    """200,000 customers with the histories of 2,000 take less than 3 s of CPU time."""
    histories = simulate_purchase_log(PurchasingWorld(30.0), 2000, 1.0, 1).histories_until(UNTIL)
    repeated = type(histories)(*(np.repeat(value, 100) if isinstance(value, np.ndarray) else value for value in vars(histories).values()))
    timing, spend = fit_timing(histories), fit_spend(histories)
    start = time.process_time()
    forecast_customers(timing, spend, repeated)
    assert time.process_time() - start < 3.0
