"""Batch interface to an Optuna sampler: ask for points within the bounds of a search space, and tell the sampler their results."""

import contextlib
import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error, short_repr
from cjsim.scenario.search_space import Coordinate, Space
from cjsim.tuning.samplers import make_sampler, silence_optuna
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial as OptunaTrial


class BatchSampler:
    """Chooses the points of each batch as a function of the study and the results of previous batches.

    Parameters
    ----------
    study : Study
        The study.
    sampler : optuna.samplers.BaseSampler, optional
        Sampler to use instead of the study's. It is copied, so that later searches start from the same state.

    Raises
    ------
    InputError
        If the sampler cannot be copied, or the study's sampler cannot be created.
    """

    def __init__(self, study: Study, sampler: "BaseSampler | None" = None) -> None:
        import optuna

        self._study = study
        self._space = study.space
        self._distributions = optuna_distributions(self._space)
        self._worst_values = [math.nan] * len(study.objectives)
        self._given_name = None if sampler is None else type(sampler).__name__
        with silence_optuna():
            directions = [one.direction for one in study.objectives]
            own = make_sampler(study.sampler, study.search_problem) if sampler is None else _copied(sampler)
            self._optuna_study = optuna.create_study(sampler=own, directions=directions)

    def ask(self, count: int) -> list[dict[str, float]]:
        """Return the points of the next batch.

        Parameters
        ----------
        count : int
            Number of points.

        Returns
        -------
        list of dict of str to float
            Coordinates of each point, keyed by name.

        Raises
        ------
        InputError
            If a user-provided sampler raises an error or chooses a point outside the bounds.
        """
        with self._translated_errors():
            self._pending_trials = [self._optuna_study.ask(self._distributions) for _ in range(count)]
            params = [self._valid_params(trial) for trial in self._pending_trials]
        return [point_from_params(self._space, one) for one in params]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Pass the results of the last batch to the sampler.

        Parameters
        ----------
        trials : Sequence of Trial
            Results in the order of the points.

        Raises
        ------
        InputError
            If a user-provided sampler raises an error.
        """
        with self._translated_errors():
            for pending, trial in zip(self._pending_trials, trials, strict=True):
                for name, excess in trial.excess.items():  # infinite if the metric is undefined
                    pending.set_constraint(name, excess)
                self._optuna_study.tell(pending, self._objective_values(trial))

    def _valid_params(self, trial: "OptunaTrial") -> dict[str, Any]:
        """Return the checked parameters of a trial, because Optuna does not check the values that `sample_independent` returns."""
        if self._given_name is None:
            return trial.params
        from optuna.trial import TrialState, create_trial

        create_trial(state=TrialState.PRUNED, params=trial.params, distributions=self._distributions)  # raises for values out of bounds
        return {name: one.to_external_repr(one.to_internal_repr(trial.params[name])) for name, one in self._distributions.items()}

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Silence Optuna, and translate errors from a user-provided sampler into InputError."""
        try:
            with silence_optuna():
                yield
        except Exception as error:
            if self._given_name is None:
                raise
            got = f"{self._given_name}, which raised {type(error).__name__}: {str(error).rstrip('.')}"
            must, remedy = "must choose points within the bounds through ask and tell", "Correct the sampler, or pass another one."
            raise InputError(format_error("sampler", must, got, remedy)) from error

    def _objective_values(self, trial: Trial) -> list[float]:
        """Return the objective values of a trial. An undefined objective gets the worst value so far."""
        values = []
        for i, (objective, gain) in enumerate(zip(self._study.objectives, trial.gains, strict=True)):
            worst, value = self._worst_values[i], gain.value
            if math.isfinite(value):
                self._worst_values[i] = value if math.isnan(worst) else objective.sign * min(objective.sign * value, objective.sign * worst)
            else:
                value = 0.0 if math.isnan(worst) else worst
            values.append(value)
        return values


def study_with_sampler(study: Study, sampler: "BaseSampler") -> Study:
    """Return a copy of the study in which `sampler` is the class name of the user's sampler.

    Parameters
    ----------
    study : Study
        A valid study.
    sampler : optuna.samplers.BaseSampler
        The user-provided sampler.

    Raises
    ------
    InputError
        If the argument is not a sampler, fails in the first batch, or chooses different points when a search restarts.
    """
    from optuna.samplers import BaseSampler

    if not isinstance(sampler, BaseSampler):
        remedy = "Pass one such as optuna.samplers.CmaEsSampler(seed=1)."
        raise InputError(format_error("sampler", "must be an Optuna sampler or the name of one", short_repr(sampler), remedy))
    name = type(sampler).__name__
    first, again = (BatchSampler(study, sampler).ask(min(study.batch, study.trials)) for _ in range(2))
    if first != again:
        must = "must choose the same points when a search restarts, as required for resuming and for several processes"
        raise InputError(format_error("sampler", must, f"a {name} that does not", f"Set a seed: {name}(seed=1)."))
    return study.model_copy(update={"sampler": name})


def optuna_distributions(space: Space) -> dict[str, Any]:
    """Return Optuna distributions keyed by coordinate name.

    Choices and stepped real numbers are represented by an index from 0. With stepped floats, Optuna would drop the last step, because
    3 * 0.1 differs from 0.3.

    Parameters
    ----------
    space : Space
        The search space.
    """
    return {one.name: _optuna_distribution(one) for one in space.coordinates}


def point_from_params(space: Space, params: Mapping[str, Any]) -> dict[str, float]:
    """Convert Optuna parameters to a point.

    Parameters
    ----------
    space : Space
        The search space.
    params : Mapping of str to Any
        Values drawn from `optuna_distributions`, keyed by coordinate name.
    """
    return {
        one.name: one.stepped(params[one.name]) if one.kind == "real" and one.step is not None else params[one.name]
        for one in space.coordinates
    }


def _optuna_distribution(coordinate: Coordinate) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if coordinate.kind == "choice":
        return CategoricalDistribution(range(round(coordinate.high) + 1))
    if coordinate.kind == "real" and coordinate.step is None:
        return FloatDistribution(coordinate.low, coordinate.high, log=coordinate.log)
    if coordinate.step is None:
        return IntDistribution(round(coordinate.low), round(coordinate.high), log=coordinate.log)
    steps = math.floor((coordinate.high - coordinate.low) / coordinate.step + 1e-9)
    if coordinate.kind == "real":
        return IntDistribution(0, steps)
    return IntDistribution(round(coordinate.low), round(coordinate.low + steps * coordinate.step), step=round(coordinate.step))


def _copied(sampler: "BaseSampler") -> "BaseSampler":
    """Return a copy of a sampler with independent random state."""
    try:
        return copy.deepcopy(sampler)
    except Exception as error:
        got = f"{type(sampler).__name__}, which raised {type(error).__name__}: {error}"
        remedy = "Add a __deepcopy__ method to its class."
        must = "must be copyable with copy.deepcopy, because each search uses a copy"
        raise InputError(format_error("sampler", must, got, remedy)) from error
