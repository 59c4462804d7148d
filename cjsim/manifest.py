"""The manifest of a finding: what was asked, what came of it, and of which content, so that the journal can list it.

Lives here: the record and its file, which is written last. Does not live here: manifests of runs (engine/result.py), which no journal
lists; the folder (publish.py), the index (lab/).
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
    """One finding, in the words of the journal.

    Attributes
    ----------
    kind : {'experiment', 'study', 'levers'}
        What wrote it.
    name : str
        Of the experiment, the study or, for levers, the scenario.
    hypothesis : str
        What was asked, in words.
    scenario : str
        Name of the baseline.
    metric : str
        What the effect is of.
    verdict : str
        Of an experiment 'supported', 'refuted', 'undecided'; of a study 'gain', 'none', 'infeasible'; of levers ''.
    effect, low, high : float or None
        The effect that the verdict is about with its interval; of levers that of the first one. None where there is none.
    unit : str
        Of the effect; 'relative' if it is a share of the baseline's value.
    customers, seed : int
        As run.
    digest : str
        Of all that was asked: what has the same digest and version has the same result.
    seconds : float
        Wall time.
    details : Mapping of str to Any
        Plain values of the kind's own: what the winner sets, the verdicts of all variants.
    date : str
        When it ended, UTC, ISO 8601.
    version : str
        Of cjsim.
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
        """All of it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Manifest":
        """The record from `to_json`; further keys are left out.

        Parameters
        ----------
        values : Mapping of str to Any
            Plain values.

        Raises
        ------
        InputError
            If it is no finding's manifest.
        """
        names = [one.name for one in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing or values["kind"] not in FINDING_KINDS:
            got = f"no '{missing[0]}'" if missing else f"the kind {values['kind']!r}"
            raise InputError(format_error("manifest", f"must be that of one of {', '.join(FINDING_KINDS)}", got, "Run it again."))
        return cls(**{name: values[name] for name in names})

    def write(self, folder: str | Path) -> None:
        """Write `manifest.json`; to be called last, as it says that all else is there.

        Parameters
        ----------
        folder : str or Path
            An existing folder.
        """
        text = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        (Path(folder) / MANIFEST_FILE).write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> "Manifest":
        """The finding in a folder.

        Parameters
        ----------
        folder : str or Path
            Where it was written.

        Raises
        ------
        InputError
            If there is none that can be read.
        """
        at = Path(folder) / MANIFEST_FILE
        try:
            values = json.loads(at.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            message = format_error(str(at), "must be a manifest that can be read", type(error).__name__, "Run it again.")
            raise InputError(message) from error
        if not isinstance(values, dict):
            raise InputError(format_error(str(at), "must be a manifest", type(values).__name__, "Run it again."))
        return cls.from_json(values)
