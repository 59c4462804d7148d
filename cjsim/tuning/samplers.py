"""Who chooses the next points: Optuna's samplers by the names that a study's file uses.

Lives here: from a name to a sampler, from coordinates to Optuna's distributions, and Optuna's silence. Does not live here: when a sampler
is asked and told (search.py). This module, journal.py, storage.py and search.py know Optuna, no others do.
"""

import contextlib
import hashlib
import math
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from cjsim.errors import InputError, complaint
from cjsim.model.space import Coordinate, Space
from cjsim.tuning.study import Study

_POPULATION = 24  # of NSGA: several generations within the trials of a usual study

_BLIND, _BLIND_EACH = 10, 4  # trials at random before TPE believes what it has seen, and for each coordinate: it may stick to a choice


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing within the block: what matters of it is said in our words."""
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


def sampler_of(study: Study) -> Any:
    """The sampler that a study asks for, an `optuna.samplers.BaseSampler`, driven by the study's seed alone.

    Parameters
    ----------
    study : Study
        With the name of the sampler, the seed and the batch.

    Raises
    ------
    InputError
        If what the sampler needs is not installed.
    """
    from optuna import samplers

    seed = _seed(study.seed)
    population = max(_POPULATION, study.batch)
    match study.sampler:
        case "tpe":
            blind = max(_BLIND, _BLIND_EACH * len(study.space.coordinates))
            return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=blind)
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
                raise InputError(complaint("sampler", "must be one that is installed", "'gp', which needs torch", remedy))
            return samplers.GPSampler(seed=seed)
    return samplers.RandomSampler(seed=seed)


def distributions_of(space: Space) -> dict[str, Any]:
    """Optuna's distributions of a space by the names of its coordinates: choices and steps of real numbers by their number from 0.

    Optuna would drop the last step of many, as 3 * 0.1 is not 0.3.

    Parameters
    ----------
    space : Space
        What is free.
    """
    return {one.name: _distribution(one) for one in space.coordinates}


def numbers_of(space: Space, params: Mapping[str, Any]) -> dict[str, float]:
    """A point from what Optuna chose of `distributions_of`.

    Parameters
    ----------
    space : Space
        What is free.
    params : Mapping of str to Any
        By coordinate.
    """
    return {
        one.name: one.stepped(params[one.name]) if one.kind == "real" and one.step is not None else params[one.name]
        for one in space.coordinates
    }


def _distribution(one: Coordinate) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if one.kind == "choice":
        return CategoricalDistribution(range(round(one.high) + 1))
    if one.kind == "real" and one.step is None:
        return FloatDistribution(one.low, one.high, log=one.log)
    if one.step is None:
        return IntDistribution(round(one.low), round(one.high), log=one.log)
    steps = math.floor((one.high - one.low) / one.step + 1e-9)
    if one.kind == "real":
        return IntDistribution(0, steps)
    return IntDistribution(round(one.low), round(one.low + steps * one.step), step=round(one.step))


def _seed(seed: int) -> int:
    """A seed of 32 bits, as numpy's older generators take it, that shares no numbers with the customers' seed."""
    return int.from_bytes(hashlib.blake2s(f"{seed}:sampler".encode(), digest_size=4).digest(), "big")
