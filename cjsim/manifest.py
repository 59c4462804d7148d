"""The manifest of a finding, which the journal lists: the hypothesis, the verdict and effect, and a digest of the input.

Manifests of simulation runs have another format (`cjsim.simulation.run`), and the journal does not list them.
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
        The command that wrote it.
    name : str
        Name of the experiment, the study or, for levers, the scenario.
    hypothesis : str
        The hypothesis or question in words.
    scenario : str
        Name of the baseline.
    metric : str
        Metric of the effect.
    verdict : str
        'supported', 'refuted' or 'undecided' for an experiment; 'gain', 'none' or 'infeasible' for a study; '' for levers.
    effect, low, high : float or None
        The effect that decides the verdict with its interval, or that of the first lever. None if there is none.
    unit : str
        Unit of the effect; 'relative' for a share of the baseline's value.
    customers, seed : int
        Number of customers and seed of the run.
    digest : str
        Digest of the input. Equal digests and versions give equal results.
    seconds : float
        Wall time.
    details : Mapping of str to Any
        Plain values that depend on the kind, such as the winning values or the verdicts of all variants.
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
        """Write `manifest.json`. Call it last, because the file marks the folder as complete.

        Parameters
        ----------
        folder : str or Path
            An existing folder.
        """
        write_json(Path(folder) / MANIFEST_FILE, self.to_json())

    @classmethod
    def read(cls, folder: str | Path) -> "Manifest":
        """Read the manifest of a folder.

        Parameters
        ----------
        folder : str or Path
            The folder of the finding.

        Raises
        ------
        InputError
            If there is no readable manifest of a finding.
        """
        file = Path(folder) / MANIFEST_FILE
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            must = f"must be the manifest of one of {', '.join(FINDING_KINDS)}"
            raise InputError(format_error(str(file), must, type(error).__name__, "Run it again.")) from error
