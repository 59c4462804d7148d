"""Checks of a trial: whether its arms can be compared, and its effects trusted."""
