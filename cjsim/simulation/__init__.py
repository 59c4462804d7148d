"""Run scenarios: load, simulate, compare, and the results."""
