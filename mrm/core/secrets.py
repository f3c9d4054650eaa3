"""Secrets by name: the record holds names only, the values come from the environment or a file of our own."""

import os

from django.conf import settings

from mrm.core.refusal import Refused


def secret(name: str) -> str:
    """A secret by its name: from the environment, else from a file that only we can read."""
    if value := os.environ.get(f"MRM_SECRET_{name.upper().replace('-', '_')}"):
        return value
    path = settings.DATA_DIR / "secrets" / name
    if path.is_file():
        return path.read_text().strip()
    raise Refused(f"The secret {name} is not set: give it as MRM_SECRET_{name.upper().replace('-', '_')}.")
