"""Policy optimization: searches for the best free values under constraints, and rankings of levers by their effect."""
