"""Rehearsals of A/B tests: the power, errors and cost of test designs, measured on simulated customers."""
