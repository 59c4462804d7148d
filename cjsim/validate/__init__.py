"""Checks of journeys, policies and scenarios: faults that must be corrected, and lint warnings."""
