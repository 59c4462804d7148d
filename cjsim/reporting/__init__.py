"""Reports on runs: the diary of one customer."""
