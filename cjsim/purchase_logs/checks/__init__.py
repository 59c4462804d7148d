"""Checks of the rows of a purchase log."""
