"""Descriptions of journeys, policies and scenarios in plain English."""
