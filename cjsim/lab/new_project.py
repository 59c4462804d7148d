"""Creates a project folder with documents that are ready to run."""

import re
from collections.abc import Iterator
from pathlib import Path

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.library import library_entries, library_folder
from cjsim.output_folder import atomic_output_folder
from cjsim.scenario.fields import duration_text
from cjsim.scenario.kinds.steps import WaitStep
from cjsim.scenario.traversal import policy_steps
from cjsim.simulation.documents import Scenario
from cjsim.yaml.paths import path_text

_REFERENCE_PATTERN = re.compile(r"^(?:extends|journey|policy|scenario):\s*([\w./-]+\.yaml)", re.MULTILINE)
_WHAT_IF = """\
# A what-if changes single values: cjsim compare scenarios/{name}.yaml scenarios/what_if.yaml
extends: {name}.yaml
name: what_if
title: "What if the firm waited half as long? ({flow})"
set:
  {path}: {half}
"""
_STUDY = """\
# Which waiting time gives the highest CLV? cjsim optimize studies/timing.yaml
name: timing
title: "Timing: {flow}"
scenario: ../scenarios/{name}.yaml
customers: 1000
free:
  {path}: {{low: {quarter}, high: {double}, log: true}}
objectives: [clv]
trials: 12
"""
_EXPERIMENT = """\
# A hypothesis and its test: cjsim experiment experiments/sooner.yaml
name: sooner
title: "Half the wait: {flow}"
hypothesis: Waiting half as long raises CLV.
scenario: ../scenarios/{name}.yaml
variants:
  half: {{set: {{"{path}": {half}}}}}
metric: clv
direction: rises
customers: 2000
"""


def create_project(folder: str | Path, *, source: str | None = None) -> list[Path]:
    """Write a journey, two policies, a scenario, a what-if, a study and an experiment to a new folder.

    Parameters
    ----------
    folder : str or Path
        A folder that does not exist yet, or is empty.
    source : str, optional
        Name of a library scenario to copy, such as 'saas', with its better policy. By default, a small commented example is written.

    Returns
    -------
    list of Path
        The files, sorted.

    Raises
    ------
    InputError
        If the folder is not empty or cannot be written, or the library has no such scenario.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        got = "one that holds files" if target.is_dir() else "a file"
        raise InputError(format_error(str(target), "must be a new or empty folder", got, "Choose another folder."))
    contents = dict(_starter_files() if source is None else _library_files(source))
    with atomic_output_folder(target, argument="folder") as draft:
        assert draft is not None
        for name, text in contents.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8")
    return sorted(target / name for name in contents)


def _starter_files() -> Iterator[tuple[str, str]]:
    """Yield the relative path and the text of each file of the small example."""
    starter = library_folder() / "starter"
    for file in sorted(starter.rglob("*.yaml")):
        yield str(file.relative_to(starter)), file.read_text(encoding="utf-8")


def _library_files(source: str) -> Iterator[tuple[str, str]]:
    """Yield the relative path and text of each file: a library scenario, its references, and three documents that vary its first wait."""
    scenarios = {entry.name: entry.path for entry in library_entries("scenario")}
    if source not in scenarios:
        raise InputError(format_error("source", *unknown_name_parts(source, scenarios, "library scenario")))
    scenario, better, folder = scenarios[source], scenarios.get(f"{source}_better"), library_folder()
    for file in sorted(_with_references(scenario) | (_with_references(better) if better else set())):
        yield str(file.relative_to(folder)), file.read_text(encoding="utf-8")
    policy = Scenario.load(scenario).policy
    path, wait = next((path, step.wait) for path, step in policy_steps(policy) if isinstance(step, WaitStep) and step.wait > 0)
    flow = policy.flows[str(path[1])].title or str(path[1])
    words = {"name": source, "flow": flow, "path": path_text(("policy", *path, "wait"))}
    words |= {name: duration_text(wait * factor) for name, factor in (("quarter", 0.25), ("half", 0.5), ("double", 2.0))}
    yield "scenarios/what_if.yaml", _WHAT_IF.format(**words)
    yield "studies/timing.yaml", _STUDY.format(**words)
    yield "experiments/sooner.yaml", _EXPERIMENT.format(**words)


def _with_references(file: Path) -> set[Path]:
    """Return a YAML file and all files that it extends or includes."""
    found = {file}
    for name in _REFERENCE_PATTERN.findall(file.read_text(encoding="utf-8")):
        found |= _with_references((file.parent / name).resolve())
    return found
