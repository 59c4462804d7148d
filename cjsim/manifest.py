"""The manifest of a finding, as listed in the journal: the hypothesis, its verdict and effect, and a digest of the input.

Manifests of simulation runs have a different format (`cjsim.simulation.run`) and are not listed in the journal.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cjsim.errors import InputError, format_error
from cjsim.version import __version__

MANIFEST_FILE = "manifest.json"
FINDING_KINDS = ("experiment", "study", "levers")
STUDY_VERDICTS = ("gain", "none", "infeasible")


def _utc_timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Manifest:
    """One finding, as listed in the journal.

    Attributes
    ----------
    kind : {'experiment', 'study', 'levers'}
        Kind of the finding.
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

    kind: str
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

    def to_json(self) -> dict[str, Any]:
        """Return all attributes as JSON-compatible values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Manifest":
        """Create a manifest from the return value of `to_json`. Unknown keys are ignored.

        Parameters
        ----------
        values : Mapping of str to Any
            JSON-compatible values.

        Raises
        ------
        InputError
            If the values are not the manifest of a finding.
        """
        names = [attribute.name for attribute in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing or values["kind"] not in FINDING_KINDS:
            got = f"no '{missing[0]}'" if missing else f"kind {values['kind']!r}"
            raise InputError(format_error("manifest", f"must describe one of {', '.join(FINDING_KINDS)}", got, "Run the command again."))
        return cls(**{name: values[name] for name in names})

    def write(self, folder: str | Path) -> None:
        """Write `manifest.json` to a folder. Call it last, because the file marks the folder as complete.

        Parameters
        ----------
        folder : str or Path
            An existing folder.
        """
        text = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        (Path(folder) / MANIFEST_FILE).write_text(f"{text}\n", encoding="utf-8")

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
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            message = format_error(str(file), "must be a readable manifest", type(error).__name__, "Run the command again.")
            raise InputError(message) from error
        if not isinstance(values, dict):
            raise InputError(format_error(str(file), "must hold a JSON object", type(values).__name__, "Run the command again."))
        return cls.from_json(values)
