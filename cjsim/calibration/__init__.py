"""Calibration of a journey from data: reading a purchase log, fitting models, and reporting what the data cannot identify."""
