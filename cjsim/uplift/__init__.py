"""Randomized trials: reading, soundness checks, effects, uplift models, curves and treatment policies."""
