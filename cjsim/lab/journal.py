"""The journal of all findings below a folder of reports: a searchable SQLite index of their manifests.

The manifests are authoritative; the index only makes queries fast. Each query first adds new and changed manifests to the index and drops
deleted ones. So the journal is correct even if another process, git or the user wrote or deleted reports.
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
from cjsim.lab.findings import format_effect
from cjsim.lab.moments import IntervalEstimate
from cjsim.lab.verdict import EXPERIMENT_VERDICTS
from cjsim.manifest import FINDING_KINDS, MANIFEST_FILE, STUDY_VERDICTS, Manifest

INDEX_FILE = "journal.sqlite"
_INDEX_VERSION = 1  # of the table; an index with another version is rebuilt
_INDEX_COLUMNS = ("folder", "stamp", "kind", "name", "verdict", "metric", "scenario", "date", "words", "manifest")
_CREATE_TABLE_SQL = (
    f"CREATE TABLE IF NOT EXISTS findings ({', '.join(f'{column} TEXT NOT NULL' for column in _INDEX_COLUMNS)}, PRIMARY KEY (folder))"
)
_LOCK_TIMEOUT_SECONDS = 30  # while another process writes


@dataclass(frozen=True)
class JournalEntry:
    """A finding and the folder of its report.

    Attributes
    ----------
    folder : Path
        Folder of the report.
    manifest : Manifest
        The finding.
    """

    folder: Path
    manifest: Manifest

    @property
    def effect_text(self) -> str:
        """The effect with its interval, as text; empty if there is none."""
        finding = self.manifest
        if finding.effect is None:
            return ""
        nan = float("nan")
        ends = (nan if end is None else end for end in (finding.low, finding.high))
        return format_effect(IntervalEstimate(finding.effect, *ends), finding.unit)

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
        """Three lines per entry: the result, the hypothesis, the folder."""
        if not self.entries:
            return "No such finding."
        lines = []
        for entry in self.entries:
            finding, details = entry.manifest, entry.manifest.details
            has_lever = finding.kind == "levers" and bool(details)
            first_lever = f" by {details['first']}, {details['from']} -> {details['to']}" if has_lever else ""
            label = f"{finding.verdict or finding.kind:<10} {finding.name}"
            result = f"{finding.date[:10]}  {label}: {finding.metric} {entry.effect_text}".rstrip() + first_lever
            lines += [result, f"            {finding.hypothesis}", f"            {entry.folder}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"findings": [entry.to_json() for entry in self.entries]}


class Journal:
    """All findings below a folder of reports.

    Parameters
    ----------
    reports : Path
        The folder. If it does not exist, there are no findings.
    print_message : callable, optional
        Receives messages for the user, such as that the index was rebuilt.
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
            Values of these fields of the manifest.
        since : str, optional
            ISO date: only findings of that day or later.
        text : str, optional
            Words that must all occur in the finding, in any order and case.

        Raises
        ------
        InputError
            If `since` is not a date, or the kind or verdict does not exist.
        """
        _require_known_word("kind", kind, FINDING_KINDS)
        _require_known_word("verdict", verdict, (*EXPERIMENT_VERDICTS, *STUDY_VERDICTS))
        filters = {"name": name, "kind": kind, "verdict": verdict, "metric": metric}
        where = [(f"{column} = ?", value) for column, value in filters.items() if value is not None]
        where += [("date >= ?", _parse_since_date(since))] if since is not None else []
        where += [("instr(words, ?) > 0", word.lower()) for word in (text or "").split()]
        conditions = " AND ".join(["1", *(condition for condition, _ in where)])
        query = f"SELECT folder, manifest FROM findings WHERE {conditions} ORDER BY date DESC, folder"
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
            The name of the finding (then the newest of this name), its folder, or a prefix of the name of its run.

        Raises
        ------
        InputError
            If no finding matches, or several runs have the prefix.
        """
        entries = self.entries().entries
        folder = Path(reference).absolute()
        if with_name := [entry for entry in entries if entry.manifest.name == reference]:
            return with_name[0]
        matches = [entry for entry in entries if entry.folder.absolute() == folder]
        matches = matches or [entry for entry in entries if reference and entry.folder.name.startswith(reference)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            remedy = f"Write more of it: {', '.join(entry.folder.name for entry in matches[:5])}."
            raise InputError(format_error("run", "must be the beginning of one run's name", short_repr(reference), remedy))
        names = [name for entry in entries for name in (entry.manifest.name, entry.folder.name)]
        remedy = did_you_mean(reference, names) or "See 'cjsim journal' for those that there are."
        raise InputError(format_error("run", f"must be a run of the journal of '{self.reports}'", short_repr(reference), remedy))

    def rebuild(self) -> int:
        """Rebuild the index from the manifests and return their number."""
        self._remove_index()
        with self._open_index() as index:
            (count,) = index.execute("SELECT count(*) FROM findings").fetchone()
        return int(count)

    @contextlib.contextmanager
    def _open_index(self) -> Iterator[sqlite3.Connection]:
        """The index, synchronized with the manifests."""
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
                except sqlite3.OperationalError:  # an unwritable folder, or a lock that is not released
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
        """The index after adding new and changed manifests and dropping deleted ones."""
        try:
            index.execute("PRAGMA journal_mode=WAL")
            (version,) = index.execute("PRAGMA user_version").fetchone()
            on_disk = {folder.relative_to(self.reports).as_posix(): stamp for folder, stamp in _find_manifests(self.reports)}
            with index:
                index.execute("BEGIN IMMEDIATE")
                if version != _INDEX_VERSION:
                    index.execute("DROP TABLE IF EXISTS findings")
                    index.execute(f"PRAGMA user_version = {_INDEX_VERSION}")
                index.execute(_CREATE_TABLE_SQL)
                indexed = dict(index.execute("SELECT folder, stamp FROM findings"))
                rows = [
                    row for folder, stamp in on_disk.items() if indexed.get(folder) != stamp and (row := self._index_row(folder, stamp))
                ]
                stale = [(folder,) for folder in indexed if indexed[folder] != on_disk.get(folder)]
                index.executemany("DELETE FROM findings WHERE folder = ?", stale)
                index.executemany(f"INSERT OR REPLACE INTO findings VALUES ({', '.join('?' * len(_INDEX_COLUMNS))})", rows)
        except BaseException:
            index.close()
            raise
        return index

    def _index_row(self, folder: str, stamp: str) -> Sequence[str] | None:
        """A row of the table; None if the manifest is not one of a finding."""
        try:
            one = Manifest.read(self.reports / folder)
        except InputError:
            return None
        search_text = " ".join(map(str, (one.name, one.hypothesis, one.scenario, one.metric, one.verdict, one.kind, folder))).lower()
        return (folder, stamp, one.kind, one.name, one.verdict, one.metric, one.scenario, one.date, search_text, json.dumps(one.to_json()))

    def _remove_index(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                (self.reports / f"{INDEX_FILE}{suffix}").unlink(missing_ok=True)


def _find_manifests(reports: Path) -> Iterator[tuple[Path, str]]:
    """Folders with a manifest, and its modification time and size; drafts, whose names begin with a dot, are skipped."""
    for parent, folders, files in os.walk(reports):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        if MANIFEST_FILE in files:
            with contextlib.suppress(OSError):  # deleted in the meantime
                status = (Path(parent) / MANIFEST_FILE).stat()
                yield Path(parent), f"{status.st_mtime_ns}-{status.st_size}"


def _require_known_word(noun: str, word: str | None, known: Sequence[str]) -> None:
    """Raise for a word that no manifest can have, so that a typo does not look like an empty result."""
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
