"""Two versions of a journey, a policy or a scenario: the difference in words, and what each change did to customers.

Lives here: which of them can be simulated, each change alone and all together on the same customers. Does not live here: finding changes
(difference.py).
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjsim.description.describe import describe
from cjsim.errors import InputError, format_error
from cjsim.lab.document_diff import DocumentChange, diff_documents
from cjsim.lab.moments import IntervalEstimate, PairedMoments
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.number_format import decimal_places, format_interval, format_value
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import to_json_value
from cjsim.yaml.document import Document

if TYPE_CHECKING:
    from cjsim.progress import Progress
    from cjsim.simulation.run import Run

_SCENARIO_SETTINGS = (
    "customers",
    "seed",
    "start",
    "horizon",
    "entry",
    "discount_rate",
)  # of a scenario: they change whom one looks at, not what is done

_ITEM_PATH_LENGTH = 3  # keys of the path of a whole thing, such as policy.flows.cart


@dataclass(frozen=True)
class ChangeEffect:
    """One change, and what it did alone.

    Attributes
    ----------
    change : DocumentChange
        What stands otherwise.
    effect : IntervalEstimate or None
        On the metric, with a 95 % interval; None where it was not simulated.
    why : str
        Why it was not; or that the effect is on top of all that the new version adds, as the change cannot stand without.
    """

    change: DocumentChange
    effect: IntervalEstimate | None
    why: str = ""


@dataclass(frozen=True)
class VersionComparison:
    """What differs between two versions, and what that did.

    Attributes
    ----------
    changes : tuple of ChangeEffect
        One a change.
    description_diff : tuple of str
        Lines of the descriptions that differ: '- ' of the old version, '+ ' of the new one.
    metric, unit : str
        Of the effects; empty where none was asked for.
    baseline : float
        The metric under the old version.
    joint_effect : IntervalEstimate or None
        The effect of all changes of journey and policy at once.
    """

    changes: tuple[ChangeEffect, ...]
    description_diff: tuple[str, ...]
    metric: str = ""
    unit: str = ""
    baseline: float = float("nan")
    joint_effect: IntervalEstimate | None = None

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The difference, in words and by path, and what each change did."""
        if not self.changes:
            return "Both say the same."
        lines = ["In the files:", *(f"  {step.change}" for step in self.changes)]
        lines += ["", "In words:", *(f"  {line}" for line in self.description_diff)] if self.description_diff else []
        return "\n".join([*lines, *(["", *self._effect_lines()] if self.joint_effect is not None else [])])

    def _effect_lines(self) -> Iterator[str]:
        told = format_value(self.baseline, self.unit, decimal_places(self.unit, (self.baseline,)))
        yield f"Effect on {self.metric}, {told} before, of each change alone (95 % intervals):"
        shown = [
            (
                _format_absolute_effect(step.effect, self.unit) if step.effect is not None else "-",
                f"{step.change.path_string}{step.why and f' ({step.why})'}",
            )
            for step in self.changes
            if not step.change.is_title
        ]
        assert self.joint_effect is not None
        shown.append((_format_absolute_effect(self.joint_effect, self.unit), "all of journey and policy together"))
        width = max(len(effect) for effect, _ in shown)
        yield from (f"  {effect:<{width}}  {where}" for effect, where in shown)

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        return {
            "changes": [
                {
                    "path": step.change.path_string,
                    "kind": step.change.kind,
                    "before": step.change.before,
                    "after": step.change.after,
                    "effect": _estimate_to_json(step.effect),
                    "why": step.why,
                }
                for step in self.changes
            ],
            "words": list(self.description_diff),
            "metric": self.metric,
            "unit": self.unit,
            "baseline": to_json_value(self.baseline),
            "together": _estimate_to_json(self.joint_effect),
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
) -> VersionComparison:
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
            format_error("diff", "must have two files of one kind", f"a {kinds[0]} and a {kinds[1]}", "Name two that can be compared.")
        )
    changes = diff_documents(old, new)
    words = tuple(_description_diff(describe(old), describe(new)))  # type: ignore[arg-type]
    if metric is None:
        return VersionComparison(tuple(ChangeEffect(change, None) for change in changes), words)
    if not isinstance(old, Scenario) or not isinstance(new, Scenario):
        remedy = "Name scenarios, or --in the scenario in which they stand."
        raise InputError(format_error("diff", "must have scenarios to tell effects", f"a {kinds[0]}", remedy))
    return _ChangeSimulator(old, metric, _simulate_like(old, customers, seed, threads, progress)).compare(new, changes, words)


class _ChangeSimulator:
    """Changes tried against the old version."""

    def __init__(self, old: Scenario, metric: str, simulate: "Callable[[Scenario], Run]") -> None:
        from cjsim.metrics.catalog import find_metric_definition

        self.old, self.metric, self._simulate = old, metric, simulate
        self.baseline_run = simulate(old)
        self.unit = find_metric_definition(self.baseline_run, metric).unit
        self.old_data = old.to_dict()

    def compare(self, new: Scenario, changes: tuple[DocumentChange, ...], description_diff: tuple[str, ...]) -> VersionComparison:
        settings = {name: getattr(self.old, name) for name in _SCENARIO_SETTINGS}
        everything = self._paired_moments(new.model_copy(update=settings))
        steps = tuple(self._change_effect(change, changes) for change in changes)
        return VersionComparison(
            steps, description_diff, self.metric, self.unit, everything.baseline, everything.absolute_effect(NORMAL_QUANTILE_95)
        )

    def _change_effect(self, change: DocumentChange, changes: tuple[DocumentChange, ...]) -> ChangeEffect:
        if change.is_title:
            return ChangeEffect(change, None, "words")
        if change.path[0] not in ("journey", "policy"):
            return ChangeEffect(change, None, "it changes whom one looks at")
        try:
            return ChangeEffect(
                change, self._paired_moments(Scenario.from_dict(change.applied_to(self.old_data))).absolute_effect(NORMAL_QUANTILE_95)
            )
        except InputError as error:
            return self._effect_on_top_of_additions(change, changes) or ChangeEffect(
                change, None, f"not alone: {str(error).splitlines()[0]}"
            )

    def _effect_on_top_of_additions(self, change: DocumentChange, changes: tuple[DocumentChange, ...]) -> ChangeEffect | None:
        """What a change does on top of all that is added; None where that cannot be either."""
        if not change.has_only_keys:
            return None
        data = self.old_data
        for other in changes:
            # What needs a thing that is added is itself often an addition to a thing that was there: those are left out.
            if other.kind == "add" and other.has_only_keys and other is not change and len(other.path) == _ITEM_PATH_LENGTH:
                data = other.applied_to(data)
        try:
            before, after = self._simulate(Scenario.from_dict(data)), self._simulate(Scenario.from_dict(change.applied_to(data)))
        except InputError:
            return None
        return ChangeEffect(
            change, PairedMoments.from_runs(before, after, self.metric).absolute_effect(NORMAL_QUANTILE_95), "on top of what is added"
        )

    def _paired_moments(self, scenario: Scenario) -> PairedMoments:
        return PairedMoments.from_runs(self.baseline_run, self._simulate(scenario), self.metric)


def _simulate_like(
    old_scenario: Scenario, customers: int | None, seed: int | None, threads: int | None, progress: "Progress | None"
) -> "Callable[[Scenario], Run]":
    from cjsim.simulation.simulate import simulate

    count, key = old_scenario.customers if customers is None else customers, old_scenario.seed if seed is None else seed
    return lambda scenario: simulate(scenario, customers=count, seed=key, threads=threads, progress=progress)


def scenario_with_part(scenario: Scenario, document: Document) -> Scenario:
    """A scenario with another journey or policy in it.

    Parameters
    ----------
    scenario : Scenario
        Where it stands.
    document : Document
        A journey or a policy; a scenario is given back as it is.

    Raises
    ------
    InputError
        If they do not fit each other.
    """
    if isinstance(document, Scenario):
        return document
    data: Mapping[str, Any] = {**scenario.to_dict(), type(document).__name__.lower(): document.to_dict()}
    return Scenario.from_dict(data)


def _description_diff(old: str, new: str) -> Iterator[str]:
    """Lines that differ, each below the nearest heading above it."""
    for line in difflib.ndiff(old.splitlines(), new.splitlines()):
        if line[:2] in ("- ", "+ ") and line[2:].strip():
            yield line


def _format_absolute_effect(effect: IntervalEstimate, unit: str) -> str:
    decimals = decimal_places(unit, effect)
    return f"{format_value(effect.effect, unit, decimals, is_difference=True)} {format_interval(effect.low, effect.high, unit, decimals, is_difference=True)}".rstrip()


def _estimate_to_json(effect: IntervalEstimate | None) -> list[Any] | None:
    return None if effect is None else [to_json_value(part) for part in effect]
