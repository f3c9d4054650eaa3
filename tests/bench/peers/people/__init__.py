"""A person's row, tracked by the peer that the environment names."""
