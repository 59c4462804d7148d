"""Families of model components, one file per family. Each kind has its schema, checks, phrases and compilation."""
