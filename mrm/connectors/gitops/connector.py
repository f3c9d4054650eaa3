"""Writes what should run into a branch, and reads the branch back.

A branch is a declaration: another tool rolls it out. Only a health address tells what runs.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from ..base import BaseConnector, refuse_unapproved_bytes
from ..http import READ_SECONDS, Backend
from ..names import short_name
from ..protocol import (
    ArtifactStore,
    Cap,
    Conflict,
    Desired,
    Invalid,
    Listed,
    NotFound,
    Observed,
    ObservedVariant,
    Op,
    Page,
    Result,
    Transient,
)
from ..settings import CONNECTION, TEXT
from ..values import require_endpoint
from . import manifest
from .git import Password, Raced, Remote, Repository, fetched

_ATTEMPTS = 4


class GitopsConnector(BaseConnector):
    """One folder per endpoint with its manifest and, with a key, a signed statement."""

    id: ClassVar[str] = "gitops"
    title: ClassVar[str] = "A repository of manifests"
    caps = (
        Cap.DEPLOY
        | Cap.SPLIT
        | Cap.SHADOW
        | Cap.FALLBACK
        | Cap.OBSERVE_VERSION
        | Cap.DECLARED_ONLY
        | Cap.ETAG
        | Cap.INVENTORY
    )
    secret_fields: ClassVar[tuple[str, ...]] = ("password_secret", "signing_secret")
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url"],
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "title": "Address of the repository",
                "examples": ["https://git.bank.example/serving.git"],
            },
            "branch": TEXT | {"pattern": "^[A-Za-z0-9][A-Za-z0-9_/-]{0,100}$", "title": "Branch", "examples": ["main"]},
            "folder": TEXT
            | {
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,100}$",
                "title": "Folder of the manifests",
                "examples": ["manifests"],
            },
            "username": TEXT | {"title": "User name"},
            "password_secret": TEXT | {"title": "Name of the secret with the password or token"},
            "signing_secret": TEXT | {"title": "Name of the secret with an Ed25519 key in PEM"},
            "author": TEXT
            | {"pattern": "^[^<>\\n]+$", "title": "Author of the commits", "examples": ["Model deployments"]},
            "author_email": TEXT
            | {
                "pattern": "^[^<>\\s]+@[^<>\\s]+$",
                "title": "Address of the author",
                "examples": ["deployments@bank.example"],
            },
            "health_url": {"type": "string", "format": "uri", "title": "Address that tells what runs"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._folder = config.get("folder", "deployments")
        password = secrets.get("password_secret")
        self._remote = Remote(
            url=config["base_url"],
            branch=config.get("branch", "main"),
            username=config.get("username", "git"),
            password=Password(password) if password else None,
            ca_file=config.get("ca_file"),
            seconds=config.get("read_seconds", READ_SECONDS),
            author=(config.get("author", "Model risk management"), config.get("author_email", "mrm@localhost")),
        )
        self._signer = manifest.Signer(secrets["signing_secret"]) if "signing_secret" in secrets else None
        self._health: Backend | None = None
        if "health_url" in config:
            self._health = Backend.configured("The health address", config["health_url"], config)
            self.caps = type(self).caps & ~Cap.DECLARED_ONLY | Cap.OBSERVE_DIGEST

    def check(self) -> str:
        """Fetch the branch with our credentials; whether we may push shows at the first push."""
        with fetched(self._remote) as repository:
            tip = repository.head[:12] if repository.head else "not there yet"
        return f"The repository answers; its branch {self._remote.branch} is {tip}."

    def observe(self, endpoint: str) -> Observed:
        """The manifest in the branch, and what the health address says of it."""
        require_endpoint(endpoint)
        with fetched(self._remote) as repository:
            return self._observed(repository, endpoint)

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """One commit on top of the branch. Whoever pushed meanwhile is read again, never overwritten."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        for variant in desired.variants:
            for file in variant.version.artifact.files:
                with self.verified(variant.version.artifact, file):
                    pass  # only the reference leaves; the bytes must be the approved ones all the same
        content = manifest.written(desired)
        files = {self._path(desired.endpoint): content}
        if self._signer is not None:
            files[self._path(desired.endpoint, "statement.json")] = self._signer.statement(content)
        approvals = ", ".join(variant.version.approval_id for variant in desired.variants)
        message = f"{desired.endpoint}: revision {desired.revision}\n\nApproved by {approvals}.\n"

        def changes(repository: Repository) -> dict[str, bytes | None]:
            self._require_ours(repository, desired, expect_etag)
            return {p: new for p, new in files.items() if (repository.blob(p) or ("", None))[1] != new}

        return self._committed(changes, message, op)

    def poll(self, handle: str) -> Result:
        raise self.unsupported("operations that take several steps")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Remove the manifest and its statement; whatever else lies in the folder is not ours."""
        require_endpoint(endpoint)
        ours = [self._path(endpoint), self._path(endpoint, "statement.json")]

        def changes(repository: Repository) -> dict[str, bytes | None]:
            return {path: None for path in ours if repository.blob(path) is not None}

        return self._committed(changes, f"{endpoint}: removed\n", op)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; a repository runs nothing")

    def list_models(self, cursor: str | None = None) -> Page:
        """The manifests in the branch by path; the cursor is the last path already given."""
        with fetched(self._remote) as repository:
            paths = [path for path in repository.names(self._folder) if path.endswith("/manifest.yaml")]
            rest = sorted(path for path in paths if cursor is None or path > cursor)
            page = rest[: self.page_size]
            found = repository.blobs(page)
        items = tuple(item for path, blob in zip(page, found, strict=True) if blob for item in _listed(path, blob[1]))
        return Page(items, page[-1] if len(rest) > self.page_size else None)

    def _committed(self, changes: Any, message: str, op: Op) -> Result:
        for _ in range(_ATTEMPTS):
            with fetched(self._remote, self._limit(op)) as repository:
                files = changes(repository)
                if not files:
                    return Result(done=True, message=f"The branch {self._remote.branch} says so already.")
                commit = repository.commit(files, message)
                try:
                    repository.push(commit)
                except Raced:
                    continue
                return Result(done=True, message=f"Commit {commit[:12]} is on {self._remote.branch}.")
        raise Conflict("Others pushed to the branch again and again; nothing was written.")

    def _limit(self, op: Op) -> float:
        remaining = op.remaining()
        if remaining is None:
            return self._remote.seconds
        if remaining <= 0:
            raise Transient("The deadline of the operation has passed; nothing was sent.")
        return min(remaining, self._remote.seconds)

    def _require_ours(self, repository: Repository, desired: Desired, expect_etag: str | None) -> None:
        found = repository.blob(self._path(desired.endpoint))
        if expect_etag is not None and expect_etag != (found and found[0]):
            raise Conflict(f"The manifest of {desired.endpoint} is not the one that was observed.")
        if found is None:
            return
        try:
            standing = manifest.read(found[1])
        except Invalid:
            return  # our place, somebody's nonsense: the next commit heals it, and the history keeps it
        if standing["deployment"] != desired.deployment:
            raise Conflict(f"The endpoint {desired.endpoint} belongs to the deployment {standing['deployment']}.")
        if standing["revision"] > desired.revision:
            raise Conflict(f"The endpoint {desired.endpoint} is already at revision {standing['revision']}.")

    def _observed(self, repository: Repository, endpoint: str) -> Observed:
        found = repository.blob(self._path(endpoint))
        if found is None:
            return Observed(exists=False)
        blob, content = found
        try:
            standing = manifest.read(content)
        except Invalid:
            return Observed(True, etag=blob)
        variants = manifest.observed(standing, self._unsigned(repository, endpoint, content))
        if self._health is not None:
            variants = tuple(self._seen(endpoint, variant) for variant in variants)
        return Observed(True, variants, etag=blob, revision=standing["revision"])

    def _unsigned(self, repository: Repository, endpoint: str, content: bytes) -> str:
        if self._signer is None:
            return ""
        statement = repository.blob(self._path(endpoint, "statement.json"))
        if statement is None or not self._signer.fits(statement[1], content):
            return "The signed statement does not fit the manifest: somebody else wrote it."
        return ""

    def _seen(self, endpoint: str, declared: ObservedVariant) -> ObservedVariant:
        assert self._health is not None
        path = f"/{quote(endpoint, safe='')}/{quote(declared.role, safe='')}"
        try:
            found = self._health.json("GET", path)
        except NotFound:
            return replace(declared, ready=False, reason="The health address knows nothing of it: not rolled out yet.")
        version, digest, ready = found.get("version"), found.get("digest"), found.get("ready")
        if not isinstance(version, str) or not isinstance(digest, str | None) or not isinstance(ready, bool):
            raise Invalid("The health address must answer with version, digest and ready.")
        reason = declared.reason or ("" if ready else "The health address says that it is not ready.")
        return replace(declared, version=version, digest=digest, ready=ready and not reason, reason=reason)

    def _path(self, endpoint: str, name: str = "manifest.yaml") -> str:
        return f"{self._folder}/{short_name(endpoint)}/{name}"


def _listed(path: str, content: bytes) -> list[Listed]:
    try:
        standing = manifest.read(content)
    except Invalid:
        return [Listed(path, "", None, path, managed=False)]
    return [
        Listed(standing["endpoint"], item.version, None, path, True, (item.role,))
        for item in manifest.observed(standing, "")
    ]
