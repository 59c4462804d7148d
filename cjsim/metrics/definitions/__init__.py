"""Definitions of all metrics, by subject."""
