"""Readout of a trial: whether the trial is sound, what its effects are, who gains, and which policy to use."""
