"""Schemas of the documents that users write: journeys, policies, scenarios and search spaces."""
