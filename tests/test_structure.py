"""Sizes of files and functions, docstrings, README, and no committed paths of one machine. Layers: test_layers.py."""

import ast
import doctest
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

FILE_LINES, FUNCTION_LINES, ARGUMENTS = 400, 60, 8

# Exceptions to the size limits, with reasons. Keys: a file, or file:function.
SIZE_EXCEPTIONS = {
    "cjsim/simulation/simulate.py:simulate": "an argument is a setting of the run, and the user passes all of them by name",
    "cjsim/simulation/simulate.py:checked_settings": "an argument is a setting of the run, passed by name",
    "cjsim/simulation/compare_scenarios.py:compare": "an argument is a setting of the runs, and the user passes all of them by name",
    "cjsim/commands/cli_simulation.py:simulate": "an argument is an option of the command line",
    "cjsim/commands/cli_simulation.py:compare": "an argument is an option of the command line",
    "cjsim/commands/cli_simulation.py:walk": "an argument is an option of the command line",
    "cjsim/commands/cli_assumptions.py:assumptions": "an argument is an option of the command line",
    "cjsim/tuning/assumptions/check_assumptions.py:assumptions": "an argument is a setting of the runs, passed by name, as in `compare`",
    "cjsim/commands/cli_levers.py:cliffs": "an argument is an option of the command line",
    "cjsim/commands/cli_levers.py:levers": "an argument is an option of the command line",
    "cjsim/commands/cli_optimize.py:optimize": "an argument is an option of the command line",
    "cjsim/calibration/purchase_model.py:calibrate_purchases": "an argument is a column or setting of the log, passed by name",
    "cjsim/commands/cli_calibration.py:calibrate_purchases": "an argument is an option of the command line",
    "cjsim/commands/cli_attribution.py:attribution": "an argument is an option of the command line",
    "cjsim/commands/cli_attribution.py:responses": "an argument is an option of the command line",
    "cjsim/commands/cli_uplift.py:uplift": "an argument is an option of the command line",
    "cjsim/readout/uplift_readout.py:uplift": "an argument is a column or setting of the trial, and the user passes all of them by name",
    "cjsim/commands/cli_rehearse.py:rehearse": "an argument is an option of the command line",
    "cjsim/commands/cli_experiments.py:experiment": "an argument is an option of the command line",
    "cjsim/commands/cli_experiments.py:journal_callback": "an argument is an option of the command line",
    "cjsim/commands/cli_pages.py:map": "an argument is an option of the command line",
    "cjsim/pages/maps/build_map.py:journey_map": "an argument is a setting of the map or the runs, and the user passes all of them by name",
    "cjsim/commands/cli_experiments.py:journal_diff": "an argument is an option of the command line",
}

HEAVY_LIBRARIES = ("numba", "numpy", "scipy", "pandas", "pyarrow", "duckdb", "sklearn", "seaborn", "matplotlib", "optuna", "simpy")
SOURCES = sorted((ROOT / "cjsim").rglob("*.py"))
SOURCE_NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
SYNTAX_TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(SOURCE_NAMES, SOURCES, strict=True)}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_of(name: str) -> str:
    return ".".join(Path(name).with_suffix("").parts).removesuffix(".__init__")


def functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions with their dotted names within the file."""

    def visit(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield prefix + child.name, child
                yield from visit(child, f"{prefix}{child.name}.")
            else:
                yield from visit(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    return visit(tree, "")


def parameters(node: Function) -> list[str]:
    args = node.args
    named = [*args.posonlyargs, *args.args, *([args.vararg] if args.vararg else []), *args.kwonlyargs]
    return [arg.arg for arg in named if arg.arg not in ("self", "cls")]


def code_lines(node: Function) -> int:
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    words = first.end_lineno - first.lineno + 1 if has_docstring else 0  # type: ignore[operator]
    return node.end_lineno - node.lineno + 1 - words  # type: ignore[operator]


def size_violations(name: str, text: str) -> list[str]:
    lines = text.count("\n")
    faults = [f"{name}: {lines} lines"] if lines > FILE_LINES else []
    for label, node in functions(ast.parse(text)):
        if (size := code_lines(node)) > FUNCTION_LINES:
            faults.append(f"{name}:{label}: {size} lines")
        if (count := len(parameters(node))) > ARGUMENTS:
            faults.append(f"{name}:{label}: {count} arguments")
    return faults


def docstring_violations(name: str, tree: ast.Module) -> list[str]:
    """Public functions without a docstring, and `Parameters` sections that do not match the signature."""
    faults = []
    bases = {"ChannelRule", "Distribution", "LimitRule", "WaitDistribution"}
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds = {node.name for node in classes if node.keywords or bases & {ast.unparse(base) for base in node.bases}}
    for label, node in functions(tree):
        if any(part.startswith("_") for part in label.split(".")):
            continue
        words = ast.get_docstring(node)
        if not words and label.split(".")[0] in kinds:
            continue  # it implements a method that the family documents
        if not words:
            faults.append(f"{name}:{label}: no docstring")
            continue
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", words, re.MULTILINE | re.DOTALL)
        if section is None:
            continue
        documented = [
            part.strip(" *") for line in re.findall(r"^(\S[^:\n]*?)(?: *:.*)?$", section[1], re.MULTILINE) for part in line.split(",")
        ]
        if sorted(documented) != sorted(parameters(node)):
            faults.append(f"{name}:{label}: documents {documented}, takes {parameters(node)}")
    return faults


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_files_functions_and_signatures_are_small(name: str) -> None:
    faults = size_violations(name, (ROOT / name).read_text(encoding="utf-8"))
    assert [fault for fault in faults if fault.rsplit(": ", 1)[0] not in SIZE_EXCEPTIONS] == []


def test_size_exceptions_are_needed() -> None:
    faults = [fault for name in SOURCE_NAMES for fault in size_violations(name, (ROOT / name).read_text(encoding="utf-8"))]
    assert set(SIZE_EXCEPTIONS) <= {fault.rsplit(": ", 1)[0] for fault in faults}


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_docstrings_name_the_parameters(name: str) -> None:
    assert docstring_violations(name, SYNTAX_TREES[name]) == []


def test_structure_checks_detect_violations() -> None:
    bad = 'def f(a, b):\n    """Gives a.\n\n    Parameters\n    ----------\n    a : int\n    c : int\n    """\n'
    assert docstring_violations("x.py", ast.parse(bad)) == ["x.py:f: documents ['a', 'c'], takes ['a', 'b']"]
    assert docstring_violations("x.py", ast.parse("def f(): return 1")) == ["x.py:f: no docstring"]
    assert size_violations("x.py", "def f(a, b, c, d, e, g, h, i, j):\n" + "    a\n" * 60) == ["x.py:f: 61 lines", "x.py:f: 9 arguments"]


def test_no_catch_all_modules() -> None:
    assert {path.stem for path in SOURCES} & {"utils", "helpers", "common", "misc"} == set()


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_doctests_run(name: str) -> None:
    if ">>>" not in (ROOT / name).read_text(encoding="utf-8"):
        return
    outcome = doctest.testmod(importlib.import_module(module_of(name)), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert outcome.failed == 0


def committed_files() -> list[Path]:
    """Text files tracked by git; without a checkout, all files except caches."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    paths = [ROOT / name for name in listed if name] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [path for path in paths if path.is_file() and path.suffix not in {".png", ".parquet", ".gz", ".pdf"}]


def test_no_machine_specific_paths_are_committed() -> None:
    # Split into pieces, so that this file does not match itself.
    places = ["/" + "work/", "/" + "root/", "/home" + "/", "/tmp" + "/proto"]
    hosts = ["pypi" + r"\.org", "pythonhosted" + r"\.org", r"^\s*--?(?:extra-)?index-" + "url"]
    pattern = re.compile("|".join(places + hosts), re.MULTILINE)
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in committed_files()}
    assert [f"{name}: {match[0]}" for name, text in texts.items() for match in pattern.finditer(text)] == []


def test_readme_mentions_only_makefile_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= named <= targets


def test_readme_mentions_only_existing_files() -> None:
    text = re.sub(r"--out \S+", "", (ROOT / "README.md").read_text(encoding="utf-8"))  # except files that it writes
    named = set(re.findall(r"\b(?:configs|docs|experiments|benchmarks|reports)/[\w/.-]*\w", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_readme_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)
    seen: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("5_000", "50"), seen)  # noqa: S102, this is our own README
    assert "clv" in capsys.readouterr().out
    assert len(seen["run"]) == 50  # type: ignore[arg-type]


def test_lock_pins_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.match(r"[\w.-]+", line)[0].replace(".", "-").replace("_", "-") for line in wanted}  # type: ignore[index]
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    assert names <= locked


def test_lock_names_a_hash_for_every_pin_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if not re.fullmatch(r"\S+==\S+[^\n]*( \\\n    --hash=sha256:[0-9a-f]{64})+", entry)] == []
    assert len(entries) > 50 and "://" not in text


def test_setup_installs_only_what_has_a_locked_hash() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "-r requirements.lock" in line]
    assert len(lines) == 2 and all("--require-hashes" in line for line in lines)


def test_importing_the_package_imports_no_heavy_libraries() -> None:
    code = "import sys, cjsim; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    seen = subprocess.run([sys.executable, "-c", code, *HEAVY_LIBRARIES], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "[]"


def test_public_names_can_be_imported() -> None:
    cjsim = importlib.import_module("cjsim")
    assert [name for name in cjsim.__all__ if getattr(cjsim, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        cjsim.simulat  # noqa: B018
