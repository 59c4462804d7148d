"""Files in an output folder that a command writes without listing them, so that it would silently replace them."""

from pathlib import Path

from cjsim.output_folder.earlier_results import _FILES_BY_COMMAND


def unnamed_files(folder: Path, command: str) -> list[str]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names
    return [name for name in names if not _FILES_BY_COMMAND[command].fullmatch(name)]
