"""Imports go down the layers and form no cycles, whichever of the four kinds of import is used."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

# Lowest first; the members of one layer do not import each other.
LAYERS = (
    ("errors", "escaping", "fieller", "version"),
    ("input_files",),
    ("file_lock", "json_records", "progress", "table_files", "tabular_result"),
    ("argument_types",),
    ("kernel_cache",),
    ("kernel", "library", "output_folder"),
    ("manifest",),
    ("frame", "purchase_logs"),
    ("yaml", "uplift"),
    ("kernels",),
    ("scenario",),
    ("validate",),
    ("description",),
    ("compiler",),
    ("eventlog",),
    ("engine",),
    ("metrics",),
    ("simulation",),
    ("attribution", "calibration", "readout", "rehearsal", "tuning"),
    ("lab",),
    ("reporting",),
    ("pages",),
    ("testing",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LAYER_OF = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES_PER_FOLDER = 20
FILES = sorted((ROOT / "cjsim").rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Imports of a source: at the top, inside functions, under TYPE_CHECKING, or as strings for `importlib` and similar functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call | ast.Dict):
            values = node.values if isinstance(node, ast.Dict) else [*node.args, *(keyword.value for keyword in node.keywords)]
            yield from (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))


def imports_of(tree: ast.AST, module: str) -> set[str]:
    """Modules of the package that a source imports; a folder counts only if its own `__init__` is imported."""
    named = {name for name in imported_names(tree) if name in MODULES and name != module}
    return {name for name in named if MODULES[name].name != "__init__.py" or not any(other.startswith(f"{name}.") for other in named)}


def layer_of(module: str) -> int:
    """The rank of a module's layer; the package itself, which exports the public names, is above all others."""
    return LAYER_OF[module.split(".")[1]] if "." in module else len(LAYERS)


def upward_imports(module: str, tree: ast.AST) -> list[str]:
    own = module.split(".")[1] if "." in module else ""
    return [
        f"{module} imports {other}, which is not below it"
        for other in sorted(imports_of(tree, module))
        if (other.split(".")[1] if "." in other else "") != own and layer_of(other) >= layer_of(module)
    ]


def cycle_of(graph: dict[str, set[str]]) -> str:
    """A cycle of a graph as text, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


GRAPH = {module: imports_of(ast.parse(path.read_text(encoding="utf-8")), module) for module, path in MODULES.items()}


def test_every_module_belongs_to_a_layer() -> None:
    assert {module.split(".")[1] for module in MODULES if "." in module} == set(LAYER_OF)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_the_layers(module: str) -> None:
    assert upward_imports(module, ast.parse(MODULES[module].read_text(encoding="utf-8"))) == []


def test_modules_do_not_import_in_a_cycle() -> None:
    assert cycle_of(GRAPH) == ""


def test_cycles_are_found() -> None:
    assert cycle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != ""


@pytest.mark.parametrize(
    "source",
    [
        "from cjsim.engine.compiled import CompiledEngine",
        "import cjsim.engine.compiled",
        "def f():\n    from cjsim.engine import compiled",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cjsim.engine.compiled import CompiledEngine",
        "import importlib\nengine = importlib.import_module('cjsim.engine.compiled')",
    ],
)
def test_upward_imports_of_every_kind_are_found(source: str) -> None:
    assert upward_imports("cjsim.kernels.clocks", ast.parse(source)) == [
        "cjsim.kernels.clocks imports cjsim.engine.compiled, which is not below it"
    ]


def test_modules_of_one_layer_do_not_import_each_other() -> None:
    assert upward_imports("cjsim.tuning.study", ast.parse("from cjsim.calibration.nbd import Nbd")) != []


def test_no_two_files_share_a_name() -> None:
    names = [path.name for path in FILES if path.name != "__init__.py"]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_file_repeats_the_name_of_its_folder() -> None:
    assert [str(path.relative_to(ROOT)) for path in FILES if path.stem == path.parent.name] == []


def test_folders_are_small() -> None:
    folders = {path.parent for path in FILES}
    counts = {str(folder.relative_to(ROOT)): sum(path.name != "__init__.py" for path in folder.glob("*.py")) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > FILES_PER_FOLDER} == {}
