"""Claim: profit has an interior optimum in contact frequency, and too many contacts do not hurt in the same way as too few.

The shop's customers get the newsletter at a fixed interval from the first Monday on, and nothing else. Profit is the increase in CLV
compared with the same customers without emails. Intervals range from two months to half a day; each seed is a separate population.

Published: Zhang, Kumar, Cosguner (2017), abstract: the optimum is 7 contacts; 4 yield 32 % less profit, 10 yield 16 % less. Dreze, Bonfrer
(2008), abstract: intervals that are too short hurt more than intervals that are too long.

Run: `python experiments/e05_frequency.py [--customers N] [--seeds K] [--out DIR]`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from published_findings import ROOT, Finding, write_findings_report

import cjsim as cj

HOURS = (1440, 672, 336, 168, 120, 84, 60, 48, 42, 36, 30, 24, 20, 16, 12)  # between two emails
FEWER, MORE = 4 / 7, 10 / 7  # of the best frequency, as Zhang, Kumar and Cosguner measured around theirs
Z95 = 1.959964


def scenario(hours: int | None, customers: int) -> cj.Scenario:
    """The shop with only a newsletter every `hours` hours; None: without any messages."""
    steps = [{"send": "newsletter", "label": "again"}, {"wait": f"{hours}h"}, {"jump": "again"}]
    begins = {"schedule": {"weekdays": ["monday"], "at": "10:00"}}
    flows = {} if hours is None else {"newsletter": {"on": begins, "again_after": "never", "steps": steps}}
    shop = {"journey": str(ROOT / "configs" / "journeys" / "shop.yaml"), "start": "2026-01-01", "horizon": "365d"}
    policy = {"name": "mails", "flows": flows}
    return cj.Scenario.from_dict({"name": f"every_{hours}_hours", **shop, "policy": policy, "customers": customers})


def gains_by_interval(customers: int, seeds: range, hours: tuple[int, ...] = HOURS) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Increase in each customer's CLV from emails at each interval, shape (seeds, intervals, customers)."""
    policies = {"none": scenario(None, customers)} | {f"{gap}h": scenario(gap, customers) for gap in hours}
    found = [cj.compare(policies, seed=seed) for seed in seeds]
    return np.array([[comparison.effects(f"{gap}h", "clv")["effect"] for gap in hours] for comparison in found])


def gain_rows(gain: np.ndarray[Any, np.dtype[np.float64]], hours: tuple[float, ...] = HOURS) -> list[dict[str, Any]]:
    """The mean gain at each frequency over all customers of all seeds, with its interval, and the smallest and largest mean of a seed."""
    rows = []
    for i, gap in enumerate(hours):
        of_seeds = gain[:, i].mean(axis=1)
        error = gain[:, i].ravel().std(ddof=1) / np.sqrt(gain[:, i].size)
        mean = float(gain[:, i].mean())
        row: dict[str, Any] = {"hours": gap, "mails_a_week": 168 / gap, "gain": mean, "low": mean - Z95 * error, "high": mean + Z95 * error}
        rows.append(row | {"least_seed": float(of_seeds.min()), "largest_seed": float(of_seeds.max()), "n": gain[:, i].size})
    return rows


def relative_gain_at(
    gain: np.ndarray[Any, np.dtype[np.float64]], frequency_ratio: float, hours: tuple[float, ...] = HOURS
) -> tuple[float, float, float]:
    """Gain at a multiple of the best frequency, relative to the best gain: median and 95 % interval of a bootstrap over customers.

    The curve is interpolated linearly between simulated frequencies. Each resample has its own best frequency.
    """
    frequency = 168 / np.array(hours)
    flat = gain.transpose(1, 0, 2).reshape(len(hours), -1)
    rng = np.random.default_rng(1)
    losses = []
    for _ in range(400):
        chosen = rng.integers(0, flat.shape[1], flat.shape[1])
        means = flat[:, chosen].mean(axis=1)
        best = int(means.argmax())
        losses.append(np.interp(frequency[best] * frequency_ratio, frequency, means) / means[best] - 1)
    low, middle, high = np.quantile(losses, [0.025, 0.5, 0.975])
    return float(middle), float(low), float(high)


def findings_of(gain: np.ndarray[Any, np.dtype[np.float64]], hours: tuple[float, ...] = HOURS) -> list[Finding]:
    """The published statements and our results."""
    rows, n = gain_rows(gain, hours), gain.shape[0] * gain.shape[2]
    best = max(range(len(rows)), key=lambda i: rows[i]["gain"])
    flat = gain.transpose(1, 0, 2).reshape(len(hours), -1)
    drops = []
    for end in (0, len(hours) - 1):
        difference = flat[best] - flat[end]
        drops.append((difference.mean(), difference.std(ddof=1) / np.sqrt(n)))
    drop, error = min(drops)
    fewer, more = relative_gain_at(gain, FEWER, hours), relative_gain_at(gain, MORE, hours)
    inside = 0 < best < len(hours) - 1 and all(mean - Z95 * err > 0 for mean, err in drops)
    return [
        Finding(
            "profit has an interior optimum: gain at the best frequency minus gain at the better end of the range, money per customer",
            "an optimum (7 contacts per period)",
            float(drop),
            float(drop - Z95 * error),
            float(drop + Z95 * error),
            n,
            inside,
            f"best at {rows[best]['mails_a_week']:.3g} emails per week",
        ),
        Finding(
            "change in profit at 4/7 of the best frequency",
            "-32 %",
            *fewer,
            n,
            fewer[1] <= -0.32 <= fewer[2],
            "the shop's profit curve is flatter on this side",
        ),
        Finding(
            "change in profit at 10/7 of the best frequency",
            "-16 %",
            *more,
            n,
            more[1] <= -0.16 <= more[2],
            "beyond the optimum, customers unsubscribe and do not return",
        ),
        Finding(
            "intervals that are too short hurt more than intervals that are too long: loss at 10/7 minus loss at 4/7 of the best frequency",
            "more (Dreze, Bonfrer); less (Zhang, Kumar, Cosguner)",
            more[0] - fewer[0],
            more[1] - fewer[2],
            more[2] - fewer[1],
            n,
            more[2] < fewer[1],
            "the two sources disagree; the shop is closer to the second, and the interval contains 0",
        ),
    ]


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the gain by emails per week, with its interval and the spread of seeds."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, axes = plt.subplots(figsize=(7, 4))
    mails = [row["mails_a_week"] for row in rows]
    axes.fill_between(mails, [row["least_seed"] for row in rows], [row["largest_seed"] for row in rows], alpha=0.2, label="spread of seeds")
    errors = [[row["gain"] - row["low"] for row in rows], [row["high"] - row["gain"] for row in rows]]
    axes.errorbar(mails, [row["gain"] for row in rows], yerr=errors, marker="o", markersize=4, label="mean, 95 % interval")
    axes.set(xscale="log", xlabel="mails a week", ylabel="what the mails add to CLV, money a customer", ylim=(0, None))
    axes.legend(frameon=False)
    drawn.text(0.01, 0.005, f"{rows[0]['n']:,} customers, paired with the same under no mails", fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=90)
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e05_frequency")
    given = parser.parse_args()
    gain = gains_by_interval(given.customers, range(1, given.seeds + 1))
    rows = gain_rows(gain)
    given.out.mkdir(parents=True, exist_ok=True)
    figure(rows, given.out / "gain.png")
    words = f"""The shop's customers get the newsletter at a fixed interval, and nothing else: {len(HOURS)} intervals,
{given.seeds} populations of {given.customers:,} customers, one year each.
Profit is the increase in CLV compared with the same customers without emails."""
    print(write_findings_report("e05_frequency", "E05: contact frequency", words, findings_of(gain), {"gain": rows}, given.out))


if __name__ == "__main__":
    main()
