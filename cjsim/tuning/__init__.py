"""A policy from a journey: studies that search free values for the best objectives under constraints, and levers ranked by effect."""
