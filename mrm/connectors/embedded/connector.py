"""Deploys to the embedded gateway through its control interface and reads back what it loaded."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ..base import BaseConnector, refuse_unapproved_bytes
from ..http import READ_SECONDS, Backend, BearerAuth
from ..protocol import (
    Artifact,
    ArtifactStore,
    Cap,
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
from ..values import require_endpoint


class EmbeddedConnector(BaseConnector):
    """Every call is one exchange with the gateway, so every result is done at once."""

    id: ClassVar[str] = "embedded"
    caps = (
        Cap.DEPLOY
        | Cap.SPLIT
        | Cap.CANARY
        | Cap.SHADOW
        | Cap.FALLBACK
        | Cap.PREDICT
        | Cap.OBSERVE_VERSION
        | Cap.OBSERVE_DIGEST
        | Cap.ETAG
        | Cap.INVENTORY
    )
    secret_fields: ClassVar[tuple[str, ...]] = ("token_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "token_secret"],
        "properties": {
            "base_url": {"type": "string", "format": "uri", "title": "Address of the gateway"},
            "token_secret": {
                "type": "string",
                "minLength": 1,
                "title": "Name of the secret with its token",
            },
            "ca_file": {"type": "string", "minLength": 1, "title": "Certificate authority file"},
            "read_seconds": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 120,
                "title": "Time limit",
            },
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._gateway = Backend(
            "The gateway",
            config["base_url"].rstrip("/"),
            auth=BearerAuth(secrets["token_secret"]),
            ca_file=config.get("ca_file"),
            read_seconds=config.get("read_seconds", READ_SECONDS),
        )

    def check(self) -> str:
        """Reach the gateway and show the token."""
        found = self._gateway.json("GET", "/v2")
        count = len(_list(self._gateway.json("GET", "/control/endpoints"), "endpoints"))
        return f"{found.get('name')} {found.get('version')} answers and serves {count} endpoints."

    def observe(self, endpoint: str) -> Observed:
        require_endpoint(endpoint)
        try:
            return _observed(self._gateway.json("GET", _endpoint(endpoint)))
        except NotFound:
            return Observed(exists=False)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Upload what is missing, then switch the whole route at once."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        for variant in desired.variants:
            self._upload(variant.version.artifact, op)
        headers = {"If-Match": f'"{expect_etag}"'} if expect_etag else {}
        self._gateway.json("PUT", _endpoint(desired.endpoint), body=_route(desired), headers=headers, op=op)
        return Result(done=True, message=f"Revision {desired.revision} is applied.")

    def poll(self, handle: str) -> Result:
        raise self.unsupported("operations that take several steps")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        require_endpoint(endpoint)
        try:
            self._gateway.json("DELETE", _endpoint(endpoint), op=op)
        except NotFound:
            return Result(done=True, message="There was nothing to remove.")
        return Result(done=True, message="The endpoint is removed.")

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        require_endpoint(endpoint)
        one = f"/versions/{quote(version, safe='')}" if version is not None else ""
        path = f"/v2/models/{quote(endpoint, safe='')}{one}/infer"
        return self._gateway.json("POST", path, body=dict(body), timeout=timeout, reads=True)

    def list_models(self, cursor: str | None = None) -> Page:
        """The cursor is the last endpoint already seen."""
        states = _list(self._gateway.json("GET", "/control/endpoints"), "endpoints")
        rest = sorted((s for s in states if cursor is None or s["endpoint"] > cursor), key=_name)
        items = [item for state in rest[: self.page_size] for item in _listed(state)]
        return Page(tuple(items), _name(rest[self.page_size - 1]) if len(rest) > self.page_size else None)

    def _upload(self, artifact: Artifact, op: Op) -> None:
        if artifact.format != "onnx" or len(artifact.files) != 1:
            raise Invalid("The gateway runs ONNX models of a single file; convert this one first.")
        path = f"/control/artifacts/{artifact.digest}"
        with self.verified(artifact, artifact.files[0]) as content:
            try:
                self._gateway.json("GET", path, op=op)
                return
            except NotFound:
                pass
            with self._gateway.send("PUT", path, content=content, op=op, reads=True) as answer:
                answer.read()


def _endpoint(name: str) -> str:
    return f"/control/endpoints/{quote(name, safe='')}"


def _route(desired: Desired) -> dict[str, Any]:
    return {
        "deployment": desired.deployment,
        "revision": desired.revision,
        "variants": [_variant(variant) for variant in desired.variants],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    version = variant.version
    return {
        "role": str(variant.role),
        "model": version.model,
        "version": version.version,
        "digest": version.artifact.digest,
        "approval_id": version.approval_id,
        "weight_bp": variant.weight_bp,
        "mirror_bp": variant.mirror_bp,
        "features": list(version.features),
    }


def _observed(state: Mapping[str, Any]) -> Observed:
    try:
        variants = tuple(
            ObservedVariant(
                name=item["model"],
                version=item["version"],
                digest=item["digest"],
                ready=item["ready"],
                weight_bp=item["weight_bp"],
                managed=True,
                role=item["role"],
                reason=item["reason"],
                mirror_bp=item["mirror_bp"],
            )
            for item in state["variants"]
        )
        return Observed(True, variants, etag=state["etag"], revision=state["revision"])
    except (KeyError, TypeError):
        raise Invalid("The gateway described its endpoint in a way that is not understood.") from None


def _listed(state: Mapping[str, Any]) -> list[Listed]:
    return [
        Listed(_name(state), item.version, item.digest, item.name, item.managed, (item.role,))
        for item in _observed(state).variants
    ]


def _name(state: Mapping[str, Any]) -> str:
    return str(state["endpoint"])


def _list(answer: Mapping[str, Any], field: str) -> list[Any]:
    found = answer.get(field)
    if not isinstance(found, list):
        raise Invalid(f"The gateway's answer has no list of {field}.")
    return found
