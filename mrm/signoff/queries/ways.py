"""In which ways a person may confirm that it is he who signs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrm.access import queries as access
from mrm.access.models import Account, Method
from mrm.access.second_factors import request_options
from mrm.core.canonical import digest
from mrm.signoff.models import Request
from mrm.signoff.policies import method_allowed

WAYS = (
    (Method.WEBAUTHN, "Signs this statement itself", "Not set up: add a security key on your account page."),
    (Method.TOTP, "6-digit code", "Not set up: add an authenticator app on your account page."),
    (Method.PASSWORD, "The one you sign in with", "Your account has no password."),
)


@dataclass(frozen=True)
class Way:
    """A way as the dialog offers it: open, or closed with the reason."""

    method: str
    label: str
    sub: str
    reason: str
    checked: bool = False


def ways(request: Request, account: Account) -> list[Way]:
    """What the policy takes and the person has, the strongest that is open chosen first."""
    held = access.methods_of(account)
    found: list[Way] = []
    for method, sub, lacking in WAYS:
        refused = method_allowed(request.policy.content, str(request.policy), method)
        reason = refused or ("" if method in held else lacking)
        first = not reason and not any(way.checked for way in found)
        found.append(Way(method, str(method.label), sub, reason, checked=first))
    return found


def key_options(statement: Mapping[str, Any], account: Account) -> dict[str, Any] | None:
    """What a browser needs to have a security key answer the statement; None when the person has no key."""
    known = access.credential_ids(account)
    return request_options(bytes.fromhex(digest(statement)), known) if known else None
