"""Calibration of hostile purchase logs: what is written can be simulated, and everything else is refused."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cjsim.calibration.purchase_model import calibrate_purchases
from cjsim.errors import InputError
from cjsim.purchase_logs.checks.check_rows import FIRST_SCENARIO_DAY, MAX_SCENARIO_DAYS
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.tuning.parameter_draws import read_parameter_draws

Rows = list[tuple[str, date, float]]


class LogShape(NamedTuple):
    """What a random log looks like."""

    n_customers: int
    start: int
    days: int
    amounts: str
    counts: str


AMOUNTS = ("constant", "zero", "tiny", "huge", "lognormal", "wide", "two", "gamma", "nearly constant")
COUNTS = ("two", "gamma-Poisson", "many")


def draw_shape(rng: np.random.Generator) -> LogShape:
    return LogShape(
        n_customers=int(rng.choice([1, 2, 5, 30, 60])),
        start=int(rng.choice([1850, 1900, 1970, 2024, 2024, 2024, 2024, 2150, 9990])),
        days=int(rng.choice([2, 10, 100, 700, 36_600])),
        amounts=str(rng.choice(AMOUNTS)),
        counts=str(rng.choice(COUNTS)),
    )


def draw_amount(rng: np.random.Generator, kind: str, level: float) -> float:
    match kind:
        case "constant":
            return 9.9
        case "zero":
            return 0.0
        case "tiny":
            return 1e-9 * rng.random()
        case "huge":
            return 1e12 * rng.random() ** 0.1
        case "lognormal":
            return rng.lognormal(3, 0.5)
        case "wide":
            return min(rng.lognormal(0, 8), 1e12)
        case "two":
            return float(rng.choice([1.0, 1e6]))
        case "gamma":
            return level * rng.gamma(6)
    return 10 + 1e-4 * rng.random()


def draw_rows(rng: np.random.Generator, shape: LogShape) -> Rows:
    rows = []
    for number in range(shape.n_customers):
        n_purchases = {"two": 2, "gamma-Poisson": 1 + rng.poisson(rng.gamma(0.3, 4)), "many": rng.integers(1, 40)}[shape.counts]
        level = rng.lognormal(0, 0.5)
        days = np.sort(rng.integers(0, shape.days, n_purchases))
        start, last = date(shape.start, 1, 1), date.max - timedelta(days=1)
        moments = [last if start.year == 9990 and day > 3000 else start + timedelta(days=int(day)) for day in days]
        rows += [(f"c{number}", moment, draw_amount(rng, shape.amounts, level)) for moment in moments]
    return rows


def write_log(folder: Path, rows: Rows) -> Path:
    file = folder / "log.csv"
    lines = [f'"{who}",{day.isoformat()},{money!r}' for who, day, money in rows]
    file.write_text("\n".join(["who,day,paid", *lines]) + "\n", encoding="utf-8")
    return file


def calibrated_folder(file: Path, until: date | str) -> Path:
    folder = file.parent / "out"
    calibrate_purchases(file, customer="who", time="day", value="paid", until=until, out=folder)
    return folder


def require_simulated(folder: Path) -> None:
    """Simulate a few customers, and set the parameter draws in which a parameter is largest or smallest."""
    scenario = Scenario.load(folder / "scenario.yaml")
    simulate(scenario, customers=3)
    draws = read_parameter_draws(folder / "draws.csv")
    table = np.array([list(draw.values.values()) for draw in draws])
    for row in {*np.argmin(table, axis=0).tolist(), *np.argmax(table, axis=0).tolist()}:
        scenario.with_values(draws[row].values)


def outcome(folder: Path, seed: int) -> str:
    """'simulated' or 'refused'; any other outcome raises."""
    rng = np.random.default_rng(seed)
    rows = draw_rows(rng, draw_shape(rng))
    days = sorted(day for _, day, _ in rows)
    try:
        written = calibrated_folder(write_log(folder, rows), days[int(len(days) * rng.choice([0.5, 0.8, 0.999]))])
    except InputError:
        assert not (folder / "out").exists()
        return "refused"
    require_simulated(written)
    return "simulated"


def test_hostile_logs_are_simulated_or_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = [outcome(tmp_path_factory.mktemp("log"), seed) for seed in range(10)]
    assert min(found.count("simulated"), found.count("refused")) >= 3


@pytest.mark.slow
def test_many_hostile_logs_are_simulated_or_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = [outcome(tmp_path_factory.mktemp("log"), seed) for seed in range(100, 350)]
    assert min(found.count("simulated"), found.count("refused")) >= 50


REPEATED: Rows = [("a", date(2024, 1, 1), 5.0), ("a", date(2024, 1, 9), 5.0), ("b", date(2024, 1, 3), 5.0)]


def test_amounts_above_the_limit_of_a_scenario_are_refused(tmp_path: Path) -> None:
    rows: Rows = [("a", day, 1e12) for day in (date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 9), date(2024, 1, 9))]
    with pytest.raises(
        InputError, match=r"^log\.csv: must give a scenario that can be simulated, got one that is invalid \(journey\.yaml:"
    ):
        calibrated_folder(write_log(tmp_path, rows), date(2024, 1, 9))
    assert not (tmp_path / "out").exists()


def test_longest_log_can_be_simulated(tmp_path: Path) -> None:
    first = date.fromisoformat(str(FIRST_SCENARIO_DAY))
    rows: Rows = [("a", first + timedelta(days=day), 5.0) for day in range(0, MAX_SCENARIO_DAYS, 900)]
    rows.append(("a", first + timedelta(days=MAX_SCENARIO_DAYS - 1), 5.0))
    require_simulated(calibrated_folder(write_log(tmp_path, rows), rows[-9][1]))


def test_until_after_more_than_a_century_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"horizon: must be at most 36525 days, got '42734d'"):
        calibrated_folder(write_log(tmp_path, REPEATED), "2140-12-31")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a\nb", "\u202e🛒" * 200, "=-1", "a\u0000b"])
def test_any_customer_name_can_be_simulated(tmp_path: Path, name: str) -> None:
    rows = [(name if who == "a" else who, day, money) for who, day, money in REPEATED]
    try:
        folder = calibrated_folder(write_log(tmp_path, rows), date(2024, 1, 9))
    except InputError:
        assert name == "a\u0000b"  # not text
        return
    require_simulated(folder)


def test_file_name_that_is_not_utf8_can_be_simulated(tmp_path: Path) -> None:
    file = write_log(tmp_path, REPEATED)
    try:
        other = Path(os.fsdecode(os.fsencode(tmp_path) + b"/l\xffg.csv"))
        file.rename(other)
    except OSError:
        pytest.skip("needs a file system whose file names are bytes")
    require_simulated(calibrated_folder(other, date(2024, 1, 9)))
