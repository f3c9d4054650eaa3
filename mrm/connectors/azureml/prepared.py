"""What would score a batch: our script over the registered model of a version, read back as it lies there now."""

import base64
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..errors import Conflict, Integrity, Invalid, NotYet
from ..names import hashed
from ..reading import missing, part, text
from ..values import Op, artifact_digest
from . import batch_plan, plan
from .batch_plan import SCRIPT, SCRIPT_DIGEST, SCRIPT_NAME
from .blobs import Folder, Stored
from .plan import WHO
from .workspace import Workspace

_MOST_KEPT = 15


@dataclass(frozen=True)
class Verified:
    """A batch deployment that stands as we wrote it; `seen` is the digest of the model's bytes, None where nobody reads them.

    `stamp` tells which writing of the deployment, of the script and of the model's bytes was read.
    """

    deployment: str
    version: str
    digest: str
    seen: str | None
    stamp: str

    def __str__(self) -> str:
        return f"Version {self.version}, digest {self.digest}."


class Prepared:
    """Endpoint, code and deployment of batches. `models` is the folder of the models' bytes where they are read back."""

    def __init__(self, workspace: Workspace, config: Mapping[str, Any], folder: Folder, models: Folder | None) -> None:
        self._workspace, self._config, self._folder, self._models = workspace, config, folder, models

    def endpoint(self, endpoint: str, owner: tuple[str, str], op: Op | None) -> dict[str, Any]:
        """The batch endpoint of an online endpoint, made when there is none; NotYet while Azure makes it."""
        place = f"/batchEndpoints/{self.name(endpoint)}"
        found = self._workspace.found(place, op)
        if found is None:
            self._workspace.put(place, batch_plan.endpoint(owner, self._config), op)
            raise NotYet(f"{WHO} makes the endpoint for batches.")
        if batch_plan.owner(found) != owner:
            raise Conflict(f"The batch endpoint of {endpoint} belongs to somebody else.")
        self._require_ready(found, place, "the endpoint for batches", op)
        if field := plan.dropped(batch_plan.endpoint(owner, self._config), found):
            raise Conflict(f"Somebody changed {field} of the batch endpoint of {endpoint}.")
        return found

    def deployment(self, at: str, version: str, digest: str, features: str, op: Op | None) -> str:
        """The deployment of a version for batches, made when there is none; NotYet while Azure makes it."""
        name = batch_plan.deployment_name(version, digest, features, self._config)
        place = f"/batchEndpoints/{at}/deployments/{name}"
        found = self._workspace.found(place, op)
        if found is not None:
            self._require_ready(found, place, f"version {version} for batches", op)
            return name
        self._make_room(at, op)
        self._lay_script(op)
        body = batch_plan.deployment(version, digest, features, self._workspace.path, self._config)
        self._workspace.put(place, body, op)
        raise NotYet(f"{WHO} makes version {version} ready for batches.")

    def verified(self, at: str, name: str, op: Op | None = None) -> Verified:
        """Raises Integrity unless deployment, code, script, model and, where they are read, its bytes are as we wrote them."""
        found = self._workspace.call("GET", f"/batchEndpoints/{at}/deployments/{quote(name, safe='')}", op)
        version, digest, features = batch_plan.told(found)
        if name != batch_plan.deployment_name(version, digest, features, self._config):
            raise Integrity(
                f"The deployment {name} for batches is not the one of its version, or its place was set up anew."
            )
        wanted = batch_plan.deployment(version, digest, features, self._workspace.path, self._config)
        if reason := batch_plan.altered(wanted, found):
            raise Integrity(
                f"Version {version} does not score a batch. {reason} Delete the deployment {name} there, and the next batch"
                " makes it anew."
            )
        self._require_written(self._code(), batch_plan.code(self._code_uri()), "code", op)
        self._require_written(self._model(digest), plan.model(digest, self._config), "model", op)
        stored = [*self._script(op), *self._bytes(digest, op)]
        written = str(part(found, "systemData", WHO).get("lastModifiedAt", ""))
        stamp = hashed(written, *(word for each in stored for word in (each.name, each.etag)))[:32]
        return Verified(name, version, digest, digest if self._models else None, stamp)

    def removal(self, endpoint: str, op: Op | None) -> bool:
        """Take the batch endpoint with its deployments away, when it is of this online endpoint; whether one is there still."""
        place = f"/batchEndpoints/{self.name(endpoint)}"
        found = self._workspace.found(place, op)
        if found is None or batch_plan.owner(found)[0] != endpoint:
            return False
        if plan.state(found) != plan.DELETING:
            self._workspace.call("DELETE", place, op)
        return True

    def name(self, endpoint: str) -> str:
        """What the batch endpoint of an online endpoint is called."""
        return batch_plan.endpoint_name(endpoint, self._workspace.path)

    def require_datastore(self, op: Op | None = None) -> str:
        """The datastore that Azure writes to by name, once it is the container that we read from; Conflict otherwise."""
        name = self._config.get("batch_datastore", batch_plan.DATASTORE)
        found = self._workspace.call("GET", f"/datastores/{name}", op)
        shown = part(found, "properties", WHO)
        where = f"{shown.get('protocol', 'https')}://{shown.get('accountName')}.blob.{shown.get('endpoint')}"
        if not self._folder.uri("").startswith(f"{where}/{shown.get('containerName')}/"):
            raise Conflict(
                f"The datastore {name} is not the container that `batches` names; name its own (`batch_datastore`)."
            )
        return f"{self._workspace.path}/datastores/{name}"

    def _require_ready(self, found: Mapping[str, Any], place: str, what: str, op: Op | None) -> None:
        """What failed is taken away, so that the next batch begins anew."""
        state = plan.state(found)
        if state in plan.FAILED:
            self._workspace.call("DELETE", place, op)
            raise Invalid(f"{WHO} says {state} of {what}; its log in the workspace tells why.")
        if state != plan.READY:
            raise NotYet(f"{WHO} says {state} of {what}.")

    def _make_room(self, at: str, op: Op | None) -> None:
        """Azure keeps twenty deployments at an endpoint; the oldest give way."""
        found = self._workspace.pages(f"/batchEndpoints/{at}/deployments", op)
        found.sort(key=lambda each: str(part(each, "systemData", WHO).get("createdAt", "")))
        for older in found[: max(0, len(found) - _MOST_KEPT)]:
            if plan.state(older) != plan.DELETING:
                self._workspace.call(
                    "DELETE", f"/batchEndpoints/{at}/deployments/{quote(text(older, 'name', WHO), safe='')}", op
                )

    def _lay_script(self, op: Op | None) -> None:
        """Our script in the folder of its digest, and registered from there."""
        name, md5 = f"{batch_plan.code_folder()}{SCRIPT_NAME}", base64.b64encode(_md5(SCRIPT)).decode()
        if self._folder.md5(name, op) != md5:
            self._folder.put(name, io.BytesIO(SCRIPT), len(SCRIPT), md5, op)
        self._script(op)
        body = batch_plan.code(self._code_uri())
        if self._workspace.found(self._code(), op) is None:
            self._workspace.put(self._code(), body, op)
        self._require_written(self._code(), body, "code", op)

    def _script(self, op: Op | None) -> list[Stored]:
        """The only blob in its folder, since what lies beside it could be loaded with it."""
        found = self._folder.listed(batch_plan.code_folder(), op)
        names = [each.name.removeprefix(batch_plan.code_folder()) for each in found]
        if names != [SCRIPT_NAME]:
            raise Integrity(f"Where our script lies alone, {', '.join(names)[:200] or 'nothing'} was found.")
        if self._folder.sha256(found[0], op) != SCRIPT_DIGEST:
            raise Integrity(
                f"The script that scores batches was altered in the store, at {self._code_uri()}; delete it there, and the"
                " deployments for batches, and the next batch lays them anew."
            )
        return found

    def _bytes(self, digest: str, op: Op | None) -> list[Stored]:
        if self._models is None:
            return []
        under = f"{digest}/"
        found = self._models.listed(under, op)
        digests = {each.name.removeprefix(under): self._models.sha256(each, op) for each in found}
        if len(digests) != 1 or artifact_digest(digests) != digest:
            raise Integrity(f"The bytes in the folder {digest[:12]}… are not those of that digest.")
        return found

    def _require_written(self, place: str, wanted: Mapping[str, Any], what: str, op: Op | None) -> None:
        found = self._workspace.found(place, op)
        if found is None:
            raise Integrity(f"The registered {what} that scores batches is gone.")
        if field := missing(wanted, found):
            raise Integrity(f"{WHO} holds the registered {what} that scores batches with another {field}.")

    def _code(self) -> str:
        return f"/codes/{batch_plan.code_name(self._config)}/versions/1"

    def _code_uri(self) -> str:
        return self._folder.uri(batch_plan.code_folder()).rstrip("/")

    def _model(self, digest: str) -> str:
        return f"/models/{plan.model_name(digest, self._config)}/versions/1"


def scoring_uri(found: Mapping[str, Any], workspace: str, config: Mapping[str, Any]) -> str:
    """Where jobs of a batch endpoint are asked for; Invalid unless it is the address that an endpoint of this name has.

    A token goes there, so Azure's answer alone does not say where that is.
    """
    name, shown = text(found, "name", WHO), text(part(found, "properties", WHO), "scoringUri", WHO)
    domain = config.get("scoring_domain", "inference.ml.azure.com")
    expected = {f"https://{name}.{config['location']}.{domain}/jobs"}
    if "jobs_url" in config:
        expected.add(f"{config['jobs_url'].rstrip('/')}{workspace}/batchEndpoints/{name}/jobs")
    if shown.partition("?")[0] not in expected:
        raise Invalid(
            f"{WHO} names {shown[:200]} as the address of a batch endpoint, and none of that name lies there."
        )
    return shown


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
