"""Soundness checks: whether the arms of a trial can be compared and its effects trusted."""
