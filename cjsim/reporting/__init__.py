"""Reports on individual customers."""
