"""Variants and sweeps as scenarios, one an arm.

Lives here: which scenarios an experiment tries, what each is called, and what it sets. Does not live here: their files' records
(variants.py), running them (trying.py).
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cjsim.errors import InputError, complaint
from cjsim.lab.variants import MOST_POINTS, Sobol, Sweep, Variant
from cjsim.model.assemble import merged_over
from cjsim.model.paths import place_of
from cjsim.model.scenario import Scenario
from cjsim.model.source import Node, tree
from cjsim.model.space import Space, check_values
from cjsim.model.walk import Path

_SOBOL_SEED = 1  # of the scrambling: which points are tried is part of the hypothesis, not of the randomness of customers


@dataclass(frozen=True, eq=False)
class Arm:
    """One thing that is tried.

    Attributes
    ----------
    name : str
        Of the variant, or of the point of the sweep.
    values : Mapping of str to Any
        What it sets by path, as it stands in a file.
    scenario : Scenario
        What is simulated.
    differs : bool
        Whether it is another journey or policy than the baseline.
    where : tuple
        The path in the experiment's file that messages name.
    """

    name: str
    values: Mapping[str, Any]
    scenario: Scenario
    differs: bool
    where: Path


def arms_of(baseline: Scenario, variants: Mapping[str, Variant], sweep: Sweep | None, root: Node) -> tuple[Arm, ...]:
    """The arms of an experiment, in the order of its file.

    Parameters
    ----------
    baseline : Scenario
        What they are compared with.
    variants : Mapping of str to Variant
        By name.
    sweep : Sweep or None
        Instead of variants.
    root : Node
        Tree of the experiment, which knows where values were written.

    Raises
    ------
    InputError
        If a value cannot stand at its path, or there are too many points.
    """
    if sweep is not None:
        points = list(_points(sweep, baseline, root))
        titles = _titles(points)
        where: list[Path] = [("sweep", "list", i) if sweep.list is not None else ("sweep",) for i in range(len(points))]
        return tuple(_arm(title, values, baseline, baseline, at) for title, values, at in zip(titles, points, where, strict=True))
    made = []
    for name, variant in variants.items():
        written = {path: tree(value, place_of(root, ("variants", name, "set", path))) for path, value in variant.set.items()}
        of = variant.scenario or baseline
        if variant.merge:
            of = Scenario.from_tree(merged_over(of.source(), _node(root, ("variants", name, "merge"))))
        made.append(_arm(name, written, of, baseline, ("variants", name)))
    return tuple(made)


def _node(root: Node, path: Path) -> Node:
    """What is at a path that is there."""
    node: Node | None = root
    for key in path:
        node = None if node is None else node.child(key)
    assert node is not None
    return node


def _arm(name: str, values: Mapping[str, Node], of: Scenario, baseline: Scenario, where: Path) -> Arm:
    scenario = of.with_values(values) if values else of
    differs = scenario.journey != baseline.journey or scenario.policy != baseline.policy
    return Arm(name, {path: node.plain() for path, node in values.items()}, scenario, differs, where)


def _points(sweep: Sweep, baseline: Scenario, root: Node) -> Iterable[dict[str, Node]]:
    """Nodes by path, one mapping a point."""
    if sweep.sobol is not None:
        yield from _sobol_points(sweep.sobol, baseline, root)
    elif sweep.grid is not None:
        if (count := math.prod(len(values) for values in sweep.grid.values())) > MOST_POINTS:
            where = f"{place_of(root, ('sweep', 'grid'))}: sweep.grid"
            raise InputError(complaint(where, f"must have at most {MOST_POINTS} points", f"{count:,}", "Leave out some values."))
        columns = [
            [tree(value, place_of(root, ("sweep", "grid", path, i))) for i, value in enumerate(values)]
            for path, values in sweep.grid.items()
        ]
        for combination in itertools.product(*columns):
            yield dict(zip(sweep.grid, combination, strict=True))
    else:
        for i, row in enumerate(sweep.list or ()):
            yield {path: tree(value, place_of(root, ("sweep", "list", i, path))) for path, value in row.items()}


def _sobol_points(sobol: Sobol, baseline: Scenario, root: Node) -> Iterable[dict[str, Node]]:
    from scipy.stats import qmc

    place = place_of(root, ("sweep", "sobol"))
    if sobol.n & (sobol.n - 1):
        near = 2 ** round(math.log2(sobol.n))
        raise InputError(complaint(f"{place}: sweep.sobol.n", "must be a power of two", str(sobol.n), f"Write {near}."))
    if not sobol.free and not sobol.mixes:
        raise InputError(complaint(f"{place}: sweep.sobol.free", "must name a value that is swept", "none", "Name a path and its bounds."))
    check_values(sobol.free, sobol.mixes, baseline, tree({"free": sobol.free, "mixes": sobol.mixes}, place))
    space = Space.of(sobol.free, sobol.mixes)
    units = qmc.Sobol(len(space.coordinates), rng=_SOBOL_SEED).random_base2(sobol.n.bit_length() - 1)
    for unit in units:
        yield {path: tree(value, place) for path, value in space.values(space.at(unit)).items()}


def _titles(points: list[dict[str, Node]]) -> list[str]:
    """Names of points: what they set, by the shortest ends of their paths that tell them apart; numbered where that does not."""
    paths = list(dict.fromkeys(path for point in points for path in point))
    short = {path: _ending(path, paths) for path in paths}
    titles = [", ".join(f"{short[path]}={_said(node.plain())}" for path, node in point.items()) for point in points]
    return titles if len(set(titles)) == len(titles) else [f"{i + 1}: {title}" for i, title in enumerate(titles)]


def _ending(path: str, paths: list[str]) -> str:
    """The shortest end of a path that no other one has."""
    parts = path.split(".")
    for count in range(1, len(parts)):
        end = ".".join(parts[-count:])
        if not any(other != path and other.endswith(f".{end}") for other in paths):
            return end
    return path


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
