"""What differs between Linux, macOS and Windows is guarded: names that exist on some systems only, locks, drives, encodings."""

import ast
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from conftest import ROOT
from error_messages import WORLDS

from cjsim import file_lock
from cjsim.kernel import cache_folder
from cjsim.tuning.journal_file import JournalFile
from cjsim.yaml.document import relative_path

POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {"chown", "fork", "geteuid", "getloadavg", "getpgid", "getuid", "kill", "killpg", "mkfifo", "nice", "sched_getaffinity"}
    | {"setsid", "statvfs", "sync", "uname", "wait", "waitpid"},
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2", "alarm", "pause", "setitimer"},
}
GUARDS = ("hasattr(os,", "hasattr(signal,", "sys.platform", "except ImportError")
SYSTEM_FOLDERS = ("/tmp", "/dev/", "/proc/", "/etc/", "/var/")


def uses_of_one_system(tree: ast.AST) -> list[str]:
    """Names that exist only on POSIX systems, and folders of one system, outside of functions with a guard."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(guard in ast.unparse(node) for guard in GUARDS):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [name for name in names if name in POSIX_MODULES]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in POSIX_NAMES.get(node.value.id, ()):
            found.append(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(SYSTEM_FOLDERS):
            found.append(node.value)
        found += uses_of_one_system(node)
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "cjsim").rglob("*.py")), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_of_one_system_is_used_without_a_guard(file: Path) -> None:
    assert uses_of_one_system(ast.parse(file.read_text(encoding="utf-8"))) == []


def test_the_scan_finds_names_of_one_system() -> None:
    bad = "import os, fcntl\ndef f():\n    os.kill(1, 0)\n    open('/tmp/x')\n"
    good = "def g():\n    if hasattr(os, 'getuid'):\n        os.getuid()\n"
    assert uses_of_one_system(ast.parse(bad + good)) == ["fcntl", "os.kill", "/tmp/x"]


def test_journal_is_locked_and_unlocked_without_fcntl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, int]] = []
    busy = [True]

    def locking(descriptor: int, mode: str, count: int) -> None:
        if mode == "lock" and busy:
            busy.clear()
            raise PermissionError
        calls.append((mode, os.lseek(descriptor, 0, os.SEEK_CUR)))

    msvcrt: Any = ModuleType("msvcrt")
    msvcrt.LK_NBLCK, msvcrt.LK_UNLCK, msvcrt.locking = "lock", "unlock", locking
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    journal = JournalFile(str(tmp_path / "a.journal"))
    journal.append_logs([{"op_code": 1}])
    assert calls == [("lock", 2**31 - 2), ("unlock", 2**31 - 2)] * 2
    assert (tmp_path / "a.journal").read_text() == '{"op_code":1}\n'


@pytest.mark.parametrize(("handle", "is_running"), [(7, True), (0, False)])
def test_processes_are_not_signaled_on_windows(handle: int, is_running: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    system = SimpleNamespace(OpenProcess=lambda right, inherits, pid: handle, CloseHandle=lambda handle: None)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=system), raising=False)
    monkeypatch.setattr(file_lock.sys, "platform", "win32")  # type: ignore[attr-defined]
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))
    assert file_lock.is_running(123) == is_running


def test_path_on_another_drive_is_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", fail)
    assert relative_path("data/entries.csv", Path("out")) == (Path.cwd() / "data" / "entries.csv").as_posix()


def test_kernel_cache_needs_no_user_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "getuid")
    monkeypatch.setenv("CJSIM_CACHE", str(tmp_path))
    assert cache_folder.__wrapped__().parent == tmp_path


@pytest.fixture
def polish_file(tmp_path: Path) -> Path:
    """A file with a name that Latin-1 cannot encode."""
    file = tmp_path / "\N{LATIN CAPITAL LETTER L WITH STROKE}odz.yaml"
    file.write_text((WORLDS / "tiny.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return file


def printed_in_latin_1(*command: str) -> bytes:
    environment = os.environ | {"PYTHONIOENCODING": "iso8859-1", "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "cjsim", *command], env=environment, capture_output=True, check=True).stdout


def test_text_on_a_stream_without_unicode_has_question_marks(polish_file: Path) -> None:
    assert b"?odz.yaml" in printed_in_latin_1("check", str(polish_file))


def test_json_on_a_stream_without_unicode_is_whole(polish_file: Path) -> None:
    assert json.loads(printed_in_latin_1("check", str(polish_file), "--json"))["file"] == str(polish_file)
