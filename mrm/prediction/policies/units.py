"""The name under which a customer or account stands in the log: a hash that only who knows the unit can make again."""

from hashlib import blake2b


def unit_hash(deployment: str, unit: str) -> str:
    """The keyed hash of a unit at a deployment, in hexadecimal."""
    key = blake2b(deployment.encode(), digest_size=32).digest()
    return blake2b(unit.encode(), digest_size=16, key=key).hexdigest()
