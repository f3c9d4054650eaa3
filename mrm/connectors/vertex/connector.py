"""One Vertex AI endpoint per endpoint, one registered model per version; their names follow from content.

The bytes lie where the operator stores them, each version in a folder named by its digest; only the rows of a batch are
sent, to a folder that is named for them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import IO, Any, ClassVar
from urllib.parse import urlencode

from ..http import Backend
from ..protocol import (
    ArtifactFile,
    ArtifactStore,
    Batch,
    BatchResult,
    Cap,
    Conflict,
    ConnectorError,
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
    Transient,
)
from ..reading import missing, part, text, things
from ..settings import ADDRESS, CONNECTION, TEXT
from ..shares import whole_percent
from ..stepped import SteppedConnector, Waiting
from ..tokens import TokenAuth
from ..told import told_of
from ..values import require_endpoint
from . import batches, plan, storage
from .batches import Jobs
from .identity import fetch
from .plan import WHO
from .storage import Folder
from .verified import Verified, verified

_ROUTE = TEXT | {"pattern": "^/[\\w./-]*$"}
_IMAGE = f"images.bank.example/onnx@sha256:{0:064}"
# google.rpc.Code, as a finished operation tells it
_ABORTED, _EXISTS, _UNAVAILABLE = 10, 6, 14
_FOLDER = "^gs://[a-z0-9][a-z0-9._-]+(/[\\w.-]+)*/?$"


class VertexConnector(SteppedConnector):
    """Speaks to one project in one region, as a service account or as what the process runs as."""

    id: ClassVar[str] = "vertex"
    title: ClassVar[str] = "Google Vertex AI"
    guide: ClassVar[tuple[str, ...]] = plan.GUIDE
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.OBSERVE_VERSION | Cap.ETAG | Cap.INVENTORY | Cap.BATCH
    secret_fields: ClassVar[tuple[str, ...]] = ("key_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["project", "location", "storage", "image", "machine_type", "predict_route", "health_route"],
        "properties": {
            "project": TEXT | {"pattern": "^[a-z0-9:.-]+$", "title": "Project", "examples": ["bank-models"]},
            "location": TEXT | {"pattern": "^[a-z]+-[a-z]+\\d+$", "title": "Region", "examples": ["europe-west4"]},
            "storage": TEXT
            | {"pattern": "^gs://.+", "title": "Place of the bytes", "examples": ["gs://approved/models"]},
            "batches": TEXT
            | {
                "pattern": _FOLDER,
                "title": "Folder for batches; the container takes lists of numbers",
                "examples": ["gs://exchange/mrm"],
            },
            "image": TEXT
            | {"pattern": "@sha256:[0-9a-f]{64}$", "title": "Image of the container, by digest", "examples": [_IMAGE]},
            "predict_route": _ROUTE | {"title": "Path of the container that scores", "examples": ["/predict"]},
            "health_route": _ROUTE | {"title": "Path of the container that tells its health"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "title": "Port of the container"},
            "machine_type": TEXT | {"title": "Kind of machine", "examples": ["n1-standard-4"]},
            "instances": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Machines per version"},
            "service_account": TEXT | {"title": "Account that the containers run as"},
            "key_secret": TEXT | {"title": "Name of the secret with a service account's key file"},
            "base_url": ADDRESS | {"title": "Another address of Vertex AI, as a private endpoint"},
            "storage_url": ADDRESS | {"title": "Another address of Cloud Storage, as a private endpoint"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._place = f"projects/{config['project']}/locations/{config['location']}"
        auth = TokenAuth(fetch(config, secrets))
        address = f"https://{config['location']}-aiplatform.googleapis.com"
        self._vertex = self._backend(WHO, config.get("base_url", address), auth)
        self._storage = self._backend(storage.WHO, config.get("storage_url", storage.ADDRESS), auth)
        if self.why_no_batch(config):
            self.caps = type(self).caps & ~Cap.BATCH
        else:
            self._jobs = Jobs(self._call, self._place, Folder(self._storage, config["batches"]))

    @classmethod
    def why_no_batch(cls, config: Mapping[str, Any]) -> str | None:
        """Rows are sent to no folder that nobody named for them, and to no container that nobody said would understand them."""
        return None if "batches" in config else "Its configuration names no folder for batches (`batches`)."

    def check(self) -> str:
        """Reach Vertex AI; our identity must be allowed to list endpoints, and what lies in the folder for batches."""
        things(self._call("GET", f"{self._place}/endpoints", query={"pageSize": "1"}), "endpoints", WHO)
        said = f"{WHO} answers and lets us read the endpoints of {self.config['project']}"
        if Cap.BATCH not in self.caps:
            return f"{said}."
        self._jobs.folder.listed("mrm-check")
        return f"{said}, and the folder for batches."

    def observe(self, endpoint: str) -> Observed:
        """The endpoint's shares, its deployed models, and whether each is as it was registered and deployed."""
        require_endpoint(endpoint)
        found = self._found(endpoint)
        if found is None:
            return Observed(exists=False)
        reason = "" if part(found, "trafficSplit", WHO) else "No traffic reaches it yet."
        variants = [self._variant(one, found, reason) for one in things(found, "deployedModels", WHO)]
        variants.sort(key=lambda variant: (-variant.weight_bp, variant.version))
        return Observed(True, tuple(variants), etag=text(found, "etag", WHO), revision=plan.revision(found) or None)

    def refuse_unfit(self, desired: Desired) -> None:
        for variant in desired.variants:
            whole_percent(variant.weight_bp, WHO)

    def step(self, desired: Desired, *, op: Op | None, first: bool, etag: str | None = None) -> Waiting | None:
        """A claim, each version's model and machines, then all of the traffic at once, then what is left over."""
        found = self._found(desired.endpoint, op)
        if etag is not None and (found is None or found.get("etag") != etag):
            raise Conflict(f"Somebody changed {desired.endpoint} since it was looked at.")
        if found is None:
            return self._made(desired, op)
        _require_ours(desired, found)
        wanted = {plan.deployed_id(told, self.config): told for told in map(told_of, desired.variants)}
        shown = {text(one, "id", WHO): one for one in things(found, "deployedModels", WHO)}
        body = plan.traffic(desired, found, self.config)
        over = [number for number in shown if number not in wanted and self._told(shown[number], op)]
        if plan.same_traffic(body, found) and set(wanted) <= set(shown) and not over:
            return None
        if waiting := self._at_work(found, op):
            return waiting
        if not plan.has_claim(desired, found):
            found = self._patched(found, {"labels": plan.claimed(desired, found)}, op)
        for number, told in wanted.items():
            if number not in shown:
                return self._started(found, told, op)
        if not plan.same_traffic(body, found):
            self._patched(found, body, op)
        for number in over:
            started = self._call("POST", f"{self._one(found)}:undeployModel", {"deployedModelId": number}, op)
            return Waiting(f"{WHO} takes an older version away.", _operation(started))
        return None

    def removal(self, endpoint: str, made: str, *, op: Op | None) -> Waiting | None:
        """The endpoint with all that is in it, when it is ours; the registered models stay as a record."""
        found = self._found(endpoint, op)
        if found is None or not plan.is_ours(found, endpoint):
            return None
        seen = text(found, "createTime", WHO)
        if made and seen != made:
            return None
        if waiting := self._at_work(found, op):
            return Waiting(waiting.message, waiting.operation, seen)
        deployed = things(found, "deployedModels", WHO)
        if deployed and part(found, "trafficSplit", WHO):
            found = self._patched(found, {"trafficSplit": {}}, op)
        if deployed:
            body = {"deployedModelId": text(deployed[0], "id", WHO)}
            started = self._call("POST", f"{self._one(found)}:undeployModel", body, op)
        else:
            started = self._call("DELETE", self._one(found), op=op)
        return Waiting(f"{WHO} takes the endpoint away.", _operation(started), seen)

    def finished(self, operation: str) -> bool:
        """A failure shows in the operation only: what it made is simply not there."""
        if not operation.startswith("projects/"):
            raise Invalid("This is no handle of the vertex connector.")
        try:
            found = self._call("GET", operation)
        except NotFound:  # with its endpoint, what was done to it is gone too
            return True
        if "error" in found:
            raise _failure(part(found, "error", WHO))
        return found.get("done") is True

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the endpoint through the gateway")

    def stage_batch(self, batch: Batch, file: ArtifactFile, content: IO[bytes], *, op: Op) -> None:
        """Put a file of rows into the folder for batches, each with its place, as Vertex AI reads them."""
        self._batches().stage(batch, file, content, op)

    def find_batch(self, endpoint: str, batch: Batch) -> BatchResult | None:
        """The job of this batch, whether it runs or has ended; None when none was made."""
        require_endpoint(endpoint)
        return self._batches().find(endpoint, batch)

    def submit_batch(self, endpoint: str, batch: Batch, *, op: Op) -> BatchResult:
        """Score the files of a batch with the champion that serves there, once it is the version and bytes of the batch."""
        require_endpoint(endpoint)
        jobs = self._batches()
        if (found := self._found(endpoint, op)) is None:
            raise NotFound(f"Nothing serves at {endpoint}; deploy the version first.")
        deployed = things(found, "deployedModels", WHO)
        champions = [one for one in deployed if plan.role(text(one, "id", WHO), found) == Role.CHAMPION]
        if len(champions) != 1 or not plan.is_ours(found, endpoint):
            raise Conflict(f"The endpoint {endpoint} has no champion of ours, so nobody can say what would score.")
        model = _pinned(champions[0])
        seen = self._verified(model, op)
        if (seen.version, seen.digest) != (batch.version, batch.digest):
            raise Conflict(f"The endpoint {endpoint} serves version {seen.version}, not {batch.version} as approved.")
        body = batches.job(endpoint, batch, jobs.folder, jobs.columns(batch, op), seen.stamp, self.config)
        asked = jobs.submit(batch, model, body, op)
        return replace(asked, digest=seen.digest, message=f"{asked.message} {seen}")

    def poll_batch(self, handle: str) -> BatchResult:
        """Done when every row is scored, by the registered model of the job, whose bytes were not written since it was asked."""
        jobs = self._batches()
        found = jobs.described(handle)
        if waiting := jobs.waiting(found, handle):
            return waiting
        waited = batches.read(handle)
        seen = self._verified(f"{self._place}/models/{waited['model']}@1")
        if seen.stamp != batches.stamp(found):
            raise Integrity(f"The bytes of version {seen.version} were written anew while the job read them.")
        done = batches.result(found)
        return replace(done, digest=seen.digest, message=f"{done.message} {seen}")

    def cancel_batch(self, handle: str, *, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        return self._batches().cancel(handle, op)

    def fetch_batch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of one file, place and score in each line."""
        self._batches().fetch(batch, file, target)

    def clear_batch(self, batch: Batch, names: Iterable[str], *, op: Op) -> None:
        """Take rows and scores out of the folder, and the job off Vertex AI's list."""
        self._batches().clear(batch, names, op)

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of the project's endpoints with what serves behind them, also those of others."""
        query = {"pageSize": str(self.page_size)} | ({"pageToken": cursor} if cursor else {})
        found = self._call("GET", f"{self._place}/endpoints", query=query)
        items = tuple(item for one in things(found, "endpoints", WHO) for item in self._listed(one))
        return Page(items, str(found.get("nextPageToken") or "") or None)

    def _batches(self) -> Jobs:
        if Cap.BATCH not in self.caps:
            raise self.unsupported("batch scoring while its configuration names no folder for batches")
        return self._jobs

    def _verified(self, name: str, op: Op | None = None) -> Verified:
        return verified(name, self._call("GET", name, op=op), self._storage, self.config, op)

    def _backend(self, name: str, address: str, auth: TokenAuth) -> Backend:
        return Backend.configured(name, address, self.config, auth=auth)

    def _listed(self, found: Mapping[str, Any]) -> list[Listed]:
        source, described = text(found, "name", WHO), str(found.get("description", ""))
        ours = plan.is_ours(found, described) and plan.endpoint_id(described) == source.rpartition("/")[2]
        shown = described if ours else str(found.get("displayName") or source)
        variants = [self._variant(one, found, "") for one in things(found, "deployedModels", WHO)]
        if not variants:
            return [Listed(shown, "", None, source, ours)]
        return [Listed(shown, v.version, None, source, ours and v.managed, (v.role,)) for v in variants]

    def _variant(self, found: Mapping[str, Any], endpoint: Mapping[str, Any], reason: str) -> ObservedVariant:
        number, shown = text(found, "id", WHO), str(found.get("displayName") or found.get("id"))
        try:
            model = self._call("GET", _pinned(found))
        except NotFound:
            return plan.observed(number, endpoint, {}, shown, "Its model is gone.")
        told = plan.told(model)
        if told:
            reason = reason or plan.altered(told, found, model, self.config) or self._other_model(told, found)
        return plan.observed(number, endpoint, told, shown, reason)

    def _other_model(self, told: Mapping[str, str], found: Mapping[str, Any]) -> str:
        own = _pinned(found).endswith(f"/models/{plan.model_id(told, self.config)}@1")
        return "" if own else "It was deployed from a model that we did not register."

    def _told(self, found: Mapping[str, Any], op: Op | None) -> dict[str, str]:
        try:
            return plan.told(self._call("GET", _pinned(found), op=op))
        except NotFound:
            return {}

    def _made(self, desired: Desired, op: Op | None) -> Waiting:
        where = f"{self._place}/endpoints"
        query = {"endpointId": plan.endpoint_id(desired.endpoint)}
        try:
            started = self._call("POST", where, plan.endpoint(desired), op, query=query)
        except Conflict:  # asked for already, and not there yet
            return Waiting(f"{WHO} is still making the endpoint.")
        return Waiting(f"{WHO} makes the endpoint.", _operation(started))

    def _started(self, endpoint: Mapping[str, Any], told: Mapping[str, str], op: Op | None) -> Waiting:
        """Register the model, then deploy it; a name that exists must hold exactly what we would have written."""
        wanted, number = plan.model(told, self.config), plan.model_id(told, self.config)
        name = f"{self._place}/models/{number}"
        try:
            found = self._call("GET", f"{name}@1", op=op)
        except NotFound:
            return self._uploaded(wanted, number, op)
        if field := missing(wanted, found):
            raise Conflict(f"{WHO} holds the registered model of this version with another {field}.")
        body = {"deployedModel": plan.deployed(told, name, self.config)}
        started = self._call("POST", f"{self._one(endpoint)}:deployModel", body, op)
        return Waiting(f"{WHO} starts version {told['version']}.", _operation(started))

    def _uploaded(self, wanted: dict[str, Any], number: str, op: Op | None) -> Waiting:
        try:
            started = self._call("POST", f"{self._place}/models:upload", {"model": wanted, "modelId": number}, op)
        except Conflict:
            return Waiting(f"{WHO} is still registering the model.")
        return Waiting(f"{WHO} registers the model.", _operation(started))

    def _at_work(self, endpoint: Mapping[str, Any], op: Op | None) -> Waiting | None:
        """An operation of whoever began it; two at once would not know of each other."""
        query = {"filter": "done=false"}
        found = self._call("GET", f"{self._one(endpoint)}/operations", op=op, query=query)
        running = [one for one in things(found, "operations", WHO) if one.get("done") is not True]
        return Waiting(f"{WHO} is still changing the endpoint.", _operation(running[0])) if running else None

    def _patched(self, found: Mapping[str, Any], body: dict[str, Any], op: Op | None) -> dict[str, Any]:
        """In the state that was seen, or not at all."""
        query = {"updateMask": ",".join(sorted(body))}
        sent = body | {"etag": text(found, "etag", WHO)}
        answer = self._call("PATCH", self._one(found), sent, op, query=query)
        if field := missing(body, answer):
            raise Invalid(f"{WHO} took the change without its {field}.")
        return answer

    def _one(self, found: Mapping[str, Any]) -> str:
        return f"{self._place}/endpoints/{text(found, 'name', WHO).rpartition('/')[2]}"

    def _found(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        number = plan.endpoint_id(endpoint)
        try:
            found = self._call("GET", f"{self._place}/endpoints/{number}", op=op)
        except NotFound:
            return None
        if text(found, "name", WHO).rpartition("/")[2] != number:
            raise Invalid(f"{WHO} described another endpoint than was asked for.")
        return found

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        op: Op | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        asked = f"?{urlencode(query)}" if query else ""
        return self._vertex.json(method, f"/v1/{path}{asked}", body=body, op=op)


def _require_ours(desired: Desired, found: Mapping[str, Any]) -> None:
    if not plan.is_of(found, desired):
        raise Conflict(f"The endpoint {desired.endpoint} belongs to somebody else.")
    if plan.newest(found) > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {plan.newest(found)}.")


def _pinned(found: Mapping[str, Any]) -> str:
    """The registered model with the version that runs, whichever alias it was deployed by."""
    name = text(found, "model", WHO).partition("@")[0]
    if not name.startswith("projects/"):
        raise Invalid(f"The answer of {WHO} has a model that is not understood.")
    return f"{name}@{text(found, 'modelVersionId', WHO)}"


def _operation(started: Mapping[str, Any]) -> str:
    return text(started, "name", WHO)


def _failure(error: Mapping[str, Any]) -> ConnectorError:
    said = f"{WHO} says: {str(error.get('message') or 'it failed, without a reason')[:300]}"
    if error.get("code") == _UNAVAILABLE:
        return Transient(said)
    return Conflict(said) if error.get("code") in (_ABORTED, _EXISTS) else Invalid(said)
