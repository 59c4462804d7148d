"""Ranking of levers: which change of a scenario moves a metric most."""
