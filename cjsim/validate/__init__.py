"""What must hold across the parts of a scenario, and what looks like a mistake in one."""
