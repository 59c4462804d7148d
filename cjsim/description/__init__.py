"""Describes journeys, policies and scenarios in words."""
