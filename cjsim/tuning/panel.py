"""Customers on whom policies are tried, and what is kept of how they fared.

Lives here: a panel (so many customers of one seed), the account of a policy on it, and the contrast of two accounts. Does not live
here: several journeys at once (robust.py), which policies are tried and how long (evaluate.py, confirm.py).
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from cjsim.engine.result import Metric, Run
from cjsim.metrics.estimate import Terms, Z, estimate, influence, paired, ratio, rooted
from cjsim.metrics.sample import Pairing, Sample
from cjsim.model.scenario import Scenario


class Aspect(NamedTuple):
    """A metric, and on which side of it is worse: 1 above, -1 below."""

    metric: str
    worse: int


class Contrast(NamedTuple):
    """A metric under two policies: `effect` is value - baseline, with its 95 % interval and standard error; nan where undefined."""

    baseline: float
    value: float
    effect: float
    low: float
    high: float
    error: float

    def upon(self, baseline: float) -> "Contrast":
        """The same difference from what the baseline is worth on more customers; itself where it is undefined.

        Parameters
        ----------
        baseline : float
            The metric of the baseline on these.
        """
        return self if math.isnan(self.effect) else self._replace(baseline=baseline, value=baseline + self.effect)

    def after(self, first: "Contrast") -> "Contrast":
        """The difference from the first's baseline, where this one's baseline is the first's value; both as if independent.

        Parameters
        ----------
        first : Contrast
            Of what this one is compared with.

        Examples
        --------
        >>> step = Contrast(5.0, 4.5, -0.5, -0.6, -0.4, 0.05)
        >>> round(step.after(Contrast(4.0, 5.2, 1.2, 1.1, 1.3, 0.05)).effect, 9)
        0.7
        """
        effect, error = first.effect + self.effect, math.hypot(first.error, self.error)
        return Contrast(first.baseline, first.value + self.effect, effect, effect - Z * error, effect + Z * error, error)


class Account(Protocol):
    """What is kept of a policy on a panel: its metrics with their 95 % intervals, how many lives it took."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """By name."""

    @property
    def simulated(self) -> int:
        """Lives."""

    def against(self, base: Self, aspect: Aspect) -> Contrast:
        """The difference from another policy on the same panel.

        Parameters
        ----------
        base : Account
            Of the other policy.
        aspect : Aspect
            In which metric.
        """

    def beside(self, base: Self, aspect: Aspect) -> Contrast:
        """The difference from another policy on other customers.

        Parameters
        ----------
        base : Account
            Of the other policy.
        aspect : Aspect
            In which metric.
        """


class Panel(Protocol):
    """Customers on whom any policy can be tried."""

    @property
    def customers(self) -> int:
        """How many, at first."""

    def live(self, values: Mapping[str, Any]) -> Any:
        """Let them live under a policy, and give its `Account`.

        Parameters
        ----------
        values : Mapping of str to Any
            Values by path that make the policy from the baseline; none: the baseline itself.

        Raises
        ------
        InputError
            If the scenario with these values is refused.
        """


@dataclass(frozen=True, eq=False)
class Lives:
    """What is kept of a run: numerators and denominators of some metrics by root, and who the roots are.

    `metrics`: with their 95 % intervals, those of the run; none for a part of the customers.
    """

    terms: Mapping[str, Terms]
    metrics: Mapping[str, Metric]
    sample: Sample
    simulated: int

    @classmethod
    def of(cls, run: Run, metrics: Sequence[str], *, measured: Sequence[str] = ()) -> "Lives":
        """What is kept of a run.

        Parameters
        ----------
        run : Run
            The run; not kept.
        metrics : Sequence of str
            What can be compared.
        measured : Sequence of str
            What is known besides, for this policy alone.

        Raises
        ------
        InputError
            If the run has no such metric.
        """
        from cjsim.metrics.catalog import definition_of

        sample, terms, found = Sample.of(run), {}, {}
        for name in dict.fromkeys([*metrics, *measured]):
            definition = definition_of(run, name)
            one = definition.terms(run)
            found[name] = estimate(one, definition.unit, sample)
            if name in metrics:
                terms[name] = rooted(one, sample)
        return cls(terms, found, sample.of_roots, len(run))

    def first(self, customers: int) -> "Lives":
        """Of the first customers only, as if the others had not been there; totals as all would have if they fared alike.

        Parameters
        ----------
        customers : int
            How many, at most as many as there are; nobody may have arrived.
        """
        if customers == self.sample.roots:
            return self
        terms = {name: one._replace(y=one.y[:customers], x=one.x[:customers]) for name, one in self.terms.items()}
        return Lives(terms, {}, Sample.alone(customers), 0).as_of(self.sample.roots)

    def as_of(self, customers: int) -> "Lives":
        """The same, but for totals, which are as more customers would have if they fared alike.

        Parameters
        ----------
        customers : int
            How many initial ones there would be.
        """
        times = customers / self.sample.roots
        totals = {name: one._replace(y=one.y * times) for name, one in self.terms.items() if one.summed and times != 1}
        return self if not totals else replace(self, terms={**self.terms, **totals})

    def followed_by(self, more: "Lives") -> "Lives":
        """With the next customers of the same policy; the metrics of both are not measured anew.

        Parameters
        ----------
        more : Lives
            Of initial customers, as these are.
        """
        terms = {
            name: one._replace(y=np.concatenate([one.y, more.terms[name].y]), x=np.concatenate([one.x, more.terms[name].x]))
            for name, one in self.terms.items()
        }
        return Lives(terms, {}, Sample.alone(self.sample.roots + more.sample.roots), self.simulated + more.simulated)

    def against(self, base: "Lives", aspect: Aspect) -> Contrast:
        """The paired difference from another policy on the same customers.

        Parameters
        ----------
        base : Lives
            Of the other policy.
        aspect : Aspect
            In which metric.

        Returns
        -------
        Contrast
            Exactly 0 with a width of 0 where no customer differs.
        """
        pairing = Pairing.of(base.sample, self.sample)
        found = paired(base.terms[aspect.metric], self.terms[aspect.metric], pairing)
        return Contrast(*found[:5], (found.high - found.low) / (2 * Z))

    def beside(self, base: "Lives", aspect: Aspect) -> Contrast:
        """The difference from another policy on other customers: nobody is compared with himself.

        Parameters
        ----------
        base : Lives
            Of the other policy.
        aspect : Aspect
            In which metric.
        """
        before, after = base.terms[aspect.metric], self.terms[aspect.metric]
        effect, error = ratio(after) - ratio(before), math.hypot(base.error(aspect), self.error(aspect))
        return Contrast(ratio(before), ratio(after), effect, effect - Z * error, effect + Z * error, error)

    def error(self, aspect: Aspect) -> float:
        """The standard error of a metric; nan where it is undefined.

        Parameters
        ----------
        aspect : Aspect
            Which.
        """
        return math.sqrt(self.sample.variance(influence(self.terms[aspect.metric])))


@dataclass(frozen=True)
class Crowd:
    """Customers of one seed in one journey, under any policy.

    `metrics` can be compared; `in_full`: all others are measured as well.
    """

    scenario: Scenario
    metrics: tuple[str, ...]
    customers: int
    seed: int
    threads: int | None = None
    in_full: bool = False

    def live(self, values: Mapping[str, Any]) -> Lives:
        """Let them live under a policy.

        Parameters
        ----------
        values : Mapping of str to Any
            Values by path; none: the scenario as it is.

        Raises
        ------
        InputError
            If the scenario with these values is refused, or grows beyond bounds.
        """
        return self._of(self._under(values))

    def climb(self, values: Mapping[str, Any], rungs: Sequence[int]) -> Iterator[Lives]:
        """Let the first so many live under a policy, then more of them, each once.

        Parameters
        ----------
        values : Mapping of str to Any
            As in `live`.
        rungs : Sequence of int
            How many in all each time; in the end all.

        Yields
        ------
        Lives
            Of all so far; totals as all of the last rung would have if they fared alike. Where a part of the customers would live
            otherwise than among all, only once: of all.

        Raises
        ------
        InputError
            As in `live`.
        """
        from cjsim.engine.stretches import Stretches

        scenario = self._under(values)
        if len(rungs) == 1 or not is_nested(scenario):
            yield self._of(scenario)
            return
        stretches, so_far = Stretches(scenario, seed=self.seed, threads=self.threads), None
        for rung in rungs:
            first = so_far.sample.roots if so_far else 0
            lives = Lives.of(stretches.live(first, rung - first), self.metrics)
            so_far = so_far.followed_by(lives) if so_far else lives
            yield so_far.as_of(rungs[-1])

    def _under(self, values: Mapping[str, Any]) -> Scenario:
        return self.scenario.with_values(values) if values else self.scenario

    def _of(self, scenario: Scenario) -> Lives:
        from cjsim.engine.run import simulate
        from cjsim.metrics.catalog import definitions

        run = simulate(scenario, customers=self.customers, seed=self.seed, threads=self.threads)
        return Lives.of(run, self.metrics, measured=list(definitions(run.codebook)) if self.in_full else ())


def is_shared(scenario: Scenario) -> bool:
    """Whether how customers fare depends on how many there are: they share desks or budgets, or stand beside some who arrive.

    Parameters
    ----------
    scenario : Scenario
        With any policy.
    """
    return scenario.shares or bool(scenario.journey.acquisition)


def is_nested(scenario: Scenario) -> bool:
    """Whether a part of the customers lives as it would among all, and is like the rest.

    The first rows of an entry file may be the first by date, and so like no others.

    Parameters
    ----------
    scenario : Scenario
        With any policy.
    """
    return not is_shared(scenario) and scenario.entry.file is None


def derived_seed(seed: int, purpose: str) -> int:
    """A seed for something else than what `seed` is for.

    Parameters
    ----------
    seed : int
        Of the study.
    purpose : str
        What it is for.

    Returns
    -------
    int
        In [0, 2**63).

    Examples
    --------
    >>> derived_seed(1, "first") != derived_seed(1, "second")
    True
    """
    return int.from_bytes(hashlib.blake2s(f"{seed}:{purpose}".encode(), digest_size=8).digest(), "big") >> 1
