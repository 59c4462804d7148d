"""Finished pieces of an experiment under way, so that one that was killed goes on where it was.

Lives here: the file, a line a piece. Does not live here: what is in a piece (sums.py), who asks for it (trying.py).
"""

import json
from pathlib import Path

from cjsim.lab.moments import PairedMoments

CheckpointKey = tuple[int, str]  # seed, arm
MomentsByMetric = dict[str, PairedMoments]  # by metric


class Checkpoints:
    """Pieces by seed and arm, in memory and, where a file is named, there as well.

    A line is one piece, written at once; one that a kill cut short is not read. Two processes may write the same pieces: they are equal.

    Parameters
    ----------
    file : Path or None
        Where they are kept; made when the first one is.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._moments: dict[CheckpointKey, MomentsByMetric] = {}
        for line in self._read_lines():
            try:
                data = json.loads(line)
                sums = {metric: PairedMoments.from_json(one) for metric, one in data["sums"].items()}
                self._moments[data["seed"], data["arm"]] = sums
            except (ValueError, KeyError, TypeError):
                continue

    def __len__(self) -> int:
        return len(self._moments)

    def get(self, seed: int, arm: str) -> MomentsByMetric | None:
        """A piece that is there.

        Parameters
        ----------
        seed : int
            Of its customers.
        arm : str
            Its name.
        """
        return self._moments.get((seed, arm))

    def put(self, seed: int, arm: str, moments: MomentsByMetric) -> None:
        """Keep a piece.

        Parameters
        ----------
        seed : int
            Of its customers.
        arm : str
            Its name.
        moments : dict of str to PairedMoments
            By metric.
        """
        self._moments[seed, arm] = moments
        if self._file is not None:
            line = json.dumps({"seed": seed, "arm": arm, "sums": {metric: one.to_json() for metric, one in moments.items()}})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # The line break comes first: it ends what a kill cut short.
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")

    def delete_file(self) -> None:
        """Remove the file: the result is there."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _read_lines(self) -> list[str]:
        if self._file is None or not self._file.is_file():
            return []
        return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
