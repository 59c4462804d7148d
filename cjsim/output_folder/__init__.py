"""Output folders: drafts that are published completely or not at all, and results that are checked against their manifest."""

from cjsim.output_folder.atomic_file import write_atomically
from cjsim.output_folder.drafts import atomic_output_folder, empty_folders_removed, folder_to_write, remove_leftovers
from cjsim.output_folder.earlier_results import require_new_file, require_no_earlier_result
from cjsim.output_folder.file_digests import COMPARISON_FILE, MANIFEST_FILE, is_listed, require_intact_files, require_unchanged_manifest
from cjsim.output_folder.folder_result import FolderResult, with_inherited_attributes
from cjsim.output_folder.replacement import restore_interrupted_replacement

__all__ = [
    "COMPARISON_FILE",
    "MANIFEST_FILE",
    "FolderResult",
    "atomic_output_folder",
    "empty_folders_removed",
    "folder_to_write",
    "is_listed",
    "remove_leftovers",
    "require_intact_files",
    "require_new_file",
    "require_no_earlier_result",
    "require_unchanged_manifest",
    "restore_interrupted_replacement",
    "with_inherited_attributes",
    "write_atomically",
]
