"""The manifest of a finding, as listed in the journal: the hypothesis, its verdict and effect, and a digest of the input.

Manifests of simulation runs have other fields (`cjsim.simulation.run`) and are not listed in the journal. All manifests state the format
of their folder.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.json_file import read_json_object
from cjsim.json_records import JsonRecord, read_json, write_json
from cjsim.output_folder import MANIFEST_FILE, require_intact_files, require_unchanged_manifest
from cjsim.version import __version__

RESULT_FORMAT = 1  # of result folders; increases when older versions of cjsim can no longer read them
FindingKind = Literal["experiment", "study", "levers"]
FINDING_KINDS = get_args(FindingKind)
_MAX_REASON_CHARS = 80
_FINDING_KEYS = frozenset({"hypothesis", "verdict", "metric"})  # a manifest with these keys describes a finding, whatever kind it states
_REMEDY = "Run the command again."
STUDY_VERDICTS = ("gain", "none", "infeasible")


def _utc_timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Manifest(JsonRecord):
    """One finding, as listed in the journal.

    Attributes
    ----------
    kind : {'experiment', 'study', 'levers'}
        Kind of finding.
    name : str
        Name of the experiment or study; for levers, name of the scenario.
    hypothesis : str
        Hypothesis or question in words.
    scenario : str
        Name of the baseline scenario.
    metric : str
        Metric in which the effect is measured.
    verdict : str
        'supported', 'refuted' or 'undecided' for an experiment; 'gain', 'none' or 'infeasible' for a study; '' for levers.
    effect, low, high : float or None
        Effect on which the verdict is based, with its interval; for levers, the effect of the first lever. None if undefined.
    unit : str
        Unit of the effect; 'relative' for a fraction of the baseline value.
    customers, seed : int
        Number of customers and seed of the run.
    digest : str
        Digest of the input. The same digest and version give the same results.
    seconds : float
        Wall time, in seconds.
    details : Mapping of str to Any
        JSON-compatible values specific to the kind, such as the winning values or the verdicts of all variants.
    date : str
        End of the run, UTC, ISO 8601.
    version : str
        Version of cjsim.
    format : int
        Format of the folder.
    """

    kind: FindingKind
    name: str
    hypothesis: str
    scenario: str
    metric: str
    verdict: str
    effect: float | None
    low: float | None
    high: float | None
    unit: str
    customers: int
    seed: int
    digest: str
    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict)
    date: str = field(default_factory=_utc_timestamp)
    version: str = __version__
    format: int = RESULT_FORMAT

    def write(self, folder: str | Path) -> None:
        """Write `manifest.json` to a folder. Call it last, because the file marks the folder as complete.

        Parameters
        ----------
        folder : str or Path
            An existing folder.
        """
        write_json(Path(folder) / MANIFEST_FILE, self.to_json())

    @classmethod
    def read(cls, folder: str | Path) -> "Manifest":
        """Read the manifest in a folder.

        Parameters
        ----------
        folder : str or Path
            Folder of the finding.

        Raises
        ------
        InputError
            If the folder has no manifest, or its manifest does not describe a finding.
        UnreadableResultError
            If it is damaged or was changed, or another version of cjsim wrote it in a format that this version cannot read.
        """
        file = Path(folder) / MANIFEST_FILE
        if not os.path.lexists(file):
            raise InputError(format_error(str(folder), "must be the folder of a finding", f"no {MANIFEST_FILE}", "Check the path."))
        try:
            content = read_json_object(file, remedy=_REMEDY)
        except InputError as error:
            raise UnreadableResultError(str(error)) from None
        if content.get("kind") not in FINDING_KINDS:
            must, got = f"must be the manifest of one of {', '.join(FINDING_KINDS)}", short_repr(content.get("kind"))
            kind_of_error = UnreadableResultError if content.keys() >= _FINDING_KEYS else InputError
            raise kind_of_error(format_error(str(file), must, got, _REMEDY))
        with readable_result(content, file, f"result of '{content['kind']}'"):
            _require_unchanged(file, content)
            return cls.from_json(content)


def require_intact_result(folder: Path, *, only: tuple[str, ...]) -> Manifest:
    """Read the manifest in the folder of a finding, and raise if one of its files is missing or has changed.

    Parameters
    ----------
    folder : Path
        Folder of the finding.
    only : tuple of str
        Names of the files to check. If the manifest lists no files, as in earlier versions, nothing is checked.

    Raises
    ------
    InputError
        If the folder has no manifest of a finding, or a file is missing or has different content.
    UnreadableResultError
        If the manifest has a format that this version cannot read.
    """
    manifest = Manifest.read(folder)
    content = read_json(folder / MANIFEST_FILE, "result")
    with readable_result(content, folder / MANIFEST_FILE, f"result of '{manifest.kind}'"):
        require_intact_files(folder, content, only=only)
    return manifest


class UnreadableResultError(InputError):
    """A result whose manifest is damaged or changed, or in a format of another version of cjsim that this version cannot read."""


def _require_unchanged(file: Path, content: Mapping[str, Any]) -> None:
    try:
        require_unchanged_manifest(file, content)
    except InputError as error:
        raise UnreadableResultError(str(error)) from None


@contextlib.contextmanager
def readable_result(content: Mapping[str, Any], file: Path, kind: str) -> Iterator[None]:
    """Raise if a result has another format, or if the block fails to read it. A missing format counts as the current one.

    Parameters
    ----------
    content : Mapping of str to Any
        Content of the manifest.
    file : Path
        The manifest.
    kind : str
        What the result is, such as 'run', for the error message.

    Raises
    ------
    UnreadableResultError
        The message names the version that wrote the result.
    """
    must, version = f"must be a {kind} that cjsim {__version__} can read", content.get("version")
    writer = f"one written by {f'cjsim {version}' if version else 'an unknown version of cjsim'}"
    if (number := content.get("format", RESULT_FORMAT)) != RESULT_FORMAT:
        remedy = f"Use {f'cjsim {version}' if version else 'the version of cjsim that wrote it'}, or run the command again."
        raise UnreadableResultError(format_error(str(file), must, f"{writer} in format {short_repr(number)}", remedy))
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:_MAX_REASON_CHARS]}"
        raise UnreadableResultError(format_error(str(file), must, f"{writer} ({reason})", "Run the command again.")) from error
