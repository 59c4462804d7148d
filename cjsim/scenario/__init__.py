"""What a user declares: journeys, policies, scenarios, and the values that a study may vary."""
