"""One online endpoint per endpoint, one deployment per version; their names follow from content.

The bytes lie where the operator stores them, each version in a folder named by its digest; only the rows of a batch are
sent, and our script that scores them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import IO, Any, ClassVar
from urllib.parse import quote, urlsplit

from ..http import Backend
from ..protocol import (
    ArtifactFile,
    ArtifactStore,
    Batch,
    BatchResult,
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
    Role,
)
from ..reading import missing, part, text, things
from ..stepped import SteppedConnector, Waiting
from ..tokens import TokenAuth
from ..told import told_of
from ..values import require_endpoint
from . import batch_plan, blobs, plan
from .batches import Batches
from .blobs import Folder
from .identity import fetch
from .plan import WHO
from .prepared import Prepared, scoring_uri
from .settings import GUIDE, SCHEMA, SCOPES
from .workspace import Workspace, skip


class AzuremlConnector(SteppedConnector):
    """Speaks to Azure's resource manager as an application, or as what the process runs as."""

    id: ClassVar[str] = "azureml"
    title: ClassVar[str] = "Azure Machine Learning"
    guide: ClassVar[tuple[str, ...]] = GUIDE
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.SHADOW | Cap.OBSERVE_VERSION | Cap.INVENTORY | Cap.BATCH
    secret_fields: ClassVar[tuple[str, ...]] = ("client_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = SCHEMA

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        path = (
            f"/subscriptions/{config['subscription']}/resourceGroups/{config['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{config['workspace']}"
        )
        azure = self._backend(WHO, config.get("base_url", "https://management.azure.com"), self._auth("scope", secrets))
        self._workspace = Workspace(azure, path)
        if self.why_no_batch(config):
            self.caps = type(self).caps & ~Cap.BATCH
        else:
            self._jobs_auth = self._auth("jobs_scope", secrets)
            self._jobs = self._with_batches(config["batches"], self._auth("storage_scope", secrets))

    @classmethod
    def why_no_batch(cls, config: Mapping[str, Any]) -> str | None:
        """Rows are sent to no folder and scored on no cluster that nobody named for them, and by our own script alone."""
        for name, what in (("batches", "folder for batches"), ("cluster", "cluster that scores batches")):
            if name not in config:
                return f"Its configuration names no {what} (`{name}`)."
        kind = config.get("model_type", "custom_model")
        return None if kind == "custom_model" else f"Its models are of the type {kind}, which our script does not open."

    @classmethod
    def why_not_format(cls, format: str) -> str | None:
        """Our script opens ONNX alone."""
        return (
            None
            if format == batch_plan.FORMAT
            else f"Azure ML scores ONNX models alone as a batch, not {format or 'a version without an artifact'}."
        )

    def check(self) -> str:
        """Reach the workspace; our identity must be allowed to list its endpoints."""
        things(self._workspace.call("GET", "/onlineEndpoints", query={"count": "1"}), "value", WHO)
        said = f"Azure answers and lets us read the endpoints of {self.config['workspace']}"
        if Cap.BATCH not in self.caps:
            return f"{said}."
        self._jobs.prepared.require_datastore()
        self._jobs.folder.listed("mrm-check")
        return f"{said}, and the folder for batches."

    def observe(self, endpoint: str) -> Observed:
        """The endpoint's traffic, its deployments, and whether each is as it was deployed."""
        require_endpoint(endpoint)
        found = self._found(endpoint)
        if found is None or plan.state(found) == plan.DELETING:
            return Observed(exists=False)
        reason = "" if plan.state(found) == plan.READY else f"{WHO} says {plan.state(found)}."
        if plan.owner(found)[0] == endpoint and not (reason or part(part(found, "properties", WHO), "traffic", WHO)):
            reason = "No traffic reaches it yet."
        deployments = self._deployments(endpoint)
        variants = [self._variant(name, found, one, reason) for name, one in sorted(deployments.items())]
        variants.sort(key=lambda variant: -variant.weight_bp)
        return Observed(True, tuple(variants), revision=plan.owner(found)[2] or None)

    def refuse_unfit(self, desired: Desired) -> None:
        plan.require_fit(desired)

    def step(self, desired: Desired, *, op: Op | None, first: bool, etag: str | None = None) -> Waiting | None:
        """The endpoint, then each version's deployment, then all of the traffic at once, then what is left over."""
        found = self._found(desired.endpoint, op)
        if found is None:
            self._workspace.put(self._one(desired.endpoint), plan.endpoint(desired, self.config, serving=False), op)
            return Waiting(f"{WHO} makes the endpoint.")
        _require_ours(desired, found)
        if waiting := _busy(found, "the endpoint", first):
            return waiting
        deployments = self._deployments(desired.endpoint, op)
        wanted = {plan.deployment_name(told_of(v), self.config): told_of(v) for v in desired.variants}
        for name, told in wanted.items():
            if waiting := self._deployed(desired.endpoint, name, told, deployments.get(name), op=op, first=first):
                return waiting
        body = plan.endpoint(desired, self.config, serving=True)
        if not plan.same_endpoint(body, found) or plan.state(found) in plan.FAILED:
            foreign = {k: v for k, v in part(found, "tags", WHO).items() if not k.startswith("mrm.")}
            self._workspace.put(self._one(desired.endpoint), body | {"tags": foreign | body["tags"]}, op)
            return Waiting(f"{WHO} moves the traffic.")
        return self._tidied(desired.endpoint, deployments, set(wanted), op)

    def removal(self, endpoint: str, made: str, *, op: Op | None) -> Waiting | None:
        """The endpoint with all that is in it, when it is ours; the registered models stay as a record."""
        found = self._found(endpoint, op)
        if found is None and Cap.BATCH in self.caps and self._jobs.prepared.removal(endpoint, op):
            return Waiting(f"{WHO} takes the endpoint for batches away.", made=made)
        if found is None or plan.owner(found)[0] != endpoint:
            return None
        seen = str(part(found, "systemData", WHO).get("createdAt", ""))
        if made and seen != made:
            return None
        if plan.state(found) != plan.DELETING:
            self._workspace.call("DELETE", self._one(endpoint), op=op)
        return Waiting(f"{WHO} takes the endpoint away.", made=seen)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the endpoint through the gateway")

    def stage_batch(self, batch: Batch, file: ArtifactFile, content: IO[bytes], *, op: Op) -> None:
        """Put a file of rows into the folder for batches, as it is."""
        self._batches().stage(batch, file, content, op)

    def find_batch(self, endpoint: str, batch: Batch) -> BatchResult | None:
        """The job of this batch, whether it runs or has ended; None when none was made."""
        require_endpoint(endpoint)
        batches = self._batches()
        return batches.find(batches.prepared.name(endpoint), batch)

    def submit_batch(self, endpoint: str, batch: Batch, *, op: Op) -> BatchResult:
        """Score the files of a batch with the champion that serves there, by our script over its registered model.

        Raises NotYet while Azure makes the batch endpoint or the version's deployment there; the next call goes on.
        """
        require_endpoint(endpoint)
        batches = self._batches()
        batch_plan.require_fit(batch)
        batches.require_rows(batch, op)
        found = batches.prepared.endpoint(endpoint, self._served(endpoint, batch, op), op)
        at = batches.prepared.name(endpoint)
        name = batches.prepared.deployment(at, batch.version, batch.digest, json.dumps(batch.features), op)
        seen = batches.prepared.verified(at, name, op)
        ask = self._backend(WHO, scoring_uri(found, self._workspace.path, self.config), self._jobs_auth)
        asked = batches.submit(at, batch, seen, ask, op)
        return replace(asked, digest=seen.seen, message=f"{asked.message} {seen}")

    def poll_batch(self, handle: str) -> BatchResult:
        """Done when every file is scored, by the script and the bytes that were seen when it was asked."""
        standing, seen = self._batches().poll(handle)
        return standing if seen is None else replace(standing, digest=seen.digest, message=f"{standing.message} {seen}")

    def cancel_batch(self, handle: str, *, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        return self._batches().cancel(handle, op)

    def fetch_batch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of one file, place and score in each line."""
        self._batches().fetch(batch, file, target)

    def clear_batch(self, batch: Batch, names: Iterable[str], *, op: Op) -> None:
        """Take rows and scores out of the folder; the record of the job stays with Azure."""
        self._batches().clear(batch, op)

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of the workspace's endpoints with what serves behind them, also those of others."""
        query = {"count": str(self.page_size)} | ({"$skip": cursor} if cursor else {})
        found = self._workspace.call("GET", "/onlineEndpoints", query=query)
        items = tuple(item for one in things(found, "value", WHO) for item in self._listed(one))
        return Page(items, skip(found))

    def _auth(self, scope: str, secrets: Mapping[str, str]) -> TokenAuth:
        return TokenAuth(fetch(self.config, secrets, self.config.get(scope, SCOPES[scope])))

    def _backend(self, name: str, address: str, auth: TokenAuth) -> Backend:
        return Backend.configured(name, address, self.config, auth=auth)

    def _with_batches(self, folder: str, auth: TokenAuth) -> Batches:
        """The models' bytes are read back where they lie in the account of the folder: no token goes to another host."""
        config, account = self.config, "https://" + urlsplit(folder).netloc
        storage = self._backend(blobs.WHO, config.get("storage_url", account), auth)
        models = Folder(storage, config["storage"]) if config["storage"].startswith(f"{account}/") else None
        rows = Folder(storage, folder)
        address = f"https://{config['location']}.api.azureml.ms/mferp/managementfrontend"
        jobs = self._backend(WHO, config.get("jobs_url", address), self._jobs_auth)
        return Batches(self._workspace, jobs, rows, Prepared(self._workspace, config, rows, models))

    def _batches(self) -> Batches:
        if Cap.BATCH not in self.caps:
            raise self.unsupported(
                "batch scoring unless its configuration names a folder and a cluster for ONNX models"
            )
        return self._jobs

    def _served(self, endpoint: str, batch: Batch, op: Op) -> tuple[str, str]:
        """Endpoint and deployment that own what serves there, once its champion is the version and bytes of the batch."""
        if (found := self._found(endpoint, op)) is None:
            raise NotFound(f"Nothing serves at {endpoint}; deploy the version first.")
        owner, deployments = plan.owner(found), self._deployments(endpoint, op)
        champions = [name for name in deployments if plan.role(name, found) == Role.CHAMPION]
        if len(champions) != 1 or owner[0] != endpoint or not (told := plan.told(deployments[champions[0]])):
            raise Conflict(f"The endpoint {endpoint} has no champion of ours, so nobody can say what would score.")
        if (told["version"], told["digest"]) != (batch.version, batch.digest):
            raise Conflict(
                f"The endpoint {endpoint} serves version {told['version']}, not {batch.version} as approved."
            )
        if reason := self._altered(told, deployments[champions[0]]):
            raise Integrity(f"Version {batch.version} at {endpoint} does not score a batch. {reason}")
        return owner[:2]

    def _listed(self, found: Mapping[str, Any]) -> list[Listed]:
        if plan.state(found) == plan.DELETING:
            return []
        name, source = text(found, "name", WHO), text(found, "id", WHO)
        endpoint = plan.owner(found)[0]
        ours = bool(endpoint) and plan.endpoint_name(endpoint) == name
        shown = endpoint if ours else name
        try:
            deployments = self._workspace.pages(f"/onlineEndpoints/{quote(name)}/deployments")
        except NotFound:  # it went away while we looked
            return []
        if not deployments:
            return [Listed(shown, "", None, source, ours)]
        variants = [self._variant(text(one, "name", WHO), found, one, "") for one in deployments]
        return [Listed(shown, v.version, None, source, ours and v.managed, (v.role,)) for v in variants]

    def _variant(
        self, name: str, endpoint: Mapping[str, Any], found: Mapping[str, Any], reason: str
    ) -> ObservedVariant:
        told = plan.told(found)
        if plan.state(found) != plan.READY:
            reason = reason or f"{WHO} says {plan.state(found)}."
        if told:
            reason = reason or self._altered(told, found)
        return plan.observed(name, endpoint, told, reason)

    def _altered(self, told: Mapping[str, str], found: Mapping[str, Any]) -> str:
        """Deployment and registered model against what we would write for this version today."""
        place = self._model(told["digest"])
        if reason := plan.altered(plan.deployment(told, self._workspace.path + place, self.config), found):
            return reason
        try:
            registered = self._workspace.call("GET", place)
        except NotFound:
            return "Its registered model is gone."
        away = missing(plan.model(told["digest"], self.config), registered)
        return "It reads its model from a place that is not the approved one." if away else ""

    def _deployed(
        self,
        endpoint: str,
        name: str,
        told: Mapping[str, str],
        found: Mapping[str, Any] | None,
        *,
        op: Op | None,
        first: bool,
    ) -> Waiting | None:
        """None when the version's deployment stands as it should."""
        if found is not None and (waiting := _busy(found, f"version {told['version']}", first)):
            return waiting
        place = self._model(told["digest"])
        if found is not None and plan.state(found) == plan.READY and not self._altered(told, found):
            return None
        self._register(place, plan.model(told["digest"], self.config), op)
        wanted = plan.deployment(told, self._workspace.path + place, self.config)
        self._workspace.put(f"{self._one(endpoint)}/deployments/{name}", wanted, op)
        return Waiting(f"{WHO} starts version {told['version']}.")

    def _register(self, place: str, wanted: dict[str, Any], op: Op | None) -> None:
        """A name that exists must hold exactly what we would have written."""
        try:
            found = self._workspace.call("GET", place, op=op)
        except NotFound:
            self._workspace.put(place, wanted, op)
            return
        if field := missing(wanted, found):
            raise Conflict(f"{WHO} holds the registered model of this version with another {field}.")

    def _tidied(
        self, endpoint: str, deployments: Mapping[str, Mapping[str, Any]], kept: set[str], op: Op | None
    ) -> Waiting | None:
        """Our own deployments that no plan wants any more; those of others stay, and are seen."""
        over = {name: one for name, one in deployments.items() if name not in kept and plan.told(one)}
        for name, one in over.items():
            if plan.state(one) != plan.DELETING:
                self._workspace.call("DELETE", f"{self._one(endpoint)}/deployments/{quote(name)}", op=op)
        return Waiting(f"{WHO} takes older versions away.") if over else None

    def _model(self, digest: str) -> str:
        return f"/models/{plan.model_name(digest, self.config)}/versions/1"

    def _one(self, endpoint: str) -> str:
        return f"/onlineEndpoints/{plan.endpoint_name(endpoint)}"

    def _found(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        try:
            found = self._workspace.call("GET", self._one(endpoint), op=op)
        except NotFound:
            return None
        if found.get("name") != plan.endpoint_name(endpoint):
            raise Invalid(f"{WHO} described another endpoint than was asked for.")
        return found

    def _deployments(self, endpoint: str, op: Op | None = None) -> dict[str, dict[str, Any]]:
        return {text(one, "name", WHO): one for one in self._workspace.pages(f"{self._one(endpoint)}/deployments", op)}


def _require_ours(desired: Desired, found: Mapping[str, Any]) -> None:
    if plan.state(found) == plan.DELETING:
        raise Conflict(f"{WHO} is still taking {desired.endpoint} away; wait until it is gone.")
    if not plan.is_of(found, desired):
        raise Conflict(f"The endpoint {desired.endpoint} belongs to {plan.owner(found)[1] or 'somebody else'}.")
    if plan.owner(found)[2] > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {plan.owner(found)[2]}.")


def _busy(found: Mapping[str, Any], what: str, first: bool) -> Waiting | None:
    """None when it may be changed; what failed is tried again by a new apply only."""
    state = plan.state(found)
    if state in plan.FAILED and not first:
        raise Invalid(f"{WHO} says {state} of {what}; its log in the workspace tells why.")
    return None if state == plan.READY or state in plan.FAILED else Waiting(f"{WHO} says {state} of {what}.")
