"""Secrets by name: the record holds names only, the values come from the environment or a file of our own."""

import os

from django.conf import settings

from mrm.core.refusal import Refused

# MRM_SECRET_KEY is what sessions are signed with; statements are signed with the other
OUR_KEYS = frozenset({"key", "keys-before", "statement-key"})
ROUTE_KEY = "route-key"  # signs what the gateway is told; it never leaves, so a place may not send it as its token


def secret(name: str, *, signs: bool = False) -> str:
    """A secret by its name: from the environment, else from a file that only we can read.

    Our own keys go by such names too; whoever names a place could otherwise have them sent there. The key of routes is
    given to what `signs` with it alone.
    """
    plain = name.lower().replace("_", "-")
    if plain in OUR_KEYS or (plain == ROUTE_KEY and not signs):
        raise Refused(f"{name} is a key of this system itself; it is given to nobody.")
    if value := os.environ.get(f"MRM_SECRET_{name.upper().replace('-', '_')}"):
        return value
    path = settings.DATA_DIR / "secrets" / name
    if path.is_file():
        return path.read_text().strip()
    raise Refused(f"The secret {name} is not set: give it as MRM_SECRET_{name.upper().replace('-', '_')}.")
