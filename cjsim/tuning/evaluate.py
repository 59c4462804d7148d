"""What a trial is worth: simulated beside the baseline, on as many customers as it takes to see that it loses.

Lives here: from a point of a study to its `Trial`, and what is kept in memory between trials. Does not live here: the rule by which a
trial is given up (race.py), customers and accounts (panel.py, robust.py), which points are tried (search.py), the last word (confirm.py).
"""

import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from cjsim.engine.result import Metric
from cjsim.errors import InputError
from cjsim.tuning.draws import Draw, read_draws
from cjsim.tuning.goals import Goals
from cjsim.tuning.panel import Account, Contrast, Crowd, Lives, Panel, derived_seed, is_nested, is_shared
from cjsim.tuning.race import Lead, is_beaten, is_broken, rungs
from cjsim.tuning.robust import Aim, Journeys
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

_WINDOWS = 3  # of draws: for the search, the first and the second fresh customers
_KEPT_CUSTOMERS = 1_500_000  # in all accounts kept: tens of megabytes a metric
_KEPT_LEAST, _KEPT_MOST = 10, 64  # accounts


class _Lived(NamedTuple):
    """How a policy fared: on how many customers, after how many lives, and its contrasts with the baseline."""

    customers: int
    simulated: int
    contrasts: list[Contrast]


class Evaluator:
    """Gives what any choice of a study's free values is worth.

    Parameters
    ----------
    study : Study
        Without faults.
    threads : int, optional
        All cores if not given. No number depends on it.
    """

    def __init__(self, study: Study, *, threads: int | None = None) -> None:
        self.study = study
        self.goals = Goals.of(study)
        self._space = study.space
        self._threads = threads
        self._panel = self._panel_of(study.seed)
        self._kept: OrderedDict[str, Lives] = OrderedDict()
        self._room = max(_KEPT_LEAST, min(_KEPT_MOST, _KEPT_CUSTOMERS // max(study.size, 1)))

    @property
    def baseline(self) -> Mapping[str, Metric]:
        """Each objective's and constraint's metric as the scenario is, on all customers."""
        return MappingProxyType(self._base.metrics)

    @property
    def has_fresh_draws(self) -> bool:
        """Whether there are parameter draws enough to confirm on others; True where there are none."""
        return self.study.draws is None or len(self._draws) >= _WINDOWS * self.study.draws.rows

    @cached_property
    def _base(self) -> Any:
        return self._panel.live({})

    @cached_property
    def _draws(self) -> tuple[Draw, ...]:
        return read_draws(self.study.draws.file) if self.study.draws else ()

    def _panel_of(self, seed: int, *, customers: int | None = None, window: int = 0, in_full: bool = False) -> Crowd | Journeys:
        """So many customers of a seed, in the study's journey or those of its draws: of the rows of each window, if there are enough."""
        count = self.study.size if customers is None else customers
        crowd = Crowd(self.study.scenario, self.goals.metrics, count, seed, self._threads, in_full)
        if (asked := self.study.draws) is None:
            return crowd
        rows = self._draws[window * asked.rows if self.has_fresh_draws else 0 :]
        aim = Aim(None if asked.aim == "mean" else asked.tail)
        return Journeys.of(crowd, rows[: asked.rows], self.goals.aspects, aim)

    def fresh(self, stage: Literal["first", "second"]) -> Panel:
        """Other customers, on whom nothing has been chosen yet.

        Parameters
        ----------
        stage : {'first', 'second'}
            Each has its own; on the second all metrics are measured.

        Returns
        -------
        Panel
            With the customers of `confirm`, else twice the study's; as many as in the study where customers meet, or a metric is a
            total, as more would be another world. Parameter draws are fresh too, if the file has rows enough.
        """
        is_alike = not (is_shared(self.study.scenario) or self.goals.has_total(self.study.scenario))
        customers = self.study.confirm.customers or self.study.size * (2 if is_alike else 1)
        seed, is_second = derived_seed(self.study.seed, stage), stage == "second"
        return self._panel_of(seed, customers=customers, window=1 + is_second, in_full=is_second)

    def evaluate(self, index: int, point: Mapping[str, float], *, rivals: Sequence[Trial]) -> Trial:
        """What one choice is worth: a function of the study and of what is given, and of nothing else.

        A metric that is undefined under this policy (a rate of openings where nothing is sent) is nan as an objective and infinitely
        beyond its bound as a constraint: the trial is not feasible. Nor is one whose scenario is refused with these values (nobody at
        a desk that is asked, say): each may be right alone, and all together not.

        Parameters
        ----------
        index : int
            Of the trial, from 0.
        point : Mapping of str to float
            A number for each coordinate.
        rivals : Sequence of Trial
            Whom it must not surely lose against: of one objective the best one counts, of several each. Only those count that are
            feasible and have lived with all customers.
        """
        params = self._space.values(point)
        baseline = self.baseline  # what is wrong with it is no choice's fault
        try:
            lived = self._paired(params, self._rivals(rivals)) if self.study.pairing else self._apart(index, params)
        except InputError as error:
            unknown = [Contrast(baseline[one.metric].value, *[math.nan] * 5) for one in self.goals.aspects]
            gains, excess = self.goals.gains(unknown), self.goals.excess(unknown)
            return Trial(index, dict(point), params, self.study.size, 0, gains, excess, str(error))
        gains, excess = self.goals.gains(lived.contrasts), self.goals.excess(lived.contrasts)
        return Trial(index, dict(point), params, lived.customers, lived.simulated, gains, excess)

    def _paired(self, params: Mapping[str, Any], rivals: Sequence[Trial]) -> _Lived:
        """On the customers of all trials, rung by rung."""
        panel = self._panel
        if not isinstance(panel, Crowd):
            account = panel.live(params)
            return _Lived(self.study.size, account.simulated, self._contrasts(account, self._base))
        is_raced = self.study.racing and is_nested(self.study.scenario)
        for lives in panel.climb(params, rungs(self.study.size) if is_raced else [self.study.size]):
            if (customers := lives.sample.given) == self.study.size:
                contrasts = self._contrasts(lives, self._base)
                if all(beyond <= 0 for beyond in self.goals.excess(contrasts).values()):
                    self._keep(_key(params), lives)
                break
            contrasts = self._contrasts(lives, self._base.first(customers))
            if (beaten := self._beaten(lives, panel, rivals)) is not None:
                contrasts = [*beaten, *contrasts[len(beaten) :]]
                break
            if self._breaks(contrasts, customers):
                break
        return _Lived(customers, lives.simulated, contrasts)

    def _apart(self, index: int, params: Mapping[str, Any]) -> _Lived:
        """On customers of its own."""
        account = self._panel_of(derived_seed(self.study.seed, f"trial {index}")).live(params)
        return _Lived(self.study.size, account.simulated, [account.beside(self._base, aspect) for aspect in self.goals.aspects])

    def _contrasts(self, account: Account, base: Any) -> list[Contrast]:
        """With the baseline, as it would be on all customers."""
        found = ((aspect, account.against(base, aspect)) for aspect in self.goals.aspects)
        return [contrast.upon(self.baseline[aspect.metric].value) for aspect, contrast in found]

    def _beaten(self, lives: Lives, panel: Crowd, rivals: Sequence[Trial]) -> list[Contrast] | None:
        """The objectives of a trial that a rival surely beats on its first customers; None if none does.

        They are told by way of that rival, on all customers, so that no trial seems better than who has beaten it.
        """
        for rival in rivals:
            theirs, wanted = self._account(rival, panel), self.goals.wanted
            steps = [lives.against(theirs.first(lives.sample.roots), aspect) for aspect in wanted]
            share = lives.sample.given / self.study.size
            if is_beaten([Lead.on(share, -aspect.worse * one.effect, one.error) for aspect, one in zip(wanted, steps, strict=True)]):
                return [one.after(theirs.against(self._base, aspect)) for aspect, one in zip(wanted, steps, strict=True)]
        return None

    def _breaks(self, contrasts: Sequence[Contrast], customers: int) -> bool:
        """Whether a constraint is surely broken on all customers, as far as the first ones tell."""
        share, beyond = customers / self.study.size, self.goals.excess(contrasts).values()
        bounds = zip(beyond, contrasts[len(self.goals.objectives) :], strict=True)
        return any(is_broken(Lead.on(share, by, one.error)) for by, one in bounds)

    def _rivals(self, rivals: Sequence[Trial]) -> list[Trial]:
        able = sorted((rival for rival in rivals if rival.is_feasible and rival.customers == self.study.size), key=lambda one: one.index)
        if len(self.goals.objectives) > 1 or not able:
            return able
        sign = self.study.objectives[0].sign
        return [max(able, key=lambda rival: sign * rival.gains[0].value)]

    def _account(self, trial: Trial, panel: Crowd) -> Lives:
        """A trial's lives; lived again if they are not kept."""
        key = _key(trial.params)
        if key not in self._kept:
            self._keep(key, panel.live(trial.params))
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: str, lives: Lives) -> None:
        self._kept[key] = lives
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)
