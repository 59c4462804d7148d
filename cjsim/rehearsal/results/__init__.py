"""The result of a rehearsal: data, text, figure and files."""
