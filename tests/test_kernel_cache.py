"""The key of the kernel cache: editing anything that compiled code depends on changes the key."""

import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from numba.core import config
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.engine.sync_points import simulate_to_sync_point
from cjsim.kernel import PACKAGE, cache_folder, compile_for, is_compiled, kernel, kernel_sources, sources_digest
from cjsim.kernels.rng import add_exponentials, fill_uniforms
from cjsim.progress import NoProgress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import ALL_KERNELS, compile_kernels, kernels_of_runs
from cjsim.simulation.simulate import simulate
from cjsim.testing.small_worlds import sharing_customers

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


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the kernels that are compiled. None is in the cache, and none is really compiled."""
    names: list[str] = []
    monkeypatch.setattr("cjsim.simulation.kernel_compilation.is_compiled", lambda kernel: False)
    monkeypatch.setattr("cjsim.simulation.kernel_compilation.compile_for", lambda kernel, arguments: names.append(kernel.__name__))
    return names


def test_each_kernel_is_announced_before_its_compilation(compiled: list[str]) -> None:
    class Recorded(NoProgress):
        seen: list[str] = []

        def announce(self, text: str) -> None:
            self.seen.append(f"{len(compiled)} compiled; {text}")

    assert compile_kernels([fill_uniforms, add_exponentials], Recorded()) == 2
    assert Recorded.seen == [
        "0 compiled; cjsim: compiling kernel 1 of 2, once per machine: fill_uniforms ...",
        "1 compiled; cjsim: compiling kernel 2 of 2, once per machine: add_exponentials ...",
    ]


@pytest.mark.parametrize(
    ("engine", "loop", "other"), [("compiled", "simulate_customers", "dispatch"), ("readable", "dispatch", "simulate_customers")]
)
def test_a_run_compiles_the_kernels_of_its_engine(compiled: list[str], engine: Any, loop: str, other: str) -> None:
    simulate(small_scenario(journey={}), customers=1, engine=engine)
    assert loop in compiled and other not in compiled


@pytest.mark.parametrize("is_shared", [True, False])
def test_only_customers_who_share_something_need_the_loop_to_the_next_request(is_shared: bool) -> None:
    assert (simulate_to_sync_point in kernels_of_runs(is_shared=is_shared)) == is_shared


def test_command_says_that_everything_is_compiled(compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.simulation.kernel_compilation.is_compiled", lambda kernel: True)
    printed = CliRunner().invoke(app, ["compile"]).stdout
    assert printed == f"All {len(ALL_KERNELS)} kernels are already compiled, in this folder:\n{cache_folder()}\n"
    assert compiled == []


def test_command_compiles_all_kernels_and_counts_them(compiled: list[str]) -> None:
    found = json.loads(CliRunner().invoke(app, ["compile", "--json"]).stdout)
    assert found == {"kernels": len(ALL_KERNELS), "compiled": len(ALL_KERNELS), "cache": str(cache_folder())}
    assert sorted(compiled) == sorted(kernel.__name__ for kernel in ALL_KERNELS)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_kernel_is_compiled_again_only_if_the_content_of_its_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "module_of_the_test.py"  # imported, because numba imports the module of a kernel that it loads
    source.write_text("def scaled(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("cjsim.kernel.cache_folder", lambda: tmp_path)
    module = importlib.import_module("module_of_the_test")
    compile_for(kernel(module.scaled), [1.0])
    gc.collect()  # nothing that was compiled stays in memory
    assert is_compiled(kernel(module.scaled))
    os.utime(source, (2e9, 2e9))  # as after another checkout of the same version
    assert is_compiled(kernel(module.scaled))
    compile_for(again := kernel(module.scaled), [1.0])
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
    source.write_text("def scaled(x):\n    return 2 * x\n", encoding="utf-8")
    assert not is_compiled(kernel(importlib.reload(module).scaled))


@pytest.mark.slow
@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_nothing_is_left_to_compile_after_the_command(tmp_path: Path) -> None:
    environment = os.environ | {"CJSIM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    Scenario.save(sharing_customers(), tmp_path / "sharing.yaml")
    shop, desk = str(ROOT / "configs" / "scenarios" / "shop.yaml"), str(tmp_path / "sharing.yaml")

    def files_after(*words: str) -> list[str]:
        subprocess.run([sys.executable, "-m", "cjsim", *words], env=environment, cwd=tmp_path, check=True, capture_output=True)
        return sorted(file.name for file in (tmp_path / "cache").rglob("*.nbc"))

    compiled = files_after("compile")
    assert len(compiled) == len(ALL_KERNELS)
    for scenario in (shop, desk):
        few = ("--customers", "20")
        assert files_after("simulate", scenario, *few) == compiled
        assert files_after("simulate", scenario, *few, "--engine", "readable") == compiled
        assert files_after("compare", scenario, *few, "--set", "policy.flows={}") == compiled
        assert files_after("walk", scenario, "--customer", "3") == compiled
