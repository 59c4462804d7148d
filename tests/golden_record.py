"""The golden record: digests of the results of every shipped scenario, to show that a refactoring changes no number.

A table's digest is the SHA-256 of each column's name, dtype and bytes in row order, after decoding (text as UTF-8, nulls marked), so it
does not depend on file formats. Each metric has a digest of its own, so that a new one leaves the others as they are.
`golden/record.json` holds the digests, `golden/renames.json` maps old names of columns and rows to the current ones. Rewrite the record
with `python tests/golden_record.py` only in a commit that changes numbers on purpose and explains why.
"""

import hashlib
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cjsim as cj

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "golden"
CUSTOMERS, SEED = 150, 20_261_128
SLOW_SECONDS = 60.0  # the readable engine is recorded if it takes less
SCENARIOS = sorted(path.stem for path in (ROOT / "configs" / "scenarios").glob("*.yaml"))

# By table, then by column (metrics: by metric): the first 16 hexadecimal digits of its SHA-256; "" is the whole table.
Digests = dict[str, dict[str, str]]


def pinned() -> dict[str, str]:
    """Dependencies that can change the last bit of a number."""
    return {"machine": platform.machine(), **{name: version(name) for name in ("numpy", "numba", "scipy")}}


def column_bytes(values: pd.Series) -> bytes:
    """Dtype and content of a column, in row order."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return f"{values.dtype}:".encode() + np.ascontiguousarray(values.to_numpy()).tobytes()
    cells = (b"\0" if pd.isna(value) else b"\1" + str(value).encode() + b"\0" for value in values)
    return b"cells:" + b"".join(cells)


def table_digests(table: pd.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """One digest per column, and one of the table; `names` maps current column names to those of the record."""
    whole, found = hashlib.sha256(), {}
    for column in table.columns:
        name = names.get(str(column), str(column))
        digest = hashlib.sha256(name.encode() + b"=" + column_bytes(table[column]))
        whole.update(digest.digest())
        found[name] = digest.hexdigest()[:16]
    return {"": whole.hexdigest(), **found}


def digests(scenario: str, engine: str, names: Mapping[str, str]) -> Digests:
    """The digests of a scenario's log, customers and metrics on one engine."""
    loaded = cj.Scenario.load(ROOT / "configs" / "scenarios" / f"{scenario}.yaml")
    with tempfile.TemporaryDirectory() as folder:
        run = cj.simulate(loaded, customers=CUSTOMERS, seed=SEED, replications=1, engine=engine, log=Path(folder) / "log.parquet")  # type: ignore[arg-type]
        assert run.log is not None
        log = run.log.to_pandas()
    for column in log.select_dtypes(exclude="number"):
        if not pd.api.types.is_datetime64_any_dtype(log[column]):
            log[column] = log[column].astype(object).map(lambda value: names.get(value, value) if isinstance(value, str) else value)
    metrics = run.to_pandas().T
    return {name: table_digests(table, names) for name, table in (("log", log), ("customers", run.customers), ("metrics", metrics))}


def renames() -> dict[str, str]:
    """Current names of columns and rows, mapped to those of the record."""
    old_to_new: dict[str, str] = json.loads((FOLDER / "renames.json").read_text(encoding="utf-8"))
    return {new: old for old, new in old_to_new.items()}


def recorded() -> dict[str, Any]:
    """The committed record."""
    content: dict[str, Any] = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))
    return content


def differences(expected: Digests, found: Digests) -> Iterator[str]:
    """Tables and columns that differ from the record."""
    for table, columns in expected.items():
        for name in sorted({*columns, *found[table]} - {""}):
            if columns.get(name) != found[table].get(name):
                yield f"{table}.{name}"
        if columns[""] != found[table][""]:
            yield f"{table} (as a whole)"


def readable_agrees(scenario: str, expected: Digests) -> bool:
    """Whether the readable engine gives the same result within SLOW_SECONDS; False if it takes longer."""
    with ProcessPoolExecutor(1) as pool:
        future = pool.submit(digests, scenario, "readable", renames())
        try:
            assert list(differences(expected, future.result(SLOW_SECONDS))) == [], scenario
        except TimeoutError:
            for process in list(pool._processes.values()):
                process.kill()
            return False
    return True


def main() -> None:
    """Write the record of every shipped scenario; the readable engine must agree with the compiled one."""
    scenarios = {}
    for scenario in SCENARIOS:
        begun = time.perf_counter()
        fast = digests(scenario, "compiled", renames())
        seconds = time.perf_counter() - begun
        agrees = readable_agrees(scenario, fast)
        scenarios[scenario] = {"is_readable_recorded": agrees, "tables": fast}
        sys.stderr.write(f"{scenario}: compiled {seconds:.1f} s, both {time.perf_counter() - begun:.1f} s, readable recorded: {agrees}\n")
    content = {"pinned": pinned(), "customers": CUSTOMERS, "seed": SEED, "scenarios": scenarios}
    (FOLDER / "record.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
