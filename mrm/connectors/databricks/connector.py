"""One serving endpoint per endpoint; its configuration is replaced as a whole, and the old one serves meanwhile."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ..http import Backend, BearerAuth
from ..protocol import (
    ArtifactStore,
    AuthFailed,
    Cap,
    Conflict,
    ConnectorError,
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
from ..settings import CONNECTION, TEXT
from ..shares import whole_percent
from ..stepped import SteppedConnector, Waiting
from ..tokens import TokenAuth, client_credentials, refused
from ..told import told_of
from ..values import require_endpoint
from . import plan
from .registry import WHO, Catalog, Registered

_NAME = TEXT | {"pattern": "^[\\w-]+$"}
_PATH = "/api/2.0/serving-endpoints"
_KINDS: dict[str, type[ConnectorError]] = {
    "RESOURCE_ALREADY_EXISTS": Conflict,
    "RESOURCE_CONFLICT": Conflict,
    "RESOURCE_DOES_NOT_EXIST": NotFound,
}


class DatabricksConnector(SteppedConnector):
    """Serves versions that are registered in Unity Catalog; the bytes lie there."""

    id: ClassVar[str] = "databricks"
    title: ClassVar[str] = "Databricks Model Serving"
    guide: ClassVar[tuple[str, ...]] = (
        "Each version is registered in Unity Catalog, once, with sha256: and its digest in the comment.",
    )
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.OBSERVE_VERSION | Cap.INVENTORY
    secret_fields: ClassVar[tuple[str, ...]] = ("client_secret", "token_secret")
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["base_url", "catalog", "schema"],
        "dependentRequired": {"client_secret": ["client_id"], "client_id": ["client_secret"]},
        "properties": {
            "base_url": {
                "type": "string",
                "format": "uri",
                "title": "Address of the workspace",
                "examples": ["https://adb-1234567890123456.7.azuredatabricks.net"],
            },
            "catalog": _NAME | {"title": "Catalog of the registered models", "examples": ["main"]},
            "schema": _NAME | {"title": "Schema of the registered models", "examples": ["credit"]},
            "workload_size": TEXT | {"title": "Size of the workload"},
            "workload_type": TEXT | {"pattern": "^[A-Z0-9_]+$", "title": "Type of the workload", "examples": ["CPU"]},
            "scale_to_zero": {"type": "boolean", "title": "Sleeps when nobody asks"},
            "client_id": TEXT | {"title": "The service principal's number"},
            "client_secret": TEXT | {"title": "Name of the secret with the principal's secret"},
            "token_secret": TEXT | {"title": "Name of the secret with a token, where there is no principal"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        auth = _auth(config, secrets)
        self._workspace = Backend.configured(WHO, config["base_url"], config, auth=auth, special=_special)
        self._catalog = Catalog(self._workspace, config["catalog"], config["schema"])

    def check(self) -> str:
        """Reach the workspace; our principal must be allowed to list its endpoints."""
        things(self._workspace.json("GET", _PATH), "endpoints", WHO)
        return f"{WHO} answers and lets us read its serving endpoints."

    def observe(self, endpoint: str) -> Observed:
        """The configuration that serves, with whether each version is as it was given."""
        require_endpoint(endpoint)
        found = self._found(endpoint)
        return Observed(exists=False) if found is None else self._observed(found)

    def refuse_unfit(self, desired: Desired) -> None:
        for variant in desired.variants:
            whole_percent(variant.weight_bp, WHO)

    def step(self, desired: Desired, *, op: Op | None, first: bool, etag: str | None = None) -> Waiting | None:
        """The tags claim the endpoint, then the configuration is replaced as a whole; one update at a time."""
        found = self._found(desired.endpoint, op)
        if found is not None:
            _require_ours(desired, found)
        wanted = plan.served({v.version.version: self._entity(told_of(v), op) for v in desired.variants}, desired)
        tags = plan.tags(desired, wanted)
        if found is None:
            return self._made(desired, wanted, tags, op)
        if waiting := _updating(found, first):
            return waiting
        if plan.our_tags(found) != tags:
            self._tag(found, tags, op)
        if not plan.same(wanted, part(found, "config", WHO)) or _has_failed(found):
            return self._replaced(found, wanted, op)
        served = plan.entities(part(found, "config", WHO)).values()
        why = next((why for one in served if (why := plan.at_work(one))), "")
        return Waiting(why) if why else None

    def removal(self, endpoint: str, made: str, *, op: Op | None) -> Waiting | None:
        """The endpoint, when it is ours; the registered models stay."""
        found = self._found(endpoint, op)
        if found is None or not plan.is_ours(found, endpoint):
            return None
        seen = text(found, "id", WHO)
        if made and seen != made:
            return None
        try:
            self._workspace.json("DELETE", self._one(endpoint), op=op)
        except NotFound:
            return None
        return Waiting(f"{WHO} takes the endpoint away.", made=seen)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the endpoint through the gateway")

    def list_models(self, cursor: str | None = None) -> Page:
        """A page of the workspace's endpoints, also those of others; Databricks itself lists all of them at once."""
        found = things(self._workspace.json("GET", _PATH), "endpoints", WHO)
        rest = sorted((one for one in found if text(one, "name", WHO) > (cursor or "")), key=lambda one: one["name"])
        page = rest[: self.page_size]
        items = tuple(item for one in page for item in self._listed(one))
        return Page(items, page[-1]["name"] if len(rest) > len(page) else None)

    def _listed(self, summary: Mapping[str, Any]) -> list[Listed]:
        name, described = text(summary, "name", WHO), str(summary.get("description") or "")
        ours = plan.is_ours(summary, described) and plan.endpoint_name(described) == name
        shown = described if ours else name
        found = self._found(described) if ours else summary
        served = things(part(found or {}, "config", WHO), "served_entities", WHO)
        if not served or found is None:
            return [Listed(shown, "", None, name, ours)]
        if not ours:
            return [
                Listed(shown, str(one.get("entity_version") or ""), None, str(one.get("entity_name") or name), False)
                for one in served
            ]
        variants = self._observed(found).variants
        return [Listed(shown, v.version, None, name, v.managed, (v.role,)) for v in variants]

    def _observed(self, found: Mapping[str, Any]) -> Observed:
        served = plan.entities(part(found, "config", WHO))
        variants = [self._variant(name, found, one) for name, one in served.items()]
        variants.sort(key=lambda variant: (-variant.weight_bp, variant.version))
        return Observed(True, tuple(variants), revision=plan.revision(found))

    def _variant(self, name: str, found: Mapping[str, Any], entity: Mapping[str, Any]) -> ObservedVariant:
        told, reason = plan.told(entity), plan.at_work(entity)
        if told:
            reason = reason or plan.altered(told, entity, self.config) or self._unregistered(told, entity)
        return plan.observed(name, found, told, reason)

    def _unregistered(self, told: Mapping[str, str], entity: Mapping[str, Any]) -> str:
        registered = Registered(text(entity, "entity_name", WHO), text(entity, "entity_version", WHO))
        if registered.name != self._catalog.name(told["model"]):
            return "It serves a model of another name than the approved one."
        named = self._catalog.still_names(registered, told["digest"])
        return "" if named else "The registered version does not name the approved digest any more."

    def _entity(self, told: Mapping[str, str], op: Op | None) -> dict[str, Any]:
        return plan.entity(told, self._catalog.holding(told["model"], told["digest"], op), self.config)

    def _made(self, desired: Desired, wanted: dict[str, Any], tags: Mapping[str, str], op: Op | None) -> Waiting:
        name = plan.endpoint_name(desired.endpoint)
        body = {
            "name": name,
            "config": wanted | {"name": name},
            "tags": plan.as_list(tags),
            "description": desired.endpoint,
        }
        _require_taken(wanted, self._workspace.json("POST", _PATH, body=body, op=op))
        return Waiting(f"{WHO} makes the endpoint.")

    def _tag(self, found: Mapping[str, Any], tags: Mapping[str, str], op: Op | None) -> None:
        over = [key for key in plan.our_tags(found) if key not in tags]
        body = {"add_tags": plan.as_list(tags)} | ({"delete_tags": over} if over else {})
        answer = self._workspace.json("PATCH", f"{_PATH}/{text(found, 'name', WHO)}/tags", body=body, op=op)
        if field := missing(dict(tags), plan.tags_of(answer)):
            raise Invalid(f"{WHO} took the change without the tag {field}.")

    def _replaced(self, found: Mapping[str, Any], wanted: dict[str, Any], op: Op | None) -> Waiting:
        answer = self._workspace.json("PUT", f"{_PATH}/{text(found, 'name', WHO)}/config", body=wanted, op=op)
        _require_taken(wanted, answer)
        return Waiting(f"{WHO} starts the new configuration; the old one serves meanwhile.")

    def _one(self, endpoint: str) -> str:
        return f"{_PATH}/{plan.endpoint_name(endpoint)}"

    def _found(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        try:
            found = self._workspace.json("GET", self._one(endpoint), op=op)
        except NotFound:
            return None
        if found.get("name") != plan.endpoint_name(endpoint):
            raise Invalid(f"{WHO} described another endpoint than was asked for.")
        return found


def _auth(config: Mapping[str, Any], secrets: Mapping[str, str]) -> TokenAuth | BearerAuth:
    if "client_secret" not in config:
        if "token_secret" not in config:
            raise Invalid("Name a service principal with its secret, or the secret with a token.")
        return BearerAuth(secrets["token_secret"])
    workspace = Backend.configured(WHO, config["base_url"], config, special=refused(WHO))
    fetch = client_credentials(
        workspace, "/oidc/v1/token", config["client_id"], secrets["client_secret"], "all-apis", basic=True
    )
    return TokenAuth(fetch)


def _require_ours(desired: Desired, found: Mapping[str, Any]) -> None:
    if not plan.is_of(found, desired):
        raise Conflict(f"The endpoint {desired.endpoint} belongs to somebody else.")
    if plan.newest(found) > desired.revision:
        raise Conflict(f"The endpoint {desired.endpoint} is already at revision {plan.newest(found)}.")


def _require_taken(wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """What comes back must hold what was sent: a field that is silently dropped is an error."""
    held = [part(answer, field, WHO) for field in ("pending_config", "config")]
    if not any(plan.same(wanted, one) for one in held):
        raise Invalid(f"{WHO} took the change and shows another configuration than was sent.")


def _updating(found: Mapping[str, Any], first: bool) -> Waiting | None:
    """None when nothing is under way; what failed is tried again by a new apply only."""
    state = str(part(found, "state", WHO).get("config_update"))
    if state == "IN_PROGRESS":
        return Waiting(f"{WHO} is still updating the endpoint.")
    if _has_failed(found) and not first:
        raise Invalid(f"{WHO} did not start the new configuration. {_why(found)}".strip())
    return None


def _has_failed(found: Mapping[str, Any]) -> bool:
    update = part(found, "state", WHO).get("config_update")
    served = plan.entities(part(found, "config", WHO)).values()
    return update in ("UPDATE_FAILED", "UPDATE_CANCELED") or any(plan.failed(one) for one in served)


def _why(found: Mapping[str, Any]) -> str:
    served = [
        one
        for field in ("pending_config", "config")
        for one in things(part(found, field, WHO), "served_entities", WHO)
        if plan.failed(one)
    ]
    return next((why for one in served if (why := plan.at_work(one))), "")


def _special(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    """Databricks tells what is wrong by a code; some of it comes as a plain 400."""
    code = str(body.get("error_code", ""))
    said = f"{WHO} answered {code}: {str(body.get('message') or 'no explanation')[:300]}"
    if status == 403 and code == "PERMISSION_DENIED":
        return AuthFailed(f"{WHO} does not allow it: {str(body.get('message'))[:300]}")
    return _KINDS[code](said) if code in _KINDS else None
