"""Lever ranking: the changes to a scenario with the largest effect on a metric."""
