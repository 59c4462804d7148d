"""One pytest process with CPU time limits: it measures which tests run which kernel lines, or finds the first failing test.

Run as a script in a copy of the repository, with a request as JSON on standard input; the response is written to the requested file.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest


class TooLongError(BaseException):
    """A test used more CPU time than its limit. Not an Exception, so that neither the code under test nor hypothesis catches it."""


class Limits:
    """A pytest plugin: selected tests in a given order, each with a CPU time limit."""

    def __init__(self, request: dict[str, Any], cover: coverage.Coverage | None) -> None:
        self.request, self.cover = request, cover
        self.seconds: dict[str, float] = {}
        self.failed: dict[str, str] = {}
        self.fixtures: dict[str, list[str]] = {}
        self.current = ""
        self.deadline: float | None = None  # CPU time of this process at which the running test exceeds its limit

    def watch(self) -> None:
        """Interrupt the main thread if its test exceeds the limit; it may be waiting for a thread that never ends."""
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        while True:
            time.sleep(0.1)
            deadline = self.deadline
            if deadline is not None and time.process_time() > deadline:
                self.deadline = deadline + 0.5
                signal.pthread_kill(main_thread, signal.SIGUSR1)

    def stop_test(self, *_: object) -> None:
        """Stop the running test, in the main thread."""
        if self.deadline is not None:
            raise TooLongError

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        import cjsim

        assert Path(cjsim.__file__).is_relative_to(Path.cwd()), f"tests import {cjsim.__file__}, which is not the copy"
        order = {name: at for at, name in enumerate(self.request["tests"])}
        if order:
            items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

    def limit(self, item: pytest.Item) -> float:
        limits: dict[str, float] = self.request["limits"]
        return limits.get(item.nodeid, self.request["limit"])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self.current = item.nodeid
        if self.cover is not None:
            found = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
            self.fixtures[item.nodeid] = [_fixture_name(one) for several in found for one in several if one.scope != "function"]
            self.cover.switch_context(item.nodeid)
        begun = time.process_time()
        self.deadline = begun + self.limit(item)
        try:
            result = yield
        finally:
            self.deadline = None
        self.seconds[item.nodeid] = self.seconds.get(item.nodeid, 0.0) + time.process_time() - begun
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[Any]:
        if fixturedef.scope == "function" or self.cover is None:
            return (yield)
        name = _fixture_name(fixturedef)
        self.cover.switch_context(name)
        begun = time.process_time()
        try:
            return (yield)
        finally:
            spent = time.process_time() - begun
            self.seconds[name] = spent
            self.seconds[self.current] = self.seconds.get(self.current, 0.0) - spent
            self.cover.switch_context(self.current)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
        report = yield
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            kind = "timed out" if call.excinfo.errisinstance(TooLongError) else "failed"
            self.failed[item.nodeid] = f"{kind}: {call.excinfo.exconly()[:200]}"
            if self.cover is None:
                _answer(self.request, {"failed": self.failed, "seconds": self.seconds})
                if self.request["stop"]:
                    os._exit(1)  # a thread may be in an infinite loop
        elif report.outcome == "skipped":
            self.failed[item.nodeid] = "skipped"
        return report

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """While measuring, skip a file whose tests are too slow."""
        wasted = sum(self.seconds.get(name, 0.0) for name in self.failed if name.startswith(item.nodeid.split("::")[0] + "::"))
        if self.cover is not None and wasted > self.request["waste"]:
            pytest.skip("the tests of this file take too long")


def _fixture_name(fixturedef: Any) -> str:
    return f"fixture {fixturedef.baseid}::{fixturedef.argname}"


def _answer(request: dict[str, Any], content: dict[str, Any]) -> None:
    Path(request["answer"]).write_text(json.dumps(content), encoding="utf-8")


def main() -> int:
    """Handle a request with `files`, `tests` (in order; none: all), `limit`, `limits`, `waste`, `stop`, `cover` and `answer`."""
    request: dict[str, Any] = json.load(sys.stdin)
    folder = Path.cwd() / "cjsim" / "kernels"
    cover = coverage.Coverage(data_file=None, config_file=False, include=[f"{folder}/*"]) if request["cover"] else None
    if cover is not None:
        cover.start()
    limits = Limits(request, cover)
    signal.signal(signal.SIGUSR1, limits.stop_test)
    threading.Thread(target=limits.watch, daemon=True).start()
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "--no-header", "--tb=no", "-m", "not slow"]
    code = int(pytest.main([*options, *request["files"]], plugins=[limits]))
    content: dict[str, Any] = {"code": code, "failed": limits.failed, "seconds": limits.seconds, "fixtures": limits.fixtures}
    if cover is not None:
        cover.stop()
        data = cover.get_data()
        content["lines"] = {
            Path(file).relative_to(Path.cwd()).as_posix(): {
                line: sorted({*names} - {""}) for line, names in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
    _answer(request, content)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
