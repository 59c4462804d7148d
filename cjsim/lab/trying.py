"""The verb `experiment`: a hypothesis in, findings out.

Lives here: which runs are made, in what order, and what is kept of them. Does not live here: sums (sums.py), the rule of the verdict
(verdict.py), files (reports.py).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim import __version__
from cjsim.lab.arms import Arm
from cjsim.lab.experiment import ALL, ANY, Experiment, experiment_of
from cjsim.lab.findings import BASELINE, Effect, Findings, Line
from cjsim.lab.pieces import Piece, Pieces
from cjsim.lab.sums import Sums, spread
from cjsim.lab.verdict import decisive, judged, standard_errors
from cjsim.model.scenario import Scenario

if TYPE_CHECKING:
    from cjsim.engine.result import Run
    from cjsim.engine.run import Progress


def experiment(
    given: Experiment | str | Path,
    *,
    threads: int | None = None,
    pieces: Pieces | None = None,
    progress: "Progress | None" = None,
) -> Findings:
    """Try a hypothesis: every variant on the same customers as the baseline, in every seed.

    Parameters
    ----------
    given : Experiment, str or Path
        The experiment or its file.
    threads : int, optional
        All cores if not given. The findings do not depend on it.
    pieces : Pieces, optional
        What is known of it already; is told each piece that is new.
    progress : Progress, optional
        Is told how far the work is.

    Returns
    -------
    Findings
        With the verdict.

    Raises
    ------
    InputError
        If the experiment is wrong, or a variant has no such metric.
    """
    asked = experiment_of(given)
    arms, known = asked.arms(), pieces if pieces is not None else Pieces()
    metrics = dict.fromkeys((asked.metric, *asked.watch))
    for seed in asked.seeds:
        run = _runner(asked.count, seed, threads, progress)
        base: Run | None = None
        for arm in arms:
            if known.get(seed, arm.name) is None:
                base = base or run(asked.scenario)
                other = run(arm.scenario) if arm.differs else base
                known.put(seed, arm.name, {metric: Sums.of(base, other, metric) for metric in metrics})
    return _findings(asked, arms, [[_known(known, seed, arm) for seed in asked.seeds] for arm in arms])


def identity(asked: Experiment) -> str:
    """Digest of all that findings rest on: the experiment with its scenarios, what entry files hold, the version; 64 hexadecimal digits.

    Parameters
    ----------
    asked : Experiment
        As it will be run.
    """
    content = asked.to_dict()
    scenarios = [content["scenario"], *(one["scenario"] for one in content.get("variants", {}).values() if "scenario" in one)]
    for scenario in scenarios:
        if file := scenario.get("entry", {}).get("file"):
            scenario["entry"]["file"] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    text = json.dumps([content, __version__], ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _runner(customers: int, seed: int, threads: int | None, progress: "Progress | None") -> "Callable[[Scenario], Run]":
    from cjsim.engine.run import simulate

    return lambda scenario: simulate(scenario, customers=customers, seed=seed, threads=threads, progress=progress)


def _known(pieces: Pieces, seed: int, arm: Arm) -> Piece:
    piece = pieces.get(seed, arm.name)
    assert piece is not None
    return piece


def _findings(asked: Experiment, arms: Sequence[Arm], found: list[list[Piece]]) -> Findings:
    """The findings from a piece for each arm and seed."""
    units = _units(asked)
    claimed = asked.claimed(arms)
    is_together = asked.claim in (ANY, ALL)
    z = standard_errors(asked.decide.confidence, len(claimed) if is_together else 1)
    lines = [_line(asked, arm, of_arm, units, z=z, is_claimed=arm in claimed) for arm, of_arm in zip(arms, found, strict=True)]
    places = [i for i, line in enumerate(lines) if line.is_claimed]
    effects = [lines[i].effect.relative if asked.size.is_relative else lines[i].effect.absolute for i in places]
    place, verdict = decisive(effects, sign=asked.sign, size=asked.size.amount, every=asked.claim == ALL)
    return Findings(
        experiment=asked.name,
        hypothesis=asked.hypothesis,
        metric=asked.metric,
        direction=asked.direction,
        claim=asked.claim or arms[0].name,
        size=asked.size.amount,
        is_relative=asked.size.is_relative,
        confidence=asked.decide.confidence,
        scenario=asked.scenario.name,
        customers=asked.count,
        seed=asked.seed,
        replications=asked.replications,
        lines=tuple(lines),
        decides=places[place],
        verdict=verdict,
    )


def _units(asked: Experiment) -> dict[str, str]:
    """Units of the metrics that are asked for."""
    from cjsim.metrics.catalog import definitions
    from cjsim.model.tables import compile_world

    known = definitions(compile_world(asked.scenario).codebook)
    return {metric: known[metric].unit for metric in (asked.metric, *asked.watch)}


def _line(asked: Experiment, arm: Arm, found: list[Piece], units: dict[str, str], *, z: float, is_claimed: bool) -> Line:
    """One arm from its pieces, one a seed."""
    effects = {metric: _effect(metric, unit, [piece[metric] for piece in found], z) for metric, unit in units.items()}
    own, is_relative = effects[asked.metric], asked.size.is_relative
    parts = [piece[asked.metric] for piece in found]
    values: dict[str, Any] = dict(arm.values)
    return Line(
        name=arm.name,
        values=values,
        is_claimed=is_claimed,
        effect=own,
        verdict=judged(own.relative if is_relative else own.absolute, sign=asked.sign, size=asked.size.amount) if arm.differs else BASELINE,
        watched=tuple(effects[metric] for metric in asked.watch if metric != asked.metric),
        seeds=tuple(part.relative(z) if is_relative else part.effect(z) for part in parts),
        spread=spread(parts),
    )


def _effect(metric: str, unit: str, parts: list[Sums], z: float) -> Effect:
    pooled = parts[0]
    for part in parts[1:]:
        pooled = pooled + part
    return Effect(metric, unit, pooled.baseline, pooled.value, pooled.effect(z), pooled.relative(z))
