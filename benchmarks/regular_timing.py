"""Effect of regular purchase times on forecasts of NBD and BG/NBD, which assume random times.

Run `python benchmarks/regular_timing.py` (about a minute). Customers buy at gamma-distributed rates, with gamma-distributed intervals of
shape k between purchases: k = 1 is random timing. In some worlds, they drop out after a purchase with a beta-distributed probability.
Purchases are recorded by day. The calibration period is a year, in whose first 120 days customers make their first purchase; the holdout
is the next half year. For each world and k, the table has the mean over logs of: the estimate of k; the share of logs with a warning; the
error of the forecast of all holdout purchases, in percent of the actual number, and its standard error; and the share of customers whose
own number of purchases is within their 95 % predictive interval.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from cjsim.calibration.customer_forecast import forecast_customers
from cjsim.calibration.model_selection import fit_spend, fit_timing
from cjsim.calibration.purchase_regularity import estimate_regularity, interval_pairs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log

WORLDS: Mapping[str, PurchasingWorld] = MappingProxyType(
    {
        "20 days, dropout 1/6": PurchasingWorld(20.0),
        "60 days, dropout 1/6": PurchasingWorld(60.0),
        "20 days, dropout 2/7": PurchasingWorld(20.0, mean_dropout=2 / 7),
        "20 days, similar rates, dropout 1/6": PurchasingWorld(20.0, rate_shape=4.0),
        "20 days, no dropout": PurchasingWorld(20.0, mean_dropout=0.0),
        "60 days, no dropout": PurchasingWorld(60.0, mean_dropout=0.0),
    }
)


def measure(world: PurchasingWorld, customers: int, k: float, seed: int) -> tuple[float, float, float, float]:
    """Return the estimate of k, whether there is a warning, the relative error of the forecast, and the coverage of its intervals."""
    log = simulate_purchase_log(world, customers, k, seed)
    histories = log.histories_until(UNTIL)
    regularity = estimate_regularity(interval_pairs(log, UNTIL))
    timing, spend = fit_timing(histories), fit_spend(histories)
    horizon = histories.holdout_length * 7
    forecast = forecast_customers(timing, spend, histories, horizon_days=horizon)
    actual, (low, high) = histories.holdout_purchases, forecast.predictive.purchases
    error = forecast.expected_purchases.value.sum() / actual.sum() - 1
    assert regularity is not None
    return regularity.k, float(regularity.is_regular), float(error), float(np.mean((low <= actual) & (actual <= high)))


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Effect of regular purchase times on forecasts")
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--logs", type=int, default=20)
    arguments = parser.parse_args()
    print("| mean interval, dropout | k | estimate of k | warned | error of the forecast | customers within their interval |")
    print("|---|---|---|---|---|---|")
    for name, world in WORLDS.items():
        for k in (1.0, 2.0, 4.0):
            found = np.array([measure(world, arguments.customers, k, seed) for seed in range(arguments.logs)])
            estimate, warned, error, coverage = found.mean(axis=0)
            standard_error = found[:, 2].std(ddof=1) / np.sqrt(arguments.logs)
            print(
                f"| {name} | {k:g} | {estimate:.2f} | {100 * warned:.0f} % | {100 * error:+.1f} % ± {100 * standard_error:.1f} "
                f"| {100 * coverage:.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
