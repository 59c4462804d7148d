"""The only place that names numba's options.

`@kernel` compiles a function for calls from Python and keeps it on disk; `@rule` and `@inlined` compile one for use in kernels.
Every compiled function's cache lies in a folder whose name is a digest of all kernel sources, because numba's own cache looks
only at the file of the outermost function and would run stale rules (numba issue 1833).

Kernels allocate nothing, so numba's reference counting is off: with it, a nest of rules costs more than it computes.
"""

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config

# Floats divide as IEEE 754 says, never raising, and never reassociate: JIT on and off give the same bytes.
_OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}


_USES = re.compile(rb"^from cjsim\.kernel import .*\b(kernel|rule|inlined)\b", re.MULTILINE)


@cache
def sources_digest() -> str:
    """Digest of all that compiled code depends on: sources that use this module, the records they use, numba and Python."""
    digest = hashlib.blake2s(f"{numba.__version__} {sys.version}".encode(), digest_size=8)
    package = Path(__file__).parent
    always = {package / "kernel.py", package / "frame.py", *(package / "model" / name for name in ("codes.py", "state.py", "world.py"))}
    for path in sorted([*always, *package.glob("model/*.py"), *package.glob("engine/*.py")]):
        source = path.read_bytes()
        if path in always or _USES.search(source):
            digest.update(path.name.encode() + source)
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


def is_compiled_before(kernel: str = "") -> bool:
    """Whether kernels of such a name (any, if none is given) have been compiled here, or none will be, so that work starts at once."""
    return bool(config.DISABLE_JIT) or any(cache_folder().rglob(f"*{kernel}-*.nbc"))


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` for calls from Python, cached on disk, releasing the GIL."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)  # type: ignore[no-any-return]
    finally:
        config.CACHE_DIR = before


def rule(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` for use in kernels; the compiler decides where it becomes a call."""
    return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` into each place that uses it: for what is short and runs at every happening."""
    return numba.njit(forceinline=True, **_OPTIONS)(function)  # type: ignore[no-any-return]
