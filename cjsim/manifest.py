"""The manifest of a finding, as listed in the journal: the hypothesis, its verdict and effect, and a digest of the input.

Manifests of simulation runs have a different format (`cjsim.simulation.run`) and are not listed in the journal.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cjsim.errors import InputError, format_error
from cjsim.json_records import JsonRecord, write_json
from cjsim.version import __version__

MANIFEST_FILE = "manifest.json"
FindingKind = Literal["experiment", "study", "levers"]
FINDING_KINDS = get_args(FindingKind)
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
            If the folder has no readable manifest of a finding.
        """
        file = Path(folder) / MANIFEST_FILE
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            must = f"must be the manifest of one of {', '.join(FINDING_KINDS)}"
            raise InputError(format_error(str(file), must, type(error).__name__, "Run the command again.")) from error
