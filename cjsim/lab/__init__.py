"""Experiments that test hypotheses, the journal of results, and comparison of versions."""
