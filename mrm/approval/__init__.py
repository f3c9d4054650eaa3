"""The decision to use a version: gates, conditions, expiry, withdrawal."""
