"""Pages of sign-off: the queue, the decision, the signature, the policies."""
