"""The samplers available in studies, with one descriptor each: class, phrase, options, limitations and required package."""

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from cjsim.errors import InputError, format_error, quote_choices, require_package
from cjsim.yaml.paths import Fault

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_NSGA_POPULATION = 24  # gives several generations in a typical study
# Random trials before TPE starts to model, in total and per coordinate. With fewer trials, TPE can get stuck on one choice.
_RANDOM_TRIALS, _RANDOM_TRIALS_PER_COORDINATE = 10, 4


class SearchProblem(NamedTuple):
    """Properties of a study that a sampler depends on: seed, batch size, and size and type of the problem."""

    seed: int
    batch: int
    n_coordinates: int
    n_objectives: int
    has_constraints: bool
    has_choices: bool


class Limit(NamedTuple):
    """A limitation of a sampler: a predicate for problems that exceed it, and the parts of the error message."""

    is_exceeded: Callable[[SearchProblem], bool]
    must: str
    got: str
    remedy: str


_ONE_OBJECTIVE = Limit(
    lambda problem: problem.n_objectives > 1,
    "must support several objectives",
    "which supports only one",
    "Use 'tpe', 'nsga2' or 'nsga3', or keep only one objective.",
)
_NO_CONSTRAINTS = Limit(
    lambda problem: problem.has_constraints, "must support constraints", "which ignores them", "Use 'tpe', or remove 'constraints'."
)
_NO_CHOICES = Limit(
    lambda problem: problem.has_choices, "must support choices", "which supports only numbers", "Use 'tpe', or remove 'choices'."
)
_NOT_ONE_COORDINATE = Limit(
    lambda problem: problem.n_coordinates < 2, "must support a single free value", "which requires at least two", "Use 'tpe'."
)


@dataclass(frozen=True)
class SamplerKind:
    """A sampler available in studies.

    Attributes
    ----------
    class_name : str
        Name of the class in `optuna.samplers`.
    phrase : str
        Phrase that describes how the sampler chooses trials, such as 'by TPE'.
    options : callable
        Returns the arguments of the class, except the seed, for a problem.
    limits : tuple of Limit
        Limitations of the sampler.
    package : str
        Package required in addition to the dependencies of cjsim; the extra named after the sampler installs it. Empty if none.
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
        "qmc": SamplerKind("QMCSampler", "from a Sobol sequence", lambda problem: {"qmc_type": "sobol", "scramble": True}),
        "random": SamplerKind("RandomSampler", "at random"),
        "gp": SamplerKind("GPSampler", "by a Gaussian process", package="torch"),
    }
)

# A file may use only these names. If another sampler is passed to `optimize`, the study in the result holds its class name.
SamplerName = Annotated[
    str,
    GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema([*SAMPLERS], serialization=core_schema.to_string_ser_schema())),
]


def sampler_phrase(name: str) -> str:
    """Return the phrase that describes how a sampler chooses trials, such as 'by TPE'.

    Parameters
    ----------
    name : str
        A name in `SAMPLERS`, or the class name of another sampler.
    """
    return SAMPLERS[name].phrase if name in SAMPLERS else f"by {name}"


def sampler_faults(name: str, problem: SearchProblem) -> Iterator[Fault]:
    """Yield the requirements of a problem that a sampler does not support.

    Parameters
    ----------
    name : str
        A name in `SAMPLERS`.
    problem : SearchProblem
        The problem.
    """
    for limit in SAMPLERS[name].limits:
        if limit.is_exceeded(problem):
            yield Fault(("sampler",), limit.must, f"'{name}', {limit.got}", limit.remedy)


def require_installed_sampler(name: str) -> None:
    """Raise if a sampler requires a package that is not installed.

    Parameters
    ----------
    name : str
        A name in `SAMPLERS`, or the class name of another sampler.

    Raises
    ------
    InputError
        If the package is not installed.
    """
    if name in SAMPLERS and (package := SAMPLERS[name].package):
        require_package(package, extra=name, where="sampler", what=f"'{name}'", alternative="use 'tpe'")


def make_sampler(name: str, problem: SearchProblem) -> "BaseSampler":
    """Create a sampler whose random numbers depend only on the seed of the problem.

    Parameters
    ----------
    name : str
        A name in `SAMPLERS`.
    problem : SearchProblem
        The problem.

    Returns
    -------
    optuna.samplers.BaseSampler

    Raises
    ------
    InputError
        If the sampler requires a package that is not installed, or the name refers to a sampler that must be passed to `optimize`.
    """
    from optuna import samplers

    if name not in SAMPLERS:
        remedy = f"Pass the sampler to optimize again: sampler={name}(seed=...)."
        raise InputError(format_error("sampler", f"must be one of {quote_choices(SAMPLERS)}", f"'{name}'", remedy))
    require_installed_sampler(name)
    kind = SAMPLERS[name]
    sampler: BaseSampler = getattr(samplers, kind.class_name)(seed=_sampler_seed(problem.seed), **kind.options(problem))
    return sampler


@contextlib.contextmanager
def silence_optuna() -> Iterator[None]:
    """Silence Optuna's log and warnings within a `with` block, because cjsim has its own messages."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna|cjsim\.tuning")  # from Python 3.12 on, Optuna's warnings name its caller
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _sampler_seed(seed: int) -> int:
    """Return a 32-bit seed, as required by numpy's legacy generators, independent of the seed of the customers."""
    return int.from_bytes(hashlib.blake2s(f"{seed}:sampler".encode(), digest_size=4).digest(), "big")
