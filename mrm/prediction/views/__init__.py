"""Pages of the prediction log: a day, one answer, and extracts."""
