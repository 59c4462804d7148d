"""YAML files as trees that know their positions, and the records that they are read into."""
