"""What happens: journeys, policies and scenarios, declared and compiled. No loop over customers and no clock runs here."""
