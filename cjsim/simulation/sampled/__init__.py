"""Checks of a scenario by a simulation of a sample of its customers."""
