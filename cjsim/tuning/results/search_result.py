"""Results of a study as data: its trials, the confirmed winner, and the number of simulated customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjsim.json_records import ComparableRecord, plain_values
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.scenario.value_numbers import numeric_column
from cjsim.simulation.documents import Policy, Scenario
from cjsim.tuning.confirm import ConfirmationResult, Finalist
from cjsim.tuning.results.bound_warnings import bound_warnings
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BestPolicy(ComparableRecord):
    """Winner of a study. If no trial is feasible, the trial closest to feasibility.

    Attributes
    ----------
    params : Mapping of str to Any
        Values of the free parameters, by path.
    scenario : Scenario
        The scenario with these values.
    metrics : Mapping of str to MetricEstimate
        Metrics in objectives and constraints, with intervals, on fresh customers; without parameter draws, all other metrics as well.
    gain : Mapping of str to ObjectiveGain
        Value, effect relative to the baseline, and 95 % interval of the effect on fresh customers, keyed by the objective's metric.
    optimism : Mapping of str to float
        Gain in the search minus confirmed gain, in the direction of the objective, keyed by metric.
    verdict : str
        'gain', 'none' or 'infeasible'.
    """

    params: Mapping[str, Any]
    scenario: Scenario
    metrics: Mapping[str, MetricEstimate]
    gain: Mapping[str, ObjectiveGain]
    optimism: Mapping[str, float]
    verdict: str

    @property
    def policy(self) -> Policy:
        """Policy of the winning scenario."""
        return self.scenario.policy


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """Trials of a study, and their confirmation.

    Attributes
    ----------
    study : Study
        The study with all options applied.
    trials : tuple of Trial
        All trials of the search, in order of their index.
    confirmation : ConfirmationResult
        The winner and its gain on fresh customers.
    baseline : Mapping of str to MetricEstimate
        Metrics of the baseline scenario on the customers of the search.
    storage : str
        Location of the stored trials.
    seconds : float
        Wall time of this call. The total time of a resumed study is longer.
    """

    study: Study
    trials: tuple[Trial, ...]
    confirmation: ConfirmationResult
    baseline: Mapping[str, MetricEstimate]
    storage: str
    seconds: float

    @property
    def best(self) -> BestPolicy:
        """Winner of the study."""
        found = self.confirmation
        scenario = self.study.scenario_with(found.trial.params)
        return BestPolicy(found.trial.params, scenario, found.metrics, found.gains, found.optimism, found.verdict)

    @property
    def policy(self) -> Policy:
        """Policy of the winner."""
        return self.best.policy

    @property
    def pareto(self) -> tuple[Finalist, ...]:
        """Finalists that no other finalist dominates on fresh customers. With one objective, this is the winner."""
        return self.confirmation.pareto

    @property
    def simulated_customers(self) -> int:
        """Total number of simulated customers in the trials, the baseline and the confirmation."""
        searched = sum(trial.simulated_customers for trial in self.trials)
        return searched + self.study.customers_per_trial + self.confirmation.simulated_customers

    @property
    def pruned_trials(self) -> tuple[Trial, ...]:
        """Trials that were stopped before all customers were simulated."""
        return tuple(trial for trial in self.trials if trial.customers < self.study.customers_per_trial)

    @property
    def warnings(self) -> list[str]:
        """Warnings about winning values at the bounds of their search."""
        return bound_warnings(self.study, self.confirmation.trial.params)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, independent of workers, threads and interruptions. Undefined numbers become null."""
        found, names = self.confirmation, [objective.metric for objective in self.study.objectives]
        best = {
            "params": found.trial.params,
            "metrics": _records(found.metrics),
            "gain": _gains(found.gains),
            "optimism": found.optimism,
            "verdict": found.verdict,
            "trial": found.trial.index,
            "chance_best": found.chance_best,
            "excess": found.excess,
            "broken": found.surely_violated,
            "customers": found.customers,
        }
        if found.rounded is not None:
            best["rounded"] = {"params": found.rounded.params, "gain": _gains(found.rounded.gains), "broken": found.rounded.surely_violated}
        pareto = [
            {
                "params": finalist.trial.params,
                "metrics": {name: {"value": gain.value} for name, gain in zip(names, finalist.gains, strict=True)},
                "gain": _gains(dict(zip(names, finalist.gains, strict=True))),
                "trial": finalist.trial.index,
            }
            for finalist in found.pareto
        ]
        content = {"study": self.study.name, "seed": self.study.seed, "trials": len(self.trials)}
        content |= {"customers": self.study.customers_per_trial, "simulated": self.simulated_customers}
        return plain_values(
            content | {"best": best, "baseline": _records(found.baseline or self.baseline), "pareto": pareto, "warnings": self.warnings}
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Return the trials as a DataFrame.

        Returns
        -------
        DataFrame
            One row per trial: values by path, as numbers where they are numbers; number of customers; value, effect and interval of each
            objective; violation of each constraint (columns `beyond ...`); whether the trial is feasible. The unit is in the name of the
            column: 'policy.flows.cart.steps[0].wait (days)', 'clv effect (money)'.
        """
        import pandas as pd

        trials = self.trials
        columns = dict(numeric_column(path, [trial.params[path] for trial in trials]) for path in trials[0].params)
        columns |= {"customers": [trial.customers for trial in trials], "simulated": [trial.simulated_customers for trial in trials]}
        for i, objective in enumerate(self.study.objectives):
            unit = self.baseline[objective.metric].unit
            for part in ObjectiveGain._fields:
                name = objective.metric if part == "value" else f"{objective.metric} {part}"
                columns[f"{name} ({unit})"] = [getattr(trial.gains[i], part) for trial in trials]
        for constraint in self.study.constraints:
            unit = self.baseline[constraint.metric].unit
            columns[f"beyond {constraint.name} ({unit})"] = [trial.excess[constraint.name] for trial in trials]
        columns["feasible"] = [trial.is_feasible for trial in trials]
        return pd.DataFrame(columns, index=pd.Index([trial.index for trial in trials], name="trial"))


def _records(metrics: Mapping[str, MetricEstimate]) -> dict[str, dict[str, Any]]:
    return {name: metric._asdict() for name, metric in metrics.items()}


def _gains(gains: Mapping[str, ObjectiveGain]) -> dict[str, dict[str, float]]:
    return {name: {"effect": gain.effect, "low": gain.low, "high": gain.high} for name, gain in gains.items()}
