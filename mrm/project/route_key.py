"""The key that routes and words on approvals are signed with, so that the gateway believes its control plane alone."""

import os
from pathlib import Path

from django.conf import settings

from mrm.core.envelope import new_key, public_of
from mrm.core.secrets import ROUTE_KEY, secret


def private_place() -> Path:
    place: Path = settings.DATA_DIR / "secrets" / ROUTE_KEY
    return place


def make_route_key() -> Path:
    """Make the key on first start, readable for us alone; gives the place of its public part, for the gateway.

    One that is given to the process in its environment stands in its place.
    """
    private = private_place()
    private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.environ.get("MRM_SECRET_ROUTE_KEY") and not private.exists():
        handle = os.open(private, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(new_key())
    public = private.with_suffix(".pub")
    public.write_bytes(public_of(secret(ROUTE_KEY, signs=True).encode()))
    return public


def is_signing() -> bool:
    """Whether there is a key; a gateway that served before there was one goes on without."""
    return private_place().exists() or bool(os.environ.get("MRM_SECRET_ROUTE_KEY"))
