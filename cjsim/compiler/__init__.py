"""From a scenario to the arrays that kernels read."""
