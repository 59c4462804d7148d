"""The journal of all findings in a report folder, read from their manifests."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, did_you_mean, format_error, short_repr, unknown_name_parts
from cjsim.lab.findings import format_effect
from cjsim.lab.moments import IntervalEstimate
from cjsim.lab.verdict import EXPERIMENT_VERDICTS
from cjsim.manifest import FINDING_KINDS, STUDY_VERDICTS, Manifest, UnreadableResultError, require_intact_result
from cjsim.output_folder import MANIFEST_FILE, FolderResult, restore_interrupted_replacement

if TYPE_CHECKING:
    import pandas as pd

_FIRST_YEAR, _LAST_YEAR = 1970, 2261  # 2261 is the last full year that a pandas timestamp can represent
_LEVER_DETAILS = ("first", "from", "to")
_COLUMNS = ("date", "kind", "name", "hypothesis", "scenario", "metric", "verdict", "effect", "low", "high", "unit", "customers", "seed")


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

    def file(self, name: str) -> Path:
        """Return a file of the finding.

        Parameters
        ----------
        name : str
            Name of the file.

        Raises
        ------
        InputError
            If the file is missing or has changed since the finding was saved.
        """
        require_intact_result(self.folder, only=(name,))
        return self.folder / name

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"run_dir": str(self.folder), **self.manifest.to_json()}


@dataclass(frozen=True, repr=False)
class JournalListing(FolderResult):
    """Entries of the journal, newest first. `save` writes `journal.csv` and `journal.json`.

    Attributes
    ----------
    entries : tuple of JournalEntry
        The findings.
    unreadable : tuple of str
        One message per finding that cannot be listed because it is damaged or was written by another version of cjsim.
    """

    entries: tuple[JournalEntry, ...]
    unreadable: tuple[str, ...] = ()
    _marker = "journal.json"

    def __len__(self) -> int:
        return len(self.entries)

    def _facts(self) -> str:
        return f"{len(self.entries)} findings"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return three lines per entry: the result, the hypothesis and the folder."""
        if not self.entries:
            return "\n".join(("No matching findings.", *self._unreadable_lines()))
        lines = []
        for entry in self.entries:
            finding, details = entry.manifest, entry.manifest.details
            has_lever = finding.kind == "levers" and bool(details)
            first_lever = f" with {details['first']}, {details['from']} -> {details['to']}" if has_lever else ""
            label = f"{finding.verdict or finding.kind:<10} {finding.name}"
            result = f"{finding.date[:10]}  {label}: {finding.metric} {entry.effect_text}".rstrip() + first_lever
            lines += [result, f"            {finding.hypothesis}", f"            {entry.folder}"]
        return "\n".join((*lines, *self._unreadable_lines()))

    def _unreadable_lines(self) -> list[str]:
        return [f"not listed: {message}" for message in self.unreadable]

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per finding. The date is in UTC, and the effect in `unit`."""
        import pandas as pd

        rows = [[getattr(entry.manifest, name) for name in _COLUMNS] + [str(entry.folder)] for entry in self.entries]
        frame = pd.DataFrame(rows, columns=[*_COLUMNS, "folder"])
        frame["date"] = pd.to_datetime(frame["date"], utc=True, format="ISO8601").dt.tz_localize(None)
        return frame.astype(dict.fromkeys(("effect", "low", "high"), float))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"findings": [entry.to_json() for entry in self.entries], "unreadable": list(self.unreadable)}


class Journal:
    """All findings in a report folder.

    Parameters
    ----------
    reports : str or Path
        The report folder. If it does not exist, the journal is empty.
    """

    def __init__(self, reports: str | Path = "reports") -> None:
        self.reports = Path(reports)

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
            ISO date. Only findings from that day or later are returned.
        text : str, optional
            Words that must all occur in the finding, in any order. Case is ignored.

        Raises
        ------
        InputError
            If `since` is not a date, or `kind` or `verdict` is unknown.
        """
        _require_known_word("kind", kind, FINDING_KINDS)
        _require_known_word("verdict", verdict, (*EXPERIMENT_VERDICTS, *STUDY_VERDICTS))
        fields = {"name": name, "kind": kind, "verdict": verdict, "metric": metric}
        wanted = {field: value for field, value in fields.items() if value is not None}
        first_day = "" if since is None else _parse_since_date(since)
        words = (text or "").lower().split()
        unreadable: list[str] = []
        found = [
            entry
            for entry in _read_entries(self.reports, unreadable)
            if all(getattr(entry.manifest, field) == value for field, value in wanted.items())
            and entry.manifest.date >= first_day
            and all(word in self._searched_text(entry) for word in words)
        ]
        found.sort(key=lambda entry: entry.folder.as_posix())
        return JournalListing(tuple(sorted(found, key=lambda entry: entry.manifest.date, reverse=True)), tuple(sorted(unreadable)))

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

    def _searched_text(self, entry: JournalEntry) -> str:
        one, folder = entry.manifest, entry.folder.relative_to(self.reports).as_posix()
        return " ".join((one.name, one.hypothesis, one.scenario, one.metric, one.verdict, one.kind, folder)).lower()


def _read_entries(reports: Path, unreadable: list[str]) -> Iterator[JournalEntry]:
    """Yield the findings in a folder. Append a message to `unreadable` for each one that is damaged or from another version.

    Drafts (names with a leading dot) and manifests of other results are skipped. Results that an interrupted run was replacing are
    restored.
    """
    for parent, folders, files in os.walk(reports):
        shown = [folder for folder in folders if not folder.startswith(".")]
        has_work_folder = len(shown) < len(folders)
        folders[:] = shown
        if MANIFEST_FILE in files or MANIFEST_FILE in folders or has_work_folder:
            try:
                restore_interrupted_replacement(Path(parent))
            except InputError as error:
                unreadable.append(str(error))
                continue
            try:
                manifest = Manifest.read(parent)
            except UnreadableResultError as error:
                unreadable.append(str(error))
            except InputError:
                continue
            else:
                if fault := _fault_of(manifest):
                    must, file = "must be the manifest of a finding", str(Path(parent) / MANIFEST_FILE)
                    unreadable.append(format_error(file, must, fault, "Run the command again."))
                else:
                    yield JournalEntry(Path(parent), manifest)


def _fault_of(manifest: Manifest) -> str:
    """Return why a manifest cannot be listed; empty if it can."""
    try:
        year = datetime.fromisoformat(manifest.date).year
    except ValueError:
        year = 0
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return f"the date {short_repr(manifest.date)}"
    missing = [name for name in _LEVER_DETAILS if name not in manifest.details] if manifest.kind == "levers" and manifest.details else []
    return f"details without '{missing[0]}'" if missing else ""


def _require_known_word(noun: str, word: str | None, known: Sequence[str]) -> None:
    """Raise for an unknown word. Otherwise a typo would silently return no results."""
    if word is not None and word not in known:
        must, got, _ = unknown_name_parts(word, known, noun)
        raise InputError(format_error(noun, must, got, did_you_mean(word, known) or "Choose one of these."))


def _parse_since_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        remedy = "Use the format YYYY-MM-DD."
        raise InputError(format_error("since", "must be a date such as 2026-01-31", short_repr(text), remedy)) from None
