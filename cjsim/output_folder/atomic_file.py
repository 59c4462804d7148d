"""Writing of single files, completely or not at all."""

import os
import time
from pathlib import Path

from cjsim.file_lock import is_open_at, try_lock

_MAX_ATTEMPTS, _RETRY_SECONDS = 100, 0.05  # to lock a part file that other processes write and rename


def write_atomically(file: Path, text: str) -> None:
    """Write a text file in UTF-8. If the process is killed, an existing file is unchanged.

    The text is written to a part file, which is then renamed to the file. A part file that a killed process left behind is overwritten; a
    lock keeps processes from writing to the same one.

    Parameters
    ----------
    file : Path
        The file. An existing one is replaced.
    text : str
        Its content.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(os.path.realpath(file))  # keeps a symbolic link
    if path.exists() and not path.is_file():  # such as a pipe
        path.write_text(text, encoding="utf-8")
        return
    part = path.with_name(f".{path.name}.part")
    for _ in range(_MAX_ATTEMPTS):
        with part.open("a+b") as content:
            if try_lock(content) is False:
                time.sleep(_RETRY_SECONDS)
                continue
            if not is_open_at(content, part):  # another process has just renamed it
                continue
            try:
                content.truncate(0)
                content.write(text.encode())
                content.flush()
                os.fsync(content.fileno())
                if os.name == "posix":
                    part.replace(path)
                    return
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        part.replace(path)  # Windows does not rename open files
        return
    raise OSError(0, f"other processes are writing to '{part.name}'")
