"""What is shown of runs: so far one customer's diary."""
