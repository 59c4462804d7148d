"""Metrics of runs, defined as ratios of sums over customers, with confidence intervals and paired differences between runs."""
