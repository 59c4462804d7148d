"""What it is worth: metrics with intervals, and paired comparisons."""
