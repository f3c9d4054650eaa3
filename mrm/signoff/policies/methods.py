"""By which means a signature is confirmed."""

from collections.abc import Mapping
from typing import Any

METHODS = {"password": "password", "totp": "authenticator app", "webauthn": "security key"}


def methods_of(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """The means that a policy takes; one that names none takes all."""
    return tuple(policy["signature"].get("methods", METHODS))


def method_allowed(policy: Mapping[str, Any], name: str, method: str) -> str | None:
    """Why the policy does not take a signature that was confirmed in this way, or None."""
    allowed = methods_of(policy)
    if method in allowed:
        return None
    return f"{name} takes signatures confirmed by {' or '.join(METHODS[each] for each in allowed)} only."
