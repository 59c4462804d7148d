"""Loading, simulating and comparing scenarios, and working with the results."""
