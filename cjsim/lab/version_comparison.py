"""Comparison of two versions of a journey, policy or scenario, with the effect of each change on the same customers."""

import difflib
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjsim.description.describe import describe
from cjsim.errors import InputError, format_error
from cjsim.json_records import ComparableRecord, plain_values
from cjsim.lab.document_diff import DocumentChange, diff_documents
from cjsim.lab.findings import format_effect
from cjsim.lab.moments import IntervalEstimate, PairedMoments
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.metrics.number_format import decimal_places, format_value, in_currency, named_unit
from cjsim.metrics.text_table import wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.progress import Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.yaml.document import Document

if TYPE_CHECKING:
    import pandas as pd

# Scenario settings that select customers and days but do not change the journey or the policy.
_SCENARIO_SETTINGS = ("customers", "seed", "start", "horizon", "value_horizon", "entry", "discount_rate", "currency")
_ITEM_PATH_LENGTH = 3  # keys in the path of a whole item, such as policy.flows.cart


@dataclass(frozen=True)
class ChangeEffect(ComparableRecord):
    """A change and its effect.

    Attributes
    ----------
    change : DocumentChange
        The change.
    effect : IntervalEstimate or None
        Effect on the metric, with a 95 % interval; None if the change was not simulated.
    why : str
        Why the change was not simulated, or a note that the effect is measured on top of the items that the new version adds, because
        the change is invalid without them.
    """

    change: DocumentChange
    effect: IntervalEstimate | None
    why: str = ""


@dataclass(frozen=True, repr=False)
class VersionComparison(ComparableRecord, FolderResult):
    """Changes between two versions, and their effects. `save` writes `versions.csv` and `versions.json`.

    Attributes
    ----------
    changes : tuple of ChangeEffect
        One entry per change.
    description_diff : tuple of str
        Description lines that differ; '- ' marks the old version, '+ ' the new one.
    metric, unit : str
        Name and unit of the metric; empty if no effects were requested.
    baseline : float
        Value of the metric under the old version.
    joint_effect : IntervalEstimate or None
        Effect of all changes to the journey and the policy together.
    notes : tuple of str
        A note if the number of customers differs from the scenario's while the firm's other customers and costs stay the same.
    """

    changes: tuple[ChangeEffect, ...]
    description_diff: tuple[str, ...]
    metric: str = ""
    unit: str = ""
    baseline: float = float("nan")
    joint_effect: IntervalEstimate | None = None
    notes: tuple[str, ...] = ()
    _marker = "versions.json"

    def _facts(self) -> str:
        return f"{len(self.changes)} changes{self.metric and f', effects on {self.metric}'}"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the changes by path, the differing description lines, and the effect of each change as text."""
        if not self.changes:
            return "The versions are identical."
        lines = ["Changes:", *(f"  {one.change}" for one in self.changes)]
        lines += ["", "Description:", *(f"  {line}" for line in self.description_diff)] if self.description_diff else []
        lines += ["", *self._effect_lines()] if self.joint_effect is not None else []
        return "\n".join([*lines, *(line for note in self.notes for line in ("", wrap_lines(note)))])

    def _effect_lines(self) -> Iterator[str]:
        baseline = in_currency(format_value(self.baseline, self.unit, decimal_places(self.unit, (self.baseline,))), self.unit)
        yield f"Effect of each change alone on {self.metric} (baseline {baseline}, 95 % intervals):"
        assert self.joint_effect is not None
        simulated = [one for one in self.changes if not one.change.is_title]
        effects = [format_effect(one.effect, self.unit) if one.effect is not None else "-" for one in simulated]
        paths = [f"{one.change.path_string}{one.why and f' ({one.why})'}" for one in simulated]
        rows = [
            *zip(effects, paths, strict=True),
            (format_effect(self.joint_effect, self.unit), "all changes to the journey and the policy"),
        ]
        width = max(len(effect) for effect, _ in rows)
        yield from (f"  {effect:<{width}}  {path}" for effect, path in rows)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per change, then, if effects were estimated, one for all changes together.

        `kind` is 'set', 'add', 'remove' or 'all'. Effects are on `metric`, in `unit`; they are missing for changes that were not simulated.
        """
        import pandas as pd

        missing = IntervalEstimate(math.nan, math.nan, math.nan)
        rows: list[tuple[Any, ...]] = [
            (one.change.path_string, one.change.kind, one.change.before, one.change.after, *(one.effect or missing), one.why)
            for one in self.changes
        ]
        if self.joint_effect is not None:
            rows.append(("", "all", None, None, *self.joint_effect, "all changes to the journey and the policy"))
        frame = pd.DataFrame(rows, columns=["path", "kind", "before", "after", "effect", "low", "high", "why"])
        return frame.assign(metric=self.metric, unit=self.unit)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers become null."""
        changes = [{**vars(one.change), "path": one.change.path_string, "effect": one.effect, "why": one.why} for one in self.changes]
        content = {"changes": changes, "words": self.description_diff, "metric": self.metric, "unit": self.unit}
        content |= {"notes": list(self.notes)} if self.notes else {}
        return plain_values(content | {"baseline": self.baseline, "together": self.joint_effect})


def compare_versions(
    old: Document,
    new: Document,
    *,
    metric: str | None = None,
    customers: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> VersionComparison:
    """Compare two versions, and optionally estimate the effect of each change alone and of all together, on the same customers.

    Parameters
    ----------
    old, new : Document
        Two scenarios, journeys or policies.
    metric : str, optional
        Metric on which to estimate effects. Requires scenarios. No effects are estimated by default.
    customers, seed : int, optional
        Override the settings of the old version.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates from the simulations.

    Returns
    -------
    VersionComparison

    Raises
    ------
    InputError
        If the documents are of different kinds, effects are requested for documents that are not scenarios, the new version is invalid
        with the settings of the old one, or the metric does not exist.
    """
    kinds = [type(document).__name__.lower() for document in (old, new)]
    if kinds[0] != kinds[1]:
        remedy = "Choose two of the same kind."
        raise InputError(format_error("diff", "must compare documents of the same kind", f"a {kinds[0]} and a {kinds[1]}", remedy))
    changes = diff_documents(old, new)
    before, after = (describe(document).splitlines() for document in (old, new))  # type: ignore[arg-type]
    description_diff = tuple(line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ") and line[2:].strip())
    if metric is None:
        return VersionComparison(tuple(ChangeEffect(change, None) for change in changes), description_diff)
    if not isinstance(old, Scenario) or not isinstance(new, Scenario):
        remedy = "Pass scenarios, or give a scenario that uses them in `scenario`."
        raise InputError(format_error("diff", "must compare scenarios to estimate effects", f"a {kinds[0]}", remedy))
    from cjsim.simulation.simulate import simulate

    n_customers, used_seed = old.customers if customers is None else customers, old.seed if seed is None else seed
    simulate_version = functools.partial(
        simulate, customers=n_customers, seed=used_seed, replications=1, threads=threads, progress=progress
    )
    return _ChangeSimulator(old, metric, simulate_version).compare(new, changes, description_diff)


class _ChangeSimulator:
    """Simulates changes, and compares them with the old version."""

    def __init__(self, old: Scenario, metric: str, simulate: Callable[[Scenario], Run]) -> None:
        from cjsim.metrics.catalog import find_metric_definition
        from cjsim.metrics.run_notes import firm_notes

        self.old, self.metric, self._simulate = old, metric, simulate
        self.baseline_run = simulate(old)
        self.unit = named_unit(find_metric_definition(self.baseline_run, metric).unit, old.currency)
        self.old_data, self.notes = old.to_dict(), tuple(firm_notes(self.baseline_run))

    def compare(self, new: Scenario, changes: tuple[DocumentChange, ...], description_diff: tuple[str, ...]) -> VersionComparison:
        """Estimate the effect of each change alone and of all changes to the journey and the policy together."""
        settings = {name: getattr(self.old, name) for name in _SCENARIO_SETTINGS}
        joint = self._paired_moments(new.model_copy(update=settings))
        effects = tuple(self._change_effect(change, changes) for change in changes)
        together = joint.absolute_effect(NORMAL_QUANTILE_95)
        return VersionComparison(effects, description_diff, self.metric, self.unit, joint.baseline, together, self.notes)

    def _change_effect(self, change: DocumentChange, changes: tuple[DocumentChange, ...]) -> ChangeEffect:
        if change.is_title:
            return ChangeEffect(change, None, "title only")
        if change.path[0] not in ("journey", "policy"):
            return ChangeEffect(change, None, "changes the customers or the days, not the journey or the policy")
        try:
            return ChangeEffect(
                change, self._paired_moments(Scenario.from_dict(change.applied_to(self.old_data))).absolute_effect(NORMAL_QUANTILE_95)
            )
        except InputError as error:
            return self._effect_on_top_of_additions(change, changes) or ChangeEffect(
                change, None, f"invalid on its own: {str(error).splitlines()[0]}"
            )

    def _effect_on_top_of_additions(self, change: DocumentChange, changes: tuple[DocumentChange, ...]) -> ChangeEffect | None:
        """Estimate the effect of a change on top of all added items. Return None if that scenario is invalid too."""
        if not change.has_only_keys:
            return None
        data = self.old_data
        for other in changes:
            # Add only whole items first, because an addition to an existing item may depend on one of them.
            if other.kind == "add" and other.has_only_keys and other is not change and len(other.path) == _ITEM_PATH_LENGTH:
                data = other.applied_to(data)
        try:
            before, after = self._simulate(Scenario.from_dict(data)), self._simulate(Scenario.from_dict(change.applied_to(data)))
        except InputError:
            return None
        return ChangeEffect(
            change, PairedMoments.from_runs(before, after, self.metric).absolute_effect(NORMAL_QUANTILE_95), "on top of the added items"
        )

    def _paired_moments(self, scenario: Scenario) -> PairedMoments:
        return PairedMoments.from_runs(self.baseline_run, self._simulate(scenario), self.metric)


def scenario_with_part(scenario: Scenario, document: Document) -> Scenario:
    """Return a scenario with its journey or policy replaced.

    Parameters
    ----------
    scenario : Scenario
        Scenario to change.
    document : Document
        The new journey or policy. If it is a scenario, it is returned unchanged.

    Raises
    ------
    InputError
        If the journey and the policy are incompatible.
    """
    if isinstance(document, Scenario):
        return document
    data: Mapping[str, Any] = {**scenario.to_dict(), type(document).__name__.lower(): document.to_dict()}
    return Scenario.from_dict(data)
