"""`FolderResult`, the base class of results that are saved as files."""

import inspect
import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

from cjsim.argument_types import checked_arguments
from cjsim.output_folder.drafts import folder_to_write
from cjsim.output_folder.file_digests import MANIFEST_FILE
from cjsim.table_files import write_csv
from cjsim.tabular_result import TabularResult

C = TypeVar("C")
_ATTRIBUTES = re.compile(r"^Attributes\n-+\n.*?(?=\n\n\w[^\n]*\n---|\Z)", re.MULTILINE | re.DOTALL)


def with_inherited_attributes(cls: type[C]) -> type[C]:
    """Append the attributes that a base class documents to the docstring of a class, so that `help` shows them."""
    inherited = next((found[0] for base in cls.__mro__[1:] if (found := _ATTRIBUTES.search(inspect.cleandoc(base.__doc__ or "")))), "")
    if cls.__doc__ and inherited and not _ATTRIBUTES.search(inspect.cleandoc(cls.__doc__)):
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{inherited}"
    return cls


class FolderResult(TabularResult):
    """A result that is saved as files in a folder. The docstrings of subclasses list the files."""

    _marker = MANIFEST_FILE  # the file that is written last

    def __init_subclass__(cls) -> None:
        """Document the attributes that a subclass inherits."""
        super().__init_subclass__()
        with_inherited_attributes(cls)

    @checked_arguments
    def save(self, folder: str | Path) -> Path:
        """Save the result to a folder, and replace earlier results of the same kind, completely or not at all.

        Unlike the command line, this method replaces them without `--force`. A `Run` and a `Comparison` can be loaded again with `load`;
        the files of other results are JSON and CSV.

        Parameters
        ----------
        folder : str or Path
            Destination folder. It is created if it does not exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If the folder cannot be written, or another run is writing to it.
        """
        with folder_to_write(folder) as target:
            self._write_files(target)
        return Path(folder)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""

    def _write_files(self, folder: Path) -> None:
        """Write all files, the marker last. The default is the table as CSV, then the marker, which contains the result as JSON."""
        from cjsim.json_records import write_json  # imports pydantic, which `cjsim --help` does not need

        write_csv(self.to_pandas(), folder / Path(self._marker).with_suffix(".csv"))
        write_json(folder / self._marker, self.to_json())
