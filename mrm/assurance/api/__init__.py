"""The same over the API: the log and its exports, and the reports on duties."""
