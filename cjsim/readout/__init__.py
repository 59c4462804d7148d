"""Readout of a trial: whether it is sound, its effects, who gains, and which policy to use."""
