"""Search strategies for comparisons with an equal simulation budget."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from cjsim.tuning.batch_sampler import BatchSampler
from cjsim.tuning.confirm import ConfirmationResult, confirm
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.search import select_incumbents
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

DEFAULT_STRATEGY = "TPE, paired, raced"
STRATEGIES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        DEFAULT_STRATEGY: {},
        "TPE, paired": {"racing": False},
        "TPE, unpaired": {"racing": False, "pairing": False},
        "random, paired, raced": {"sampler": "random"},
        "random, paired": {"sampler": "random", "racing": False},
    }
)


class SearchResult(NamedTuple):
    """A search with one strategy: its trials and their confirmation."""

    strategy: str
    seed: int
    study: Study
    trials: tuple[Trial, ...]
    confirmed: ConfirmationResult

    @property
    def simulated_customers(self) -> int:
        """Number of customers simulated in trials; the confirmation simulates equally many with all strategies."""
        return total_simulated(self.trials)


class Incumbent(NamedTuple):
    """A trial that was the best so far after `simulated_customers` had been simulated."""

    simulated_customers: int
    params: Mapping[str, Any]


def total_simulated(trials: Sequence[Trial]) -> int:
    """Number of customers simulated in the trials."""
    return sum(trial.simulated_customers for trial in trials)


def run_strategy(
    path: Path, strategy: str, seed: int, *, simulation_budget: int | None = None, values: Mapping[str, Any] | None = None
) -> SearchResult:
    """Search a study with one strategy, for its own number of trials or until the simulation budget is spent.

    Parameters
    ----------
    path : Path
        File of the study.
    strategy : str
        One of `STRATEGIES`.
    seed : int
        Seed of the study.
    simulation_budget : int, optional
        Number of simulated customers; the search stops after the batch that reaches it.
    values : mapping, optional
        Values by path that replace those of the file.
    """
    study = Study.load(path, set={**STRATEGIES[strategy], "seed": seed, **(values or {})})
    evaluator, sampler, trials = Evaluator(study), BatchSampler(study), list[Trial]()
    while len(trials) < study.trials if simulation_budget is None else total_simulated(trials) < simulation_budget:
        points = sampler.ask(study.batch if simulation_budget is not None else min(study.batch, study.trials - len(trials)))
        best_trials = select_incumbents(study, trials)
        batch = [evaluator.evaluate(len(trials) + i, point, incumbents=best_trials) for i, point in enumerate(points)]
        sampler.tell(batch)
        trials += batch
    return SearchResult(strategy, seed, study, tuple(trials), confirm(study, evaluator, trials))


def incumbents(trials: Sequence[Trial], size: int) -> list[Incumbent]:
    """The complete trials that were the best so far in the first objective, which is maximized.

    Parameters
    ----------
    trials : sequence of Trial
        By index.
    size : int
        Number of customers of a complete trial.
    """
    found: list[Incumbent] = []
    best, simulated = float("-inf"), 0
    for trial in trials:
        simulated += trial.simulated_customers
        if trial.customers == size and trial.gains[0].value > best:
            best = trial.gains[0].value
            found.append(Incumbent(simulated, trial.params))
    return found
