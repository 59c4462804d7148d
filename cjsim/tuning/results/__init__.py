"""Results of a study as records, text, figures and files."""
