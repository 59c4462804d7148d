"""Metrics and differences by group of customers."""
