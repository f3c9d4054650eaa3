"""Tells a receiver what should run, under our signature, and asks it what does run."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator

from ..base import BaseConnector, refuse_unapproved_bytes
from ..http import Backend, error_text
from ..protocol import (
    Artifact,
    ArtifactFile,
    ArtifactStore,
    AuthFailed,
    Cap,
    Conflict,
    ConnectorError,
    Desired,
    Invalid,
    Listed,
    NotFound,
    Observed,
    ObservedVariant,
    Op,
    Page,
    Result,
    Variant,
)
from ..settings import CONNECTION, TEXT
from ..values import require_endpoint
from .contract import ABOUT, LISTING, PROGRESS, STATE
from .signing import CONTENT, IDEMPOTENCY, SignedAuth, signer

_OPTIONAL = {"split": Cap.SPLIT, "shadow": Cap.SHADOW, "fallback": Cap.FALLBACK, "inventory": Cap.INVENTORY}


class WebhookConnector(BaseConnector):
    """What the receiver can do beyond one champion stands in the configuration."""

    id: ClassVar[str] = "webhook"
    title: ClassVar[str] = "A receiver of yours, by signed calls"
    guide: ClassVar[tuple[str, ...]] = (
        "The receiver keeps the contract of mrm/connectors/webhook/contract.py and verifies every signature.",
    )
    caps = Cap.DEPLOY | Cap.OBSERVE_VERSION | Cap.OBSERVE_DIGEST | Cap.ETAG
    secret_fields: ClassVar[tuple[str, ...]] = ("signing_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "signing_secret"],
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "title": "Address of the receiver",
                "examples": ["https://receiver.bank.example/deployments"],
            },
            "signing_secret": TEXT | {"title": "Name of the secret that signs", "examples": ["receiver"]},
            "scheme": {"enum": ["hmac-sha256", "ed25519"], "title": "Kind of signature"},
            "key_id": TEXT | {"title": "Name under which the receiver knows the key"},
            "can": {"type": "array", "uniqueItems": True, "items": {"enum": sorted(_OPTIONAL)}, "title": "It also can"},
            "send_files": {"type": "boolean", "title": "Send the bytes, not only where they lie"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        scheme = config.get("scheme", "hmac-sha256")
        auth = SignedAuth(scheme, signer(scheme, secrets["signing_secret"]), config.get("key_id", "mrm"))
        self._receiver = Backend.configured(
            "The receiver", config["base_url"], config, auth=auth, special=_not_accepted
        )
        self._send_files = config.get("send_files", True)
        for name in config.get("can", []):
            self.caps |= _OPTIONAL[name]

    def check(self) -> str:
        """Reach the receiver; it must accept the signature."""
        found = _checked(self._receiver.json("GET", "/"), "about")
        return f"{found['name']} {found['version']} answers and accepts our signature."

    def observe(self, endpoint: str) -> Observed:
        require_endpoint(endpoint)
        state = self._state(endpoint)
        return Observed(exists=False) if state is None else _observed(state)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Files first, then the whole plan at once, on the condition that nothing moved meanwhile."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        state = self._state(desired.endpoint, op)
        _require_newer(desired, state)
        for variant in desired.variants:
            for file in variant.version.artifact.files:
                self._send(variant.version.artifact, file, op)
        standing = state["etag"] if state else None
        headers = {"If-Match": f'"{expect_etag or standing}"'} if expect_etag or standing else {"If-None-Match": "*"}
        headers[IDEMPOTENCY] = op.idempotency_key
        body = wanted(desired)
        return _result(self._receiver.json("PUT", _endpoint(desired.endpoint), body=body, headers=headers, op=op))

    def poll(self, handle: str) -> Result:
        return _result(self._receiver.json("GET", f"/operations/{quote(handle, safe='')}"))

    def delete(self, endpoint: str, *, op: Op) -> Result:
        require_endpoint(endpoint)
        headers = {IDEMPOTENCY: op.idempotency_key}
        try:
            return _result(self._receiver.json("DELETE", _endpoint(endpoint), headers=headers, op=op))
        except NotFound:
            return Result(done=True, message="There was nothing to remove.")

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; call the system behind the receiver")

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of the receiver's endpoints; it says where the next begins."""
        if Cap.INVENTORY not in self.caps:
            raise self.unsupported("listing models")
        query = urlencode({"limit": self.page_size} | ({"after": cursor} if cursor else {}))
        found = _checked(self._receiver.json("GET", f"/endpoints?{query}"), "listing")
        return Page(tuple(item for state in found["endpoints"] for item in _listed(state)), found["next"])

    def _state(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        try:
            found = _checked(self._receiver.json("GET", _endpoint(endpoint), op=op), "state")
        except NotFound:
            return None
        if found["endpoint"] != endpoint:
            raise Invalid("The receiver described another endpoint than was asked for.")
        return found

    def _send(self, artifact: Artifact, file: ArtifactFile, op: Op) -> None:
        path = f"/artifacts/{artifact.digest}/{quote(file.name, safe='')}"
        with self.verified(artifact, file) as content:
            if not self._send_files:
                return
            try:
                with self._receiver.send("HEAD", path, op=op):
                    return
            except NotFound:
                pass
            # a repeated PUT of the same digest writes the same bytes
            with self._receiver.send("PUT", path, content=content, headers={CONTENT: file.digest}, op=op, reads=True):
                return


def wanted(desired: Desired) -> dict[str, Any]:
    """The plan as the receiver gets it."""
    return {
        "endpoint": desired.endpoint,
        "deployment": desired.deployment,
        "revision": desired.revision,
        "fingerprint": desired.fingerprint(),
        "variants": [_variant(variant) for variant in desired.variants],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    version, artifact = variant.version, variant.version.artifact
    return {
        "role": str(variant.role),
        "model": version.model,
        "version": version.version,
        "digest": artifact.digest,
        "format": artifact.format,
        "uri": artifact.uri,
        "files": [{"name": file.name, "digest": file.digest, "size": file.size} for file in artifact.files],
        "approval_id": version.approval_id,
        "weight_bp": variant.weight_bp,
        "mirror_bp": variant.mirror_bp,
        "features": list(version.features),
    }


def _require_newer(desired: Desired, state: Mapping[str, Any] | None) -> None:
    if state is None:
        return
    if state["deployment"] != desired.deployment:
        raise Conflict(f"The endpoint {desired.endpoint} belongs to the deployment {state['deployment']}.")
    if state["revision"] > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {state['revision']}.")


def _observed(state: Mapping[str, Any]) -> Observed:
    variants = tuple(
        ObservedVariant(
            name=item["model"],
            version=item["version"],
            digest=item["digest"],
            ready=item["ready"],
            weight_bp=item["weight_bp"],
            managed=item.get("managed", True),
            role=item["role"],
            reason=item["reason"],
        )
        for item in state["variants"]
    )
    return Observed(True, variants, etag=state["etag"], revision=state["revision"])


def _listed(state: Mapping[str, Any]) -> list[Listed]:
    return [
        Listed(state["endpoint"], item.version, item.digest, item.name, item.managed, (item.role,))
        for item in _observed(state).variants
    ]


def _result(found: Mapping[str, Any]) -> Result:
    found = _checked(found, "progress")
    return Result(found["done"], found.get("handle"), found.get("poll_after"), found["message"])


def _endpoint(name: str) -> str:
    return f"/endpoints/{quote(name, safe='')}"


def _not_accepted(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    if status == 401 and body.get("error"):
        return AuthFailed(f"The receiver did not accept the request: {error_text(body)}")
    return None


def _checked(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    error = next(_validator(kind).iter_errors(found), None)
    if error is not None:
        field = ".".join(str(part) for part in error.absolute_path)
        raise Invalid(f"The receiver's {kind} does not fit the contract at {field or 'its top'} ({error.validator}).")
    return dict(found)


@cache
def _validator(kind: str) -> Any:
    return Draft202012Validator({"about": ABOUT, "state": STATE, "progress": PROGRESS, "listing": LISTING}[kind])
