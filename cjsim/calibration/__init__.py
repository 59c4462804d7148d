"""Calibration of journeys from purchase logs: reading logs, fitting models, and reporting parameters that the data cannot identify."""
