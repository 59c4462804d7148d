"""Optuna's samplers by the names that study files use, and the distributions of a search space.

Only this module, `journal_file`, `storage` and `search` import Optuna.
"""

import contextlib
import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from cjsim.errors import InputError, format_error
from cjsim.scenario.search_space import Coordinate, Space
from cjsim.tuning.study import Study

_NSGA_POPULATION = 24  # several generations within the trials of a usual study
# Random trials before TPE starts to model, in total and per coordinate: with fewer it can get stuck on one choice.
_RANDOM_TRIALS, _RANDOM_TRIALS_PER_COORDINATE = 10, 4


@contextlib.contextmanager
def silence_optuna() -> Iterator[None]:
    """Silence Optuna's log and warnings within the block: cjsim reports them in its own messages."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="optuna")
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def make_sampler(study: Study) -> Any:
    """The sampler of a study; its random numbers depend on the seed of the study only.

    Parameters
    ----------
    study : Study
        Determines the sampler, its seed and the batch size.

    Returns
    -------
    optuna.samplers.BaseSampler

    Raises
    ------
    InputError
        If the sampler needs a package that is not installed.
    """
    from optuna import samplers

    seed = _sampler_seed(study.seed)
    population = max(_NSGA_POPULATION, study.batch)
    match study.sampler:
        case "tpe":
            random_trials = max(_RANDOM_TRIALS, _RANDOM_TRIALS_PER_COORDINATE * len(study.space.coordinates))
            return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=random_trials)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=population)
        case "nsga3":
            return samplers.NSGAIIISampler(seed=seed, population_size=population)
        case "cma":
            return samplers.CmaEsSampler(seed=seed, n_startup_trials=study.batch)
        case "qmc":
            return samplers.QMCSampler(seed=seed, qmc_type="sobol", scramble=True)
        case "gp":
            if find_spec("torch") is None:
                remedy = "Install it (pip install 'cjsim[gp]'), or take 'tpe'."
                raise InputError(format_error("sampler", "must be one that is installed", "'gp', which needs torch", remedy))
            return samplers.GPSampler(seed=seed)
    return samplers.RandomSampler(seed=seed)


def optuna_distributions(space: Space) -> dict[str, Any]:
    """Optuna's distributions by coordinate name.

    Choices and stepped real numbers are represented by their number from 0: with real steps Optuna drops the last one, as 3 * 0.1 is not
    0.3.

    Parameters
    ----------
    space : Space
        The search space.
    """
    return {one.name: _optuna_distribution(one) for one in space.coordinates}


def point_from_params(space: Space, params: Mapping[str, Any]) -> dict[str, float]:
    """The point that corresponds to Optuna's parameters.

    Parameters
    ----------
    space : Space
        The search space.
    params : Mapping of str to Any
        Values of `optuna_distributions`, by coordinate name.
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


def _sampler_seed(seed: int) -> int:
    """A seed of 32 bits, as numpy's legacy generators require, independent of the seed of the customers."""
    return int.from_bytes(hashlib.blake2s(f"{seed}:sampler".encode(), digest_size=4).digest(), "big")
