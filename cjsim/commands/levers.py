"""The command that ranks levers.

Does not live here: anything that computes (tuning/levers.py, tuning/sobol.py).
"""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.arguments import (
    Customers,
    Full,
    Json,
    Out,
    Seed,
    Sets,
    Threads,
    by_name,
    how_to_run,
    scenario_in,
    values_of,
    values_of_options,
    warn,
    whole,
)
from cjsim.commands.guard import guarded, save, show, tell
from cjsim.errors import InputError, complaint
from cjsim.progress import shown_progress
from cjsim.publish import folder_for


@guarded
def levers(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", show_default=False)],
    metric: Annotated[str, typer.Option("--metric", metavar="M", help="What is to be moved, such as clv.", show_default=False)],
    customers: Customers = None,
    seed: Seed = None,
    sets: Sets = None,
    journey: Annotated[bool, typer.Option("--journey", help="Also what the journey assumes: rates, traits, lifts.")] = False,
    also: Annotated[
        list[Path] | None, typer.Option("--also", metavar="OTHER", help="Another scenario as a lever of its own; repeat for more.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PATH", help="Levers at this path and below; repeat for more.")
    ] = None,
    sobol: Annotated[
        str | None, typer.Option("--sobol", metavar="N", help="Also Sobol indices of the levers that hold, from N points.")
    ] = None,
    threads: Threads = None,
    out: Out = None,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Rank the levers of a scenario: which change moves a metric most, on the same customers."""
    shared, values = values_of_options(customers, seed, None), values_of(sets)
    if scenario in (files := also or []) or len(set(files)) < len(files):
        got, remedy = ", ".join(map(str, (scenario, *files))), "Name each scenario once."
        raise InputError(complaint("--also", "must be other scenarios, each once", got, remedy))
    named = by_name({file: scenario_in(file, shared | values) for file in (scenario, *files)})
    base, *others = named
    points = whole("--sobol", sobol, 64)
    how = {"threads": how_to_run("compiled", threads, None)["threads"]}
    warn(scenario, named[base])
    with folder_for(out) as folder, shown_progress() as progress:
        from cjsim.tuning.levers import levers as rank
        from cjsim.tuning.sobol import MOST, with_sobol

        within = tuple(only or ("policy",)) + (("journey",) if journey else ())
        found = rank(named[base], metric=metric, only=within, also={name: named[name] for name in others}, progress=progress, **how)
        if points is not None:
            found = with_sobol(found, named[base], points=points, most=None if only else MOST, progress=progress, **how)
        written = save(found, folder)
    tell(out, written)
    show(found, as_json=as_json, full=full)
