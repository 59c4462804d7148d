"""Finished pieces of an experiment under way, so that one that was killed goes on where it was.

Lives here: the file, a line a piece. Does not live here: what is in a piece (sums.py), who asks for it (trying.py).
"""

import json
from pathlib import Path

from cjsim.lab.sums import Sums

Key = tuple[int, str]  # seed, arm
Piece = dict[str, Sums]  # by metric


class Pieces:
    """Pieces by seed and arm, in memory and, where a file is named, there as well.

    A line is one piece, written at once; one that a kill cut short is not read. Two processes may write the same pieces: they are equal.

    Parameters
    ----------
    file : Path or None
        Where they are kept; made when the first one is.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._found: dict[Key, Piece] = {}
        for line in self._lines():
            try:
                data = json.loads(line)
                sums = {metric: Sums.from_json(one) for metric, one in data["sums"].items()}
                self._found[data["seed"], data["arm"]] = sums
            except (ValueError, KeyError, TypeError):
                continue

    def __len__(self) -> int:
        return len(self._found)

    def get(self, seed: int, arm: str) -> Piece | None:
        """A piece that is there.

        Parameters
        ----------
        seed : int
            Of its customers.
        arm : str
            Its name.
        """
        return self._found.get((seed, arm))

    def put(self, seed: int, arm: str, piece: Piece) -> None:
        """Keep a piece.

        Parameters
        ----------
        seed : int
            Of its customers.
        arm : str
            Its name.
        piece : dict of str to Sums
            By metric.
        """
        self._found[seed, arm] = piece
        if self._file is not None:
            line = json.dumps({"seed": seed, "arm": arm, "sums": {metric: one.to_json() for metric, one in piece.items()}})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # The line break comes first: it ends what a kill cut short.
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")

    def drop(self) -> None:
        """Remove the file: the result is there."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _lines(self) -> list[str]:
        if self._file is None or not self._file.is_file():
            return []
        return self._file.read_text(encoding="utf-8", errors="replace").splitlines()
