"""Customers and accounts stand in the log by a keyed hash: only with a gateway's key is one found by name."""

import hmac

from django.conf import settings

from mrm.core.refusal import Refused

KEY = "log.key"  # beside the folder that a gateway writes its log into


def hashes_of(unit: str) -> list[str]:
    """The hash of a unit under the key of every gateway whose log is taken in here."""
    places = [folder.parent / KEY for folder in settings.PREDICTION_FOLDERS]
    try:
        keys = [bytes.fromhex(place.read_text()) for place in places if place.is_file()]
    except (OSError, ValueError):
        keys = []
    if not keys:
        raise Refused("Nobody is found by name here: no gateway's key can be read (log.key beside its log folder).")
    return [hmac.digest(key, unit.encode(), "sha256").hex() for key in keys]
