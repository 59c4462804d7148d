"""Reads YAML files into trees with line numbers, and validates the trees as records."""
