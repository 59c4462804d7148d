"""Claim: individual send times raise the open rate only if customers differ in their hours.

A weekly email goes out at the best hour for everyone (of 24, found on a separate population), or with `wait_until: {best_hour: true}`:
shifted by as much as this customer's opens and clicks are later than average. Customers differ by a `clock_shift` with a standard deviation
of 0, 2.5, 5 or 8 hours. Controls: customers with identical hours, and customers without preferred hours. All rules are compared on the same
customers with common random numbers.

Opens lag behind sends. If opens are taken at face value (`naive`: without `typical`), every customer seems to be later than the best hour,
so each email goes out later than the one before. If they are compared with the mean hour of opens after sends at the best hour (`typical`,
which a company can read from its log), the lag cancels out.

Published: no audited figure; 0 to 10 % (from memory).

Run: `python experiments/e09_send_time.py [--customers N] [--seeds K] [--out DIR]`.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Z95, Finding, write_findings_report

import cjsim as cj
from cjsim.kernels.codes import TouchCode
from cjsim.yaml.tree import read_yaml_file

SPREADS = (0.0, 2.5, 5.0, 8.0)  # hours: standard deviation of `clock_shift`
PILOT = 1_000  # seed of the population used to find the best hour
LEARN_FROM = 10
# Assumed; the inbox profile is the shop's.
EVENING = [0.1, 0.05, 0.05, 0.05, 0.05, 0.1, 0.4, 1, 1.2, 1, 0.8, 0.8, 1, 0.9, 0.8, 0.8, 0.9, 1.2, 2, 3, 3.2, 2.4, 1.2, 0.4]
Floats = np.ndarray[Any, np.dtype[np.float64]]


class CustomerSetting(NamedTuple):
    """Customers: their reading hours, how much they differ, and the lifetime of an email."""

    hours: str = "inbox"
    spread: float = 0.0  # hours
    lifetime: str = "1d"


class RelativeLift(NamedTuple):
    """A relative difference with its interval."""

    value: float
    low: float
    high: float
    n: int
    least_seed: float
    largest_seed: float


MAIN = [CustomerSetting(hours, spread) for hours in ("inbox", "evening") for spread in SPREADS]
CONTROL = CustomerSetting("flat", 8.0)
LONG_LIFETIME = CustomerSetting("evening", 8.0, "14d")


def profile(hours: str) -> list[float]:
    """Weights of the hours of a day."""
    if hours == "inbox":
        shop: dict[str, Any] = read_yaml_file(ROOT / "configs" / "journeys" / "shop.yaml").plain()
        return [float(weight) for weight in shop["activity"]["inbox"]["hours"]]
    return EVENING if hours == "evening" else [1.0] * 24


def scenario(setting: CustomerSetting, customers: int, until: dict[str, Any], days: int = 364) -> cj.Scenario:
    """A weekly email sent as `until` specifies. Rates and delays are those of the shop's newsletter; the lifetime is shorter."""
    mail = {
        "open_delay": {"lognormal": {"median": "10.1h", "sigma": 2.354}},  # GetResponse S
        "click_delay": {"lognormal": {"median": "2min", "sigma": 1.2}},
        "activity": "reading",
        "lifetime": setting.lifetime,
        "affinity": "taste",
    }
    journey = {
        "name": "readers",
        "starts_in": "subscribed",
        "stages": {"subscribed": {}},
        "traits": {"taste": {"normal": {"mean": 0, "sd": 0.8}}, "late": {"normal": {"mean": 0, "sd": setting.spread}}},
        "clock_shift": "late",
        "activity": {"reading": {"hours": profile(setting.hours)}},
        "channels": {"email": mail},
        "messages": {"news": {"channel": "email", "open_rate": 0.2225, "click_rate": 0.128}},  # Mailchimp 2019 P
    }
    if setting.spread == 0:
        journey["traits"]["late"] = {"fixed": 0}
    flow = {"on": {"schedule": {"weekdays": ["monday"], "at": "00:00"}}, "steps": [{"wait_until": until}, {"send": "news"}]}
    policy = {"name": "weekly", "flows": {"weekly": flow}}
    whole = {"name": "send_time", "journey": journey, "policy": policy, "start": "2026-01-05", "horizon": f"{days}d"}
    return cj.Scenario.from_dict(whole | {"customers": customers})


def touches_by_customer(world: cj.Scenario, seed: int) -> Floats:
    """Deliveries, opens and clicks of each customer, shape (customers, 3)."""
    reach = cj.simulate(world, seed=seed).outcomes.touch_counts[:, 0, :]
    return np.stack([reach[:, touch] for touch in (TouchCode.DELIVERED, TouchCode.OPENED, TouchCode.CLICKED)], axis=1).astype(np.float64)


def best_fixed_hour(setting: CustomerSetting, customers: int) -> tuple[str, str]:
    """Results of the pilot: the hour with the most opens, and the circular mean hour of opens and clicks after sends at that hour."""
    tried = [f"{hour:02d}:30" for hour in range(24)]
    at = max(tried, key=lambda at: touches_by_customer(scenario(setting, customers, {"at": at}), PILOT)[:, 1].sum())
    with tempfile.TemporaryDirectory() as folder:
        log = cj.simulate(scenario(setting, customers, {"at": at}), seed=PILOT, log=Path(folder) / "log.parquet").log
        assert log is not None
        seen = log.query("select hour(time) as hour, count(*) as n from log where event in ('opened', 'clicked') group by 1 order by 1")
    return at, format_time_of_day(circular_mean(seen["hour"].to_numpy() + 0.5, seen["n"].to_numpy()))


def circular_mean(hours: Floats, weights: Floats) -> float:
    """The mean direction of hours around the clock, in [0, 24).

    Examples
    --------
    >>> round(circular_mean(np.array([23.0, 3.0]), np.array([1.0, 1.0])), 9)
    1.0
    """
    return float(np.angle(np.sum(weights * np.exp(2j * np.pi * hours / 24))) / (2 * np.pi) * 24 % 24)


def format_time_of_day(hours: float) -> str:
    """Hours as a time of the day."""
    minutes = round(hours * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def relative_lift(base: Floats, other: Floats, what: int = 1) -> RelativeLift:
    """Relative lift of opens (1) or clicks (2) per delivery, by the delta method over customers; shapes (seeds, customers, 3)."""

    def relative(old: Floats, new: Floats) -> tuple[float, Floats]:
        """The lift, and its influence value for each customer."""
        rate, rate_new = old[:, what].sum() / old[:, 0].sum(), new[:, what].sum() / new[:, 0].sum()
        moves = (new[:, what] - rate_new * new[:, 0]) / (new[:, 0].mean() * rate)
        moves = moves - (old[:, what] - rate * old[:, 0]) * rate_new / (old[:, 0].mean() * rate * rate)
        return rate_new / rate - 1, moves

    value, moves = relative(base.reshape(-1, 3), other.reshape(-1, 3))
    error = moves.std(ddof=1) / np.sqrt(len(moves))
    seeds = [relative(old, new)[0] for old, new in zip(base, other, strict=True)]
    return RelativeLift(
        float(value), float(value - Z95 * error), float(value + Z95 * error), len(moves), float(min(seeds)), float(max(seeds))
    )


class SettingResult(NamedTuple):
    """Results of one setting; arrays of shape (seeds, customers, 3)."""

    at: str
    typical: str
    fixed: Floats
    learnt: Floats
    naive: Floats  # without `typical`: opens taken at face value


def send_rules(at: str, typical: str, learn_from: int = LEARN_FROM) -> dict[str, dict[str, Any]]:
    """The three send rules."""
    learning = {"at": at, "best_hour": True, "learn_from": learn_from}
    return {"fixed": {"at": at}, "learnt": learning | {"typical": typical}, "naive": learning}


def run_setting(setting: CustomerSetting, customers: int, seeds: range, pilot: int) -> SettingResult:
    """Find the best hour on a pilot population, and run the send rules on others."""
    at, typical = best_fixed_hour(setting, pilot)
    by_rule = {
        name: np.array([touches_by_customer(scenario(setting, customers, until), seed) for seed in seeds])
        for name, until in send_rules(at, typical).items()
    }
    return SettingResult(at, typical, **by_rule)


def lift_by_learn_from(setting: CustomerSetting, found: SettingResult, customers: int, seeds: range) -> list[dict[str, Any]]:
    """Lift by `learn_from`, over the year and in its second half."""
    rows = []

    def halves(until: dict[str, Any]) -> tuple[Floats, Floats]:
        """The year, and its second half as the year minus its first half."""
        year, first = (
            np.array([touches_by_customer(scenario(setting, customers, until, days), seed) for seed in seeds]) for days in (364, 182)
        )
        return year, year - first

    base = halves(send_rules(found.at, found.typical)["fixed"])
    for learn_from in (2, 5, 10, 20, 40):
        learnt = halves(send_rules(found.at, found.typical, learn_from)["learnt"])
        for period, old, new in zip(("year", "second half"), base, learnt, strict=True):
            rows.append({"spread": setting.spread, "learn_from": learn_from, "period": period, **relative_lift(old, new)._asdict()})
    return rows


def lift_rows(found: dict[CustomerSetting, SettingResult]) -> list[dict[str, Any]]:
    """One row per setting, rule and response."""
    return [
        {**setting._asdict(), "at": one.at, "typical": one.typical, "rule": rule, "per_delivery": answer}
        | relative_lift(one.fixed, getattr(one, rule), what)._asdict()
        for setting, one in found.items()
        for rule in ("learnt", "naive")
        for what, answer in ((1, "opens"), (2, "clicks"))
    ]


def findings_of(found: dict[CustomerSetting, SettingResult]) -> list[Finding]:
    """The claim for each setting."""
    none = "no audited figure"
    findings = []
    for setting, one in found.items():
        hours = f"{setting.hours} hours, sd {setting.spread:g} h, lifetime {setting.lifetime}"
        got = relative_lift(one.fixed, one.learnt)
        alike = setting.spread == 0 or setting.hours == "flat"
        expected = got.low <= 0 <= got.high if alike else got.low > 0
        published = f"0 ({none})" if alike else f"0 to 10 % ({none})"
        findings.append(
            Finding(f"lift of opens: {hours}", published, got.value, got.low, got.high, got.n, expected, _explanation(setting, got))
        )
        clicks = relative_lift(one.fixed, one.learnt, 2)
        if alike:
            same = clicks.low <= 0 <= clicks.high
            why = _explanation(setting, clicks)
            findings.append(Finding(f"lift of clicks: {hours}", "0", clicks.value, clicks.low, clicks.high, clicks.n, same, why))
        if setting.spread == 0:
            naive = relative_lift(one.fixed, one.naive)
            why = "opens lag behind sends, so a rule that takes them at face value sends later and later"
            findings.append(
                Finding(f"without `typical`, lift: {hours}", "below 0", naive.value, naive.low, naive.high, naive.n, naive.high < 0, why)
            )
    return findings


def _explanation(setting: CustomerSetting, got: RelativeLift) -> str:
    if setting.hours == "flat":
        return "the open delay does not depend on the send time"
    if setting.spread == 0:
        return "no lift; an hour estimated from a dozen opens per year is noisy, which costs a little" if got.high < 0 else ""
    return "an email with a lifetime of weeks is read whenever it arrives" if setting == LONG_LIFETIME else ""


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Lift of opens by spread of hours."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, both = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
    names = {"learnt": "learnt against what is typical", "naive": "learnt from openings as they come"}
    for axes, hours in zip(both, ("inbox", "evening"), strict=True):
        for rule, name in names.items():
            mine = [
                row for row in rows if (row["hours"], row["rule"], row["per_delivery"], row["lifetime"]) == (hours, rule, "opens", "1d")
            ]
            at = np.array([row["spread"] for row in mine]) + (0.12 if rule == "naive" else 0)
            value, low, high = (100 * np.array([row[key] for row in mine]) for key in ("value", "low", "high"))
            axes.errorbar(at, value, yerr=[value - low, high - value], marker="o", capsize=3, label=name)
            axes.vlines(at, [100 * row["least_seed"] for row in mine], [100 * row["largest_seed"] for row in mine], lw=5, alpha=0.2)
        axes.axhline(0, color="black", lw=0.8)
        axes.set(title=f"{hours} hours", xlabel="spread of customers' hours, sd in hours")
    both[0].set(ylabel="lift of opens per delivery, %")
    both[0].legend(frameon=False)
    drawn.text(0.01, 0.005, f"{rows[0]['n']:,} customers, 52 mails each, paired; 95 % intervals, wide bars: range of seeds", fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80)
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=4_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--pilot", type=int, default=2_500, help="customers of the pilot that finds the best hour for everyone")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e09_send_time")
    given = parser.parse_args()
    seeds = range(1, given.seeds + 1)
    found = {setting: run_setting(setting, given.customers, seeds, given.pilot) for setting in (*MAIN, CONTROL, LONG_LIFETIME)}
    amounts = [row for setting in (MAIN[4], MAIN[6]) for row in lift_by_learn_from(setting, found[setting], given.customers, range(1, 3))]
    given.out.mkdir(parents=True, exist_ok=True)
    figure(lift_rows(found), given.out / "lift.png")
    words = f"""A weekly email for one year, sent at the best hour for everyone (of 24, found on {given.pilot:,} other customers), or at the
hour learned from each customer's opens and clicks (`best_hour`, `learn_from: {LEARN_FROM}`).
{given.seeds} populations of {given.customers:,}. The company reads `typical`, the mean hour of all opens and clicks, from its log."""
    tables = {"lift": lift_rows(found), "learn_from": amounts}
    print(write_findings_report("e09_send_time", "E09: send-time optimization", words, findings_of(found), tables, given.out))


if __name__ == "__main__":
    main()
