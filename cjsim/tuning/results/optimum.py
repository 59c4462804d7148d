"""What a search has found: the winner as confirmed on fresh customers, the trials behind it, what it cost.

Lives here: the result, its JSON, its table of trials, its files. Does not live here: words and tables (words.py), pictures (picture.py),
how it came about (optimize.py, search.py, confirm.py).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError
from cjsim.manifest import Manifest
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.simulation.documents import Policy, Scenario
from cjsim.simulation.run import to_json_value
from cjsim.tuning.confirm import ConfirmationResult, Finalist
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial
from cjsim.yaml.tree import to_yaml

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BestPolicy:
    """The winner of a study, as fresh customers tell; of a study that no trial kept the constraints of, the trial that came nearest.

    Attributes
    ----------
    params : Mapping of str to Any
        Values by path.
    scenario : Scenario
        With these values.
    metrics : Mapping of str to MetricEstimate
        Of objectives and constraints, with intervals.
    gain : Mapping of str to ObjectiveGain
        By objective: value, effect against the baseline, 95 % interval of the effect.
    optimism : Mapping of str to float
        By objective: what the search had promised beyond that, in its direction.
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
        """What the firm would do."""
        return self.scenario.policy


@dataclass(frozen=True, eq=False)
class Optimum:
    """The result of a study.

    Attributes
    ----------
    study : Study
        As it was run.
    trials : tuple of Trial
        All of the search, by index.
    confirmation : ConfirmationResult
        What holds on fresh customers.
    baseline : Mapping of str to MetricEstimate
        Of the scenario as it is, on the customers of the search.
    storage : str
        Where the trials are kept.
    seconds : float
        Wall time of this call: less than the study's where it went on from what was there.
    """

    study: Study
    trials: tuple[Trial, ...]
    confirmation: ConfirmationResult
    baseline: Mapping[str, MetricEstimate]
    storage: str
    seconds: float

    @property
    def best(self) -> BestPolicy:
        """The winner."""
        found = self.confirmation
        scenario = self.study.scenario_with(found.trial.params)
        return BestPolicy(found.trial.params, scenario, found.metrics, found.gains, found.optimism, found.verdict)

    @property
    def policy(self) -> Policy:
        """The winner's policy."""
        return self.best.policy

    @property
    def pareto(self) -> tuple[Finalist, ...]:
        """Finalists whom, on fresh customers, nobody beats in all objectives; of one objective the winner."""
        return self.confirmation.pareto

    @property
    def simulated_customers(self) -> int:
        """Customers who lived in all: of the trials, of the baseline, of the confirmation."""
        return (
            sum(trial.simulated_customers for trial in self.trials) + self.study.customers_per_trial + self.confirmation.simulated_customers
        )

    @property
    def pruned_trials(self) -> tuple[Trial, ...]:
        """Trials that surely lost before they had all customers."""
        return tuple(trial for trial in self.trials if trial.customers < self.study.customers_per_trial)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Optimum({self.study.name}: {len(self.trials):,} trials, {self.confirmation.verdict})"

    def summary(self) -> str:
        """The result in words and tables."""
        from cjsim.tuning.results.optimum_summary import summarize_optimum

        return summarize_optimum(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, null where undefined; nothing in it depends on who did the search, or on how often it was interrupted."""
        found = self.confirmation
        return {
            "study": self.study.name,
            "seed": self.study.seed,
            "trials": len(self.trials),
            "customers": self.study.customers_per_trial,
            "simulated": self.simulated_customers,
            "best": {
                "params": dict(found.trial.params),
                "metrics": {name: _metric_json(metric) for name, metric in found.metrics.items()},
                "gain": {name: _gain_json(gain) for name, gain in found.gains.items()},
                "optimism": {name: to_json_value(value) for name, value in found.optimism.items()},
                "verdict": found.verdict,
                "trial": found.trial.index,
                "chance_best": to_json_value(found.chance_best),
                "excess": {name: to_json_value(beyond) for name, beyond in found.excess.items()},
                "broken": list(found.surely_violated),
                "customers": found.customers,
            },
            "baseline": {name: _metric_json(metric) for name, metric in (found.baseline or self.baseline).items()},
            "pareto": [self._pareto_json(one) for one in found.pareto],
        }

    def _pareto_json(self, one: Finalist) -> dict[str, Any]:
        names = [objective.metric for objective in self.study.objectives]
        gains = dict(zip(names, one.gains, strict=True))
        return {
            "params": dict(one.trial.params),
            "metrics": {name: {"value": to_json_value(gain.value)} for name, gain in gains.items()},
            "gain": {name: _gain_json(gain) for name, gain in gains.items()},
            "trial": one.trial.index,
        }

    def to_pandas(self) -> "pd.DataFrame":
        """One row a trial: its values by path, customers, each objective's value, effect and interval, how far beyond each constraint."""
        import pandas as pd

        rows = []
        for trial in self.trials:
            row: dict[str, Any] = {**trial.params, "customers": trial.customers, "simulated": trial.simulated_customers}
            for objective, gain in zip(self.study.objectives, trial.gains, strict=True):
                row[objective.metric] = gain.value
                row |= {f"{objective.metric}: {part}": getattr(gain, part) for part in ("effect", "low", "high")}
            rows.append({**row, **{f"beyond {name}": beyond for name, beyond in trial.excess.items()}, "feasible": trial.is_feasible})
        return pd.DataFrame(rows, index=pd.Index([trial.index for trial in self.trials], name="trial"))

    def save(self, folder: str | Path, *, final_folder: str | Path | None = None) -> Path:
        """Write `optimum.json`, `trials.csv`, `best.yaml`, `search.png` and, last, `manifest.json`.

        `best.yaml` is a scenario that other commands take: the study's with the winner's values set, or a whole one where the study's has
        no file of its own.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.
        final_folder : str or Path, optional
            Where the folder will be moved to, as `best.yaml` names the study's scenario from there.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        from cjsim.tuning.results.search_figure import search_figure

        to = Path(folder)
        to.mkdir(parents=True, exist_ok=True)
        (to / "manifest.json").unlink(missing_ok=True)
        text = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        (to / "optimum.json").write_text(f"{text}\n", encoding="utf-8")
        self.to_pandas().to_csv(to / "trials.csv")
        self._save_best_scenario(to / "best.yaml", Path(final_folder or folder))
        search_figure(self, to / "search.png")
        self.manifest().write(to)
        return to

    def manifest(self) -> Manifest:
        """What the journal lists of this study."""
        metric, found = self.study.objectives[0], self.confirmation
        gain = found.gains.get(metric.metric)
        question = f"Which values give the {'largest' if metric.sign > 0 else 'smallest'} {metric.metric}?"
        return Manifest(
            kind="study",
            name=self.study.name,
            hypothesis=self.study.title or question,
            scenario=self.study.scenario.name,
            metric=metric.metric,
            verdict=found.verdict,
            effect=None if gain is None else to_json_value(gain.effect),
            low=None if gain is None else to_json_value(gain.low),
            high=None if gain is None else to_json_value(gain.high),
            unit=self.baseline[metric.metric].unit,
            customers=found.customers or self.study.customers_per_trial,
            seed=self.study.seed,
            digest=self.study.digest(),
            seconds=round(self.seconds, 3),
            details={"params": dict(found.trial.params), "trials": len(self.trials), "simulated": self.simulated_customers},
        )

    def _save_best_scenario(self, path: Path, final_folder: Path) -> None:
        """A scenario over the study's own file, if it is that file with values set; else a whole one."""
        best = self.best
        file = _scenario_file(self.study)
        if file is None or not _is_reproduced_by(file, best.params, best.scenario):
            best.scenario.save(path)
            return
        relative = os.path.relpath(file, final_folder.absolute())
        content = {"extends": Path(relative).as_posix(), "set": dict(best.params)}
        path.write_text(
            f"# The winner of the study {self.study.name}, seed {self.study.seed}: {best.verdict}.\n{to_yaml(content)}", encoding="utf-8"
        )


def _scenario_file(study: Study) -> Path | None:
    """The file of the study's scenario, if it has one of its own."""
    node = study.source().child("scenario")
    file = Path(node.location.rsplit(":", 1)[0]) if node is not None else None
    return file.absolute() if file is not None and file.is_file() else None


def _is_reproduced_by(file: Path, params: Mapping[str, Any], scenario: Scenario) -> bool:
    """Whether a file is this scenario once values are set in it; a study's file is not, and neither is one with changes on the way."""
    try:
        return Scenario.load(file, set=params).digest() == scenario.digest()
    except InputError:
        return False


def _metric_json(metric: MetricEstimate) -> dict[str, Any]:
    return {name: to_json_value(value) for name, value in metric._asdict().items()}


def _gain_json(gain: ObjectiveGain) -> dict[str, Any]:
    return {name: to_json_value(getattr(gain, name)) for name in ("effect", "low", "high")}
