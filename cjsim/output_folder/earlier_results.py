"""Files of earlier results in an output folder. Commands replace them only with --force."""

import re
from collections.abc import Mapping, Set
from pathlib import Path
from types import MappingProxyType

from cjsim.errors import InputError, format_error
from cjsim.output_folder.file_digests import COMPLETION_MARKERS, MANIFEST_FILE, listed_files, read_manifest

_RUN_FILES = r"manifest\.json|(metrics|groups)\.json|groups\.csv|(customers|truth|log)\.parquet"
_MAX_LISTED_FILES = 5
# Patterns of the files that each command writes to its --out folder.
_FILES_BY_COMMAND: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "simulate": re.compile(rf"(replication_\d+/)?({_RUN_FILES})|trial\.csv|series\.png|cohorts\.(csv|json|png)"),
        "compare": re.compile(
            rf"run_\d+/(replication_\d+/)?({_RUN_FILES})|(comparison|series)\.png|comparison\.json|group_effects\.(csv|json)"
        ),
        "levers": re.compile(r"(levers|touchpoints)\.(csv|json)|tornado\.png|sobol\.csv|manifest\.json"),
        "cliffs": re.compile(r"cliffs\.(csv|png|json)"),
        "assumptions": re.compile(r"assumptions\.(csv|json)"),
        "optimize": re.compile(r"optimum\.json|trials\.csv|best\.yaml|search\.png|manifest\.json"),
        "rehearse": re.compile(r"rehearsal\.json|designs\.csv|power\.png|report\.md"),
        "uplift": re.compile(r"uplift\.json|report\.md|(effects|curves|groups|policies)\.(csv|png)"),
        "attribution": re.compile(r"attribution\.(csv|png|json)|credits\.(csv|json)"),
        "responses": re.compile(r"responses\.(csv|png|json)"),
        "report": re.compile(r"report\.(html|json)"),
        "map": re.compile(r"map\.(html|svg|mmd|json)"),
        "calibrate": re.compile(r"(journey|policy|scenario)\.yaml|(entries|draws|customers)\.csv|calibration\.json"),
    }
)
# Commands that write a manifest and therefore replace each other's results. For the other commands, the file that each writes last.
_WITH_MANIFEST = ("simulate", "compare", "levers", "optimize")
_LAST_FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cliffs": ("cliffs.json",),
        "assumptions": ("assumptions.json",),
        "rehearse": ("rehearsal.json",),
        "uplift": ("uplift.json",),
        "attribution": ("attribution.json", "credits.json"),
        "responses": ("responses.json",),
        "report": ("report.json",),
        "map": ("map.json",),
        "calibrate": ("calibration.json",),
    }
)
COMPLETION_FILES = frozenset({*COMPLETION_MARKERS, *(name for names in _LAST_FILES.values() for name in names)})
_COMMANDS_BY_KIND: Mapping[str, str] = MappingProxyType({"study": "optimize", "levers": "levers", "experiment": "experiment"})


def require_no_earlier_result(out: Path, command: str) -> None:
    """Raise if a command would replace files in a folder. Called before any work is done.

    Parameters
    ----------
    out : Path
        Output folder, as given by the user. It need not exist.
    command : str
        Name of the command, such as 'simulate'.

    Raises
    ------
    InputError
        If the folder holds files that the command would replace. The message names the earlier result or, if there is no manifest, the
        files.
    """
    names = {name for name in _file_names(out) if _FILES_BY_COMMAND[command].fullmatch(name)}
    if command in _WITH_MANIFEST:
        names |= _files_with_manifest(out)
    if names:
        must = "must be a folder without earlier results"
        remedy = "Choose another folder, or add `force` to replace them."
        raise InputError(format_error("out", must, f"'{out}' with {_result_text(out, names)}", remedy))


def require_new_file(file: Path, *, argument: str) -> None:
    """Raise if a file exists. Called before any work is done.

    Parameters
    ----------
    file : Path
        File that a command writes.
    argument : str
        Name of the argument in error messages.

    Raises
    ------
    InputError
        If the file exists.
    """
    if file.is_file():
        raise InputError(format_error(argument, "must be a new file", f"the existing file '{file}'", "Add `force` to replace it."))


def replaced_by_draft(draft: Path, out: Path) -> set[str]:
    """Return the files of earlier results that a new result replaces, including files that have no counterpart in it.

    Parameters
    ----------
    draft : Path
        Folder with the new result.
    out : Path
        Output folder. The user's own files and results of other kinds are kept.
    """
    names: set[str] = set()
    if _has_any(draft, COMPLETION_MARKERS):
        names |= _files_with_manifest(out)
    for command, last in _LAST_FILES.items():
        if _has_any(draft, last) and _has_any(out, last):
            names |= {name for name in _file_names(out) if _FILES_BY_COMMAND[command].fullmatch(name)}
    return names


def _files_with_manifest(out: Path) -> set[str]:
    """Return the files of a result with a manifest: those that the manifest lists, and those whose names such results use."""
    if not _has_any(out, COMPLETION_MARKERS):
        return set()
    patterns = [_FILES_BY_COMMAND[command] for command in _WITH_MANIFEST]
    return _listed_below(out, "") | {name for name in _file_names(out) if any(pattern.fullmatch(name) for pattern in patterns)}


def _listed_below(out: Path, folder: str) -> set[str]:
    """Return the existing files that are listed by the manifests of a folder or, recursively, by the manifests among these files."""
    found: set[str] = set()
    for marker in COMPLETION_MARKERS:
        manifest = read_manifest(out / folder / marker)
        try:
            listed = {f"{folder}{name}" for name in listed_files(manifest or {})}
        except TypeError:  # a damaged manifest
            continue
        found |= {name for name in listed if (out / name).is_file()}
    inner = {name.rpartition("/")[0] + "/" for name in found if name.rpartition("/")[2] in COMPLETION_MARKERS and "/" in name}
    return found.union(*(_listed_below(out, one) for one in inner if one != folder))


def _file_names(out: Path) -> set[str]:
    """Return the files in a folder and in the folders of its runs and replications."""
    patterns = ("*", "replication_*/*", "run_*/*", "run_*/replication_*/*")
    return {path.relative_to(out).as_posix() for pattern in patterns for path in out.glob(pattern) if path.is_file()}


def _has_any(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _result_text(out: Path, names: Set[str]) -> str:
    """Describe a result by its command and date if it has a manifest, and by the names of its files otherwise."""
    manifest = next((name for name in (MANIFEST_FILE, "run_0/manifest.json") if name in names), None)
    content = {} if manifest is None else read_manifest(out / manifest) or {}
    if "date" in content:
        command = "compare" if manifest != MANIFEST_FILE else _COMMANDS_BY_KIND.get(content.get("kind", ""), "simulate")
        name = content.get("name") or content.get("scenario")
        return f"the '{command}' result for {name}, {str(content['date'])[:10]}"
    first = sorted(names)[:_MAX_LISTED_FILES]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    return f"{', '.join(first)}{more}"
