"""The arms of an experiment: each variant or sweep point as a named scenario."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cjsim.errors import InputError, format_error
from cjsim.lab.variants import MAX_POINTS, SobolSweep, Sweep, Variant
from cjsim.scenario.search_space import Space
from cjsim.simulation.documents import Scenario
from cjsim.validate.search_space_checks import check_values
from cjsim.yaml.extends import merge_trees
from cjsim.yaml.paths import KeyPath, existing_node, location_of
from cjsim.yaml.tree import Node, to_tree

_SCRAMBLING_SEED = 1  # fixed: the points are part of the hypothesis and do not depend on the seed of the customers


@dataclass(frozen=True, eq=False)
class ExperimentArm:
    """One scenario that an experiment compares with its baseline.

    Attributes
    ----------
    name : str
        Name of the variant or sweep point.
    values : Mapping of str to Any
        Values that the arm sets, by path, in file notation.
    scenario : Scenario
        Scenario to simulate.
    is_different : bool
        Whether the journey or the policy differs from the baseline's.
    yaml_path : tuple
        Path in the experiment file, for error messages.
    """

    name: str
    values: Mapping[str, Any]
    scenario: Scenario
    is_different: bool
    yaml_path: KeyPath


def build_arms(
    baseline: Scenario, variants: Mapping[str, Variant], sweep: Sweep | None, experiment_node: Node
) -> tuple[ExperimentArm, ...]:
    """Build the arms of an experiment, in the order of the file.

    Parameters
    ----------
    baseline : Scenario
        Scenario that the arms are compared with.
    variants : Mapping of str to Variant
        Variants by name; empty if there is a sweep.
    sweep : Sweep or None
        Sweep that replaces the variants.
    experiment_node : Node
        YAML tree of the experiment, with the file and line of each value.

    Raises
    ------
    InputError
        If a value is invalid at its path or the sweep has too many points.
    """
    if sweep is not None:
        points = list(_sweep_points(sweep, baseline, experiment_node))
        titles = _point_names(points)
        paths: list[KeyPath] = [("sweep", "list", i) if sweep.list is not None else ("sweep",) for i in range(len(points))]
        return tuple(_build_arm(title, values, baseline, baseline, path) for title, values, path in zip(titles, points, paths, strict=True))
    arms = []
    for name, variant in variants.items():
        values = {
            path: to_tree(value, location_of(experiment_node, ("variants", name, "set", path))) for path, value in variant.set.items()
        }
        source = variant.scenario or baseline
        if variant.merge:
            source = Scenario.from_tree(merge_trees(source.source(), existing_node(experiment_node, ("variants", name, "merge"))))
        arms.append(_build_arm(name, values, source, baseline, ("variants", name)))
    return tuple(arms)


def _build_arm(name: str, values: Mapping[str, Node], source_scenario: Scenario, baseline: Scenario, yaml_path: KeyPath) -> ExperimentArm:
    scenario = source_scenario.with_values(values) if values else source_scenario
    differs = scenario.journey != baseline.journey or scenario.policy != baseline.policy
    return ExperimentArm(name, {path: node.plain() for path, node in values.items()}, scenario, differs, yaml_path)


def _sweep_points(sweep: Sweep, baseline: Scenario, root: Node) -> Iterable[dict[str, Node]]:
    """Yield the values of each point as nodes, keyed by path."""
    if sweep.sobol is not None:
        yield from _sobol_points(sweep.sobol, baseline, root)
    elif sweep.grid is not None:
        if (count := math.prod(len(values) for values in sweep.grid.values())) > MAX_POINTS:
            where = f"{location_of(root, ('sweep', 'grid'))}: sweep.grid"
            raise InputError(format_error(where, f"must have at most {MAX_POINTS} points", f"{count:,}", "Remove some values."))
        columns = [
            [to_tree(value, location_of(root, ("sweep", "grid", path, i))) for i, value in enumerate(values)]
            for path, values in sweep.grid.items()
        ]
        for combination in itertools.product(*columns):
            yield dict(zip(sweep.grid, combination, strict=True))
    else:
        for i, row in enumerate(sweep.list or ()):
            yield {path: to_tree(value, location_of(root, ("sweep", "list", i, path))) for path, value in row.items()}


def _sobol_points(sobol: SobolSweep, baseline: Scenario, root: Node) -> Iterable[dict[str, Node]]:
    from scipy.stats import qmc

    location = location_of(root, ("sweep", "sobol"))
    if sobol.n & (sobol.n - 1):
        near = 2 ** round(math.log2(sobol.n))
        raise InputError(format_error(f"{location}: sweep.sobol.n", "must be a power of two", str(sobol.n), f"Write {near}."))
    if not sobol.free and not sobol.mixes:
        remedy = "Add a path with its bounds."
        raise InputError(format_error(f"{location}: sweep.sobol.free", "must name at least one value to sweep", "none", remedy))
    check_values(sobol.free, sobol.mixes, baseline, existing_node(root, ("sweep", "sobol")))
    space = Space.from_settings(sobol.free, sobol.mixes)
    points = qmc.Sobol(len(space.coordinates), rng=_SCRAMBLING_SEED).random_base2(sobol.n.bit_length() - 1)
    for unit in points:
        yield {path: to_tree(value, location) for path, value in space.values(space.at(unit)).items()}


def _point_names(points: list[dict[str, Node]]) -> list[str]:
    """Name points by their values, labeled with the shortest unique suffix of each path. Number the names if two are equal."""
    paths = list(dict.fromkeys(path for point in points for path in point))
    suffixes = {path: _shortest_unique_suffix(path, paths) for path in paths}
    titles = [", ".join(f"{suffixes[path]}={_format_point_value(node.plain())}" for path, node in point.items()) for point in points]
    return titles if len(set(titles)) == len(titles) else [f"{i + 1}: {title}" for i, title in enumerate(titles)]


def _shortest_unique_suffix(path: str, paths: list[str]) -> str:
    """Return the shortest suffix that identifies a path among `paths`."""
    parts = path.split(".")
    for count in range(1, len(parts)):
        suffix = ".".join(parts[-count:])
        if not any(other != path and other.endswith(f".{suffix}") for other in paths):
            return suffix
    return path


def _format_point_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
