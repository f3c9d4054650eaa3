"""Who may ask which endpoint, and how often."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mrm.core.fields import a_list, an_object, number, require_known

from .artifacts import require_digest
from .kept import Kept
from .refusal import Refused
from .route import require_name


@dataclass(slots=True)
class Tenant:
    """Callers that share tokens (kept as SHA-256 only), endpoints, and a rate in requests per second."""

    tokens: tuple[str, ...]
    endpoints: tuple[str, ...]
    per_second: int
    burst: int
    _left: float = field(default=0.0, repr=False)
    _at: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        self._left, self._at = float(self.burst), time.monotonic()

    def spend(self) -> bool:
        """Take one request from the bucket, if there is one."""
        now = time.monotonic()
        self._left = min(float(self.burst), self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def kept(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


class Doors:
    """An endpoint that a tenant names asks for a token; `closed` asks for one everywhere."""

    def __init__(self, root: Path, control: str, *, closed: bool = False) -> None:
        self._kept, self._control, self._closed = Kept(root / "tenants.json"), f"Bearer {control}".encode(), closed
        self._tenants = {name: _tenant(told) for name, told in self._kept.read().items()}
        self._lay_out()

    def enter(self, endpoint: str, authorization: bytes) -> None:
        """Let a request through, or refuse it."""
        guarded = self._closed or endpoint in self._guarded
        if not guarded and (not authorization or not self._tenants):
            return
        if self.is_control(authorization):
            return
        name = self._by_token.get(hashlib.sha256(authorization.removeprefix(b"Bearer ")).hexdigest())
        if name is None:
            if guarded:
                raise Refused(401, f"The endpoint {endpoint} needs the token of a tenant.", "no_token")
            return
        tenant = self._tenants[name]
        if guarded and endpoint not in tenant.endpoints:
            raise Refused(403, f"The tenant {name} may not ask the endpoint {endpoint}.", "not_yours")
        if not tenant.spend():
            raise Refused(429, f"The tenant {name} may ask {tenant.per_second} times a second.", "too_often")

    def is_control(self, authorization: bytes) -> bool:
        """Whether the control plane itself asks."""
        return hmac.compare_digest(authorization, self._control)

    def put(self, name: str, body: Any) -> dict[str, Any]:
        """Set a tenant anew: its tokens, endpoints and rate."""
        require_name(name)
        tenant = _tenant(body)
        for other, theirs in self._tenants.items():
            if other != name and set(theirs.tokens) & set(tenant.tokens):
                raise Refused(409, f"A token belongs to the tenant {other} already.")
        self._keep(self._tenants | {name: tenant})
        return {"tenant": name, **_shown(tenant)}

    def remove(self, name: str) -> None:
        if name not in self._tenants:
            raise Refused(404, f"There is no tenant {name}.")
        self._keep({other: tenant for other, tenant in self._tenants.items() if other != name})

    def listed(self) -> list[dict[str, Any]]:
        return [{"tenant": name, **_shown(tenant)} for name, tenant in sorted(self._tenants.items())]

    def _keep(self, tenants: dict[str, Tenant]) -> None:
        self._kept.write({name: tenant.kept() for name, tenant in tenants.items()})
        self._tenants = tenants
        self._lay_out()

    def _lay_out(self) -> None:
        self._by_token = {token: name for name, tenant in self._tenants.items() for token in tenant.tokens}
        self._guarded = {endpoint for tenant in self._tenants.values() for endpoint in tenant.endpoints}


def _tenant(body: Any) -> Tenant:
    body = an_object(body, "The tenant")
    require_known(body, ("tokens", "endpoints", "per_second", "burst"), "The tenant")
    per_second = number(body, "per_second", 1, 1_000_000, 100)
    return Tenant(
        tokens=tuple(_digest(each) for each in a_list(body, "tokens")),
        endpoints=_endpoints(body),
        per_second=per_second,
        burst=number(body, "burst", 1, 1_000_000, 2 * per_second if per_second <= 500_000 else per_second),
    )


def _endpoints(body: Mapping[str, Any]) -> tuple[str, ...]:
    found = a_list(body, "endpoints")
    if not found or not all(isinstance(each, str) for each in found):
        raise Refused(400, "The field endpoints must be a list of names, one at least.")
    for each in found:
        require_name(each)
    return tuple(found)


def _digest(token: Any) -> str:
    if not isinstance(token, str):
        raise Refused(400, "The field tokens must hold the SHA-256 of each token in lower-case hex.")
    require_digest(token)
    return token


def _shown(tenant: Tenant) -> dict[str, Any]:
    return tenant.kept() | {"tokens": [f"{token[:8]}…" for token in tenant.tokens]}
