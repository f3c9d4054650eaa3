"""Names that survive as a folder, in a path and in a label."""

import hashlib
import json
import re

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}[A-Za-z0-9]")
_SHORTEST = 3


def hashed(*parts: str) -> str:
    """SHA-256 in hex of a list of words."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def short_name(endpoint: str) -> str:
    """The endpoint in lower case where that is unambiguous, else a digest of it."""
    if _PLAIN.fullmatch(endpoint) and endpoint == endpoint.lower() and not endpoint.startswith("x-"):
        return endpoint
    return f"x-{hashed(endpoint)[:38]}"


def letter_name(endpoint: str, most: int = 40) -> str:
    """Like `short_name`, of 3 to `most` characters, the first of them a letter."""
    name = short_name(endpoint)
    plain = name[0].isalpha() and _SHORTEST <= len(name) <= most
    return name if plain else f"x-{hashed(endpoint)[: most - 2]}"
