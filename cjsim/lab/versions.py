"""Two versions of a journey, a policy or a scenario: the difference in words, and what each change did to customers.

Lives here: which of them can be simulated, each change alone and all together on the same customers. Does not live here: finding changes
(difference.py).
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjsim.engine.result import jsonable
from cjsim.errors import InputError, complaint
from cjsim.lab.difference import Change, differences
from cjsim.lab.sums import Interval, Sums
from cjsim.metrics.estimate import Z
from cjsim.metrics.tables import decimals_of, interval, number
from cjsim.model.describe import describe
from cjsim.model.document import Document
from cjsim.model.scenario import Scenario

if TYPE_CHECKING:
    from cjsim.engine.result import Run
    from cjsim.engine.run import Progress

_SETTINGS = (
    "customers",
    "seed",
    "start",
    "horizon",
    "entry",
    "discount_rate",
)  # of a scenario: they change whom one looks at, not what is done

_WHOLE = 3  # keys of the path of a whole thing, such as policy.flows.cart


@dataclass(frozen=True)
class Step:
    """One change, and what it did alone.

    Attributes
    ----------
    change : Change
        What stands otherwise.
    effect : Interval or None
        On the metric, with a 95 % interval; None where it was not simulated.
    why : str
        Why it was not; or that the effect is on top of all that the new version adds, as the change cannot stand without.
    """

    change: Change
    effect: Interval | None
    why: str = ""


@dataclass(frozen=True)
class Versions:
    """What differs between two versions, and what that did.

    Attributes
    ----------
    steps : tuple of Step
        One a change.
    words : tuple of str
        Lines of the descriptions that differ: '- ' of the old version, '+ ' of the new one.
    metric, unit : str
        Of the effects; empty where none was asked for.
    baseline : float
        The metric under the old version.
    together : Interval or None
        The effect of all changes of journey and policy at once.
    """

    steps: tuple[Step, ...]
    words: tuple[str, ...]
    metric: str = ""
    unit: str = ""
    baseline: float = float("nan")
    together: Interval | None = None

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The difference, in words and by path, and what each change did."""
        if not self.steps:
            return "Both say the same."
        lines = ["In the files:", *(f"  {step.change}" for step in self.steps)]
        lines += ["", "In words:", *(f"  {line}" for line in self.words)] if self.words else []
        return "\n".join([*lines, *(["", *self._effects()] if self.together is not None else [])])

    def _effects(self) -> Iterator[str]:
        told = number(self.baseline, self.unit, decimals_of(self.unit, (self.baseline,)))
        yield f"Effect on {self.metric}, {told} before, of each change alone (95 % intervals):"
        shown = [
            (_said(step.effect, self.unit) if step.effect is not None else "-", f"{step.change.where}{step.why and f' ({step.why})'}")
            for step in self.steps
            if not step.change.is_words
        ]
        assert self.together is not None
        shown.append((_said(self.together, self.unit), "all of journey and policy together"))
        width = max(len(effect) for effect, _ in shown)
        yield from (f"  {effect:<{width}}  {where}" for effect, where in shown)

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "changes": [
                {
                    "path": step.change.where,
                    "kind": step.change.kind,
                    "before": step.change.before,
                    "after": step.change.after,
                    "effect": _plain(step.effect),
                    "why": step.why,
                }
                for step in self.steps
            ],
            "words": list(self.words),
            "metric": self.metric,
            "unit": self.unit,
            "baseline": jsonable(self.baseline),
            "together": _plain(self.together),
        }


def compare_versions(
    old: Document,
    new: Document,
    *,
    metric: str | None = None,
    customers: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: "Progress | None" = None,
) -> Versions:
    """What differs, and what each change of journey or policy does alone and all do together, on the same customers.

    Parameters
    ----------
    old, new : Document
        Two scenarios, two journeys or two policies.
    metric : str, optional
        What effects are told of; none are without it. Needs scenarios.
    customers, seed : int, optional
        Instead of those of the old version.
    threads : int, optional
        All cores if not given.
    progress : Progress, optional
        Is told how far the work is.

    Raises
    ------
    InputError
        If the two are of different kinds, or effects are asked for of what cannot be simulated or compared, or there is no such metric.
    """
    kinds = [type(one).__name__.lower() for one in (old, new)]
    if kinds[0] != kinds[1]:
        raise InputError(
            complaint("diff", "must have two files of one kind", f"a {kinds[0]} and a {kinds[1]}", "Name two that can be compared.")
        )
    changes = differences(old, new)
    words = tuple(_worded(describe(old), describe(new)))  # type: ignore[arg-type]
    if metric is None:
        return Versions(tuple(Step(change, None) for change in changes), words)
    if not isinstance(old, Scenario) or not isinstance(new, Scenario):
        remedy = "Name scenarios, or --in the scenario in which they stand."
        raise InputError(complaint("diff", "must have scenarios to tell effects", f"a {kinds[0]}", remedy))
    return _Trial(old, metric, _runner(old, customers, seed, threads, progress)).versions(new, changes, words)


class _Trial:
    """Changes tried against the old version."""

    def __init__(self, old: Scenario, metric: str, run: "Callable[[Scenario], Run]") -> None:
        from cjsim.metrics.catalog import definition_of

        self.old, self.metric, self._run = old, metric, run
        self.base = run(old)
        self.unit = definition_of(self.base, metric).unit
        self.data = old.to_dict()

    def versions(self, new: Scenario, changes: tuple[Change, ...], words: tuple[str, ...]) -> Versions:
        settings = {name: getattr(self.old, name) for name in _SETTINGS}
        everything = self._sums(new.model_copy(update=settings))
        steps = tuple(self._step(change, changes) for change in changes)
        return Versions(steps, words, self.metric, self.unit, everything.baseline, everything.effect(Z))

    def _step(self, change: Change, changes: tuple[Change, ...]) -> Step:
        if change.is_words:
            return Step(change, None, "words")
        if change.path[0] not in ("journey", "policy"):
            return Step(change, None, "it changes whom one looks at")
        try:
            return Step(change, self._sums(Scenario.from_dict(change.made(self.data))).effect(Z))
        except InputError as error:
            return self._on_top(change, changes) or Step(change, None, f"not alone: {str(error).splitlines()[0]}")

    def _on_top(self, change: Change, changes: tuple[Change, ...]) -> Step | None:
        """What a change does on top of all that is added; None where that cannot be either."""
        if not change.is_by_key:
            return None
        data = self.data
        for other in changes:
            # What needs a thing that is added is itself often an addition to a thing that was there: those are left out.
            if other.kind == "add" and other.is_by_key and other is not change and len(other.path) == _WHOLE:
                data = other.made(data)
        try:
            before, after = self._run(Scenario.from_dict(data)), self._run(Scenario.from_dict(change.made(data)))
        except InputError:
            return None
        return Step(change, Sums.of(before, after, self.metric).effect(Z), "on top of what is added")

    def _sums(self, scenario: Scenario) -> Sums:
        return Sums.of(self.base, self._run(scenario), self.metric)


def _runner(
    old: Scenario, customers: int | None, seed: int | None, threads: int | None, progress: "Progress | None"
) -> "Callable[[Scenario], Run]":
    from cjsim.engine.run import simulate

    count, key = old.customers if customers is None else customers, old.seed if seed is None else seed
    return lambda scenario: simulate(scenario, customers=count, seed=key, threads=threads, progress=progress)


def standing_in(scenario: Scenario, part: Document) -> Scenario:
    """A scenario with another journey or policy in it.

    Parameters
    ----------
    scenario : Scenario
        Where it stands.
    part : Document
        A journey or a policy; a scenario is given back as it is.

    Raises
    ------
    InputError
        If they do not fit each other.
    """
    if isinstance(part, Scenario):
        return part
    data: Mapping[str, Any] = {**scenario.to_dict(), type(part).__name__.lower(): part.to_dict()}
    return Scenario.from_dict(data)


def _worded(old: str, new: str) -> Iterator[str]:
    """Lines that differ, each below the nearest heading above it."""
    for line in difflib.ndiff(old.splitlines(), new.splitlines()):
        if line[:2] in ("- ", "+ ") and line[2:].strip():
            yield line


def _said(effect: Interval, unit: str) -> str:
    decimals = decimals_of(unit, effect)
    return f"{number(effect.effect, unit, decimals, sign=True)} {interval(effect.low, effect.high, unit, decimals, sign=True)}".rstrip()


def _plain(effect: Interval | None) -> list[Any] | None:
    return None if effect is None else [jsonable(part) for part in effect]
