"""What reading a purchase log costs: time and memory in proportion to the rows, with a stated bound for 3,000,000 of them."""

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


def write_log(file: Path, *, rows: int, customers: int) -> None:
    rng = np.random.default_rng(1)
    seconds = np.datetime64("2022-01-01T00:00:00") + rng.integers(0, 730 * 86_400, rows).astype("timedelta64[s]")
    columns = {
        "customer": np.char.zfill(rng.integers(0, customers, rows).astype("U7"), 7),
        "date": pa.array(seconds).cast(pa.string()),
        "amount": np.round(rng.gamma(2, 17, rows), 2),
    }
    csv.write_csv(pa.table(columns), file)


def cost(file: Path) -> tuple[int, float, float]:
    """Number of customers, CPU time in seconds, and peak memory in MB, of a process that reads a log."""
    done = subprocess.run([sys.executable, "-c", READ, str(file)], cwd=ROOT, capture_output=True, text=True, check=True)
    customers, seconds, megabytes = done.stdout.split()
    return int(customers), float(seconds), float(megabytes)


@pytest.mark.slow
def test_3_million_rows_take_20_seconds_and_750_mb_at_most(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", rows=3_000_000, customers=600_000)
    customers, seconds, megabytes = cost(tmp_path / "log.csv")
    assert customers > 590_000
    assert seconds < 20  # about 10 on an idle machine; other processes slow down memory and caches
    assert megabytes < 750
