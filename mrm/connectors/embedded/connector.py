"""Deploys to the embedded gateway through its control interface and reads back what it loaded."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from mrm.core.envelope import NotSealed, sealed

from ..base import BaseConnector, refuse_unapproved_bytes
from ..http import Backend, BearerAuth
from ..protocol import (
    Artifact,
    ArtifactStore,
    Cap,
    Desired,
    Invalid,
    NotFound,
    Observed,
    Op,
    Page,
    Result,
    Role,
)
from ..settings import CONNECTION
from ..values import require_endpoint
from .translation import APPROVAL, ROUTE, list_of, listed, name_of, observed, route_of


class EmbeddedConnector(BaseConnector):
    """Every call is one exchange with the gateway, so every result is done at once."""

    id: ClassVar[str] = "embedded"
    title: ClassVar[str] = "Our gateway"
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
        | Cap.ADOPT
        | Cap.TELLS
        | Cap.RULES
    )
    secret_fields: ClassVar[tuple[str, ...]] = ("token_secret", "signing_secret")
    signing_fields: ClassVar[tuple[str, ...]] = ("signing_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "token_secret"],
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "title": "Address of the gateway",
                "examples": ["https://gateway.bank.example"],
            },
            "token_secret": {
                "type": "string",
                "minLength": 1,
                "title": "Name of the secret with its token",
            },
            "signing_secret": {
                "type": "string",
                "minLength": 1,
                "title": "Name of the secret with the private key that signs routes",
            },
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._signing = secrets.get("signing_secret")
        auth = BearerAuth(secrets["token_secret"])
        self._gateway = Backend.configured("The gateway", config["base_url"], config, auth=auth)

    def check(self) -> str:
        """Reach the gateway and show the token."""
        found = self._gateway.json("GET", "/v2")
        count = len(list_of(self._gateway.json("GET", "/control/endpoints"), "endpoints"))
        return f"{found.get('name')} {found.get('version')} answers and serves {count} endpoints."

    def observe(self, endpoint: str) -> Observed:
        require_endpoint(endpoint)
        try:
            return observed(self._gateway.json("GET", _endpoint(endpoint)))
        except NotFound:
            return Observed(exists=False)

    def adopt(self, endpoint: str) -> Observed:
        """What serves there, whoever brought it; a route that names the state it was read from takes it over whole."""
        return self.observe(endpoint)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Upload what is missing, then switch the whole route at once."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        for variant in desired.variants:
            if variant.role == Role.FALLBACK and desired.rules.elsewhere:
                continue  # its bytes are at the other place
            self._upload(variant.version.artifact, op)
        headers = {"If-Match": f'"{expect_etag}"'} if expect_etag else {}
        route = self._signed(route_of(desired), ROUTE)
        self._gateway.json("PUT", _endpoint(desired.endpoint), body=route, headers=headers, op=op)
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
        states = list_of(self._gateway.json("GET", "/control/endpoints"), "endpoints")
        rest = sorted((s for s in states if cursor is None or s["endpoint"] > cursor), key=name_of)
        items = [item for state in rest[: self.page_size] for item in listed(state)]
        return Page(tuple(items), name_of(rest[self.page_size - 1]) if len(rest) > self.page_size else None)

    def tell_approval(self, approval_id: str, standing: str, *, at: datetime, reason: str, op: Op) -> Result:
        """Say whether an approval stands: valid, suspended, withdrawn or expired, since when and why."""
        told = {"approval": approval_id, "standing": standing, "at": at.isoformat(), "reason": reason}
        path = f"/control/approvals/{quote(approval_id, safe='')}"
        self._gateway.json("PUT", path, body=self._signed(told, APPROVAL), op=op)
        return Result(done=True, message=f"The gateway knows that the approval is {standing}.")

    def fail_back(self, endpoint: str, *, person: str, reason: str, op: Op) -> Result:
        """Let versions that were passed over answer again, in the name of the person who decided it."""
        require_endpoint(endpoint)
        body = {"person": person, "reason": reason}
        self._gateway.json("POST", f"{_endpoint(endpoint)}/failback", body=body, op=op)
        return Result(done=True, message="The version answers again.")

    def _signed(self, content: dict[str, Any], kind: str) -> dict[str, Any]:
        """Under the control plane's signature, where a key is set."""
        if self._signing is None:
            return content
        try:
            return sealed(content, kind, self._signing.encode())
        except NotSealed as fault:
            raise Invalid(f"signing_secret: {fault}.") from None

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
