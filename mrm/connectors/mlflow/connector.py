"""Registers approved bytes in MLflow, moves an alias to them, and reads both back.

An alias is a declaration: scoring servers resolve it when they start and never look again. So what
is observed here is what MLflow declares, not what some server runs.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import httpx

from ..base import BaseConnector, refuse_unapproved_bytes
from ..http import Backend, BearerAuth
from ..protocol import (
    ArtifactStore,
    Cap,
    Conflict,
    Desired,
    Integrity,
    NotFound,
    Observed,
    Op,
    Page,
    Result,
    VersionRef,
)
from ..settings import ADDRESS, CONNECTION, TEXT
from ..values import require_endpoint
from .observing import features_of, hexed, listed, model_digest, observed_variant, sha256
from .packaging import MODEL_FILE, packaging, require_packable
from .scoring import inference, invocation
from .tracking import Run, Tracking, aliases_of, proxied_folder, proxied_source, special, tags_of


class MlflowConnector(BaseConnector):
    """One registered model per endpoint, one model version per approved version."""

    id: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow, registry and scoring server"
    caps = (
        Cap.DEPLOY
        | Cap.PREDICT
        | Cap.OBSERVE_VERSION
        | Cap.OBSERVE_DIGEST
        | Cap.DECLARED_ONLY
        | Cap.INVENTORY
        | Cap.ADOPT
    )
    secret_fields: ClassVar[tuple[str, ...]] = ("password_secret", "token_secret")
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url"],
        "dependentRequired": {"username": ["password_secret"], "password_secret": ["username"]},
        "properties": {
            "base_url": ADDRESS
            | {"title": "Address of the tracking server", "examples": ["https://mlflow.bank.example"]},
            "username": TEXT | {"title": "User name"},
            "password_secret": TEXT | {"title": "Name of the secret with the password"},
            "token_secret": TEXT | {"title": "Name of the secret with a bearer token"},
            "alias": TEXT
            | {
                "title": "Alias that names the version in use",
                "examples": ["champion"],
                "pattern": "^[A-Za-z_][\\w-]*$",
            },
            "experiment": TEXT | {"title": "Experiment that keeps the files"},
            "scoring_url": ADDRESS | {"title": "Address of a scoring server"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._alias: str = config.get("alias", "champion")
        self._experiment: str = config.get("experiment", "mrm")
        auth = _auth(config, secrets)
        self._tracking = Tracking(self._backend("MLflow", config["base_url"], auth))
        self._scoring: Backend | None = None
        if "scoring_url" in config:
            self._scoring = self._backend("The scoring server", config["scoring_url"], None)
        else:
            self.caps = type(self).caps & ~Cap.PREDICT

    def check(self) -> str:
        """Reach the server and read the registry with our credentials."""
        self._tracking.models(None, 1)
        return f"MLflow {self._tracking.version()} answers and lets us read its registry."

    def observe(self, endpoint: str) -> Observed:
        """The version behind the alias, with its files downloaded and hashed again."""
        require_endpoint(endpoint)
        try:
            number = aliases_of(self._tracking.model(endpoint)).get(self._alias)
            if number is None:
                return Observed(exists=False)
            version = self._tracking.model_version(endpoint, number)
        except NotFound:
            return Observed(exists=False)
        tags = tags_of(version)
        revision = tags.get("mrm.revision", "")
        return Observed(
            True,
            (observed_variant(self._tracking, version),),
            revision=int(revision) if revision.isdigit() else None,
        )

    def adopt(self, endpoint: str) -> Observed:
        """The version behind the alias; of one that others registered the digest of the ONNX file that its flavor loads.

        Taking it over registers those bytes as a version of our own, and moves the alias to it.
        """
        seen = self.observe(endpoint)
        if not seen.exists or seen.variants[0].managed:
            return seen
        number = aliases_of(self._tracking.model(endpoint))[self._alias]
        digest = model_digest(self._tracking, self._tracking.model_version(endpoint, number))
        return replace(seen, variants=(replace(seen.variants[0], digest=digest),))

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Files first, then the version, its tags, and last the alias. Each step can be repeated."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        version = desired.champion
        require_packable(version.artifact)
        self._claim(desired, op)
        key = _key(desired)
        run = self._tracking.run(self._experiment, ("mrm.key", key), op)
        folder = f"{run.folder}/{version.artifact.digest}"
        self._upload(version, folder, op)
        number = self._register(desired, key, run, folder, op)
        tags = {"mrm.revision": str(desired.revision), "mrm.approval": version.approval_id}
        self._tracking.tag_version(desired.endpoint, number, tags, op)
        if aliases_of(self._tracking.model(desired.endpoint)).get(self._alias) != number:
            self._tracking.set_alias(desired.endpoint, self._alias, number, op)
        return Result(done=True, message=f"The alias {self._alias} names MLflow version {number}.")

    def poll(self, handle: str) -> Result:
        raise self.unsupported("operations that take several steps")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Remove our versions, their files and the alias on them; leave what others registered."""
        require_endpoint(endpoint)
        try:
            model = self._tracking.model(endpoint)
        except NotFound:
            return Result(done=True, message="There was nothing to remove.")
        ours = list(self._tracking.versions(f"tags.`mrm.endpoint` = '{hexed(endpoint)}'"))
        numbers = {str(version["version"]) for version in ours}
        if aliases_of(model).get(self._alias) in numbers:
            self._tracking.delete_alias(endpoint, self._alias, op)
        for version in ours:
            self._remove(endpoint, version, op)
        self._release(endpoint, tags_of(model), op)
        return Result(done=True, message=f"{len(ours)} versions are removed.")

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """Score at the scoring server. Which version answers is declared, never seen."""
        if self._scoring is None:
            raise self.unsupported("scoring without a scoring_url")
        if version is not None:
            raise self.unsupported("scoring by a named version")
        number = aliases_of(self._tracking.model(endpoint)).get(self._alias)
        tags = tags_of(self._tracking.model_version(endpoint, number)) if number else {}
        asked = invocation(body, features_of(tags))
        found = self._scoring.json("POST", "/invocations", body=asked, timeout=timeout, reads=True)
        declared = {
            "declared_version": tags.get("mrm.version"),
            "declared_digest": tags.get("mrm.digest"),
        }
        return inference(endpoint, found, declared)

    def list_models(self, cursor: str | None = None) -> Page:
        """All versions of one page of registered models, with the aliases read from the model."""
        models, following = self._tracking.models(cursor, self.page_size)
        return Page(tuple(item for model in models for item in listed(self._tracking, model)), following)

    def _backend(self, name: str, url: str, auth: httpx.Auth | None) -> Backend:
        return Backend.configured(name, url, self.config, auth=auth, special=special)

    def _claim(self, desired: Desired, op: Op) -> None:
        """Make the registered model ours, or refuse because someone else uses it."""
        mark = {"mrm.deployment": desired.deployment}
        try:
            model = self._tracking.model(desired.endpoint)
        except NotFound:
            self._tracking.create_model(desired.endpoint, mark | {"mrm.created": "true"}, op)
            return
        owner = tags_of(model).get("mrm.deployment")
        if op.seen and op.seen == self.observe(desired.endpoint).fingerprint():  # somebody saw whose it is
            self._tracking.tag_model(desired.endpoint, mark, op)
            return
        if owner is None and self._alias in aliases_of(model):
            raise Conflict(f"Someone else uses the alias {self._alias} of {desired.endpoint}.")
        if owner not in (None, desired.deployment):
            raise Conflict(f"The registered model {desired.endpoint} belongs to the deployment {owner}.")
        if owner is None:
            self._tracking.tag_model(desired.endpoint, mark, op)
        self._require_newer(desired, aliases_of(model).get(self._alias))

    def _require_newer(self, desired: Desired, number: str | None) -> None:
        if number is None:
            return
        tags = tags_of(self._tracking.model_version(desired.endpoint, number))
        standing = tags.get("mrm.revision", "")
        if standing.isdigit() and int(standing) > desired.revision:
            raise Conflict(f"The endpoint {desired.endpoint} is already at revision {standing}.")

    def _upload(self, version: VersionRef, folder: str, op: Op) -> None:
        """Put what is missing or changed, and read the model back: the server protects nothing."""
        artifact = version.artifact
        present = set(self._tracking.files(folder))
        for name, beside in packaging(artifact.digest, version.features).items():
            place = f"{folder}/{name}"
            if name not in present or self._tracking.file_digest(place, op) != sha256(beside):
                self._tracking.put_file(place, beside, op)
        path = f"{folder}/{MODEL_FILE}"
        with self.verified(artifact, artifact.files[0]) as content:
            if MODEL_FILE in present and self._tracking.file_digest(path, op) == artifact.digest:
                return
            self._tracking.put_file(path, content, op)
        if self._tracking.file_digest(path, op) != artifact.digest:
            raise Integrity("MLflow gives out other bytes than were sent.")

    def _register(self, desired: Desired, key: str, run: Run, folder: str, op: Op) -> str:
        known = [str(item["version"]) for item in self._tracking.versions(f"tags.`mrm.key` = '{key}'")]
        if known:
            return min(known, key=int)
        version = desired.champion
        tags = {
            "mrm.key": key,
            "mrm.endpoint": hexed(desired.endpoint),
            "mrm.deployment": desired.deployment,
            "mrm.model": version.model,
            "mrm.version": version.version,
            "mrm.digest": version.artifact.digest,
            "mrm.features": json.dumps(version.features, ensure_ascii=False),
        }
        source = proxied_source(folder)
        return str(self._tracking.create_version(desired.endpoint, source, run, tags, op)["version"])

    def _remove(self, endpoint: str, version: Mapping[str, Any], op: Op) -> None:
        self._tracking.delete_version(endpoint, str(version["version"]), op)
        folder = proxied_folder(str(version.get("source", "")))
        if folder is not None:
            self._tracking.delete_files(folder, op)
        self._tracking.delete_run(str(version["run_id"]), op)

    def _release(self, endpoint: str, tags: Mapping[str, str], op: Op) -> None:
        others = self._tracking.model(endpoint).get("latest_versions")
        if "mrm.created" in tags and not others:
            self._tracking.delete_model(endpoint, op)
        elif "mrm.deployment" in tags:
            self._tracking.untag_model(endpoint, "mrm.deployment", op)


def _auth(config: Mapping[str, Any], secrets: Mapping[str, str]) -> httpx.Auth | None:
    if "token_secret" in secrets:
        return BearerAuth(secrets["token_secret"])
    if "password_secret" in secrets:
        return httpx.BasicAuth(config["username"], secrets["password_secret"])
    return None


def _key(desired: Desired) -> str:
    """Names one version of one endpoint in tags; hex, so that it needs no quoting in filters."""
    version = desired.champion
    return hexed(
        desired.deployment,
        desired.endpoint,
        version.version,
        version.artifact.digest,
        *version.features,
    )
