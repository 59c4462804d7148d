"""What a run is worth: metrics, each a ratio of sums over customers with its interval, and paired comparisons of runs."""
