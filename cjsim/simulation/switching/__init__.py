"""Scenarios without some or all touchpoints."""
