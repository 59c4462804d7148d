"""The journal of all findings in a report folder: a searchable SQLite index of their manifests.

The manifests are authoritative. The index only speeds up queries. Each query first synchronizes the index with the manifests on disk, so
the journal stays correct when another process, git or the user adds or deletes reports.
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
_INDEX_VERSION = 1  # version of the table; an index with another version is rebuilt
_INDEX_COLUMNS = ("folder", "stamp", "kind", "name", "verdict", "metric", "scenario", "date", "words", "manifest")
_CREATE_TABLE_SQL = (
    f"CREATE TABLE IF NOT EXISTS findings ({', '.join(f'{column} TEXT NOT NULL' for column in _INDEX_COLUMNS)}, PRIMARY KEY (folder))"
)
_LOCK_TIMEOUT_SECONDS = 30  # while another process writes


@dataclass(frozen=True)
class JournalEntry:
    """A finding and its report folder.

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
        """Effect with its interval as text; empty if the finding has no effect."""
        finding = self.manifest
        if finding.effect is None:
            return ""
        nan = float("nan")
        ends = (nan if end is None else end for end in (finding.low, finding.high))
        return format_effect(IntervalEstimate(finding.effect, *ends), finding.unit)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"run_dir": str(self.folder), **self.manifest.to_json()}


@dataclass(frozen=True)
class JournalListing:
    """Entries of the journal, newest first."""

    entries: tuple[JournalEntry, ...]

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return three lines per entry: the result, the hypothesis and the folder."""
        if not self.entries:
            return "No matching findings."
        lines = []
        for entry in self.entries:
            finding, details = entry.manifest, entry.manifest.details
            has_lever = finding.kind == "levers" and bool(details)
            first_lever = f" with {details['first']}, {details['from']} -> {details['to']}" if has_lever else ""
            label = f"{finding.verdict or finding.kind:<10} {finding.name}"
            result = f"{finding.date[:10]}  {label}: {finding.metric} {entry.effect_text}".rstrip() + first_lever
            lines += [result, f"            {finding.hypothesis}", f"            {entry.folder}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"findings": [entry.to_json() for entry in self.entries]}


class Journal:
    """All findings in a report folder.

    Parameters
    ----------
    reports : Path
        The report folder. If it does not exist, the journal is empty.
    print_message : callable, optional
        Receives messages for the user, for example that the index was rebuilt.
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
        """Return findings, newest first.

        Parameters
        ----------
        name, kind, verdict, metric : str, optional
            Exact values of these manifest fields.
        since : str, optional
            ISO date. Only findings of that day or later are returned.
        text : str, optional
            Words that must all occur in the finding, in any order. Case is ignored.

        Raises
        ------
        InputError
            If `since` is not a date, or `kind` or `verdict` is unknown.
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
        """Return one finding.

        Parameters
        ----------
        reference : str
            Name of the finding (the newest is returned), its folder, or a prefix of its run name.

        Raises
        ------
        InputError
            If no finding matches, or the prefix is ambiguous.
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
            remedy = f"Type more characters. Candidates: {', '.join(entry.folder.name for entry in matches[:5])}."
            raise InputError(format_error("run", "must be a prefix of exactly one run name", short_repr(reference), remedy))
        names = [name for entry in entries for name in (entry.manifest.name, entry.folder.name)]
        remedy = did_you_mean(reference, names) or "Run 'cjsim journal' to list all runs."
        raise InputError(format_error("run", f"must be a run in the journal of '{self.reports}'", short_repr(reference), remedy))

    def rebuild(self) -> int:
        """Rebuild the index from the manifests and return the number of findings."""
        self._remove_index()
        with self._open_index() as index:
            (count,) = index.execute("SELECT count(*) FROM findings").fetchone()
        return int(count)

    @contextlib.contextmanager
    def _open_index(self) -> Iterator[sqlite3.Connection]:
        """Open the index, synchronized with the manifests."""
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
                except sqlite3.OperationalError:  # the folder is not writable, or the lock timed out
                    break
                except sqlite3.DatabaseError:
                    self._print_message(f"{file}: not a valid index, rebuilt from the manifests")
                    self._remove_index()
                    continue
                if is_new:
                    self._print_message(f"{file}: index built from the manifests")
                return index
        return self._synchronize(sqlite3.connect(":memory:"))

    def _synchronize(self, index: sqlite3.Connection) -> sqlite3.Connection:
        """Add new and changed manifests to the index, and drop deleted ones."""
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
        """Return a row of the table, or None if the manifest does not describe a finding."""
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
    """Yield folders with a manifest, and a stamp of its modification time and size. Drafts (names with a leading dot) are skipped."""
    for parent, folders, files in os.walk(reports):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        if MANIFEST_FILE in files:
            with contextlib.suppress(OSError):  # deleted in the meantime
                status = (Path(parent) / MANIFEST_FILE).stat()
                yield Path(parent), f"{status.st_mtime_ns}-{status.st_size}"


def _require_known_word(noun: str, word: str | None, known: Sequence[str]) -> None:
    """Raise for an unknown word. Otherwise a typo would look like an empty result."""
    if word is not None and word not in known:
        must, got, _ = unknown_name_parts(word, known, noun)
        raise InputError(format_error(noun, must, got, did_you_mean(word, known) or "Choose one of these."))


def _parse_since_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(
            format_error("since", "must be a date such as 2026-01-31", short_repr(text), "Use the format YYYY-MM-DD.")
        ) from None
