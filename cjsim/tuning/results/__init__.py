"""Results of a study: records, text, figures and files."""
