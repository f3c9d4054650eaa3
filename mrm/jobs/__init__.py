"""Long work: one durable row per job with progress, retry and cancel; the broker is only a doorbell."""
