"""JSON: the same services behind the API."""
