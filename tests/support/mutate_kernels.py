"""Mutation testing of the kernels: change one place at a time and run the fast tests with the JIT off.

    python tests/support/mutate_kernels.py --count 200 --seed 1 --out runs/mutants

Draws random places of `cjsim/kernels` (comparisons, signs, logical operators, constants) and one change of each. Each mutant
is applied to a copy of the repository in a temporary folder; the tests that run its line then run, fastest first, until one fails.
A measuring run comes first: tests that fail with the JIT off or exceed `--limit` are not used.

A mutant is killed if a test fails or does not end. It survives if all tests that run its line pass, up to `--budget` seconds of tests.
The folder `--out` holds `measured.json`, `results.jsonl`, `mutants.csv` and `report.md`. The same command resumes where it was
interrupted; after a change to the tests, only surviving mutants are tried again.
`explained_mutants.json` next to this file explains survivors by function and by source line before and after the change: mutants that
change no result, and guards that no fast test can reach.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from mutation_report import write_report
from mutation_sites import Mutant, apply_mutant, find_mutants, lines_using

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = Path(__file__).resolve().parent.relative_to(ROOT)
# Tests that run kernels on few customers. The measuring run excludes those that are slow with the JIT off.
TESTS = (
    "tests/rules",
    *(f"tests/simulation/test_{name}.py" for name in ("arrivals", "batches", "desk_queue", "guardrails_and_flows", "model_rules")),
    *(f"tests/simulation/test_{name}.py" for name in ("shared_resources", "time_rounding", "zero_patience")),
    "tests/compilation",
    *(f"tests/theory/test_{name}.py" for name in ("event_clocks", "flow_steps", "flow_triggers")),
    *(f"tests/results/test_{name}.py" for name in ("event_log", "metric_values", "diary")),
    "tests/scenario_files/test_condition_language.py",
)
COPIED = ("cjsim", "tests", "configs", "experiments", "docs", "benchmarks", "README.md", "pyproject.toml", "requirements.lock", "Makefile")
FIRST = "tests/rules/"
SHARED_SECONDS = 0.2  # faster fixtures of a module or session are rebuilt for each test
SLACK, LEAST_LIMIT = 6.0, 4.0  # CPU time limit of a test: multiple of its time, minimum in seconds
START_UP, WALL_SLACK = 120.0, 20.0  # wall time limit of a process under other load: startup seconds, multiple of its tests' time


class Test(NamedTuple):
    """A test of the selection."""

    name: str
    seconds: float  # CPU time without shared fixtures
    group: float  # seconds of its file if it has shared fixtures, because its tests run together

    @property
    def file(self) -> str:
        """The file of the test."""
        return self.name.split("::")[0]

    @property
    def rank(self) -> tuple[bool, float, str, float]:
        """Sort key: tests of single rules first, then by speed; tests with shared fixtures are adjacent."""
        is_other = not self.file.startswith(FIRST)
        return (is_other, self.group, self.file, self.seconds) if self.group else (is_other, self.seconds, "", 0.0)


class Measured(NamedTuple):
    """Result of the measuring run: the tests, and the tests that run each line of the kernel files."""

    tests: dict[str, Test]
    lines: dict[str, dict[int, set[str]]]


def say(text: str) -> None:
    """Print progress to standard error."""
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
    sys.stderr.flush()


class Copies:
    """Copies of the repository, one per worker."""

    def __init__(self, folder: Path, count: int) -> None:
        self.idle: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            copy = folder / f"copy{number}"
            for name in COPIED:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "runs", "reports"))
                elif (ROOT / name).exists():
                    shutil.copy2(ROOT / name, copy / name)
            self.idle.put(copy)

    def run(self, work: Callable[[Path], Any]) -> Any:
        """Run some work in a copy that is not in use."""
        copy = self.idle.get()
        try:
            return work(copy)
        finally:
            self.idle.put(copy)


def run_tests(copy: Path, wall: float, **request: Any) -> dict[str, Any] | None:
    """Run pytest in a copy. None if it was stopped after `wall` seconds without a response."""
    answer = copy / "answer.json"
    answer.unlink(missing_ok=True)
    full = {"tests": [], "limits": {}, "limit": 10.0, "waste": 1e9, "stop": False, "cover": False, "answer": str(answer), **request}
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(copy), "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        [sys.executable, str(copy / SUPPORT / "limited_tests.py")],
        cwd=copy,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.communicate(json.dumps(full).encode(), timeout=wall)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not answer.exists():
        return None
    content: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return content


def test_files(paths: Iterable[str]) -> list[str]:
    """Test files below some paths of the repository."""
    found = [file for path in paths for file in ([ROOT / path] if path.endswith(".py") else sorted((ROOT / path).glob("test_*.py")))]
    return [file.relative_to(ROOT).as_posix() for file in found]


def measure_file(copies: Copies, file: str, limit: float) -> dict[str, Any]:
    """Run a test file on the unchanged package: seconds and lines by test, without tests that fail or are too slow."""

    def work(copy: Path) -> dict[str, Any] | None:
        return run_tests(copy, 1800.0, files=[file], limit=limit, waste=5 * limit, cover=True)

    made: dict[str, Any] = copies.run(work) or {"failed": {}, "seconds": {}, "fixtures": {}}
    passed = {name: fixtures for name, fixtures in made["fixtures"].items() if name not in made["failed"]}
    say(f"measured {file}: {len(passed)} tests are used, {len(made['failed'])} are not")
    users: dict[str, list[str]] = {}
    for name, fixtures in passed.items():
        for fixture in fixtures:
            users.setdefault(fixture, []).append(name)
    seconds = made["seconds"]
    is_shared = any(seconds.get(fixture, 0.0) > SHARED_SECONDS for fixture in users)
    group = sum(seconds.get(name, 0.0) for name in [*passed, *users]) if is_shared else 0.0
    lines: dict[str, dict[str, list[str]]] = {}
    for source, by_line in made.get("lines", {}).items():
        for line, contexts in by_line.items():
            names = [name for context in contexts for name in users.get(context, [context]) if name in passed]
            lines.setdefault(source, {})[line] = names
    return {"tests": {name: (seconds[name], group) for name in passed}, "lines": lines, "unused": made["failed"]}


def measure(copies: Copies, pool: ThreadPoolExecutor, files: list[str], limit: float, kept_in: Path) -> Measured:
    """Measure the test files; results in `kept_in` are reused for files that have not changed, if the package has not either."""
    kept: dict[str, Any] = json.loads(kept_in.read_text(encoding="utf-8")) if kept_in.exists() else {}
    digests = {file: content_digest([file]) + f" {limit}" for file in files}
    missing = [file for file in files if kept.get(file, {}).get("digest") != digests[file]]
    for file, made in zip(missing, pool.map(lambda file: measure_file(copies, file, limit), missing), strict=True):
        kept[file] = {"digest": digests[file], "is_checked": False, **made}
        kept_in.write_text(json.dumps(kept), encoding="utf-8")
    if unchecked := [file for file in files if not kept[file]["is_checked"]]:
        measured = join_measured(kept, unchecked)
        for name in check_order(copies, pool, measured):
            say(f"not used, as it fails in another order: {name}")
            del kept[name.split("::")[0]]["tests"][name]
        for file in unchecked:
            kept[file]["is_checked"] = True
        kept_in.write_text(json.dumps(kept), encoding="utf-8")
    return join_measured(kept, files)


def join_measured(kept: dict[str, Any], files: list[str]) -> Measured:
    """The tests of all files together."""
    tests = {name: Test(name, *numbers) for file in files for name, numbers in kept[file]["tests"].items()}
    lines: dict[str, dict[int, set[str]]] = {}
    for file in files:
        for source, by_line in kept[file]["lines"].items():
            for line, names in by_line.items():
                lines.setdefault(source, {}).setdefault(int(line), set()).update(name for name in names if name in tests)
    return Measured(tests, lines)


def content_digest(test_files: Iterable[str]) -> str:
    """Digest of the package and of some test files with their imports."""
    support = [path for name in ("support", "generators") for path in (ROOT / "tests" / name).glob("*.py")]
    own = {"mutate_kernels.py", "mutation_sites.py", "mutation_report.py", "limited_tests.py"}
    paths = [*(ROOT / "cjsim").rglob("*.py")]
    if test_files:
        paths += [*(path for path in support if path.name not in own), *(ROOT / file for file in test_files)]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def covering_tests(mutant: Mutant, measured: Measured) -> list[Test]:
    """Tests that run a mutant's line, in the order in which they run."""
    places = [(mutant.file, line) for line in mutant.lines]
    if not mutant.function:
        places = list(lines_using(ROOT / "cjsim", mutant.names))
    names = set().union(*(measured.lines.get(file, {}).get(line, set()) for file, line in places))
    return sorted((measured.tests[name] for name in names), key=lambda test: test.rank)


def try_mutant(copy: Path, mutant: Mutant, tests: list[Test], budget: float) -> dict[str, Any]:
    """Apply a mutant to a copy, run the tests that reach it, and restore the source."""
    path = copy / mutant.file
    source = path.read_bytes()
    chosen, spent = [], 0.0
    for test in tests:
        if chosen and spent + test.seconds > budget:
            break
        chosen.append(test)
        spent += test.seconds
    result: dict[str, Any] = {"key": mutant.key, "status": "survived", "by": "", "how": "", "tests": len(chosen), "of": len(tests)}
    begun = time.monotonic()
    try:
        _write_source(path, apply_mutant(source, mutant))
        # Most mutants are killed by tests of single rules: the other files are collected only for the remaining mutants.
        for is_first in (True, False):
            group = [test for test in chosen if test.file.startswith(FIRST) == is_first]
            if group and result["status"] == "survived":
                result |= _verdict(run_tests(copy, **_request(group)))
    finally:
        _write_source(path, source)
    return {**result, "seconds": round(time.monotonic() - begun, 1)}


def _request(tests: list[Test]) -> dict[str, Any]:
    """The request to a test process: run these tests and stop at the first failure."""
    limits = {test.name: max(SLACK * test.seconds + 2.0 * test.group, LEAST_LIMIT) for test in tests}
    wall = START_UP + WALL_SLACK * sum(test.seconds for test in tests) + max(limits.values())
    return {
        "wall": wall,
        "files": sorted({test.file for test in tests}),
        "tests": [test.name for test in tests],
        "limits": limits,
        "stop": True,
    }


def _verdict(made: dict[str, Any] | None) -> dict[str, Any]:
    """The result for a mutant, from the response of its test process."""
    if made is None:
        return {"status": "timed out", "how": "the process did not end"}
    if made["failed"]:
        name, how = next(iter(made["failed"].items()))
        return {"status": "timed out" if how.startswith("timed out") else "killed", "by": name, "how": how}
    if made["code"] != 0:
        return {"status": "killed", "how": f"the tests cannot be collected (pytest ends with {made['code']})"}
    return {}


def _write_source(path: Path, source: bytes) -> None:
    """Replace a module; its bytecode is deleted, because source of the same size and second would not invalidate it."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def load_results(journal: Path, digests: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Results of earlier runs that are still valid: same package and, for survivors, same tests."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    found = [json.loads(line) for line in lines]
    return {
        one["key"]: one
        for one in found
        if one["package"] == digests["package"]
        and (one["tests_digest"] == digests["tests_digest"] or one["status"] in ("killed", "timed out"))
    }


def check_order(copies: Copies, pool: ThreadPoolExecutor, measured: Measured) -> list[str]:
    """Names of tests that fail on the unchanged package when run in order of speed, in one process."""
    files = sorted({test.file for test in measured.tests.values()})

    def one(half: int) -> list[str]:
        chosen = sorted((test for test in measured.tests.values() if files.index(test.file) % 2 == half), key=lambda test: test.rank)
        if not chosen:
            return []
        names = [test.name for test in chosen]
        made = copies.run(lambda copy: run_tests(copy, 3600.0, files=sorted({test.file for test in chosen}), tests=names, limit=60.0))
        return list(made["failed"]) if made else names

    return [name for failed in pool.map(one, range(2)) for name in failed]


def draw_mutants(found: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` places without replacement, and one change of each."""
    by_site: dict[tuple[str, int, int], list[Mutant]] = {}
    for mutant in found:
        by_site.setdefault(mutant.site, []).append(mutant)
    generator = random.Random(seed)
    return [generator.choice(by_site[site]) for site in generator.sample(sorted(by_site), min(count, len(by_site)))]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="places to draw")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "mutants", help="folder of results")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds of CPU: tests that take longer are not used")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of CPU: tests tried on one mutant")
    parser.add_argument("--only", default="", help="only mutants whose `file:function` contains this text")
    parser.add_argument("--list", action="store_true", help="print the mutants drawn, and end")
    parser.add_argument("tests", nargs="*", default=TESTS, help="test files or folders")
    return parser.parse_args()


def main() -> int:
    """Draw and test mutants and write the report. Returns 1 if less than 95 % are killed."""
    options = parse_arguments()
    found = [mutant for mutant in find_mutants(ROOT / "cjsim") if options.only in f"{mutant.file}:{mutant.function}"]
    mutants = draw_mutants(found, options.count, options.seed)
    say(f"seed {options.seed}: {len(mutants)} of {len({mutant.site for mutant in found})} places in cjsim/kernels")
    if options.list:
        for mutant in mutants:
            sys.stdout.write(f"{mutant.file}:{mutant.line} {mutant.function}: {mutant.before} -> {mutant.after}\n")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    files = test_files(options.tests)
    digests = {"package": content_digest([]), "tests_digest": content_digest(files)}
    journal = options.out / "results.jsonl"
    results = load_results(journal, digests)
    with tempfile.TemporaryDirectory(prefix="cjsim-mutants-") as folder, ThreadPoolExecutor(options.workers) as pool:
        copies = Copies(Path(folder), options.workers)
        measured = measure(copies, pool, files, options.limit, options.out / "measured.json")
        say(f"{len(measured.tests)} tests of {sum(test.seconds for test in measured.tests.values()):.0f} s are used")

        def one(mutant: Mutant) -> dict[str, Any]:
            tests = covering_tests(mutant, measured)
            if not tests:
                return {"key": mutant.key, "status": "not covered", "by": "", "how": "", "tests": 0, "of": 0, "seconds": 0.0}
            made: dict[str, Any] = copies.run(lambda copy: try_mutant(copy, mutant, tests, options.budget))
            return made

        pending = [mutant for mutant in mutants if mutant.key not in results]
        futures = {pool.submit(one, mutant): mutant for mutant in pending}
        with journal.open("a", encoding="utf-8") as file:
            for number, future in enumerate(as_completed(futures), 1):
                mutant, result = futures[future], future.result()
                results[mutant.key] = result
                file.write(json.dumps({**result, **digests}) + "\n")
                file.flush()
                change = f"{mutant.file}:{mutant.line} {mutant.function}: {mutant.before} -> {mutant.after}"
                say(f"{number}/{len(pending)} {result['status']} in {result['seconds']} s: {change}")
    summary = write_report(mutants, results, options.out, f"Seed {options.seed}")
    sys.stdout.write(summary + f"\nSee {options.out / 'report.md'}\n")
    killed = sum(results[mutant.key]["status"] in ("killed", "timed out") for mutant in mutants)
    return 0 if killed >= 0.95 * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
