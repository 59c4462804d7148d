"""Running scenarios: load, simulate, compare, and work with the results."""
