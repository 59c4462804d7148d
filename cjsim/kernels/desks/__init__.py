"""Requests to desks and their replies."""
