"""The store of a study's trials: a journal file, or any storage that Optuna accepts.

A finished trial is stored as a complete Optuna trial, so that Optuna's plots and its dashboard work on the storage; its attributes contain
the whole `Trial`. Processes that work on the same study claim the trials that they run. A changed study is rejected.
"""

import contextlib
import hashlib
import json
import os
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cjsim.errors import InputError, format_error, short_repr
from cjsim.scenario.search_space import Coordinate
from cjsim.tuning.samplers import silence_optuna
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.version import __version__

DEFAULT_FOLDER = Path("runs") / "studies"
IN_MEMORY = "memory"
_TRIAL_ATTRIBUTE, _STUDY_ATTRIBUTE, _CLAIM_PREFIX = "cjsim", "cjsim", "cjsim:at_work:"  # keys of Optuna attributes
_CHANGEABLE_KEYS = ("trials", "confirm")  # may change after the search has started: they affect no trial
OptimizationDirection = Literal["maximize", "minimize"]
_MAX_LISTED_CHANGES = 8  # in a message
_MAX_ATTEMPTS = 3  # at creating the tables of a database, which two processes may do at the same time
_DRIVER_REMEDY = (
    "Install it (for PostgreSQL: pip install 'cjsim[postgres]'), or correct --storage, or leave it out: a journal file is kept then."
)
_STORAGE_REMEDY = "Correct --storage, or leave it out: a journal file is kept then."


def default_storage(study: Study) -> Path:
    """The default journal file of a study, relative to the working directory.

    Parameters
    ----------
    study : Study
        The study; its name and seed determine the file.
    """
    return DEFAULT_FOLDER / f"{study.name}-{study.seed}.journal"


class TrialStore:
    """The stored trials of one study, shared by all processes that work on it.

    Parameters
    ----------
    study : Study
        The study.
    storage : str or path, optional
        'memory' (nothing is stored), a URL such as sqlite:///x.db, or a journal file; by default `default_storage(study)`.

    Attributes
    ----------
    location : str
        Name of the storage for messages, without password.

    Raises
    ------
    InputError
        If the storage cannot be reached, or holds a different study of this name and seed.
    """

    def __init__(self, study: Study, *, storage: str | os.PathLike[str] | None = None) -> None:
        if not isinstance(storage, (str, os.PathLike, type(None))) or storage == "":
            raise InputError(format_error("storage", "must be a file, a URL or 'memory'", repr(storage), _STORAGE_REMEDY))
        where = os.fspath(storage if storage is not None else default_storage(study))
        self.location = where if where != IN_MEMORY and "://" not in where else f"storage '{_without_password(where)}'"
        self._space = study.space
        self._axes = {axis.coordinate.name: axis for axis in self._space.axes}
        self._distributions = {one.name: self._readable_distribution(one) for one in self._space.coordinates}
        self._study = study
        self._process_name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._own_claims: tuple[int, ...] = ()
        self._trials: dict[int, Trial] = {}
        self._seen_count = 0
        content = {"cjsim": __version__, **study_identity(study)}
        with self._translated_errors():
            self._optuna_study = _open_optuna_study(where, f"{study.name}-{study.seed}", [one.direction for one in study.objectives])
            self._require_same_study(study, content)
            self.sync()

    def __len__(self) -> int:
        return len(self._trials)

    def get(self, index: int) -> Trial | None:
        """A trial that was finished before the last `sync`; None if there is none.

        Parameters
        ----------
        index : int
            Index of the trial.
        """
        return self._trials.get(index)

    def sync(self) -> None:
        """Load the trials that other processes have finished. Of two results of the same trial the first is used."""
        with self._translated_errors():
            stored = self._optuna_study.get_trials(deepcopy=False)
        for optuna_trial in stored[self._seen_count :]:
            if not optuna_trial.state.is_finished():  # transaction of another process: loaded next time
                break
            self._seen_count += 1
            if _TRIAL_ATTRIBUTE in optuna_trial.user_attrs:
                trial = Trial.from_json(optuna_trial.user_attrs[_TRIAL_ATTRIBUTE])
                self._trials.setdefault(trial.index, trial)

    def add(self, trial: Trial) -> Trial:
        """Store a finished trial.

        Parameters
        ----------
        trial : Trial
            The trial.

        Returns
        -------
        Trial
            The stored trial of this index, which is that of another process if it was first.
        """
        from optuna.trial import create_trial

        self.sync()
        if trial.index not in self._trials:
            values = list(trial.objective_values(self._study.objectives))
            with self._translated_errors(), silence_optuna():
                optuna_trial = create_trial(
                    values=values,
                    params={name: self._readable_value(name, x) for name, x in trial.point.items()},
                    distributions=self._distributions,
                    user_attrs={_TRIAL_ATTRIBUTE: trial.to_json(), "index": trial.index},
                    constraints=dict(trial.excess),
                )
                self._optuna_study.add_trial(optuna_trial)
            self.sync()
        return self._trials[trial.index]

    def claim(self, indices: Iterable[int]) -> None:
        """Publish which trials this process is running.

        Parameters
        ----------
        indices : Iterable of int
            Indices of the running trials; replaces earlier claims.
        """
        claims = tuple(indices)
        if claims != self._own_claims:
            self._own_claims = claims
            with self._translated_errors():
                self._optuna_study.set_user_attr(f"{_CLAIM_PREFIX}{self._process_name}", list(claims))

    def claimed_elsewhere(self) -> frozenset[int]:
        """Indices of the trials that other processes are running; claims of ended processes of this machine are ignored."""
        with self._translated_errors():
            attributes = self._optuna_study.user_attrs
        others = {key.removeprefix(_CLAIM_PREFIX): value for key, value in attributes.items() if key.startswith(_CLAIM_PREFIX)}
        alive = (indices for name, indices in others.items() if name != self._process_name and not _has_ended(name))
        return frozenset(index for indices in alive for index in indices)

    def _require_same_study(self, study: Study, content: Mapping[str, Any]) -> None:
        """Raise if the storage holds a different study; store the content of a new one."""
        stored = self._optuna_study.user_attrs.get(_STUDY_ATTRIBUTE)
        if stored is None:
            if self._optuna_study.get_trials(deepcopy=False):
                got = f"one named '{self._optuna_study.study_name}' that is not of cjsim"
                raise InputError(format_error(self.location, "must hold studies of cjsim", got, "Name another storage."))
            self._optuna_study.set_user_attr(_STUDY_ATTRIBUTE, json.dumps(content))
            return
        changes = _change_lines(json.loads(stored), content)
        if changes:
            more = [f"and {len(changes) - _MAX_LISTED_CHANGES} more"] if len(changes) > _MAX_LISTED_CHANGES else []
            must = f"must hold the study '{study.name}' with seed {study.seed} as it is now"
            got = f"one that began otherwise ({'; '.join([*changes[:_MAX_LISTED_CHANGES], *more])})"
            raise InputError(format_error(self.location, must, got, "Undo the change, or give the study another name, seed or storage."))

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate errors of Optuna and of the database into InputError."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with silence_optuna():
                yield
        except InputError:
            raise
        except (OSError, StorageInternalError, ImportError, SQLAlchemyError) as error:
            remedy = _DRIVER_REMEDY if isinstance(error, ImportError) else _STORAGE_REMEDY
            raise InputError(format_error(self.location, "must be a storage that can be reached", _error_text(error), remedy)) from error
        except (ValueError, KeyError, AssertionError) as error:  # raised by Optuna's journal for other files
            must = "must be a journal or a data base of studies"
            raise InputError(format_error(self.location, must, _error_text(error), _STORAGE_REMEDY)) from error

    def _readable_distribution(self, coordinate: Coordinate) -> Any:
        """A distribution for display: over the choices, not their numbers."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if (labels := self._choice_labels(coordinate.name)) is not None:
            return CategoricalDistribution(labels)
        if coordinate.kind == "real":
            return FloatDistribution(coordinate.low, coordinate.high, log=coordinate.log)
        return IntDistribution(round(coordinate.low), round(coordinate.high), log=coordinate.log)

    def _choice_labels(self, name: str) -> list[Any] | None:
        """Distinct labels of the choices of a coordinate; None if it has none."""
        axis = self._axes.get(name)
        if axis is None or axis.kind != "choice":
            return None
        is_plain = all(one is None or isinstance(one, (str, int, float)) for one in axis.choices)
        labels = list(axis.choices) if is_plain else [json.dumps(one, default=str) for one in axis.choices]
        return labels if len(set(labels)) == len(labels) else [f"{i}: {label}" for i, label in enumerate(labels)]

    def _readable_value(self, name: str, x: float) -> Any:
        labels = self._choice_labels(name)
        return x if labels is None else labels[int(x)]


def study_identity(study: Study) -> dict[str, Any]:
    """The content of a study on which its trials depend, as plain values: all except titles, `trials` and `confirm`.

    Files are represented by a hash of their content.

    Parameters
    ----------
    study : Study
        The study.
    """
    content = {key: value for key, value in study.identity().items() if key not in _CHANGEABLE_KEYS}
    files = {"scenario.entry.file": study.scenario.entry.file, "draws.file": study.draws.file if study.draws is not None else None}
    for path, file in files.items():
        if file is not None:
            *parents, key = path.split(".")
            part = content
            for parent in parents:
                part = part[parent]
            part[key] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return content


def _change_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The changed values, one per line: 'path: old -> new'."""
    old, new = dict(_flatten(before, "")), dict(_flatten(after, ""))
    return [
        f"{path}: {_shown_value(old, path)} -> {_shown_value(new, path)}"
        for path in dict.fromkeys([*old, *new])
        if path not in old or path not in new or old[path] != new[path]
    ]


def _shown_value(values: Mapping[str, Any], path: str) -> str:
    return short_repr(values[path]) if path in values else "not there"


def _flatten(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _flatten(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for i, one in enumerate(value):
            yield from _flatten(one, f"{path}[{i}]")
    else:
        yield path, value


def _open_optuna_study(where: str, name: str, directions: Sequence[OptimizationDirection]) -> Any:
    """The Optuna study in a storage, created if it does not exist."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    with silence_optuna():
        for attempts_left in reversed(range(_MAX_ATTEMPTS)):
            try:
                return optuna.create_study(storage=_open_optuna_storage(where), study_name=name, directions=directions, load_if_exists=True)
            except SQLAlchemyError:
                if not attempts_left:
                    raise
    raise AssertionError("unreachable")


def _open_optuna_storage(where: str) -> Any:
    import optuna

    if where == IN_MEMORY:
        return optuna.storages.InMemoryStorage()
    if where.startswith("sqlite:"):
        return optuna.storages.RDBStorage(where, engine_kwargs={"connect_args": {"timeout": 60}})
    if "://" in where:
        return optuna.storages.get_storage(where)
    from cjsim.tuning.journal_file import JournalFile

    return optuna.storages.JournalStorage(JournalFile(where))


def _error_text(error: Exception) -> str:
    """The cause of an error in one short line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:160]}" if lines else type(cause).__name__


def _without_password(url: str) -> str:
    """The URL without its password."""
    scheme, slashes, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{slashes}{user.split(':')[0]}{at}{host}" if at else url


def _has_ended(process_name: str) -> bool:
    """Whether a process is known to have ended: it belongs to this machine, and its process id is unused or ours."""
    host, pid, _ = process_name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()
