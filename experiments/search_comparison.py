"""Searches held against each other: each may simulate as many lives, and what it finds is judged on customers that none of them saw.

Lives here: who takes part, a search within a number of lives, what was best when. Does not live here: what is searched, and the truth
(e10, e11, e12, e16).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from cjsim.tuning.confirm import ConfirmationResult, confirm
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.search import BatchSampler, select_incumbents
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
    """A search that took part: its trials, and what the confirmation says of them."""

    way: str
    seed: int
    study: Study
    trials: tuple[Trial, ...]
    confirmed: ConfirmationResult

    @property
    def lives(self) -> int:
        """How many lives its trials took; the confirmation takes as many in all ways."""
        return total_simulated(self.trials)


class Incumbent(NamedTuple):
    """The best trial so far, from so many lives on."""

    lives: int
    params: Mapping[str, Any]


def total_simulated(trials: Sequence[Trial]) -> int:
    """How many lives trials took."""
    return sum(trial.simulated_customers for trial in trials)


def run_strategy(
    path: Path, strategy: str, seed: int, *, simulation_budget: int | None = None, set: Mapping[str, Any] | None = None
) -> SearchResult:
    """A study searched in one way: with its own number of trials, or with trials until so many lives are used up.

    Parameters
    ----------
    path : Path
        Of the study.
    strategy : str
        One of `WAYS`.
    seed : int
        Of the study.
    simulation_budget : int, optional
        The last batch is the first one with which the search has taken at least so many.
    set : mapping, optional
        Values of the study's file that hold instead, as in `Study.load`.
    """
    study = Study.load(path, set={**STRATEGIES[strategy], "seed": seed, **(set or {})})
    evaluator, program, trials = Evaluator(study), BatchSampler(study), list[Trial]()
    while len(trials) < study.trials if simulation_budget is None else total_simulated(trials) < simulation_budget:
        points = program.ask(study.batch if simulation_budget is not None else min(study.batch, study.trials - len(trials)))
        rivals = select_incumbents(study, trials)
        batch = [evaluator.evaluate(len(trials) + i, point, incumbents=rivals) for i, point in enumerate(points)]
        program.tell(batch)
        trials += batch
    return SearchResult(strategy, seed, study, tuple(trials), confirm(study, evaluator, trials))


def incumbents(trials: Sequence[Trial], size: int) -> list[Incumbent]:
    """Who was best from when on, by the first objective, of those that lived with all customers; the larger the better.

    Parameters
    ----------
    trials : sequence of Trial
        In the order of their indices.
    size : int
        All customers.
    """
    found: list[Incumbent] = []
    best, lives = float("-inf"), 0
    for trial in trials:
        lives += trial.simulated_customers
        if trial.customers == size and trial.gains[0].value > best:
            best = trial.gains[0].value
            found.append(Incumbent(lives, trial.params))
    return found
