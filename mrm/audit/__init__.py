"""The trail: the only door through which governed data changes, and the append-only record of it."""
