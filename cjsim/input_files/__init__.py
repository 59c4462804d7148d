"""Reads files that users name: only regular files, up to a size limit, with errors that name the file."""
