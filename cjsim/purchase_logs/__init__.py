"""Reads purchase logs in many formats, and checks them for errors that would make results misleading."""
