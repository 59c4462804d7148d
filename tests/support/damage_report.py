"""Prints what comes of damaged files, by kind: python tests/support/damage_report.py FILES_PER_KIND."""

import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in (".", "tests", "tests/support")]

from damaged_files import Sample  # noqa: E402 - needs the paths above
from file_kinds import kinds  # noqa: E402

RESULTS = ("refused", "same", "recovered", "changed", "failure")
FIRST_SEED = 1_000


def main(files_per_kind: int) -> None:
    """Print a table, and the changes and failures by damage."""
    total: Counter[str] = Counter()
    notes, started = [], time.process_time()
    print(f"{'kind':<32}{''.join(f'{result:>11}' for result in RESULTS)}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds():
            sample = Sample(kind, Path(folder) / kind.name.replace(" ", "_"))
            found = [sample.try_damage(seed) for seed in range(FIRST_SEED, FIRST_SEED + files_per_kind)]
            counts = Counter("failure" if one.is_failure else one.result for one in found)
            total += counts
            print(f"{kind.name:<32}{''.join(f'{counts[result]:>11}' for result in RESULTS)}", flush=True)  # noqa: T201
            notes += [f"{kind.name}: {one.damage}: {one.result} {one.detail}" for one in found if one.is_failure]
            changed = Counter(one.damage for one in found if one.result == "changed")
            notes += [f"{kind.name}: changed by {', '.join(f'{name} {count}' for name, count in changed.items())}"] if changed else []
    print(f"{'all':<32}{''.join(f'{total[result]:>11}' for result in RESULTS)}")  # noqa: T201
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(*notes, f"{time.process_time() - started:.0f} s of CPU, peak memory {peak:.0f} MiB", sep="\n")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
