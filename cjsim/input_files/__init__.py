"""Reading of files that users name: only regular files, never more than a limit, with errors that name the file."""
