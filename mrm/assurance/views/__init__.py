"""Pages of what outsiders judge us by: the log and its exports, and the reports on duties."""
