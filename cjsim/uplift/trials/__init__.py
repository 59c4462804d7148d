"""Trials: column roles, arms, outcomes, features, and reading from CSV or Parquet."""
