"""Reads YAML files as trees that know their locations, and turns the trees into checked records."""
