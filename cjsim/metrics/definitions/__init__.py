"""What each metric is."""
