"""What a search found, as records, text and figures."""
