"""The prediction log: which version, digest and approval answered which request, when; taken in, archived, found again."""
