"""Compiles a scenario into the arrays that kernels read, and draws its population."""
