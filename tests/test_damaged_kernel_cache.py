"""Compiled kernels in files that are damaged, cannot be written, or are written by several processes: the kernel is compiled again."""

import errno
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from numba.core import config

from cjsim.errors import InputError
from cjsim.kernel import cache_failure, cache_folder, compile_for, is_compiled, kernel
from cjsim.kernel_cache import CheckedCacheFile
from cjsim.simulation import kernel_compilation

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")


@pytest.fixture
def fresh_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Returns the same small kernel, without its compiled function in memory."""
    source = tmp_path / "rules.py"
    source.write_text("def scaled(x):\n    return 3.0 * x\n", encoding="utf-8")
    monkeypatch.setattr("cjsim.kernel.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.syspath_prepend(tmp_path)  # numba imports the module of a kernel that it loads
    function = importlib.import_module("rules").scaled
    yield lambda: kernel(function)
    del sys.modules["rules"]


def stored_files(folder: Path) -> list[Path]:
    """The files of a stored kernel: its index, and one signature."""
    files = sorted(path for path in folder.rglob("rules.scaled-*") if path.suffix in (".nbc", ".nbi"))
    assert [file.suffix for file in files] in ([".nbc", ".nbi"], [".nbi", ".nbc"])
    return files


def _flip(content: bytes, index: int) -> bytes:
    return content[:index] + bytes([content[index] ^ 0x40]) + content[index + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "flipped at the start": lambda content: _flip(content, 0),
    "flipped in the middle": lambda content: _flip(content, len(content) // 2),
    "flipped at the end": lambda content: _flip(content, len(content) - 1),
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"not a kernel",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_again(damage: str, fresh_kernel: Callable[[], Any], tmp_path: Path) -> None:
    compile_for(fresh_kernel(), [1.0])
    for file in stored_files(tmp_path):
        content = file.read_bytes()
        file.write_bytes(DAMAGES[damage](content))
        assert not is_compiled(fresh_kernel())
        assert fresh_kernel()(2.0) == 6.0
        assert is_compiled(fresh_kernel())


def test_a_whole_kernel_is_loaded_without_compilation(fresh_kernel: Callable[[], Any]) -> None:
    compile_for(fresh_kernel(), [1.0])
    loaded = fresh_kernel()
    loaded(1.0)
    assert sum(loaded.stats.cache_hits.values()) == 1


@pytest.mark.parametrize("replace", [Path.mkdir, os.mkfifo])
def test_a_file_that_is_no_file_is_not_opened(replace: Callable[[Path], None], fresh_kernel: Callable[[], Any], tmp_path: Path) -> None:
    compile_for(fresh_kernel(), [1.0])
    for file in stored_files(tmp_path):
        file.unlink()
        replace(file)
    assert not is_compiled(fresh_kernel())
    assert fresh_kernel()(2.0) == 6.0


def test_a_file_with_the_content_of_another_one_is_not_loaded(fresh_kernel: Callable[[], Any], tmp_path: Path) -> None:
    compile_for(fresh_kernel(), [1.0])
    compile_for(fresh_kernel(), [1])
    one, other = sorted(tmp_path.rglob("rules.scaled-*.nbc"))
    one.write_bytes(other.read_bytes())
    assert not is_compiled(fresh_kernel())
    assert [fresh_kernel()(2.0), fresh_kernel()(2)] == [6.0, 6.0]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_kernel_that_cannot_be_stored_is_used_and_reported(
    number: int, fresh_kernel: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(CheckedCacheFile, "_write", fail)
    compiled = fresh_kernel()
    assert compiled(2.0) == 6.0
    failure = cache_failure(compiled)
    assert failure is not None and failure.errno == number
    assert not is_compiled(fresh_kernel())


def test_compilation_reports_once_that_kernels_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    class Recorded(kernel_compilation.Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda one: False)
    monkeypatch.setattr(kernel_compilation, "compile_for", lambda one, arguments: None)
    monkeypatch.setattr(kernel_compilation, "cache_failure", lambda one: OSError(errno.ENOSPC, "No space left on device"))
    kernel_compilation.compile_kernels(kernel_compilation.ALL_KERNELS[:3], Recorded())
    assert len(notes) == 1
    assert notes[0].endswith(" (No space left on device); the next run compiles them again.")


def test_kernels_that_are_stored_at_once_are_all_found(fresh_kernel: Callable[[], Any]) -> None:
    kernels = [(fresh_kernel(), argument) for argument in (1.0, 1, True, 1j)]
    threads = [threading.Thread(target=compile_for, args=(one, [argument])) for one, argument in kernels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = fresh_kernel()
    assert [loaded(argument) for _, argument in kernels] == [3.0, 3.0, 3.0, 3j]
    assert sum(loaded.stats.cache_hits.values()) == len(kernels)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a home and a folder for temporary files."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("CJSIM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def chosen_folder(places: Path) -> str:
    return cache_folder.__wrapped__().relative_to(places).parts[0]


def test_the_cache_is_in_the_home_folder(places: Path) -> None:
    assert chosen_folder(places) == "home"


def test_without_a_home_folder_the_cache_is_a_temporary_folder_of_the_user(places: Path) -> None:
    (places / "home").rmdir()
    (places / "home").write_text("a file", encoding="utf-8")
    assert cache_folder.__wrapped__().parent == places / "temporary" / f"cjsim-{os.getuid()}"


def test_a_folder_that_others_can_write_to_is_not_used(places: Path) -> None:
    shared = places / "home" / ".cache" / "cjsim"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    assert chosen_folder(places) == "temporary"


@pytest.mark.skipif(os.getuid() != 0, reason="only the administrator can give a folder to another user")
def test_a_folder_of_another_user_is_not_used(places: Path) -> None:
    shared = places / "home" / ".cache" / "cjsim"
    shared.mkdir(parents=True)
    os.chown(shared, 12345, 12345)
    assert chosen_folder(places) == "temporary"


def test_the_cache_is_private_with_every_umask(places: Path) -> None:
    before = os.umask(0)
    try:
        folder = cache_folder.__wrapped__()
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


def test_without_any_folder_the_error_names_the_settings(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places / "home").rmdir()
    (places / "home").write_text("a file", encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(places / "none" / "such"))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EACCES, "Permission denied")))
    with pytest.raises(InputError, match=r"kernels: must be writable, got none that can be .* Set CJSIM_CACHE or TMPDIR"):
        cache_folder.__wrapped__()
