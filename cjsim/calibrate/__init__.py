"""A journey from data."""
