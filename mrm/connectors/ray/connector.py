"""Runs one Ray Serve application per endpoint and reads its configuration back.

Ray answers 200 to anything that parses; whether it works shows only in the status afterwards. A
version reaches its replica through `user_config`, so a switch needs no new replica.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ..base import BaseConnector, refuse_unapproved_bytes
from ..guide import SHARED_FOLDERS
from ..http import Backend, BearerAuth
from ..names import short_name
from ..protocol import (
    FULL,
    Artifact,
    ArtifactStore,
    Cap,
    Conflict,
    Desired,
    Integrity,
    Invalid,
    Listed,
    NotFound,
    Observed,
    ObservedVariant,
    Op,
    Page,
    Result,
    Role,
)
from ..settings import ADDRESS, CONNECTION, TEXT
from ..values import require_endpoint
from .cluster import MARK, Application, Cluster
from .files import Files, write

_STARTS, _FAILS = {"NOT_STARTED", "DEPLOYING"}, {"DEPLOY_FAILED", "UNHEALTHY"}


class RayConnector(BaseConnector):
    """The operator's program says how bytes become a model; we say which bytes."""

    id: ClassVar[str] = "ray"
    title: ClassVar[str] = "Ray Serve"
    guide: ClassVar[tuple[str, ...]] = (SHARED_FOLDERS,)
    caps = Cap.DEPLOY | Cap.PREDICT | Cap.OBSERVE_VERSION | Cap.OBSERVE_DIGEST | Cap.INVENTORY
    secret_fields: ClassVar[tuple[str, ...]] = ("token_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "folder", "import_path"],
        "properties": {
            "base_url": ADDRESS
            | {"title": "Address of the Ray dashboard", "examples": ["https://ray.bank.example:8265"]},
            "serve_url": ADDRESS | {"title": "Address where Ray Serve answers predictions"},
            "folder": TEXT
            | {
                "pattern": "^/",
                "format": "folder",
                "title": "Folder shared with Ray's workers",
                "examples": ["/srv/ray"],
            },
            "import_path": TEXT
            | {"pattern": r"^[\w.]+:\w+$", "title": "Program that serves a model", "examples": ["serving:app"]},
            "serve_deployment": TEXT | {"title": "Name of the deployment in that program"},
            "shared": {"type": "boolean", "title": "Keep applications of others"},
            "token_secret": TEXT | {"title": "Name of the secret with a bearer token"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._token = BearerAuth(secrets["token_secret"]) if "token_secret" in secrets else None
        self._cluster = Cluster(self._backend("Ray", config["base_url"]), config.get("shared", False))
        self._files = Files(config["folder"])
        self._serve = self._backend("Ray Serve", config["serve_url"]) if "serve_url" in config else None
        if self._serve is None:
            self.caps = type(self).caps & ~Cap.PREDICT

    def check(self) -> str:
        """Reach the dashboard and Serve, and see the shared folder."""
        count = len(self._cluster.applications())
        self._files.require()
        return f"Ray {self._cluster.version()} answers and runs {count} applications."

    def observe(self, endpoint: str) -> Observed:
        """What Ray says it was told, with the shared bytes hashed again."""
        require_endpoint(endpoint)
        found = self._cluster.applications().get(short_name(endpoint))
        if found is None or found.status == "DELETING":
            return Observed(exists=False)
        if not found.ours:
            variant = ObservedVariant(found.name, "", None, not found.reason, FULL, False, reason=found.reason)
            return Observed(True, (variant,))
        return Observed(True, (self._observed(found),), revision=_revision(found))

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Bytes first, then the configuration of all applications with ours changed."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        self._cluster.applications(op)
        with self._files.locked():
            name = short_name(desired.endpoint)
            _require_newer(desired, self._cluster.applications(op).get(name))
            self._share(desired.champion.artifact)
            wanted = self._application(desired)
            self._cluster.put(name, wanted, op)
        return Result(done=False, handle=json.dumps({"name": name, MARK: wanted["deployments"][0]}), poll_after=0.5)

    def poll(self, handle: str) -> Result:
        """Done when Ray runs what it was told; a failure is told in Ray's words."""
        waited = _handle(handle)
        found = self._cluster.applications().get(waited["name"])
        if waited[MARK] is None:
            gone = found is None
            return Result(gone, None if gone else handle, 0.5, "It is gone." if gone else "Ray is stopping it.")
        if found is None or found.ours != waited[MARK]["user_config"][MARK]:
            raise Conflict(f"Ray no longer knows what was deployed as {waited['name']}: somebody changed it.")
        if found.status in _FAILS:
            raise Invalid(f"{waited['name']} does not run. {found.reason}")
        done = found.status not in _STARTS
        return Result(done, None if done else handle, 0.5, f"Ray says {found.status}.")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Take our application out; the bytes stay, for others may use them."""
        require_endpoint(endpoint)
        name = short_name(endpoint)
        if not _is_ours(self._cluster.applications(op).get(name)):
            return Result(done=True, message="There was nothing to remove.")
        with self._files.locked():
            self._cluster.put(name, None, op)
        return Result(done=False, handle=json.dumps({"name": name, MARK: None}), poll_after=0.5)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        if self._serve is None:
            raise self.unsupported("scoring without a serve_url")
        require_endpoint(endpoint)
        found = self._cluster.applications().get(short_name(endpoint))
        if found is None or version not in (None, found.ours.get("version")):
            raise NotFound(f"{endpoint} serves no version {version}." if version else f"{endpoint} is not served.")
        path = f"/{quote(found.name)}"
        return self._serve.json("POST", path, body=dict(body), timeout=timeout, reads=True)

    def list_models(self, cursor: str | None = None) -> Page:
        """All applications by name, also those of others; the cursor is the last name already given."""
        found = {name: item for name, item in self._cluster.applications().items() if item.status != "DELETING"}
        rest = sorted(name for name in found if cursor is None or name > cursor)
        page = rest[: self.page_size]
        items = tuple(_listed(found[name]) for name in page)
        return Page(items, page[-1] if len(rest) > self.page_size else None)

    def _backend(self, name: str, url: str) -> Backend:
        return Backend.configured(name, url, self.config, auth=self._token)

    def _share(self, artifact: Artifact) -> None:
        if self._files.digest(artifact.digest) == artifact.digest:
            for file in artifact.files:
                with self.verified(artifact, file):
                    pass  # what is stored must be what was approved, even when it need not be copied
            return
        with self._files.fresh(artifact.digest) as folder:
            for file in artifact.files:
                with self.verified(artifact, file) as content:
                    write(folder, file.name, content)
        if self._files.digest(artifact.digest) != artifact.digest:
            raise Integrity("The shared folder gives out other bytes than were written.")

    def _application(self, desired: Desired) -> dict[str, Any]:
        version, name = desired.champion, short_name(desired.endpoint)
        told = {
            "endpoint": desired.endpoint,
            "deployment": desired.deployment,
            "revision": desired.revision,
            "model": version.model,
            "version": version.version,
            "digest": version.artifact.digest,
            "approval_id": version.approval_id,
            "features": list(version.features),
            "folder": str(self._files.place(version.artifact.digest)),
            "files": [file.name for file in version.artifact.files],
        }
        deployment = {"name": self.config.get("serve_deployment", "Model"), "user_config": {MARK: told}}
        return {
            "name": name,
            "route_prefix": f"/{name}",
            "import_path": self.config["import_path"],
            "deployments": [deployment],
        }

    def _observed(self, found: Application) -> ObservedVariant:
        told = found.ours
        reason = found.reason
        if found.config.get("import_path") != self.config["import_path"]:
            reason = f"It is served by {found.config.get('import_path')}, which nobody configured."
        elif told.get("folder") != str(self._files.place(str(told.get("digest")))):
            reason = "It reads its model from a folder that is not ours."
        return ObservedVariant(
            name=str(told.get("model")),
            version=str(told.get("version")),
            digest=self._files.digest(str(told.get("digest"))),
            ready=not reason,
            weight_bp=FULL,
            managed=True,
            role=Role.CHAMPION,
            reason=reason,
        )


def _require_newer(desired: Desired, found: Application | None) -> None:
    if found is None:
        return
    if not found.ours:
        raise Conflict(f"Somebody else runs an application named {found.name}.")
    if found.status == "DELETING":
        raise Conflict(f"Ray is still stopping {found.name}.")
    if found.ours.get("deployment") != desired.deployment:
        raise Conflict(f"The endpoint {desired.endpoint} belongs to the deployment {found.ours.get('deployment')}.")
    if (_revision(found) or 0) > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {_revision(found)}.")


def _is_ours(found: Application | None) -> bool:
    return found is not None and bool(found.ours)


def _revision(found: Application) -> int | None:
    revision = found.ours.get("revision")
    return revision if isinstance(revision, int) else None


def _listed(found: Application) -> Listed:
    told = found.ours
    if not told:
        return Listed(found.name, "", None, str(found.config.get("import_path", "")), managed=False)
    return Listed(str(told.get("endpoint")), str(told.get("version")), None, str(told.get("folder")), managed=True)


def _handle(handle: str) -> dict[str, Any]:
    try:
        found = json.loads(handle)
        return {"name": str(found["name"]), MARK: found[MARK]}
    except (ValueError, KeyError, TypeError):
        raise Invalid("This is no handle of the Ray connector.") from None
