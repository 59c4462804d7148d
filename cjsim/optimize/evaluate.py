"""What a trial is worth: simulated beside the baseline, on as many customers as it takes to see that it loses.

Lives here: from a point of a study to its `Trial`, and what is kept in memory between trials. Does not live here: the rule by which a
trial is given up (race.py), customers and accounts (panel.py, robust.py), which points are tried (search.py), the last word (confirm.py).
"""

import contextlib
import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from cjsim.engine.result import Metric
from cjsim.errors import InputError, shown
from cjsim.optimize.panel import Aspect, Contrast, Crowd, Lives, derived_seed, is_nested
from cjsim.optimize.race import Lead, is_beaten, is_broken, rungs
from cjsim.optimize.study import Study
from cjsim.optimize.trial import Gain, Trial

_KEPT_CUSTOMERS = 1_500_000  # in all accounts kept: tens of megabytes a metric
_KEPT_LEAST, _KEPT_MOST = 10, 64  # accounts


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
        self._space = study.space
        self._objectives = tuple(Aspect(one.metric, -one.sign) for one in study.objectives)
        self._bounds = tuple((Aspect(one.metric, one.sign), one) for one in study.constraints)
        metrics = dict.fromkeys(aspect.metric for aspect in self.aspects)
        self._crowd = Crowd(study.scenario, tuple(metrics), study.size, study.seed, threads)
        self._kept: OrderedDict[str, Lives] = OrderedDict()
        self._room = max(_KEPT_LEAST, min(_KEPT_MOST, _KEPT_CUSTOMERS // max(study.size, 1)))

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """The metrics that matter, and on which side of them is worse: of the objectives, then of the constraints."""
        return (*self._objectives, *(aspect for aspect, _ in self._bounds))

    @cached_property
    def baseline(self) -> Mapping[str, Metric]:
        """Each objective's and constraint's metric as the scenario is, on all customers."""
        return MappingProxyType({aspect.metric: self._base.metric(aspect) for aspect in self.aspects})

    @cached_property
    def _base(self) -> Lives:
        return self._crowd.live({})

    def evaluate(self, index: int, point: Mapping[str, float], *, rivals: Sequence[Trial]) -> Trial:
        """What one choice is worth: a function of the study and of what is given, and of nothing else.

        A metric that is undefined under this policy (a rate of openings where nothing is sent) is nan as an objective and infinitely
        beyond its bound as a constraint: the trial is not feasible.

        Parameters
        ----------
        index : int
            Of the trial, from 0.
        point : Mapping of str to float
            A number for each coordinate.
        rivals : Sequence of Trial
            Whom it must not surely lose against: of one objective the best one counts, of several each. Only those count that are
            feasible and have lived with all customers.

        Raises
        ------
        InputError
            If the scenario is refused with these values; the message names them.
        """
        params = self._space.values(point)
        with _named(index, params):
            if not self.study.pairing:
                return self._apart(index, point, params)
            return self._paired(index, point, params, self._rivals(rivals))

    def _paired(self, index: int, point: Mapping[str, float], params: dict[str, Any], rivals: Sequence[Trial]) -> Trial:
        """On the customers of all trials, rung by rung."""
        simulated, sizes = 0, rungs(self.study.size) if self._is_raced(params) else [self.study.size]
        for size in sizes:
            lives = self._crowd.live(params, customers=size)
            simulated += lives.simulated
            if size == self.study.size:
                break
            contrasts = self._contrasts(lives, self._base.first(size))
            beaten = self._beaten(lives, rivals)
            if beaten is not None:
                return self._trial(index, point, params, size, simulated, [*beaten, *contrasts[len(beaten) :]])
            if any(map(is_broken, self._beyond(contrasts))):
                return self._trial(index, point, params, size, simulated, contrasts)
        trial = self._trial(index, point, params, size, simulated, self._contrasts(lives, self._base))
        if trial.is_feasible:
            self._keep(_key(params), lives)
        return trial

    def _apart(self, index: int, point: Mapping[str, float], params: dict[str, Any]) -> Trial:
        """On customers of its own."""
        crowd = replace(self._crowd, seed=derived_seed(self.study.seed, f"trial {index}"))
        lives = crowd.live(params)
        contrasts = [lives.beside(self._base, aspect) for aspect in self.aspects]
        return self._trial(index, point, params, self.study.size, lives.simulated, contrasts)

    def _contrasts(self, lives: Lives, base: Lives) -> list[Contrast]:
        return [lives.against(base, aspect) for aspect in self.aspects]

    def _beaten(self, lives: Lives, rivals: Sequence[Trial]) -> list[Contrast] | None:
        """The objectives of a trial that a rival surely beats on its first customers; None if none does.

        They are told by way of that rival, on all customers, so that no trial seems better than who has beaten it.
        """
        for rival in rivals:
            theirs = self._account(rival)
            steps = [lives.against(theirs.first(lives.sample.roots), aspect) for aspect in self._objectives]
            if is_beaten([Lead(-aspect.worse * one.effect, one.error) for aspect, one in zip(self._objectives, steps, strict=True)]):
                return [one.after(theirs.against(self._base, aspect)) for aspect, one in zip(self._objectives, steps, strict=True)]
        return None

    def _beyond(self, contrasts: Sequence[Contrast]) -> list[Lead]:
        """How far beyond each bound, with the standard error."""
        return [Lead(by, one.error) for by, one in zip(self._excess(contrasts), contrasts[len(self._objectives) :], strict=True)]

    def _trial(
        self, index: int, point: Mapping[str, float], params: dict[str, Any], customers: int, simulated: int, contrasts: Sequence[Contrast]
    ) -> Trial:
        objectives = zip(self._objectives, contrasts, strict=False)
        gains = tuple(Gain(self._value(aspect, one), one.effect, one.low, one.high) for aspect, one in objectives)
        names = [constraint.name for _, constraint in self._bounds]
        excess = dict(zip(names, self._excess(contrasts), strict=True))
        return Trial(index, dict(point), params, customers, simulated, gains, excess)

    def _excess(self, contrasts: Sequence[Contrast]) -> list[float]:
        """By constraint: how far beyond its bound the metric is."""
        found = []
        for (aspect, constraint), one in zip(self._bounds, contrasts[len(self._objectives) :], strict=True):
            value = self._value(aspect, one)
            found.append(math.inf if math.isnan(value) else constraint.sign * (value - constraint.bound))
        return found

    def _value(self, aspect: Aspect, contrast: Contrast) -> float:
        """What a metric would be on all customers."""
        if not self.study.pairing or math.isnan(contrast.effect):
            return contrast.value
        return self.baseline[aspect.metric].value + contrast.effect

    def _is_raced(self, params: Mapping[str, Any]) -> bool:
        return self.study.racing and is_nested(self.study.scenario) and is_nested(self.study.variant(params))

    def _rivals(self, rivals: Sequence[Trial]) -> list[Trial]:
        able = sorted((rival for rival in rivals if rival.is_feasible and rival.customers == self.study.size), key=lambda one: one.index)
        if len(self._objectives) > 1 or not able:
            return able
        sign = self.study.objectives[0].sign
        return [max(able, key=lambda rival: sign * rival.gains[0].value)]

    def _account(self, trial: Trial) -> Lives:
        """A trial's lives; lived again if they are not kept."""
        key = _key(trial.params)
        if key not in self._kept:
            self._keep(key, self._crowd.live(trial.params))
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: str, lives: Lives) -> None:
        self._kept[key] = lives
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)


@contextlib.contextmanager
def _named(index: int, params: Mapping[str, Any]) -> Iterator[None]:
    """Wrong input within the block is said to be that of a trial."""
    try:
        yield
    except InputError as error:
        said = ", ".join(f"{path} = {shown(value)}" for path, value in params.items())
        raise InputError(f"trial {index} ({said}): {error}") from error


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)
