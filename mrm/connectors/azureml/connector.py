"""One online endpoint per endpoint, one deployment per version; their names follow from content.

The bytes lie where the operator stores them, each version in a folder named by its digest.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from ..http import READ_SECONDS, Backend
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
)
from ..reading import missing, part, text, things
from ..stepped import SteppedConnector, Waiting
from ..tokens import TokenAuth
from ..told import told_of
from ..values import require_endpoint
from . import plan
from .identity import fetch
from .plan import WHO

_TEXT = {"type": "string", "minLength": 1}
_ADDRESS = {"type": "string", "format": "uri"}
_PLAIN = _TEXT | {"pattern": "^[\\w.()-]+$"}
_API = "2023-04-01"
_SCOPE = "https://management.azure.com/.default"


class AzuremlConnector(SteppedConnector):
    """Speaks to Azure's resource manager as an application, or as what the process runs as."""

    id: ClassVar[str] = "azureml"
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.SHADOW | Cap.OBSERVE_VERSION | Cap.INVENTORY
    secret_fields: ClassVar[tuple[str, ...]] = ("client_secret",)
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": [
            "subscription", "resource_group", "workspace", "location", "storage", "environment", "instance_type",
        ],
        "dependentRequired": {"client_secret": ["client_id", "tenant"]},
        "properties": {
            "subscription": _TEXT | {"pattern": "^[0-9a-fA-F-]{36}$", "title": "Subscription"},
            "resource_group": _PLAIN | {"title": "Resource group"},
            "workspace": _PLAIN | {"title": "Workspace"},
            "location": _TEXT | {"pattern": "^[a-z0-9]+$", "title": "Region"},
            "storage": _TEXT | {"pattern": "^(azureml|https)://.+", "title": "Place of the bytes"},
            "environment": _TEXT | {"pattern": "/environments/[^/]+/versions/[^/]+$", "title": "Version of an environment"},
            "instance_type": _TEXT | {"title": "Kind of instance"},
            "instances": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Instances per version"},
            "model_type": {"enum": ["custom_model", "mlflow_model", "triton_model"], "title": "Type of the models"},
            "auth_mode": {"enum": ["AADToken", "AMLToken", "Key"], "title": "How callers prove who they are"},
            "public": {"type": "boolean", "title": "Reachable from the internet"},
            "tenant": _PLAIN | {"title": "Tenant of the application"},
            "client_id": _PLAIN | {"title": "The application's number"},
            "client_secret": _TEXT | {"title": "Name of the secret with the application's secret"},
            "authority": _ADDRESS | {"title": "Another address of Microsoft Entra, as of a national cloud"},
            "base_url": _ADDRESS | {"title": "Another address of the resource manager"},
            "scope": _TEXT | {"title": "Another scope of the tokens, as of a national cloud"},
            "ca_file": _TEXT | {"title": "Certificate authority file"},
            "read_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 120, "title": "Time limit"},
        },
    }  # fmt: skip

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._azure = Backend(
            WHO,
            config.get("base_url", "https://management.azure.com").rstrip("/"),
            auth=TokenAuth(fetch(config, secrets, config.get("scope", _SCOPE))),
            ca_file=config.get("ca_file"),
            read_seconds=config.get("read_seconds", READ_SECONDS),
        )
        self._path = (
            f"/subscriptions/{config['subscription']}/resourceGroups/{config['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{config['workspace']}"
        )

    def check(self) -> str:
        """Reach the workspace; our identity must be allowed to list its endpoints."""
        things(self._call("GET", "/onlineEndpoints", query={"count": "1"}), "value", WHO)
        return f"Azure answers and lets us read the endpoints of {self.config['workspace']}."

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
            self._put(self._one(desired.endpoint), plan.endpoint(desired, self.config, serving=False), op)
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
            self._put(self._one(desired.endpoint), body | {"tags": foreign | body["tags"]}, op)
            return Waiting(f"{WHO} moves the traffic.")
        return self._tidied(desired.endpoint, deployments, set(wanted), op)

    def removal(self, endpoint: str, made: str, *, op: Op | None) -> Waiting | None:
        """The endpoint with all that is in it, when it is ours; the registered models stay as a record."""
        found = self._found(endpoint, op)
        if found is None or plan.owner(found)[0] != endpoint:
            return None
        seen = str(part(found, "systemData", WHO).get("createdAt", ""))
        if made and seen != made:
            return None
        if plan.state(found) != plan.DELETING:
            self._call("DELETE", self._one(endpoint), op=op)
        return Waiting(f"{WHO} takes the endpoint away.", made=seen)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the endpoint through the gateway")

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of the workspace's endpoints with what serves behind them, also those of others."""
        query = {"count": str(self.page_size)} | ({"$skip": cursor} if cursor else {})
        found = self._call("GET", "/onlineEndpoints", query=query)
        items = tuple(item for one in things(found, "value", WHO) for item in self._listed(one))
        return Page(items, _skip(found))

    def _listed(self, found: Mapping[str, Any]) -> list[Listed]:
        if plan.state(found) == plan.DELETING:
            return []
        name, source = text(found, "name", WHO), text(found, "id", WHO)
        endpoint = plan.owner(found)[0]
        ours = bool(endpoint) and plan.endpoint_name(endpoint) == name
        shown = endpoint if ours else name
        try:
            deployments = self._pages(f"/onlineEndpoints/{quote(name)}/deployments")
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
        if reason := plan.altered(plan.deployment(told, self._path + place, self.config), found):
            return reason
        try:
            registered = self._call("GET", place)
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
        wanted = plan.deployment(told, self._path + place, self.config)
        self._put(f"{self._one(endpoint)}/deployments/{name}", wanted, op)
        return Waiting(f"{WHO} starts version {told['version']}.")

    def _register(self, place: str, wanted: dict[str, Any], op: Op | None) -> None:
        """A name that exists must hold exactly what we would have written."""
        try:
            found = self._call("GET", place, op=op)
        except NotFound:
            self._put(place, wanted, op)
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
                self._call("DELETE", f"{self._one(endpoint)}/deployments/{quote(name)}", op=op)
        return Waiting(f"{WHO} takes older versions away.") if over else None

    def _model(self, digest: str) -> str:
        return f"/models/{plan.model_name(digest, self.config)}/versions/1"

    def _one(self, endpoint: str) -> str:
        return f"/onlineEndpoints/{plan.endpoint_name(endpoint)}"

    def _found(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        try:
            found = self._call("GET", self._one(endpoint), op=op)
        except NotFound:
            return None
        if found.get("name") != plan.endpoint_name(endpoint):
            raise Invalid(f"{WHO} described another endpoint than was asked for.")
        return found

    def _deployments(self, endpoint: str, op: Op | None = None) -> dict[str, dict[str, Any]]:
        return {text(one, "name", WHO): one for one in self._pages(f"{self._one(endpoint)}/deployments", op)}

    def _pages(self, path: str, op: Op | None = None) -> list[dict[str, Any]]:
        found = self._call("GET", path, op=op)
        items = things(found, "value", WHO)
        while skip := _skip(found):
            found = self._call("GET", path, op=op, query={"$skip": skip})
            items += things(found, "value", WHO)
        return items

    def _put(self, path: str, body: dict[str, Any], op: Op | None) -> None:
        """What comes back must hold what was sent: a field that is silently dropped is an error."""
        found = self._azure.json("PUT", self._url(path), body=body, op=op)
        if field := plan.dropped(body, found):
            raise Invalid(f"{WHO} took the change without its {field}.")

    def _call(
        self, method: str, path: str, op: Op | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return self._azure.json(method, self._url(path, query), op=op)

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return f"{self._path}{path}?{urlencode({'api-version': _API, **(query or {})})}"


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


def _skip(found: Mapping[str, Any]) -> str | None:
    """Azure gives the whole address of the next page; only the mark in it is used."""
    values = parse_qs(urlsplit(str(found.get("nextLink") or "")).query).get("$skip")
    return values[0] if values else None
