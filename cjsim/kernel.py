"""Decorators that compile functions with numba, and the cache of what they compiled. No other module names numba's options.

`@kernel` compiles a function that Python calls and keeps it on disk; `@rule` and `@inlined` compile a function that kernels call.
The cache folder is named after a digest of all kernel sources, because numba's own cache looks only at the file of the outermost
function and would run stale rules (numba issue 1833).

Kernels allocate nothing, so numba's reference counting is off: counting costs more than the nested rules compute.

`CJSIM_BOUNDSCHECK=1` makes a debug build: kernels check every index of an array and raise IndexError. They are compiled and cached
separately from normal builds, and are slower. `NUMBA_DISABLE_JIT=1` runs the same functions in Python.
"""

import ast
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

F = TypeVar("F", bound=Callable[..., Any])
PACKAGE = Path(__file__).parent
IS_BOUNDS_CHECKED = os.environ.get("CJSIM_BOUNDSCHECK", "0") not in ("", "0")  # a debug build: indices are checked, and kernels are slower
# Floats divide as IEEE 754 says, never raising, and never reassociate: JIT on and off give the same bytes.
_OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": IS_BOUNDS_CHECKED}
# A file that imports one of these names defines kernels, or frames that kernels are compiled for.
_DEFINING = {"cjsim.kernel": frozenset({"kernel", "rule", "inlined"}), "cjsim.frame": frozenset({"Frame"})}


def _imported(tree: ast.AST, modules: Collection[str]) -> set[str]:
    """Modules of the package that a source imports, at any depth and in any form."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & set(modules)


def _defines_kernels(tree: ast.AST) -> bool:
    """Whether a source imports a decorator of this module, the base class of frames, or a whole module of the two."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name in _DEFINING for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {alias.name for alias in node.names}
            if names & _DEFINING.get(node.module, frozenset()) or {f"{node.module}.{name}" for name in names} & _DEFINING.keys():
                return True
    return False


def kernel_sources(package: Path = PACKAGE) -> list[Path]:
    """Files that compiled code depends on: those that define kernels, and what they import from the package, directly or not.

    Parameters
    ----------
    package : Path
        The folder of the package `cjsim`, or a copy of it.
    """
    modules = {
        ".".join(("cjsim", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    trees: dict[str, ast.Module] = {}
    pending = ["cjsim.kernel", "cjsim.frame"]
    for name, path in modules.items():
        source = path.read_bytes()
        if b"kernel" in source or b"frame" in source:
            tree = ast.parse(source)
            if _defines_kernels(tree):
                trees[name] = tree
                pending.append(name)
    found: set[str] = set()
    while pending:
        if (name := pending.pop()) not in found:
            found.add(name)
            tree = trees[name] if name in trees else ast.parse(modules[name].read_bytes())
            pending += _imported(tree, modules) - {"cjsim"}
    return sorted(modules[name] for name in found)


@cache
def sources_digest(package: Path = PACKAGE) -> str:
    """Digest of everything that compiled code depends on: kernel sources in any folder, compiler flags, numba and Python.

    Parameters
    ----------
    package : Path
        The folder of the package `cjsim`, or a copy of it.
    """
    flags = f"{sorted(_OPTIONS.items())} {config.BOUNDSCHECK} {config.OPT}"
    digest = hashlib.blake2s(f"{numba.__version__} {sys.version} {flags}".encode(), digest_size=8)
    for path in kernel_sources(package):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def cache_folder() -> Path:
    """Folder for compiled kernels: `CJSIM_CACHE`, else the user's cache; a temporary one where neither can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111, Path refuses where there is no home
    wanted = [Path(os.environ["CJSIM_CACHE"])] if os.environ.get("CJSIM_CACHE") else []
    for base in [*wanted, Path(home) / "cjsim", Path(tempfile.gettempdir()) / f"cjsim-{os.getuid() if hasattr(os, 'getuid') else 'user'}"]:
        folder = base / sources_digest()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="cjsim-"))


def is_compiled_before(kernel: str) -> bool:
    """Whether calls start without compilation: a kernel of this name is in the cache, or the JIT is off."""
    return bool(config.DISABLE_JIT) or any(cache_folder().rglob(f"*.{kernel}-*.nbc"))


def kernel(function: F) -> F:
    """Compile `function` for calls from Python, cached on disk, releasing the GIL."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        compiled: F = numba.njit(cache=True, **_OPTIONS)(function)
    finally:
        config.CACHE_DIR = before
    return compiled


def rule(function: F) -> F:
    """Compile `function` for use in kernels; the compiler decides where it becomes a call."""
    compiled: F = numba.njit(**_OPTIONS)(function)
    return compiled


def inlined(function: F) -> F:
    """Compile `function` into each place that uses it: for what is short and runs at every event."""
    compiled: F = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled
