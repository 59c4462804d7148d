"""Families of which a scenario has many kinds, a file per family: each kind with its schema, checks, phrases and compilation."""
