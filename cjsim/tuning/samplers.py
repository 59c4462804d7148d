"""The samplers that a study can name, one descriptor each: its phrase, how Optuna makes it, what it cannot do, and the package it needs."""

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from cjsim.errors import InputError, format_error, quote_choices
from cjsim.yaml.paths import Fault

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_NSGA_POPULATION = 24  # several generations within the trials of a usual study
# Random trials before TPE starts to model, in total and per coordinate: with fewer it can get stuck on one choice.
_RANDOM_TRIALS, _RANDOM_TRIALS_PER_COORDINATE = 10, 4


class SearchProblem(NamedTuple):
    """What a sampler is made for: the seed and batch size of a study, and the size and kind of its problem."""

    seed: int
    batch: int
    n_coordinates: int
    n_objectives: int
    has_constraints: bool
    has_choices: bool


class Limit(NamedTuple):
    """Something that a sampler cannot do: whether a problem needs it, and the parts of the error."""

    is_exceeded: Callable[[SearchProblem], bool]
    must: str
    got: str
    remedy: str


_ONE_OBJECTIVE = Limit(
    lambda problem: problem.n_objectives > 1,
    "must take several objectives",
    "which takes one",
    "Use 'tpe', 'nsga2' or 'nsga3', or name one objective.",
)
_NO_CONSTRAINTS = Limit(
    lambda problem: problem.has_constraints, "must heed constraints", "which ignores them", "Use 'tpe', or leave out 'constraints'."
)
_NO_CHOICES = Limit(
    lambda problem: problem.has_choices, "must be able to choose", "which only knows numbers", "Use 'tpe', or leave out 'choices'."
)
_NOT_ONE_COORDINATE = Limit(lambda problem: problem.n_coordinates < 2, "must take one free value", "which needs two", "Use 'tpe'.")


@dataclass(frozen=True)
class SamplerKind:
    """A sampler that a study can name.

    Attributes
    ----------
    class_name : str
        Name of its class in `optuna.samplers`.
    phrase : str
        How it chooses trials, for descriptions: 'by TPE'.
    options : callable
        Arguments of the class, other than the seed, for a problem.
    limits : tuple of Limit
        What it cannot do.
    package : str
        Package that it needs beyond those of cjsim; the extra that installs it has the name of the sampler. Empty if none.
    """

    class_name: str
    phrase: str
    options: Callable[[SearchProblem], Mapping[str, Any]] = lambda problem: {}
    limits: tuple[Limit, ...] = ()
    package: str = ""


def _tpe_options(problem: SearchProblem) -> dict[str, Any]:
    random_trials = max(_RANDOM_TRIALS, _RANDOM_TRIALS_PER_COORDINATE * problem.n_coordinates)
    return {"multivariate": True, "constant_liar": True, "n_startup_trials": random_trials}


def _nsga_options(problem: SearchProblem) -> dict[str, Any]:
    return {"population_size": max(_NSGA_POPULATION, problem.batch)}


SAMPLERS: Mapping[str, SamplerKind] = MappingProxyType(
    {
        "tpe": SamplerKind("TPESampler", "by TPE", _tpe_options),
        "nsga2": SamplerKind("NSGAIISampler", "by NSGA-II", _nsga_options),
        "nsga3": SamplerKind("NSGAIIISampler", "by NSGA-III", _nsga_options),
        "cma": SamplerKind(
            "CmaEsSampler",
            "by CMA-ES",
            lambda problem: {"n_startup_trials": problem.batch},
            limits=(_ONE_OBJECTIVE, _NO_CONSTRAINTS, _NO_CHOICES, _NOT_ONE_COORDINATE),
        ),
        "qmc": SamplerKind("QMCSampler", "along a Sobol sequence", lambda problem: {"qmc_type": "sobol", "scramble": True}),
        "random": SamplerKind("RandomSampler", "at random"),
        "gp": SamplerKind("GPSampler", "by a Gaussian process", package="torch"),
    }
)

# In a file one of the names. Where another sampler was passed to `optimize`, the study of the result holds the name of its class.
SamplerName = Annotated[
    str,
    GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema([*SAMPLERS], serialization=core_schema.to_string_ser_schema())),
]


def sampler_phrase(name: str) -> str:
    """How a sampler chooses trials, for descriptions: 'by TPE'.

    Parameters
    ----------
    name : str
        A name of `SAMPLERS`, or the class of another sampler.
    """
    return SAMPLERS[name].phrase if name in SAMPLERS else f"by {name}"


def sampler_faults(name: str, problem: SearchProblem) -> Iterator[Fault]:
    """What a problem needs and a sampler cannot do.

    Parameters
    ----------
    name : str
        A name of `SAMPLERS`.
    problem : SearchProblem
        The problem.
    """
    for limit in SAMPLERS[name].limits:
        if limit.is_exceeded(problem):
            yield Fault(("sampler",), limit.must, f"'{name}', {limit.got}", limit.remedy)


def make_sampler(name: str, problem: SearchProblem) -> "BaseSampler":
    """Make a sampler. Its random numbers depend on the seed of the problem only.

    Parameters
    ----------
    name : str
        A name of `SAMPLERS`.
    problem : SearchProblem
        The problem.

    Returns
    -------
    optuna.samplers.BaseSampler

    Raises
    ------
    InputError
        If the sampler needs a package that is not installed, or the name is that of a sampler that must be passed to `optimize`.
    """
    from optuna import samplers

    if name not in SAMPLERS:
        remedy = f"Pass the sampler to optimize again: sampler={name}(seed=...)."
        raise InputError(format_error("sampler", f"must be one of {quote_choices(SAMPLERS)}", f"'{name}'", remedy))
    kind = SAMPLERS[name]
    if kind.package and find_spec(kind.package) is None:
        remedy = f"Install it (pip install 'cjsim[{name}]'), or take 'tpe'."
        raise InputError(format_error("sampler", "must be one that is installed", f"'{name}', which needs {kind.package}", remedy))
    sampler: BaseSampler = getattr(samplers, kind.class_name)(seed=_sampler_seed(problem.seed), **kind.options(problem))
    return sampler


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


def _sampler_seed(seed: int) -> int:
    """A seed of 32 bits, as numpy's legacy generators require, independent of the seed of the customers."""
    return int.from_bytes(hashlib.blake2s(f"{seed}:sampler".encode(), digest_size=4).digest(), "big")
