"""Checkpoints that let an experiment resume after an interruption: the moments of each seed and arm, one per line."""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cjsim.input_files.regular_file import MIB, read_bytes
from cjsim.lab.moments import PairedMoments

_MAX_BYTES = 256 * MIB  # per file; a checkpoint takes about 1 KB per metric
CheckpointKey = tuple[int, str]  # seed, arm
MomentsByMetric = dict[str, PairedMoments]


class Checkpoints:
    """Moments computed so far, by seed and arm, kept in memory and optionally appended to a file.

    Each line is one checkpoint, written in a single call, with a checksum. Truncated and damaged lines are skipped when the file is read,
    and their simulations run again. Several processes may write the same checkpoint, because they all compute the same values.

    Parameters
    ----------
    file : Path or None
        The file. It is created with the first checkpoint. If None, checkpoints are kept in memory only.

    Raises
    ------
    InputError
        If the file exists but cannot be read.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._moments: dict[CheckpointKey, MomentsByMetric] = {}
        for data in self._read_intact():
            moments = {metric: PairedMoments.from_json(values) for metric, values in data["sums"].items()}
            self._moments[data["seed"], data["arm"]] = moments

    def __len__(self) -> int:
        return len(self._moments)

    def get(self, seed: int, arm: str) -> MomentsByMetric | None:
        """Return the moments of a seed and arm, or None if they have not been computed.

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
            Moments by metric.
        """
        self._moments[seed, arm] = moments
        if self._file is not None:
            data = {"seed": seed, "arm": arm, "sums": {metric: one.to_json() for metric, one in moments.items()}}
            line = json.dumps({**data, "crc": _checksum(data)})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # The leading line break terminates a line that an interruption truncated.
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")
                file.flush()
                os.fsync(file.fileno())

    def delete_file(self) -> None:
        """Delete the file. Call this after the results are saved."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _read_intact(self) -> Iterator[dict[str, Any]]:
        """Yield the content of each intact line."""
        if self._file is None or not os.path.lexists(self._file):
            return
        for line in read_bytes(self._file, max_bytes=_MAX_BYTES).splitlines():
            try:
                data = json.loads(line)
                if data.pop("crc") == _checksum(data):
                    yield data
            except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
                continue


def _checksum(data: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(data).encode())
