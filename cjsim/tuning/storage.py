"""Storage of a study's trials in a journal file, or in any storage that Optuna supports.

A finished trial is stored as a complete Optuna trial, so Optuna's plots and dashboard work. Its attributes contain the full `Trial`.
Processes that work on the same study claim the trials that they run. A study that has changed is rejected.
"""

import contextlib
import json
import os
import socket
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cjsim.errors import InputError, format_error, require_package, short_repr
from cjsim.escaping.passwords import hide_password, hide_passwords, hide_passwords_of, is_misspelled_address
from cjsim.file_lock import is_running
from cjsim.scenario.search_space import Coordinate
from cjsim.tuning.samplers import silence_optuna
from cjsim.tuning.storage_checks import require_intact_database, require_storage_file
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.version import __version__
from cjsim.yaml.document import with_file_digests

DEFAULT_FOLDER = Path("runs") / "studies"
IN_MEMORY = "memory"
_TRIAL_ATTRIBUTE, _STUDY_ATTRIBUTE, _CLAIM_PREFIX = "cjsim", "cjsim", "cjsim:at_work:"  # keys of Optuna attributes
_CHECKSUM_ATTRIBUTE = "cjsim:crc"
_CHANGEABLE_KEYS = ("trials", "confirm")  # may change after the search has started, since they do not affect trials
_DAMAGE_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
OptimizationDirection = Literal["maximize", "minimize"]
_MAX_LISTED_CHANGES = 8  # per message
_MAX_ATTEMPTS = 3  # to create the tables of a database, because two processes may try at the same time
_DRIVER_REMEDY = "Install the driver (for PostgreSQL: pip install 'cjsim[postgres]'), correct `storage`, or omit it to use a journal file."
_POSTGRES_SCHEMES = ("postgresql://", "postgresql+psycopg://")  # of the driver that the extra 'postgres' installs
_STORAGE_REMEDY = "Correct `storage`, or omit it to use a journal file."


def default_storage(study: Study) -> Path:
    """Return the default journal file of a study, relative to the working directory.

    Parameters
    ----------
    study : Study
        The study, whose name and seed determine the file.
    """
    return DEFAULT_FOLDER / f"{study.name}-{study.seed}.journal"


class TrialStore:
    """The stored trials of one study, shared by all processes that work on it.

    Parameters
    ----------
    study : Study
        The study.
    storage : str or path, optional
        A journal file, a URL such as sqlite:///x.db, or 'memory' for no storage. Defaults to `default_storage(study)`.

    Attributes
    ----------
    location : str
        Name of the storage as shown in messages, without the password.

    Raises
    ------
    InputError
        If the storage cannot be reached, its driver is not installed, or it holds a different study with this name and seed.
    """

    def __init__(self, study: Study, *, storage: str | os.PathLike[str] | None = None) -> None:
        if not isinstance(storage, (str, os.PathLike, type(None))) or storage == "":
            got = hide_passwords(short_repr(storage))
            raise InputError(format_error("storage", "must be a file, a URL or 'memory'", got, _STORAGE_REMEDY))
        where = os.fspath(storage if storage is not None else default_storage(study))
        if is_misspelled_address(where):
            must = "must be a file, or a URL such as postgresql://user@host/database"
            raise InputError(format_error("storage", must, f"'{hide_password(where)}'", _STORAGE_REMEDY))
        self._where = where
        self.location = where if where != IN_MEMORY and "://" not in where else f"storage '{hide_password(where)}'"
        self._labels = {axis.coordinate.name: _choice_labels(axis.choices) for axis in study.space.axes if axis.kind == "choice"}
        self._distributions = {one.name: self._readable_distribution(one) for one in study.space.coordinates}
        self._study = study
        self._process_name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._own_claims: tuple[int, ...] = ()
        self._trials: dict[int, Trial] = {}
        self._seen_count = 0
        if where.startswith(_POSTGRES_SCHEMES):
            alternative = "omit `storage` to use a journal file"
            require_package("psycopg", extra="postgres", where="storage", what=f"'{hide_password(where)}'", alternative=alternative)
        content = {"cjsim": __version__, **study_identity(study)}
        with self._translated_errors():
            self._optuna_study = _open_optuna_study(where, f"{study.name}-{study.seed}", [one.direction for one in study.objectives])
            self._require_same_study(study, content)
            self.sync()

    def __len__(self) -> int:
        return len(self._trials)

    def get(self, index: int) -> Trial | None:
        """Return a trial that was finished before the last `sync`; None if it is missing.

        Parameters
        ----------
        index : int
            Index of the trial.
        """
        return self._trials.get(index)

    def sync(self) -> None:
        """Load the trials that other processes have finished. If a trial has two results, the first is used.

        A trial whose checksum does not match is left out, so that it is evaluated again.
        """
        with self._translated_errors():
            stored = self._optuna_study.get_trials(deepcopy=False)
        for optuna_trial in stored[self._seen_count :]:
            if not optuna_trial.state.is_finished():  # another process is still writing it; loaded by a later sync
                break
            self._seen_count += 1
            stored_trial = optuna_trial.user_attrs.get(_TRIAL_ATTRIBUTE)
            if stored_trial is not None and _is_intact(stored_trial, optuna_trial.user_attrs):
                with self._translated_errors():
                    trial = Trial.from_json(stored_trial)
                self._trials.setdefault(trial.index, trial)

    def add(self, trial: Trial) -> Trial:
        """Store a finished trial.

        Parameters
        ----------
        trial : Trial
            The finished trial.

        Returns
        -------
        Trial
            The stored trial with this index. If another process was first, this is its trial.
        """
        from optuna.trial import create_trial

        self.sync()
        if trial.index not in self._trials:
            with self._translated_errors(), silence_optuna():
                content = trial.to_json()
                optuna_trial = create_trial(
                    values=list(trial.objective_values(self._study.objectives)),
                    params={name: self._labels[name][int(x)] if name in self._labels else x for name, x in trial.point.items()},
                    distributions=self._distributions,
                    user_attrs={_TRIAL_ATTRIBUTE: content, "index": trial.index, _CHECKSUM_ATTRIBUTE: _checksum(content)},
                    constraints=dict(trial.excess),
                )
                self._optuna_study.add_trial(optuna_trial)
            self.sync()
        return self._trials[trial.index]

    def claim(self, indices: Iterable[int]) -> None:
        """Publish the trials that this process is running.

        Parameters
        ----------
        indices : Iterable of int
            Indices of the running trials, which replace earlier claims.
        """
        claims = tuple(indices)
        if claims != self._own_claims:
            self._own_claims = claims
            with self._translated_errors():
                self._optuna_study.set_user_attr(f"{_CLAIM_PREFIX}{self._process_name}", list(claims))

    def claimed_elsewhere(self) -> frozenset[int]:
        """Return the indices of trials that other processes are running. Claims of terminated local processes are ignored."""
        with self._translated_errors():
            attributes = self._optuna_study.user_attrs
            others = {key.removeprefix(_CLAIM_PREFIX): value for key, value in attributes.items() if key.startswith(_CLAIM_PREFIX)}
            alive = (indices for name, indices in others.items() if name != self._process_name and not _has_ended(name))
            return frozenset(index for indices in alive for index in indices)

    def _require_same_study(self, study: Study, content: Mapping[str, Any]) -> None:
        """Store the content of a new study, or raise if the storage holds a different one."""
        stored = self._optuna_study.user_attrs.get(_STUDY_ATTRIBUTE)
        if stored is None:
            if self._optuna_study.get_trials(deepcopy=False):
                got = f"a study '{self._optuna_study.study_name}' from another program"
                raise InputError(format_error(self.location, "must hold cjsim studies", got, "Use another storage."))
            self._optuna_study.set_user_attr(_STUDY_ATTRIBUTE, json.dumps(content))
            return
        changes = _change_lines(json.loads(stored), content)
        if changes:
            more = [f"and {len(changes) - _MAX_LISTED_CHANGES} more"] if len(changes) > _MAX_LISTED_CHANGES else []
            must = f"must hold the current version of study '{study.name}' with seed {study.seed}"
            got = f"a different version ({'; '.join([*changes[:_MAX_LISTED_CHANGES], *more])})"
            raise InputError(format_error(self.location, must, got, "Undo the change, or use another study name, seed or storage."))

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate errors from Optuna and the database into InputError."""
        from alembic.util.exc import CommandError
        from optuna.exceptions import OptunaError, StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with silence_optuna():
                yield
        except InputError:
            raise
        except (OSError, StorageInternalError, ImportError, SQLAlchemyError) as error:
            remedy = _DRIVER_REMEDY if isinstance(error, ImportError) else _STORAGE_REMEDY
            raise self._storage_error(error, "must be a reachable storage", remedy) from self._shown_cause(error)
        except (OptunaError, CommandError, *_DAMAGE_ERRORS) as error:  # Optuna does not check what it reads
            must = "must be an intact journal or database of studies"
            raise self._storage_error(error, must, _STORAGE_REMEDY) from self._shown_cause(error)

    def _storage_error(self, error: Exception, must: str, remedy: str) -> InputError:
        return InputError(format_error(self.location, must, hide_passwords_of(self._where, _error_text(error)), remedy))

    def _shown_cause(self, error: Exception) -> Exception | None:
        """Return the error, or None if a traceback that contains it could reveal a password."""
        return None if "://" in self._where else error

    def _readable_distribution(self, coordinate: Coordinate) -> Any:
        """Return a distribution for display, with choices instead of their indices."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if coordinate.name in self._labels:
            return CategoricalDistribution(self._labels[coordinate.name])
        if coordinate.kind == "real":
            return FloatDistribution(coordinate.low, coordinate.high, log=coordinate.log)
        return IntDistribution(round(coordinate.low), round(coordinate.high), log=coordinate.log)


def _choice_labels(choices: Sequence[Any]) -> list[Any]:
    """Return distinct labels for choices."""
    is_plain = all(one is None or isinstance(one, (str, int, float)) for one in choices)
    labels = list(choices) if is_plain else [json.dumps(one, default=str) for one in choices]
    return labels if len(set(labels)) == len(labels) else [f"{i}: {label}" for i, label in enumerate(labels)]


def study_identity(study: Study) -> dict[str, Any]:
    """Return the part of a study that determines its trials: everything except titles, `trials` and `confirm`.

    The content consists of JSON-compatible values. Files are represented by a hash of their content.

    Parameters
    ----------
    study : Study
        The study.
    """
    content: dict[str, Any] = with_file_digests(study.identity())
    return {key: value for key, value in content.items() if key not in _CHANGEABLE_KEYS}


def _change_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the changed values, each as 'path: old -> new'."""
    old, new = dict(_flatten(before, "")), dict(_flatten(after, ""))
    return [
        f"{path}: {_shown_value(old, path)} -> {_shown_value(new, path)}"
        for path in dict.fromkeys([*old, *new])
        if path not in old or path not in new or old[path] != new[path]
    ]


def _shown_value(values: Mapping[str, Any], path: str) -> str:
    return short_repr(values[path]) if path in values else "not set"


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
    """Return the Optuna study in a storage. Creates it if it does not exist."""
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
        require_intact_database(where)
        return optuna.storages.RDBStorage(where, engine_kwargs={"connect_args": {"timeout": 60}})
    if "://" in where:
        return optuna.storages.get_storage(where)
    from cjsim.tuning.journal_file import JournalFile

    require_storage_file(where)
    return optuna.storages.JournalStorage(JournalFile(where))


def _is_intact(content: Any, attributes: Mapping[str, Any]) -> bool:
    """Return whether the content of a trial is as it was stored. Trials of earlier versions have no checksum."""
    return bool(attributes.get(_CHECKSUM_ATTRIBUTE, _checksum(content)) == _checksum(content))


def _checksum(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _error_text(error: Exception) -> str:
    """Return the cause of an error in one short line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:160]}" if lines else type(cause).__name__


def _has_ended(process_name: str) -> bool:
    """Return whether a process is known to have exited: it ran on this machine, and its process id is unused or belongs to this process."""
    host, pid, _ = process_name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    return int(pid) == os.getpid() or not is_running(int(pid))
