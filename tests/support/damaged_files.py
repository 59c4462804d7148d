"""Damages files at random, reads them through cjsim, and says what came out, within limits of time and memory."""

import contextlib
import gzip
import os
import random
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cjsim.errors import InputError
from cjsim.input_files.regular_file import MIB

MAX_SECONDS, MAX_MEMORY_MIB = 10.0, 256  # of one reading: CPU time, and memory above what the process holds before
HOSTILE_VALUES = (
    "null",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    "-1",
    "0",
    "1e308",
    "1e999",
    "NaN",
    "-9223372036854775809",
    "1" * 5000,
    "9" * 20,
    "0.5",
    '"\\ud800"',
    "[" * 3000,
    '{"a":' * 3000,
    '"' + "x" * 200_000 + '"',
    "\x00",
    "é",
    "=1+1",
    "",
)
_TOKEN = re.compile(rb'"[^"\n]*"|[\w.+-]+')


class FileKind(NamedTuple):
    """A kind of file that cjsim reads.

    `make` writes a small sample to an empty folder and returns the file to damage. `read` reads it through cjsim and returns plain values
    that are compared. `is_recovery` says whether what was read of a damaged file lacks only what cjsim computes again.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    is_text: bool = False
    may_have_lines: bool = False  # a refusal may list several faults, one a line, each with the file
    is_recovery: Callable[[Any, Any], bool] = lambda found, expected: False
    special: tuple[Callable[[Path, random.Random], None], ...] = ()  # damages of this kind only


class Outcome(NamedTuple):
    """What came of reading a damaged file: 'refused', 'same', 'recovered', 'changed', or a failure."""

    kind: str
    damage: str
    result: str
    detail: str

    @property
    def is_failure(self) -> bool:
        return self.result not in ("refused", "same", "recovered", "changed")


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def cut_at_the_end(content: bytes, rng: random.Random) -> bytes:
    return content[: -rng.randint(1, min(20, len(content)))]


def empty(content: bytes, rng: random.Random) -> bytes:
    return b""


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def replace_bytes(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        damaged[rng.randrange(len(damaged))] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(damaged)


def flip_at_the_end(content: bytes, rng: random.Random) -> bytes:
    """Flip a bit in the last part, where Parquet has its footer."""
    start = len(content) * 3 // 4
    return content[:start] + flip_bits(content[start:], rng)


def zero_block(content: bytes, rng: random.Random) -> bytes:
    """Set a block to 0, as after a power loss."""
    start = rng.randrange(len(content))
    size = rng.choice((16, 256, 4096))
    return content[:start] + b"\0" * min(size, len(content) - start) + content[start + size :]


def random_block(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + rng.randbytes(rng.choice((1, 16, 256))) + content[start + rng.choice((0, 16, 256)) :]


def repeat_block(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    end = start + rng.choice((1, 40, 400))
    return content[:end] + content[start:end] + content[end:]


def append_bytes(content: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.choice((1, 16, 256)))


def other_content(content: bytes, rng: random.Random) -> bytes:
    """The content of another kind of file."""
    others = (
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n" + bytes(64),
        b"SQLite format 3\0" + bytes(200),
        b"PAR1" + bytes(40) + b"PAR1",
        b"[]",
        b"null",
    )
    others += (
        b"<html></html>",
        b"PK\x03\x04" + bytes(60),
        b"\x1f\x8b\x08" + bytes(20),
        "text".encode("utf-16"),
        b"\0" * 5000,
        rng.randbytes(500),
    )
    return rng.choice(others)


def hostile_token(content: bytes, rng: random.Random) -> bytes:
    """Replace a number, a word or a quoted text by one of another type or of absurd size."""
    tokens = list(_TOKEN.finditer(content))
    if not tokens:
        return b"x"
    token = rng.choice(tokens)
    return content[: token.start()] + rng.choice(HOSTILE_VALUES).encode() + content[token.end() :]


def absurd_content(content: bytes, rng: random.Random) -> bytes:
    """Content that is nested deeply, or has a number, a line or a text of absurd length."""
    return rng.choice(
        (
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"9" * 10_000_000,
            b'{"kind": ' + b"9" * 10_000_000 + b"}",
            content + b"x" * 20_000_000,
            b"- " * 100_000,
            b"a: &a [" + b"*a, " * 100_000 + b"]",
            b"[" + b"[]," * 1_000_000 + b"[]]",
        )
    )


def gzip_bomb(file: Path, rng: random.Random) -> None:
    """Compress 130 MiB of equal lines, or of one line, to 130 KB."""
    line = rng.choice((gzip.decompress(file.read_bytes()).splitlines(keepends=True)[-1], b"x"))
    header = gzip.decompress(file.read_bytes()).splitlines(keepends=True)[0]
    file.write_bytes(gzip.compress(header) + gzip.compress(line * (MIB // len(line))) * 130)


BYTE_DAMAGES = (
    cut,
    cut_at_the_end,
    empty,
    flip_bits,
    flip_bits,
    replace_bytes,
    flip_at_the_end,
    zero_block,
    random_block,
    repeat_block,
    append_bytes,
    other_content,
)


def to_directory(file: Path) -> None:
    file.mkdir()


def to_pipe(file: Path) -> None:
    os.mkfifo(file)


def to_link_loop(file: Path) -> None:
    file.symlink_to(file.name)


def to_endless_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def to_terminal_or_null(file: Path) -> None:
    file.symlink_to("/dev/null")


def to_sparse_file(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)


def to_kernel_file(file: Path) -> None:
    file.symlink_to("/proc/self/maps")


PATH_DAMAGES = (to_directory, to_pipe, to_link_loop, to_endless_device, to_terminal_or_null, to_sparse_file, to_kernel_file)


class Sample:
    """A sample of one kind in a folder of its own, which is restored after each damage."""

    def __init__(self, kind: FileKind, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        folder.mkdir(parents=True)
        self.file = kind.make(folder)
        self.contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.expected = kind.read(self.file)
        self.restore()
        assert same(self.expected, kind.read(self.file)), f"{kind.name}: the undamaged file does not give the same result twice"
        self.restore()

    def restore(self) -> None:
        """Restore all files of the folder, and remove others."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_symlink() or not path.is_dir():
                if path not in self.contents or path.is_symlink() or not path.is_file():
                    path.unlink()
            elif path in self.contents:
                path.rmdir()
        for path, content in self.contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size != len(content) or path.read_bytes() != content:
                path.write_bytes(content)

    def try_damage(self, seed: int) -> Outcome:
        """Damage the file, read it, and restore it."""
        rng = random.Random(f"{self.kind.name} {seed}")
        damages = [*BYTE_DAMAGES, *PATH_DAMAGES[:: seed % 3 + 1], *self.kind.special * 3]
        damages += [hostile_token] * 5 + [absurd_content] if self.kind.is_text else []
        damage = rng.choice(damages)
        if damage in PATH_DAMAGES:
            self.file.unlink()
            damage(self.file)
        elif damage in self.kind.special:
            damage(self.file, rng)
        else:
            self.file.write_bytes(damage(self.contents[self.file], rng))
        try:
            return Outcome(self.kind.name, damage.__name__, *self._read())
        finally:
            self.restore()

    def _read(self) -> tuple[str, str]:
        start = time.process_time()
        try:
            with time_limit(MAX_SECONDS), memory_use() as used:
                result, detail = self._result()
        except TooLongError:
            return "too long", "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
        seconds = time.process_time() - start
        if used() > MAX_MEMORY_MIB:
            return "too much memory", f"{used():.0f} MiB, {result} {detail}"
        return result, f"{detail}" if seconds < MAX_SECONDS / 5 else f"{detail} ({seconds:.1f} s)"

    def _result(self) -> tuple[str, str]:
        try:
            found = self.kind.read(self.file)
        except InputError as error:
            return self._judged(str(error))
        except Exception:  # noqa: BLE001 - whatever is raised, it is the finding
            return "traceback", traceback.format_exc(limit=-3)
        if same(found, self.expected):
            return "same", ""
        return ("recovered" if self.kind.is_recovery(found, self.expected) else "changed"), ""

    def _judged(self, message: str) -> tuple[str, str]:
        lines = message.splitlines()
        if len(lines) > 1 and not self.kind.may_have_lines:
            return "several lines", message
        if not any(path.name in lines[0] for path in self.contents):
            return "no file name", message
        if len(lines[0]) > 1000 or not lines[0].isprintable():
            return "unprintable", message[:1500]
        return "refused", message


class TooLongError(BaseException):
    """Raised when a reading exceeds its time."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise in the block after this CPU time, or if it is blocked for much longer."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * 12)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def memory_use() -> Iterator[Callable[[], float]]:
    """Measure the highest memory use in the block above that before it, in MiB; 0 where the system does not say."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")

    def field(name: str) -> float:
        text = status.read_text() if status.exists() else ""
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0

    with contextlib.suppress(OSError):
        clear.write_text("5")  # resets the peak
    before = field("VmRSS")
    peak = [0.0]
    try:
        yield lambda: peak[0]
    finally:
        peak[0] = field("VmHWM") - before


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal; nan equals nan."""
    return repr(one) == repr(other)
