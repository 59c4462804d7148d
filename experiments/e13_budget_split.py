"""Claim: the split of an acquisition budget that a study finds has equal marginal returns, within 5 % of spend.

Four channels with known response curves (Hill, no carry-over) acquire customers who buy once, for a known amount, when they arrive
(configs/experiments/e13_budget.yaml). The profit of each split is therefore known, and so is the best split: its marginal returns are equal
on all channels. A study (e13_budget_study.yaml) finds its split from simulated arrivals alone; a random search with the same number of
trials is the reference. Distance: half the sum of |found - best| over channels, as a share of spend; that is, the share of money to
reallocate.

Published: no figure; the optimum is a closed form (Lagrange; Dorfman and Steiner 1954, AER 44(5), on advertising budgets).

Run: `python experiments/e13_budget_split.py [--seeds K] [--trials N] [--out DIR]`.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Finding, write_findings_report
from scipy import optimize as roots
from scipy import stats

import cjsim as cj
from cjsim.tuning.study import Study

STUDY = ROOT / "configs" / "experiments" / "e13_budget_study.yaml"
DISTANCE_TOLERANCE = 0.05  # share of spend
SAMPLERS = ("tpe", "random")
Floats = np.ndarray[Any, np.dtype[np.float64]]


class ResponseCurves(NamedTuple):
    """Response curves of channels; arrays have shape (n_channels,)."""

    names: tuple[str, ...]
    at_most: Floats  # arrivals per day
    half: Floats  # money per day
    slope: Floats
    customer_value: Floats  # money per customer
    days: float

    @classmethod
    def from_scenario(cls, scenario: cj.Scenario) -> "ResponseCurves":
        """The curves of a scenario in which each persona buys once for a fixed sum."""
        journey = scenario.journey
        sums = {event.stages[0]: event.effects[0].purchase.value.fixed for event in journey.events.values()}
        value = {name: sums[persona.starts_in or journey.starts_in] for name, persona in journey.personas.items()}
        channels = journey.acquisition.values()
        mean = [sum(weight * value[name] for name, weight in one.personas.items()) / sum(one.personas.values()) for one in channels]
        curves = [one.hill for one in channels]
        columns = [[one.at_most for one in curves], [one.half for one in curves], [one.slope for one in curves], mean]
        return cls(tuple(journey.acquisition), *(np.array(column, float) for column in columns), scenario.horizon)

    def profit(self, spend: Floats) -> float:
        """Expected profit over the horizon, given the spend per day on each channel."""
        raised = spend**self.slope
        return float(self.days * (np.sum(self.customer_value * self.at_most * raised / (self.half**self.slope + raised)) - spend.sum()))

    def marginal(self, spend: Floats) -> Floats:
        """Marginal return of the spend on each channel, money per unit of money."""
        scale = self.half**self.slope
        return self.customer_value * self.at_most * scale * self.slope * spend ** (self.slope - 1) / (scale + spend**self.slope) ** 2

    def best(self, total: float) -> Floats:
        """The split of a total with equal marginal returns, each on the falling part of its curve."""
        # k s^(k-1) / (h^k + s^k)^2 rises, for k > 1, up to s = h ((k-1)/(k+1))^(1/k)
        steepest = self.half * (np.maximum(self.slope - 1, 0) / (self.slope + 1)) ** (1 / self.slope) + 1e-9

        def spends(log_return: float) -> Floats:
            def difference(spend: float, channel: int) -> float:
                return float(np.log(self.marginal(np.full(len(self.names), spend))[channel]) - log_return)

            return np.array([roots.brentq(difference, steepest[i], 1e6 * self.half[i], args=(i,)) for i in range(len(self.names))])

        highest = float(np.log(self.marginal(steepest)).min())
        return spends(roots.brentq(lambda x: spends(x).sum() - total, highest - 20, highest - 1e-9))


class FoundSplit(NamedTuple):
    """The split that one study found; spend in money per day, gains over the horizon."""

    sampler: str
    seed: int
    distance: float  # share of spend
    relative_loss: float  # share of the best split's gain over today's
    verdict: str
    gain: float
    low: float
    high: float
    true_gain: float  # of the found split
    spend: Floats


def search_split(study: Study, curves: ResponseCurves, sampler: str, seed: int) -> FoundSplit:
    """The split that a study finds with a seed, compared with the best one."""
    optimum = cj.optimize(study.with_values({"sampler": sampler}), seed=seed, storage="memory")
    today = np.array([study.scenario.policy.acquisition[name].per_day for name in curves.names])
    spend = np.array([optimum.best.params[path] for path in study.mixes["budget"].of])
    best, gain = curves.best(spend.sum()), optimum.best.gain["profit"]
    possible, true_gain = (curves.profit(split) - curves.profit(today) for split in (best, spend))
    distance = float(np.abs(spend - best).sum() / 2 / spend.sum())
    confirmed = (optimum.best.verdict, gain.effect, gain.low, gain.high)
    return FoundSplit(sampler, seed, distance, 1 - true_gain / possible, *confirmed, true_gain, spend)


def findings_of(splits: list[FoundSplit]) -> list[Finding]:
    """The claim and its results."""
    found_by = {sampler: [split for split in splits if split.sampler == sampler] for sampler in SAMPLERS}
    searched, random = (np.array([split.distance for split in found_by[sampler]]) for sampler in SAMPLERS)
    lost = np.array([split.relative_loss for split in found_by["tpe"]])
    covered = np.array([split.low <= split.true_gain <= split.high for split in splits])
    inside = stats.binomtest(int(covered.sum()), len(covered), 0.95).proportion_ci()
    less, near = _mean_with_interval(searched - random), int(np.count_nonzero(searched <= DISTANCE_TOLERANCE))
    within = f"{searched.min():.2g} to {searched.max():.2g} over seeds, {near} of {len(searched)} within {DISTANCE_TOLERANCE:g}"
    worst = float(lost.max())
    return [
        Finding(
            "distance of the found split from equal marginal returns",
            "at most 0.05",
            *_mean_with_interval(searched),
            near == len(searched),
            within,
        ),
        Finding("lost share of the possible gain", "at most 0.01", *_mean_with_interval(lost), worst <= 0.01, f"at most {worst:.2g}"),
        Finding(
            "that distance minus random search's, with the same number of trials",
            "below 0",
            *less,
            less[2] < 0,
            f"random: {random.mean():.2g}",
        ),
        Finding(
            "share of confirmed 95 % intervals that cover the known gain of their split",
            "0.95",
            float(covered.mean()),
            float(inside.low),
            float(inside.high),
            len(covered),
            bool(inside.low <= 0.95 <= inside.high),
        ),
    ]


def _mean_with_interval(values: Floats) -> tuple[float, float, float, int]:
    """The mean over seeds, its interval by Student's t, and the number of seeds."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), float(values.mean()) - half, float(values.mean()) + half, len(values)


def split_rows(splits: list[FoundSplit], curves: ResponseCurves) -> list[dict[str, Any]]:
    """One row per study, and one for the best split."""
    best = curves.best(float(splits[0].spend.sum()))
    fields = FoundSplit._fields[:9]
    blank = dict.fromkeys(fields[3:], "")
    first = {"sampler": "equal marginal returns", "seed": "", "distance": 0.0, **blank, **dict(zip(curves.names, best, strict=True))}
    columns = (*fields, *curves.names)
    return [first, *(dict(zip(columns, (*split[:9], *split.spend), strict=True)) for split in splits)]


def figure(splits: list[FoundSplit], curves: ResponseCurves, path: Path) -> None:
    """Draw the money per day on each channel, as found and as in the best split."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, axes = plt.subplots(figsize=(7, 4))
    positions = np.arange(len(curves.names))
    best = curves.best(float(splits[0].spend.sum()))
    for number, sampler in enumerate(SAMPLERS):
        mine = [split.spend for split in splits if split.sampler == sampler]
        offsets = (number - 0.5) * 0.3 + np.linspace(-0.1, 0.1, len(mine))
        for offset, spend in zip(offsets, mine, strict=True):
            label = sampler if offset == offsets[0] else None
            axes.plot(positions + offset, spend, "o", color=f"C{number}", markersize=4, alpha=0.7, label=label)
    axes.hlines(best, positions - 0.4, positions + 0.4, color="black", label="equal marginal returns")
    axes.set_xticks(positions, curves.names)
    axes.set(ylabel="money a day", ylim=(0, None))
    axes.legend(frameon=False)
    drawn.text(0.01, 0.005, f"{len(splits) // len(SAMPLERS)} seeds of each sampler, about 90,000 arrivals a trial", fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=90)
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e13_budget_split")
    given = parser.parse_args()
    study = Study.load(STUDY, set={"trials": given.trials})
    curves = ResponseCurves.from_scenario(study.scenario)
    splits = [search_split(study, curves, sampler, seed) for sampler in SAMPLERS for seed in range(1, given.seeds + 1)]
    given.out.mkdir(parents=True, exist_ok=True)
    figure(splits, curves, given.out / "splits.png")
    intro = f"""1,000 per day among four channels with known response curves; {given.trials} trials per study, {given.seeds} seeds of
each sampler. Each seed has its own customers and sampler seed. Gains are confirmed on customers that the search has not
used."""
    tables = {"splits": split_rows(splits, curves)}
    print(write_findings_report("e13_budget_split", "E13: splitting an acquisition budget", intro, findings_of(splits), tables, given.out))


if __name__ == "__main__":
    main()
