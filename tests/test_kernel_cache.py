"""The key of the kernel cache: editing anything that compiled code depends on changes the key."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from numba.core import config
from small_scenarios import small_scenario

from cjsim.kernel import PACKAGE, kernel_sources, sources_digest
from cjsim.progress import NoProgress
from cjsim.simulation.simulate import simulate

RULE = """
from cjsim.kernel import (
    inlined,
    rule,
)
from cjsim.constants_of_the_test import FACTOR


@rule
def scaled(x):
    return FACTOR * x
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, with a rule in a subfolder that imports the decorators over several lines."""
    copy = tmp_path / "cjsim"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "deep" / "deeper").mkdir(parents=True)
    (copy / "deep" / "deeper" / "scaling.py").write_text(RULE, encoding="utf-8")
    (copy / "constants_of_the_test.py").write_text("FACTOR = 2.0\n", encoding="utf-8")
    return copy


def fresh_digest(package: Path) -> str:
    sources_digest.cache_clear()
    return sources_digest(package)


def test_copy_of_the_package_has_the_same_key(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "cjsim", ignore=shutil.ignore_patterns("__pycache__"))
    assert fresh_digest(tmp_path / "cjsim") == fresh_digest(PACKAGE)


@pytest.mark.parametrize(
    "imports",
    [
        "from cjsim.kernel import (\n    inlined,\n    rule,\n)",
        "from cjsim.kernel import rule",
        "import cjsim.kernel as compiled\nrule = compiled.rule",
        "from cjsim import kernel as compiled\nrule = compiled.rule",
    ],
)
def test_edited_rule_in_a_subfolder_changes_the_key_with_every_import_style(package: Path, imports: str) -> None:
    file = package / "deep" / "deeper" / "scaling.py"
    source = RULE.replace("from cjsim.kernel import (\n    inlined,\n    rule,\n)", imports)
    file.write_text(source, encoding="utf-8")
    before = fresh_digest(package)
    file.write_text(source.replace("FACTOR * x", "FACTOR + x"), encoding="utf-8")
    assert fresh_digest(package) != before


def test_edited_constant_that_a_rule_imports_changes_the_key(package: Path) -> None:
    before = fresh_digest(package)
    (package / "constants_of_the_test.py").write_text("FACTOR = 3.0\n", encoding="utf-8")
    assert fresh_digest(package) != before


def test_moved_rule_changes_the_key(package: Path) -> None:
    before = fresh_digest(package)
    (package / "deep" / "deeper" / "scaling.py").rename(package / "deep" / "scaling.py")
    assert fresh_digest(package) != before


def test_edited_file_without_kernels_keeps_the_key(package: Path) -> None:
    before = fresh_digest(package)
    (package / "cli.py").write_text("# changed\n" + (package / "cli.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert fresh_digest(package) == before


def test_importing_the_array_type_does_not_define_a_kernel(package: Path) -> None:
    before = fresh_digest(package)
    (package / "deep" / "counting.py").write_text("from cjsim.frame import Array\n\ncounts: list[Array] = []\n", encoding="utf-8")
    assert fresh_digest(package) == before


@pytest.mark.parametrize("flag", ["CJSIM_BOUNDSCHECK", "NUMBA_BOUNDSCHECK"])
def test_flag_that_changes_code_changes_the_key(flag: str) -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", "from cjsim.kernel import sources_digest; print(sources_digest())"],
            cwd=ROOT,
            env=os.environ | {flag: value},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for value in ("0", "1")
    }
    assert len(digests) == 2


def test_every_file_that_uses_a_decorator_is_among_the_sources() -> None:
    users = {
        path
        for path in PACKAGE.rglob("*.py")
        if any(line in ("@kernel", "@rule", "@inlined") for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert users
    assert users <= set(kernel_sources())


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.parametrize(("cached", "notes"), [([], 1), (["rng.add_exponentials"], 1), (["event_loop.simulate_customers"], 0)])
def test_run_reports_compilation_unless_its_loop_is_cached(
    cached: list[str], notes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in cached:
        (tmp_path / f"{name}-1.py311.1.nbc").touch()
    monkeypatch.setattr("cjsim.kernel.cache_folder", lambda: tmp_path)
    told: list[str] = []
    monkeypatch.setattr(NoProgress, "note", lambda _, text: told.append(text))
    simulate(small_scenario(journey={}), customers=1, progress=NoProgress())
    assert len(told) == notes and all("compiling" in text for text in told)
