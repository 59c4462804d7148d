"""What reading a purchase log of 3,000,000 rows costs: CPU time compared with pandas, and memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import ROOT
from pyarrow import csv

READ = """
import resource, sys
from cjsim.purchase_logs.purchase_log import read_purchases
log = read_purchases(sys.argv[1], customer="customer", time="date", value="amount")
usage = resource.getrusage(resource.RUSAGE_SELF)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # ru_maxrss includes the process that started this one
print(len(log.customer_ids), usage.ru_utime + usage.ru_stime, int(status["VmHWM"].split()[0]) / 1024)
"""

# What pandas needs for purchases by customer and day, without any check. CPU time is compared, because machines differ.
READ_WITH_PANDAS = """
import resource, sys
import pandas as pd
rows = pd.read_csv(sys.argv[1], parse_dates=["date"])
purchases = rows.groupby(["customer", rows["date"].dt.normalize()])["amount"].sum()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(len(purchases), usage.ru_utime + usage.ru_stime, 0)
"""


def write_log(file: Path, *, rows: int, customers: int) -> None:
    rng = np.random.default_rng(1)
    seconds = np.datetime64("2022-01-01T00:00:00") + rng.integers(0, 730 * 86_400, rows).astype("timedelta64[s]")
    columns = {
        "customer": np.char.zfill(rng.integers(0, customers, rows).astype("U7"), 7),
        "date": pa.array(seconds).cast(pa.string()),
        "amount": np.round(rng.gamma(2, 17, rows), 2),
    }
    csv.write_csv(pa.table(columns), file)


def cost(program: str, file: Path) -> tuple[int, float, float]:
    """What a program that reads a log counts, its CPU time in seconds, and its peak memory in MB."""
    done = subprocess.run([sys.executable, "-c", program, str(file)], cwd=ROOT, capture_output=True, text=True, check=True)
    count, seconds, megabytes = done.stdout.split()
    return int(count), float(seconds), float(megabytes)


@pytest.mark.slow
def test_3_million_rows_cost_at_most_10_times_as_much_as_in_pandas_and_750_mb(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", rows=3_000_000, customers=600_000)
    customers, seconds, megabytes = cost(READ, tmp_path / "log.csv")
    assert customers > 590_000
    assert seconds < 10 * cost(READ_WITH_PANDAS, tmp_path / "log.csv")[1]  # 5 to 7 times, with all checks of formats and rows
    assert megabytes < 750
