"""Pages of entitlements."""
