"""Tests whose share of customers under the alternative is raised in phases."""
