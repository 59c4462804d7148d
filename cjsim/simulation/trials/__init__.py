"""Trials of a simulated experiment, as the firm would analyze them."""
