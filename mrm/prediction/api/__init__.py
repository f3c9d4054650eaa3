"""The prediction log over the API, and extracts of it."""
