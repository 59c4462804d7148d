"""Decorators that compile functions with numba, and the cache of compiled functions. No other module sets numba options.

`@kernel` compiles a function for calls from Python and caches it on disk. `@rule` and `@inlined` compile functions for use in kernels.
The cache folder is named after a digest of all kernel sources, because numba's own cache checks only the file of the outermost
function and would run stale rules (numba issue 1833).

Kernels allocate no memory. Numba's reference counting is therefore off, because it would cost more than the nested rules themselves.

`CJSIM_BOUNDSCHECK=1` selects a debug build: kernels check every array index and raise IndexError. They are compiled and cached
separately from normal builds, and are slower. `NUMBA_DISABLE_JIT=1` runs the same functions in Python.
"""

import ast
import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

from cjsim.errors import InputError, format_error
from cjsim.kernel_cache import CheckedCacheFile

F = TypeVar("F", bound=Callable[..., Any])
PACKAGE = Path(__file__).parent
IS_BOUNDS_CHECKED = os.environ.get("CJSIM_BOUNDSCHECK", "0") not in ("", "0")  # debug build with checked indices
# Float division follows IEEE 754 and never raises, and additions keep their order: JIT on and off give the same bytes.
_OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": IS_BOUNDS_CHECKED}
# A file that imports one of these defines kernels, or frames that kernels take.
_DEFINING = {"cjsim.kernel", "cjsim.kernel.kernel", "cjsim.kernel.rule", "cjsim.kernel.inlined", "cjsim.frame", "cjsim.frame.Frame"}


def _imported_names(tree: ast.AST) -> set[str]:
    """Return the full names of what a source file imports, in any form and at any depth of the syntax tree."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def kernel_sources(package: Path = PACKAGE) -> list[Path]:
    """Return the files that compiled code depends on: files that define kernels, and their direct and indirect imports from the package.

    Parameters
    ----------
    package : Path
        Folder of the package `cjsim`, or of a copy.
    """
    modules = {
        ".".join(("cjsim", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    imports: dict[str, set[str]] = {}
    pending = ["cjsim.kernel", "cjsim.frame"]
    for name, path in modules.items():
        source = path.read_bytes()
        if b"kernel" in source or b"frame" in source:
            imports[name] = _imported_names(ast.parse(source))
            if imports[name] & _DEFINING:
                pending.append(name)
    found: set[str] = set()
    while pending:
        if (name := pending.pop()) not in found:
            found.add(name)
            names = imports[name] if name in imports else _imported_names(ast.parse(modules[name].read_bytes()))
            pending += (names | {one.rpartition(".")[0] for one in names}) & modules.keys() - {"cjsim"}
    return sorted(modules[name] for name in found)


@cache
def sources_digest(package: Path = PACKAGE) -> str:
    """Return a digest of everything that compiled code depends on: kernel sources, compiler flags, and numba and Python versions.

    Parameters
    ----------
    package : Path
        Folder of the package `cjsim`, or of a copy.
    """
    flags = f"{sorted(_OPTIONS.items())} {config.BOUNDSCHECK} {config.OPT}"
    digest = hashlib.blake2s(f"{numba.__version__} {sys.version} {flags}".encode(), digest_size=8)
    for path in kernel_sources(package):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def cache_folder() -> Path:
    """Return the folder for compiled kernels: `CJSIM_CACHE`, else the user's cache folder, else a temporary folder.

    A folder that belongs to another user is not used, because loading a compiled kernel runs its code.

    Raises
    ------
    InputError
        If none of them is writable.
    """
    for base in _cache_bases():
        with contextlib.suppress(OSError, ValueError):
            if (folder := _own_folder(base)) is not None:
                return folder
    try:
        return Path(tempfile.mkdtemp(prefix="cjsim-"))
    except OSError as error:
        got = f"none that can be ({error.strerror})"
        remedy = "Set CJSIM_CACHE or TMPDIR to a folder that you can write."
        raise InputError(format_error("the folder for compiled kernels", "must be writable", got, remedy)) from error


def _cache_bases() -> Iterator[Path]:
    """Yield the folders that may contain the cache, best first."""
    if os.environ.get("CJSIM_CACHE"):
        yield Path(os.environ["CJSIM_CACHE"])
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111, Path raises if there is no home folder
    if os.path.isabs(home):  # noqa: PTH117, not so if there is no home folder
        yield Path(home) / "cjsim"
    with contextlib.suppress(OSError):  # no folder for temporary files
        yield Path(tempfile.gettempdir()) / f"cjsim-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _own_folder(base: Path) -> Path | None:
    """Return the subfolder for the current sources, or None if it is not writable or other users can write to it."""
    folder = base / sources_digest()
    for part in (base, folder):
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_chosen = str(base) == os.environ.get("CJSIM_CACHE")
    is_own = _is_own(folder) and (is_chosen or _is_own(base))
    return folder if is_own and os.access(folder, os.W_OK) else None


def _is_own(folder: Path) -> bool:
    """Return whether a folder belongs to this user or to the administrator, and no other user can write to it."""
    if not hasattr(os, "getuid"):
        return True
    facts = folder.stat()
    return facts.st_uid in (os.getuid(), 0) and not facts.st_mode & stat.S_IWOTH


def kernel(function: F) -> F:
    """Compile `function` for calls from Python. The compiled function is cached on disk and releases the GIL."""
    if config.DISABLE_JIT:
        return function
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        compiled: F = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # the folder is no longer writable
        return rule(function)
    finally:
        config.CACHE_DIR = before
    kernel_cache: Any = compiled._cache  # type: ignore[attr-defined]
    base, stamp = kernel_cache._impl.filename_base, kernel_cache._impl.locator.get_source_stamp()
    kernel_cache._cache_file = CheckedCacheFile(cache_path=kernel_cache.cache_path, filename_base=base, source_stamp=stamp)
    return compiled


def is_compiled(kernel: Callable[..., Any]) -> bool:
    """Return whether a kernel can be called without compilation: it is loaded or in the cache undamaged, or the JIT is off."""
    if config.DISABLE_JIT:
        return True
    function: Any = kernel
    file = _cache_file(kernel)
    return bool(function.signatures) or (file is not None and file.is_intact())


def cache_failure(kernel: Callable[..., Any]) -> OSError | None:
    """Return why a compiled kernel could not be stored in the cache; None if nothing failed.

    Parameters
    ----------
    kernel : Callable
        The kernel.
    """
    file = _cache_file(kernel)
    return None if file is None else file.failure


def _cache_file(kernel: Callable[..., Any]) -> CheckedCacheFile | None:
    found = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    return found if isinstance(found, CheckedCacheFile) else None


def compile_for(kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Compile a kernel for the types of these arguments, or load it from the cache. It is not called."""
    if not config.DISABLE_JIT:
        function: Any = kernel
        function.compile(tuple(map(numba.typeof, arguments)))


def rule(function: F) -> F:
    """Compile `function` for use in kernels. The compiler decides where to inline it."""
    compiled: F = numba.njit(**_OPTIONS)(function)
    return compiled


def inlined(function: F) -> F:
    """Compile `function` for use in kernels, inlined at every call site. Meant for short functions that run at every event."""
    compiled: F = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled
