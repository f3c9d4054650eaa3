"""One InferenceService per endpoint, by server-side apply, read back field by field.

Kubernetes prunes or ignores what it does not know, so strict validation is asked for and nothing
counts before it was seen.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from ..base import BaseConnector, refuse_unapproved_bytes
from ..errors import ConnectorError
from ..guide import BYTES_LIE_THERE
from ..http import Backend, BearerAuth
from ..protocol import (
    ArtifactStore,
    AuthFailed,
    Cap,
    Conflict,
    Desired,
    Invalid,
    Listed,
    NotFound,
    Observed,
    Op,
    Page,
    Result,
)
from ..reading import missing
from ..settings import CONNECTION, TEXT
from ..values import require_endpoint
from . import service

_POLL_SECONDS = 5.0


class KserveConnector(BaseConnector):
    """The bytes lie where the operator stores them, each version in a folder named by its digest."""

    id: ClassVar[str] = "kserve"
    title: ClassVar[str] = "KServe, through the Kubernetes API"
    guide: ClassVar[tuple[str, ...]] = (BYTES_LIE_THERE,)
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.OBSERVE_VERSION | Cap.ETAG | Cap.INVENTORY
    most_minutes: ClassVar[float] = 45.0  # machines are started for it
    secret_fields: ClassVar[tuple[str, ...]] = ("token_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "namespace", "token_secret", "storage", "mode"],
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "title": "Address of the Kubernetes API",
                "examples": ["https://cluster.bank.example:6443"],
            },
            "namespace": TEXT
            | {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "title": "Namespace", "examples": ["models"]},
            "token_secret": TEXT
            | {"title": "Name of the secret with the service account's token", "examples": ["kserve"]},
            "storage": TEXT
            | {
                "pattern": "^(s3|gs|pvc|https|hdfs|oci)://.+",
                "title": "Place of the bytes",
                "examples": ["s3://approved/models"],
            },
            "mode": {"enum": ["standard", "knative"], "title": "Deployment mode of KServe"},
            "runtime": TEXT | {"title": "Serving runtime"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        auth = BearerAuth(secrets["token_secret"])
        self._kubernetes = Backend.configured("Kubernetes", config["base_url"], config, auth=auth, special=_special)
        self._path = f"/apis/{service.API}/namespaces/{config['namespace']}/inferenceservices"
        if config["mode"] == "knative":  # there, one canary follows the other by revision, not side by side
            self.caps = type(self).caps & ~Cap.SPLIT

    def check(self) -> str:
        """Reach Kubernetes; our token must be allowed to list."""
        self._kubernetes.json("GET", f"{self._path}?limit=1")
        return f"Kubernetes answers and lets us read the services of {self.config['namespace']}."

    def observe(self, endpoint: str) -> Observed:
        """Specification, status and who holds the fields; which bytes were loaded is not told."""
        require_endpoint(endpoint)
        found = self._found(endpoint)
        if found is None:
            return Observed(exists=False)
        meta, revision = service.part(found, "metadata"), service.annotations(found).get(service.REVISION, "")
        number = int(revision) if str(revision).isdigit() else None
        etag = str(meta["resourceVersion"]) if "resourceVersion" in meta else None
        return Observed(True, service.observed(found, self.config), etag=etag, revision=number)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Our fields as a whole, by server-side apply. Others' changes to them are taken back."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        for variant in desired.variants:
            for file in variant.version.artifact.files:
                with self.verified(variant.version.artifact, file):
                    pass  # only the reference leaves; the bytes must be the approved ones all the same
        body = service.wanted(desired, self.config)
        standing = self._found(desired.endpoint, op)
        _require_ours(desired, standing)
        if standing is not None:
            # on this very object, in this very state: whoever changes it meanwhile is a conflict
            seen = service.part(standing, "metadata").get("resourceVersion")
            body["metadata"]["resourceVersion"] = expect_etag or seen
        query = urlencode({"fieldManager": service.MANAGER, "fieldValidation": "Strict", "force": "true"})
        found = self._kubernetes.json(
            "PATCH",
            f"{self._one(desired.endpoint)}?{query}",
            body=body,
            headers={"Content-Type": "application/apply-patch+yaml"},
            op=op,
        )
        if field := missing(body["spec"], service.part(found, "spec"), "spec"):
            raise Invalid(f"Kubernetes took the change without {field}; is KServe of the version that knows it?")
        return Result(done=False, handle=_handle(desired.endpoint, found), poll_after=_POLL_SECONDS)

    def poll(self, handle: str) -> Result:
        """Done when the generation that we made is ready."""
        endpoint, uid, generation = _waited(handle)
        found = self._found(endpoint, deleting=True)
        if generation is None:
            gone = found is None or service.part(found, "metadata").get("uid") != uid
            return Result(gone, None if gone else handle, _POLL_SECONDS, "It is gone." if gone else "It is stopping.")
        meta = service.part(found, "metadata") if found else {}
        if found is None or meta.get("uid") != uid or meta.get("generation") != generation:
            raise Conflict(f"Somebody else changed or removed {endpoint} while it was starting.")
        if service.failed(found):
            raise Invalid(f"{endpoint} does not run. {service.waiting(found)}")
        reason = next((v.reason for v in service.observed(found, self.config) if v.reason), "")
        return Result(not reason, handle if reason else None, _POLL_SECONDS, reason or "It is ready.")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Remove exactly the object that was seen, when it is ours."""
        require_endpoint(endpoint)
        found = self._found(endpoint, op)
        if found is None or service.annotations(found).get(service.ENDPOINT) != endpoint:
            return Result(done=True, message="There was nothing of ours to remove.")
        uid = service.part(found, "metadata").get("uid")
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._kubernetes.json("DELETE", self._one(endpoint), body=body, op=op)
        handle = json.dumps([endpoint, uid, None])
        return Result(done=False, handle=handle, poll_after=_POLL_SECONDS)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the service through the gateway")

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of the namespace's services, also those of others."""
        query = urlencode({"limit": self.page_size} | ({"continue": cursor} if cursor else {}))
        found = self._kubernetes.json("GET", f"{self._path}?{query}")
        items = tuple(item for one in service.things(found, "items") for item in self._listed(one))
        return Page(items, str(service.part(found, "metadata").get("continue") or "") or None)

    def _one(self, endpoint: str) -> str:
        return f"{self._path}/{quote(service.object_name(endpoint))}"

    def _found(self, endpoint: str, op: Op | None = None, *, deleting: bool = False) -> dict[str, Any] | None:
        try:
            found = self._kubernetes.json("GET", self._one(endpoint), op=op)
        except NotFound:
            return None
        meta = service.part(found, "metadata")
        if found.get("kind") != service.KIND or meta.get("name") != service.object_name(endpoint):
            raise Invalid("Kubernetes described another object than was asked for.")
        return None if "deletionTimestamp" in meta and not deleting else found

    def _listed(self, found: Mapping[str, Any]) -> list[Listed]:
        meta = service.part(found, "metadata")
        if "deletionTimestamp" in meta:
            return []
        name = service.annotations(found).get(service.ENDPOINT)
        source = f"{meta.get('namespace')}/{meta.get('name')}"
        return [
            Listed(str(name or meta.get("name")), item.version, None, source, name is not None, (item.role,))
            for item in service.observed(found, self.config)
        ]


def _require_ours(desired: Desired, standing: Mapping[str, Any] | None) -> None:
    if standing is None:
        return
    marks = service.annotations(standing)
    if marks.get(service.DEPLOYMENT) != desired.deployment or marks.get(service.ENDPOINT) != desired.endpoint:
        raise Conflict(
            f"The service of {desired.endpoint} belongs to {marks.get(service.DEPLOYMENT) or 'somebody else'}."
        )
    revision = str(marks.get(service.REVISION, ""))
    if revision.isdigit() and int(revision) > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {revision}.")


def _handle(endpoint: str, found: Mapping[str, Any]) -> str:
    meta = service.part(found, "metadata")
    return json.dumps([endpoint, meta.get("uid"), meta.get("generation")])


def _waited(handle: str) -> tuple[str, Any, int | None]:
    try:
        endpoint, uid, generation = json.loads(handle)
    except (ValueError, TypeError):
        raise Invalid("This is no handle of the KServe connector.") from None
    return str(endpoint), uid, generation


def _special(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    """Kubernetes tells apart who is unknown and who may not, in words fit to show."""
    if status == 403 and body.get("kind") == "Status":
        return AuthFailed(f"Kubernetes does not allow it: {str(body.get('message'))[:300]}")
    return None
