"""Speaks the Open Inference Protocol V2; deploys where it shares the server's repository folder.

The index of a repository calls a version ready whose files exist but which was never loaded, so
readiness is asked for version by version. Each version has a served name of its own: a switch
loads the new one before it unloads the old.
"""

import json
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ..base import BaseConnector, refuse_unapproved_bytes
from ..guide import SHARED_FOLDERS
from ..http import Backend, BearerAuth
from ..protocol import (
    FULL,
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
    Transient,
    VersionRef,
    artifact_digest,
)
from ..values import require_endpoint
from .repository import FILES, SETTINGS, Pointer, Repository, Seen, served_name
from .settings import IMPLEMENTATIONS, config_schema, model_settings

_DEPLOYS = Cap.DEPLOY | Cap.OBSERVE_DIGEST | Cap.ADOPT


class OipConnector(BaseConnector):
    """Without a repository folder it watches and asks; with one it deploys to MLServer."""

    id: ClassVar[str] = "oip"
    title: ClassVar[str] = "A server of the Open Inference Protocol"
    guide: ClassVar[tuple[str, ...]] = (SHARED_FOLDERS, "Without a shared folder the server is only watched.")
    caps = _DEPLOYS | Cap.PREDICT | Cap.OBSERVE_VERSION | Cap.INVENTORY
    secret_fields: ClassVar[tuple[str, ...]] = ("token_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = config_schema

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        token = secrets.get("token_secret")
        auth = BearerAuth(token) if token else None
        self._server = Backend.configured("The inference server", config["base_url"], config, auth=auth)
        self._implementations = IMPLEMENTATIONS | config.get("implementations", {})
        self._repository = Repository(config["repository"]) if "repository" in config else None
        if self._repository is None:
            self.caps = type(self).caps & ~_DEPLOYS

    def check(self) -> str:
        """Reach the server, see what it offers, and see its repository folder when there is one."""
        found = self._server.json("GET", "/v2")
        if self._repository is not None:
            self._repository.require()
        offered = found.get("extensions")
        extensions = ", ".join(map(str, offered)) if isinstance(offered, list) and offered else "no extensions"
        return f"{found.get('name')} {found.get('version')} answers and offers {extensions}."

    def observe(self, endpoint: str) -> Observed:
        """What our record points to, as its folder and the server show it now."""
        require_endpoint(endpoint)
        if self._repository is None:
            return self._watched(endpoint)
        pointer = self._repository.pointer(endpoint)
        if pointer is None:
            self._server.json("GET", "/v2")  # no answer is not the same as no endpoint
            return Observed(exists=False)
        seen = self._repository.seen(pointer.served)
        version = seen.version if seen else pointer.version
        reason = self._wrong(pointer, seen) or self._not_ready(pointer.served, version)
        variant = ObservedVariant(
            name=pointer.model,
            version=version,
            digest=artifact_digest(seen.digests) if seen and seen.digests else None,
            ready=not reason,
            weight_bp=FULL,
            managed=True,
            role=Role.CHAMPION,
            reason=reason,
        )
        return Observed(True, (variant,), revision=pointer.revision)

    def adopt(self, endpoint: str) -> Observed:
        """What another control plane keeps in the same repository; a folder of somebody else's keeps its own name."""
        self._writable()
        return self.observe(endpoint)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Files first, then load, then our record, and last the version before is unloaded."""
        repository = self._writable()
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        implementation = self._implementation(desired.champion)
        self._server.json("GET", "/v2", op=op)
        with repository.locked(desired.endpoint):
            if not op.seen or op.seen != self.observe(desired.endpoint).fingerprint():  # nobody saw whose it is
                _require_newer(desired, repository.pointer(desired.endpoint))
            served = served_name(desired.endpoint, desired.champion.version)
            self._stage(repository, desired, served, model_settings(served, implementation, desired.champion))
            self._call(served, "load", op)
            reason = self._not_ready(served, desired.champion.version, op)
            if reason:
                raise Transient(f"The inference server loaded {served}, yet: {reason}")
            repository.point(_pointer(desired, served))
            for name in repository.owned(desired.endpoint):
                if name != served:
                    self._retire(repository, name, op)
        return Result(done=True, message=f"{served} is loaded and ready.")

    def poll(self, handle: str) -> Result:
        raise self.unsupported("operations that take several steps")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Unload and remove every version that carries our mark for this endpoint."""
        repository = self._writable()
        require_endpoint(endpoint)
        self._server.json("GET", "/v2", op=op)
        with repository.locked(endpoint):
            names = repository.owned(endpoint)
            for name in names:
                self._retire(repository, name, op)
            repository.forget(endpoint)
        return Result(done=True, message=f"{len(names)} versions are removed.")

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        require_endpoint(endpoint)
        served = endpoint
        if self._repository is not None:
            pointer = self._repository.pointer(endpoint)
            if pointer is None or version not in (None, pointer.version):
                raise NotFound(f"{endpoint} serves no version {version}." if version else f"{endpoint} is not served.")
            served, version = pointer.served, pointer.version
        path = f"{_model(served, version)}/infer"
        return self._server.json("POST", path, body=dict(body), timeout=timeout, reads=True)

    def list_models(self, cursor: str | None = None) -> Page:
        """The server lists everything at once; the cursor is the last served name already given."""
        owners = self._repository.owners() if self._repository else {}
        found = self._server.array("POST", "/v2/repository/index", body={}, reads=True)
        items = [item for item in found if isinstance(item, dict) and item.get("name")]
        names = sorted({str(item["name"]) for item in items})
        rest = [name for name in names if cursor is None or name > cursor]
        page = rest[: self.page_size]
        listed = tuple(
            Listed(
                name=owners.get(str(item["name"]), str(item["name"])),
                version=str(item.get("version") or ""),
                digest=None,
                source=str(item["name"]),
                managed=item["name"] in owners,
                serving=str(item.get("state") or "READY") == "READY",
            )
            for item in items
            if item["name"] in page
        )
        return Page(listed, page[-1] if len(rest) > self.page_size else None)

    def _writable(self) -> Repository:
        if self._repository is None:
            raise self.unsupported("deploying without a repository folder that it shares with the server")
        return self._repository

    def _implementation(self, version: VersionRef) -> str:
        try:
            return str(self._implementations[version.artifact.format])
        except KeyError:
            known = ", ".join(sorted(self._implementations))
            raise Invalid(
                f"No runtime is configured for {version.artifact.format}; there is one for {known}. "
                "Name it under implementations."
            ) from None

    def _stage(self, repository: Repository, desired: Desired, served: str, settings: dict[str, Any]) -> None:
        """Write the folder anew, every byte hashed on the way, and read it again."""
        artifact = desired.champion.artifact
        wanted = Seen(settings, {file.name: file.digest for file in artifact.files})
        with repository.staged(served, desired.endpoint) as folder:
            for file in artifact.files:
                place = folder / FILES / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                with self.verified(artifact, file) as content, place.open("wb") as target:
                    shutil.copyfileobj(content, target)
            (folder / SETTINGS).write_text(json.dumps(settings))
        if repository.seen(served) != wanted:
            raise Integrity("The repository folder gives out other bytes than were written.")

    def _wrong(self, pointer: Pointer, seen: Seen | None) -> str:
        if seen is None:
            return "The folder of this version is gone."
        if not seen.digests or artifact_digest(seen.digests) != pointer.digest:
            return "The files of this version were changed."
        if seen.settings.get("name") != pointer.served or seen.version != pointer.version:
            return "The settings of this version were changed."
        if seen.settings.get("implementation") not in self._implementations.values():
            return f"The version is run by {seen.settings.get('implementation')}, which nobody configured."
        return ""

    def _not_ready(self, served: str, version: str, op: Op | None = None) -> str:
        """Why the version does not answer; the name in the metadata shows that a server said so."""
        try:
            found = self._server.json("GET", _model(served, version), op=op)
            with self._server.send("GET", f"{_model(served, version)}/ready", op=op):
                pass
        except NotFound:
            return "The server has not loaded this version."
        return "" if found.get("name") == served else "The server described another model."

    def _watched(self, endpoint: str) -> Observed:
        try:
            found = self._server.json("GET", _model(endpoint, None))
        except NotFound:
            return Observed(exists=False)
        if found.get("name") != endpoint:
            raise Invalid("The inference server described another model than was asked for.")
        versions = found.get("versions")
        version = str(versions[-1]) if isinstance(versions, list) and versions else ""
        reason = self._not_ready(endpoint, version)
        return Observed(True, (ObservedVariant(endpoint, version, None, not reason, FULL, False, reason=reason),))

    def _retire(self, repository: Repository, served: str, op: Op) -> None:
        try:
            self._call(served, "unload", op)
        except NotFound:
            pass  # it was never loaded, or is already gone
        repository.remove(served)

    def _call(self, served: str, verb: str, op: Op) -> None:
        with self._server.send("POST", f"/v2/repository/models/{served}/{verb}", op=op) as answer:
            answer.read()


def _require_newer(desired: Desired, standing: Pointer | None) -> None:
    if standing is None:
        return
    if standing.deployment != desired.deployment:
        raise Conflict(f"The endpoint {desired.endpoint} belongs to the deployment {standing.deployment}.")
    if standing.revision > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {standing.revision}.")


def _pointer(desired: Desired, served: str) -> Pointer:
    version = desired.champion
    return Pointer(
        endpoint=desired.endpoint,
        deployment=desired.deployment,
        revision=desired.revision,
        served=served,
        model=version.model,
        version=version.version,
        digest=version.artifact.digest,
        approval_id=version.approval_id,
    )


def _model(served: str, version: str | None) -> str:
    one = f"/versions/{quote(version, safe='')}" if version else ""
    return f"/v2/models/{quote(served, safe='')}{one}"
