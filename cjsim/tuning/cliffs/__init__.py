"""Cliffs: the moves between stages at which customers and their value are lost."""
