"""Validates journeys, policies and scenarios: faults (errors) and lint warnings."""
