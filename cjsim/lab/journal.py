"""The journal: what was tried, and what came of it, over all reports of a folder.

The manifests are the truth; the index over them (SQLite) is a convenience. Each time that the journal is opened, it takes in manifests
that are new or changed and forgets those that are gone, so that it is right whoever wrote or removed them: another process, git, a hand.

Lives here: the index, and asking it. Does not live here: manifests (manifest.py), reports (reports.py).
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cjsim.errors import InputError, did_you_mean, format_error, short_repr, unknown_name_parts
from cjsim.lab.findings import RELATIVE_UNIT, format_relative_effect
from cjsim.lab.moments import IntervalEstimate
from cjsim.lab.verdict import EXPERIMENT_VERDICTS
from cjsim.manifest import FINDING_KINDS, MANIFEST_FILE, STUDY_VERDICTS, Manifest
from cjsim.metrics.number_format import decimal_places, format_interval, format_value

INDEX_FILE = "journal.sqlite"
_INDEX_VERSION = 1  # of the table
_INDEX_COLUMNS = ("folder", "stamp", "kind", "name", "verdict", "metric", "scenario", "date", "words", "manifest")
_CREATE_TABLE_SQL = (
    f"CREATE TABLE IF NOT EXISTS findings ({', '.join(f'{column} TEXT NOT NULL' for column in _INDEX_COLUMNS)}, PRIMARY KEY (folder))"
)
_LOCK_TIMEOUT_SECONDS = 30  # seconds for another process to finish writing


@dataclass(frozen=True)
class JournalEntry:
    """A finding, and where its report stands.

    Attributes
    ----------
    folder : Path
        Of the report.
    manifest : Manifest
        What was found.
    """

    folder: Path
    manifest: Manifest

    @property
    def effect_text(self) -> str:
        """The effect with its interval, in words; empty where there is none."""
        of = self.manifest
        if of.effect is None:
            return ""
        found = IntervalEstimate(of.effect, *(float("nan") if end is None else end for end in (of.low, of.high)))
        if of.unit == RELATIVE_UNIT:
            return format_relative_effect(found)
        decimals = decimal_places(of.unit, found)
        told = format_interval(found.low, found.high, of.unit, decimals, is_difference=True)
        return f"{format_value(found.effect, of.unit, decimals, is_difference=True)} {told}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"run_dir": str(self.folder), **self.manifest.to_json()}


@dataclass(frozen=True)
class JournalListing:
    """Entries of the journal, newest first."""

    entries: tuple[JournalEntry, ...]

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Two lines an entry: what came of it, and what was asked."""
        if not self.entries:
            return "No such finding."
        lines = []
        for entry in self.entries:
            of = entry.manifest
            first = f" by {of.details['first']}, {of.details['from']} -> {of.details['to']}" if of.kind == "levers" and of.details else ""
            head = f"{of.date[:10]}  {of.verdict or of.kind:<10} {of.name}: {of.metric} {entry.effect_text}".rstrip() + first
            lines += [head, f"            {of.hypothesis}", f"            {entry.folder}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"findings": [entry.to_json() for entry in self.entries]}


class Journal:
    """All findings under a folder of reports.

    Parameters
    ----------
    reports : Path
        The folder; none is no findings.
    print_message : callable, optional
        Is told what is worth a line: an index that was made anew.
    """

    def __init__(self, reports: Path, *, print_message: Callable[[str], None] = lambda _: None) -> None:
        self.reports = reports
        self._print_message = print_message

    def entries(
        self,
        *,
        name: str | None = None,
        kind: str | None = None,
        verdict: str | None = None,
        metric: str | None = None,
        since: str | None = None,
        text: str | None = None,
    ) -> JournalListing:
        """Findings, newest first.

        Parameters
        ----------
        name, kind, verdict, metric : str, optional
            As in the manifest.
        since : str, optional
            ISO date: those of that day or later.
        text : str, optional
            Words that all occur in it, in any order and case.

        Raises
        ------
        InputError
            If `since` is no date, or there are no such kinds or verdicts.
        """
        _require_known_word("kind", kind, FINDING_KINDS)
        _require_known_word("verdict", verdict, (*EXPERIMENT_VERDICTS, *STUDY_VERDICTS))
        asked = [
            (column, value) for column, value in zip(("name", "kind", "verdict", "metric"), (name, kind, verdict, metric), strict=True)
        ]
        where = [(f"{column} = ?", value) for column, value in asked if value is not None]
        where += [("date >= ?", _parse_since_date(since))] if since is not None else []
        where += [("instr(words, ?) > 0", word.lower()) for word in (text or "").split()]
        query = f"SELECT folder, manifest FROM findings WHERE {' AND '.join(['1', *(one for one, _ in where)])} ORDER BY date DESC, folder"
        with self._open_index() as index:
            rows = index.execute(query, [value for _, value in where]).fetchall()
        return JournalListing(
            tuple(JournalEntry(self.reports / folder, Manifest.from_json(json.loads(manifest))) for folder, manifest in rows)
        )

    def find(self, reference: str) -> JournalEntry:
        """One finding.

        Parameters
        ----------
        reference : str
            The beginning of its run's name, its folder, or its name: then the newest of it.

        Raises
        ------
        InputError
            If there is none, or several runs begin so.
        """
        all_of_them = self.entries().entries
        wanted = Path(reference).absolute()
        if of_name := [entry for entry in all_of_them if entry.manifest.name == reference]:
            return of_name[0]
        found = [entry for entry in all_of_them if entry.folder.absolute() == wanted]
        found = found or [entry for entry in all_of_them if reference and entry.folder.name.startswith(reference)]
        if len(found) == 1:
            return found[0]
        if found:
            remedy = f"Write more of it: {', '.join(entry.folder.name for entry in found[:5])}."
            raise InputError(format_error("run", "must be the beginning of one run's name", short_repr(reference), remedy))
        names = [name for entry in all_of_them for name in (entry.manifest.name, entry.folder.name)]
        remedy = did_you_mean(reference, names) or "See 'cjsim journal' for those that there are."
        raise InputError(format_error("run", f"must be a run of the journal of '{self.reports}'", short_repr(reference), remedy))

    def rebuild(self) -> int:
        """Make the index anew from the manifests: how many there are."""
        self._remove_index()
        with self._open_index() as index:
            (count,) = index.execute("SELECT count(*) FROM findings").fetchone()
        return int(count)

    @contextlib.contextmanager
    def _open_index(self) -> Iterator[sqlite3.Connection]:
        """The index as the manifests now are."""
        index = self._connect()
        try:
            yield index
        finally:
            index.close()

    def _connect(self) -> sqlite3.Connection:
        file = self.reports / INDEX_FILE
        if self.reports.is_dir():
            for _ in range(2):
                is_new = not file.exists()
                try:
                    index = self._synchronize(sqlite3.connect(file, timeout=_LOCK_TIMEOUT_SECONDS))
                except sqlite3.OperationalError:  # a folder that cannot be written, a lock that nobody lets go
                    break
                except sqlite3.DatabaseError:
                    self._print_message(f"{file}: was no index, and is made anew from the manifests")
                    self._remove_index()
                    continue
                if is_new:
                    self._print_message(f"{file}: made from the manifests")
                return index
        return self._synchronize(sqlite3.connect(":memory:"))

    def _synchronize(self, index: sqlite3.Connection) -> sqlite3.Connection:
        """The index with what is new, without what is gone."""
        try:
            index.execute("PRAGMA journal_mode=WAL")
            (version,) = index.execute("PRAGMA user_version").fetchone()
            there = {folder.relative_to(self.reports).as_posix(): stamp for folder, stamp in _find_manifests(self.reports)}
            with index:
                index.execute("BEGIN IMMEDIATE")
                if version != _INDEX_VERSION:
                    index.execute("DROP TABLE IF EXISTS findings")
                    index.execute(f"PRAGMA user_version = {_INDEX_VERSION}")
                index.execute(_CREATE_TABLE_SQL)
                known = dict(index.execute("SELECT folder, stamp FROM findings"))
                rows = [row for folder, stamp in there.items() if known.get(folder) != stamp and (row := self._index_row(folder, stamp))]
                index.executemany(
                    "DELETE FROM findings WHERE folder = ?", [(folder,) for folder in known if known[folder] != there.get(folder)]
                )
                index.executemany(f"INSERT OR REPLACE INTO findings VALUES ({', '.join('?' * len(_INDEX_COLUMNS))})", rows)
        except BaseException:
            index.close()
            raise
        return index

    def _index_row(self, folder: str, stamp: str) -> Sequence[str] | None:
        """A row of the table; None for a manifest that is none of ours."""
        try:
            of = Manifest.read(self.reports / folder)
        except InputError:
            return None
        words = " ".join(map(str, (of.name, of.hypothesis, of.scenario, of.metric, of.verdict, of.kind, folder))).lower()
        return (folder, stamp, of.kind, of.name, of.verdict, of.metric, of.scenario, of.date, words, json.dumps(of.to_json()))

    def _remove_index(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                (self.reports / f"{INDEX_FILE}{ending}").unlink(missing_ok=True)


def _find_manifests(reports: Path) -> Iterator[tuple[Path, str]]:
    """Folders with a manifest, and when and how large it is; not in drafts, whose names begin with a dot."""
    for top, folders, files in os.walk(reports):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        if MANIFEST_FILE in files:
            with contextlib.suppress(OSError):  # removed meanwhile
                known = (Path(top) / MANIFEST_FILE).stat()
                yield Path(top), f"{known.st_mtime_ns}-{known.st_size}"


def _require_known_word(noun: str, word: str | None, known: Sequence[str]) -> None:
    """Refuse a word that no manifest has: a slip must not read as if nothing had been found."""
    if word is not None and word not in known:
        must, got, _ = unknown_name_parts(word, known, noun)
        raise InputError(format_error(noun, must, got, did_you_mean(word, known) or "Name one of these."))


def _parse_since_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(
            format_error("since", "must be a date such as 2026-01-31", short_repr(text), "Write year, month and day.")
        ) from None
