"""Runs commands with standard streams that are closed, full or without a reader, or in an odd environment.

Each command runs in a fork, because imports take seconds. Usage: python odd_streams.py FOLDER CASES, where CASES is a JSON list of
[condition, *arguments], a condition is one of STREAMS or ENVIRONMENTS, and FOLDER is the working directory. Prints a JSON list with the
exit code, the standard output and the standard error of each command.
"""

import contextlib
import gc
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STREAMS = ("output closed", "errors closed", "all closed", "output full", "errors full", "both full", "output unread", "errors unread")


def _writer(kind: str) -> int:
    """A descriptor that is full, or has no reader."""
    if kind == "full":
        return os.open("/dev/full", os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _enter_removed_folder() -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()


def _without_temporary_folder() -> None:
    os.environ["TMPDIR"] = "/nonexistent"
    tempfile.tempdir = None


def _in_odd_time_zone() -> None:
    os.environ["TZ"] = "Nowhere/Odd"
    time.tzset()


def _as_another_user() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


ENVIRONMENTS: dict[str, Callable[[], object]] = {
    "no home": lambda: os.environ.pop("HOME", None),
    "home that is no folder": lambda: os.environ.update(HOME="/dev/null/home", XDG_CACHE_HOME="", MPLCONFIGDIR=""),
    "removed folder": _enter_removed_folder,
    "no temporary folder": _without_temporary_folder,
    "odd time zone": _in_odd_time_zone,
    "private files": lambda: os.umask(0o077),
    "64 open files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "3 GiB of addresses": lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    "another user": _as_another_user,
}


def _connect(stream: str, files: dict[int, int]) -> None:
    """Give the process the streams of a case: files where nothing else is said."""
    who, _, kind = stream.partition(" ")
    chosen = {"output": {1}, "errors": {2}, "both": {1, 2}, "all": {0, 1, 2}}.get(who, set())
    sys.stdin = None if "all" in who else Path(os.devnull).open(encoding="utf-8")  # type: ignore[assignment] # noqa: SIM115
    for descriptor, file in files.items():
        os.dup2(_writer(kind) if descriptor in chosen and kind != "closed" else file, descriptor)
    for descriptor in chosen if kind == "closed" else ():
        os.close(descriptor)
    sys.stdout, sys.stderr = _python_stream(1), _python_stream(2)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]


def _python_stream(descriptor: int) -> Any:
    """The stream that Python makes at its start; None if it is closed."""
    with contextlib.suppress(OSError):
        os.fstat(descriptor)
        errors = "strict" if descriptor == 1 else "backslashreplace"
        raw = os.fdopen(descriptor, "wb", closefd=False)
        return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=descriptor == 2)
    return None


def _run(arguments: list[str]) -> int:
    """The exit code of a command, including the flush of both streams when Python ends, which gives 120 where it fails."""
    from cjsim.cli import main

    sys.argv = ["cjsim", *arguments]
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            return 120
    return int(code)


def run_case(stream: str, arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    names = {1: "output.txt", 2: "errors.txt"}
    process = os.fork()
    if not process:
        code = 99
        try:
            files = {number: os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for number, name in names.items()}
            _connect(stream, files)
            if stream in ENVIRONMENTS:
                for file in files.values():
                    os.close(file)
                ENVIRONMENTS[stream]()
            code = _run(arguments)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    texts = [Path(name).read_text(encoding="utf-8", errors="replace") for name in names.values()]
    return code, texts[0], texts[1]


def _load_libraries(cases: list[list[str]]) -> None:
    """Import what the commands import. Another user perhaps cannot read the libraries, so one run loads all of them."""
    import cjsim.cli
    import cjsim.lab.document_types

    if any("--out" in case for case in cases):
        import cjsim.simulation.simulate
    if (run := next((case[1:-1] for case in cases if case[0] == "another user"), None)) is not None:
        from typer.testing import CliRunner

        CliRunner().invoke(cjsim.cli.app, [*run, tempfile.mkdtemp()])
    gc.freeze()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    requested = json.loads(sys.argv[2])
    _load_libraries(requested)
    sys.stdout.write(json.dumps([run_case(condition, arguments) for condition, *arguments in requested]))
