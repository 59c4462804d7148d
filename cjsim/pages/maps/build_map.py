"""`journey_map`: the map of a journey, from a simulation or a saved run."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error, short_repr
from cjsim.output_folder import MANIFEST_FILE
from cjsim.pages.maps.map_parts import MapPage, MapView
from cjsim.pages.maps.map_result import JourneyMap
from cjsim.pages.maps.map_runs import Level, MapRuns
from cjsim.pages.maps.views.blueprint_map import blueprint_view
from cjsim.pages.maps.views.current_map import current_view
from cjsim.pages.maps.views.day_map import day_view
from cjsim.pages.maps.views.future_map import future_view
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import count_text, title_case
from cjsim.progress import Progress
from cjsim.reporting.walk import walk
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario, named_scenarios, require_same_customers
from cjsim.simulation.simulate import simulate
from cjsim.tuning.cliffs.find_cliffs import cliffs as find_cliffs
from cjsim.version import __version__

MapKind = Literal["current", "future", "day", "blueprint"]
KINDS: tuple[MapKind, ...] = ("current", "future", "day", "blueprint")
_DIGEST_LETTERS = 8
_VIEWS: dict[str, Callable[[MapRuns], MapView]] = {"current": current_view, "future": future_view, "blueprint": blueprint_view}


@checked_arguments
def journey_map(
    source: Run | ScenarioSource,
    *,
    kind: MapKind | Sequence[MapKind] = "current",
    against: Run | ScenarioSource | None = None,
    customer: int | None = None,
    level: Level = "stage",
    cliffs: bool = False,
    review: str | None = None,
    scenarios: Sequence[ScenarioSource] = (),
    customers: int | None = None,
    sample: float | None = None,
    replications: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
) -> JourneyMap:
    """Draw the map of a journey: stages across, and below each what customers do, ask and feel, what reaches them, and who answers.

    Parameters
    ----------
    source : Scenario, Run, str or Path
        A scenario, the path of its file, or its name in the library, which is simulated; or a run with an event log, or the folder of one.
    kind : {'current', 'future', 'day', 'blueprint'} or a sequence of them
        The current state; a future state beside it; the days of one customer; or a service blueprint. Several kinds make one page.
    against : Scenario, Run, str or Path, optional
        For 'future': the scenario or run of the future state, with the same customers.
    customer : int, optional
        For 'day': number of the customer, counting from 0.
    level : {'overview', 'stage', 'touchpoint'}
        Level of detail: totals by channel, the most frequent touchpoints, or all touchpoints with intervals.
    cliffs : bool
        For 'current': whether to find the moves between stages that lose value, which takes one simulation for each move.
    review : str, optional
        When the map is reviewed next, such as '2027-01-15'.
    scenarios : sequence of Scenario, str or Path
        Scenarios from which runs were made. Those of the library are found by name.
    customers, sample, replications, seed, threads, progress
        As in `simulate`; not for runs.
    out : str or Path, optional
        Folder for `map.html`, `map.svg`, `map.mmd` and `map.json`, or a file that ends in .html, .svg or .mmd; not saved by default.

    Returns
    -------
    JourneyMap

    Raises
    ------
    InputError
        If a scenario is unknown, a run has no event log, a customer does not exist, or arguments contradict each other.

    Examples
    --------
    >>> drawn = journey_map("shop", customers=200, seed=1)
    >>> drawn.title
    'Online shop'
    """
    kinds = tuple(dict.fromkeys([kind] if isinstance(kind, str) else kind))
    _check_review(review)
    _check_arguments(kinds, against=against, customer=customer, cliffs=cliffs)
    settings = {"customers": customers, "sample": sample, "replications": replications, "seed": seed, "threads": threads}
    documents = list(named_scenarios(list(scenarios), argument="scenarios").values()) if scenarios else []
    with tempfile.TemporaryDirectory(prefix="cjsim_map_") as folder:
        sides = [_Side.of(source, documents), *([] if against is None else [_Side.of(against, documents)])]
        made = _draw(kinds, sides, _Wishes(level, cliffs, customer, review), settings, (Path(folder), progress))
    if out is not None:
        made.save(out)
    return made


class _Wishes(NamedTuple):
    """What a map shows."""

    level: Level
    cliffs: bool
    customer: int | None
    review: str | None


class _Side(NamedTuple):
    """A scenario that is simulated, or a run with the scenarios from which it may have been made."""

    scenario: Scenario | None
    run: Run | None
    documents: tuple[Scenario, ...]

    @classmethod
    def of(cls, source: Run | ScenarioSource, documents: Sequence[Scenario]) -> "_Side":
        """Load a source: the folder of a run, or a scenario."""
        if isinstance(source, Run):
            return cls(None, source, tuple(documents))
        if isinstance(source, str | os.PathLike) and (Path(source) / MANIFEST_FILE).is_file():
            return cls(None, Run.load(Path(source)), tuple(documents))
        scenario = as_scenario(source, argument="source")
        return cls(scenario, None, (scenario, *documents))


def _check_review(review: str | None) -> None:
    """Raise if the date of the next review is not a date."""
    try:
        date.fromisoformat("2000-01-01" if review is None else review)
    except ValueError as error:
        raise InputError(format_error("review", "must be a date", short_repr(review), "Write it as 2027-01-15.")) from error


def _check_arguments(kinds: Sequence[str], *, against: object, customer: int | None, cliffs: bool) -> None:
    """Raise if arguments contradict the kinds of the map."""
    pairs = (
        ("against", against is not None, "future", True),
        ("customer", customer is not None, "day", True),
        ("cliffs", cliffs, "current", False),
    )
    if not kinds:
        raise InputError(format_error("kind", "must name at least one kind of map", "none", "Use current."))
    for name, is_given, kind, is_required in pairs:
        if is_given and kind not in kinds:
            raise InputError(
                format_error(name, f"must be used with kind '{kind}'", f"kind '{kinds[0]}'", f"Add kind '{kind}', or remove it.")
            )
        if is_required and not is_given and kind in kinds:
            what = "the scenario of the future state" if name == "against" else "the number of a customer"
            raise InputError(format_error(name, f"must be given for kind '{kind}'", "nothing", f"Name {what}."))


def _draw(
    kinds: Sequence[MapKind], sides: Sequence[_Side], wishes: _Wishes, settings: Mapping[str, Any], work: tuple[Path, Progress | None]
) -> JourneyMap:
    """Simulate what the kinds need, and draw them."""
    is_single = tuple(kinds) == ("day",)
    runs = None if is_single else _runs(sides, wishes, settings, work)
    first = runs.scenario if runs is not None else _document(sides[0])
    views = []
    for kind in kinds:
        if kind == "day":
            seed = settings["seed"] if sides[0].run is None else sides[0].run.seed
            assert wishes.customer is not None
            diary = walk(first, customer=wishes.customer, seed=seed, truth=True, progress=work[1])
            views.append(day_view(diary, first, is_whole=wishes.level == "touchpoint"))
        else:
            assert runs is not None
            views.append(_VIEWS[kind](runs if kind == "future" else _first_of(runs)))
    facts = {} if runs is None else {name: run.provenance.to_json() for name, run in runs.runs.runs.items()}
    versions = _versions(first, runs, wishes.review, seed=settings["seed"] or first.seed)
    return JourneyMap(MapPage(first.journey.title or title_case(first.journey.name), versions, tuple(views), facts))


def _document(side: _Side) -> Scenario:
    """Return the scenario of a side; of a run, the document that it was made from."""
    if side.scenario is not None:
        return side.scenario
    assert side.run is not None
    return MapRuns.of(PolicyRuns.of(side.run, side.documents)).scenario


def _runs(sides: Sequence[_Side], wishes: _Wishes, settings: Mapping[str, Any], work: tuple[Path, Progress | None]) -> MapRuns:
    """Return the runs of the map, simulated unless they are given. This is the only place that simulates for maps, apart from diaries."""
    folder, progress = work
    if len({side.run is None for side in sides}) > 1:
        must, remedy = "must be a scenario if the other is one, and a run if the other is one", "Name two scenarios, or two runs."
        raise InputError(format_error("against", must, "one of each", remedy))
    given = [name for name, value in settings.items() if value is not None and name != "threads"]
    if sides[0].run is not None and given:
        must, remedy = "must not be given for a run, which is not simulated again", "Remove it, or name the scenario."
        raise InputError(format_error(given[0], must, short_repr(settings[given[0]]), remedy))
    documents = [document for side in sides for document in side.documents]
    found = [side.run for side in sides if side.run is not None]
    if not found:
        scenarios = _named([side.scenario for side in sides if side.scenario is not None])
        if len(scenarios) > 1:
            require_same_customers(scenarios, customers=settings["customers"])
            settings = {**settings, "seed": settings["seed"] if settings["seed"] is not None else sides[0].scenario.seed}  # type: ignore[union-attr]
        made = {
            name: simulate(scenario, **settings, log=folder / f"{i}.parquet", progress=progress)
            for i, (name, scenario) in enumerate(scenarios.items())
        }
    else:
        names = [run.scenario for run in found]
        made = {
            name if names.count(name) == 1 else f"{name} ({i + 1})": run for i, (name, run) in enumerate(zip(names, found, strict=True))
        }
    result = Comparison.of(made) if len(made) > 1 else next(iter(made.values()))
    runs = MapRuns.of(PolicyRuns.of(result, documents), level=wishes.level)
    if wishes.cliffs:
        scenario = runs.scenario.with_values({"seed": result.seed if isinstance(result, Run) else next(iter(made.values())).seed})
        ranking = find_cliffs(scenario, metric="clv", customers=settings["customers"], threads=settings["threads"], progress=progress)
        runs = replace(runs, cliffs=ranking)
    return runs


def _named(scenarios: Sequence[Scenario]) -> dict[str, Scenario]:
    names = [one.name for one in scenarios]
    if len(set(names)) == len(names):
        return dict(zip(names, scenarios, strict=True))
    return {f"{name} ({i + 1})": one for i, (name, one) in enumerate(zip(names, scenarios, strict=True))}


def _first_of(runs: MapRuns) -> MapRuns:
    """Return the first of two runs by itself."""
    if runs.runs.comparison is None:
        return runs
    single = PolicyRuns({runs.runs.baseline_name: runs.runs.baseline}, {runs.runs.baseline_name: runs.runs.model})
    return MapRuns(single, runs.scenarios[:1], runs.level, runs.cliffs)


def _versions(scenario: Scenario, runs: MapRuns | None, review: str | None, *, seed: int) -> tuple[str, ...]:
    """Return the versions of journey and policy, the simulation, and the next review."""
    scenarios = [scenario] if runs is None else runs.scenarios
    journeys = dict.fromkeys(f"{one.journey.name} {one.journey.digest()[:_DIGEST_LETTERS]}" for one in scenarios)
    policies = dict.fromkeys(f"{one.policy.name} {one.policy.digest()[:_DIGEST_LETTERS]}" for one in scenarios)
    first = f"Journey {' → '.join(journeys)} · policy {' → '.join(policies)}"
    count = scenario.customers if runs is None else len(runs.runs.baseline)
    origin = f"{count_text(count, 'customer')}, {scenario.horizon:g} days, seed {seed}"
    if runs is not None:
        provenance = runs.runs.baseline.provenance
        repeats = (
            f"{provenance.replications} replications from seed {provenance.seed}"
            if provenance.replications > 1
            else f"seed {provenance.seed}"
        )
        origin = f"{count_text(count, 'customer')}, {provenance.horizon:g} days, {repeats}"
    return first, f"{origin} · cjsim {__version__} · next review: {review or 'not set'}"
