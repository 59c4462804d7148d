"""Findings that are read from their JSON files: levers, assumptions, responses, attributions, studies and experiments."""
