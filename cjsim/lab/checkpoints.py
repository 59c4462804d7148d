"""Checkpoints of a running experiment, so that it resumes after an interruption: the moments of each seed and arm, one per line."""

import json
from pathlib import Path

from cjsim.lab.moments import PairedMoments

CheckpointKey = tuple[int, str]  # seed, arm
MomentsByMetric = dict[str, PairedMoments]


class Checkpoints:
    """Finished moments by seed and arm, kept in memory and, if a file is given, appended to it.

    Each line is one checkpoint, written in one call. A line that was cut off by an interruption is skipped when the file is read. Two
    processes may write the same checkpoint, because both compute equal values.

    Parameters
    ----------
    file : Path or None
        The file; created with the first checkpoint.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._moments: dict[CheckpointKey, MomentsByMetric] = {}
        for line in self._read_lines():
            try:
                data = json.loads(line)
                moments = {metric: PairedMoments.from_json(values) for metric, values in data["sums"].items()}
                self._moments[data["seed"], data["arm"]] = moments
            except (ValueError, KeyError, TypeError):
                continue

    def __len__(self) -> int:
        return len(self._moments)

    def get(self, seed: int, arm: str) -> MomentsByMetric | None:
        """The moments of a seed and arm, None if they are not finished.

        Parameters
        ----------
        seed : int
            Seed of the customers.
        arm : str
            Name of the arm.
        """
        return self._moments.get((seed, arm))

    def put(self, seed: int, arm: str, moments: MomentsByMetric) -> None:
        """Store the moments of a seed and arm.

        Parameters
        ----------
        seed : int
            Seed of the customers.
        arm : str
            Name of the arm.
        moments : dict of str to PairedMoments
            By metric.
        """
        self._moments[seed, arm] = moments
        if self._file is not None:
            line = json.dumps({"seed": seed, "arm": arm, "sums": {metric: one.to_json() for metric, one in moments.items()}})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # The leading line break ends a line that an interruption cut off.
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")

    def delete_file(self) -> None:
        """Delete the file, once the results are written."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _read_lines(self) -> list[str]:
        if self._file is None or not self._file.is_file():
            return []
        return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
