"""A Databricks workspace, as far as the connector goes: serving endpoints and Unity Catalog, stateful and strict.

Every body that comes or goes is held to the classes and calls of Databricks' own Python package.
"""

import ast
import base64
import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any

from tests.connectors.cloud_fake import CloudFake, Fault, Said
from tests.connectors.published import Field, Published, choices, classes, packaged

PACKAGE, VERSION = "databricks-sdk", "0.162.0"
_PATH = re.compile(r"/api/2\.0/serving-endpoints(?:/(?P<name>[^/]+)(?:/(?P<part>config|tags))?)?")
_VERSIONS = re.compile(r"/api/2\.1/unity-catalog/models/(?P<model>[^/]+)/versions(?:/(?P<version>\d+))?")
_SCALARS = {"str", "int", "bool", "float"}


def published() -> Published:
    """Read from the package's sources: fields of its classes, arguments of its calls, values of its enumerations."""
    found = Published()
    for name in ("serving", "catalog"):
        known = classes(packaged(PACKAGE, VERSION, f"databricks/sdk/service/{name}.py"))
        enums = {k: choices(v) for k, v in known.items() if any(ast.unparse(b) == "Enum" for b in v.bases)}
        for kind, node in known.items():
            fields = [i for i in node.body if isinstance(i, ast.AnnAssign) and isinstance(i.target, ast.Name)]
            found.types[kind] = {i.target.id: _field(ast.unparse(i.annotation), enums) for i in fields}  # type: ignore[union-attr]
        if name == "serving":
            calls = [i for i in known["ServingEndpointsAPI"].body if isinstance(i, ast.FunctionDef)]
            for call in calls:
                given = [*call.args.args[1:], *call.args.kwonlyargs]
                found.types[f"call {call.name}"] = {
                    a.arg: _field(ast.unparse(a.annotation), enums) for a in given if a.annotation is not None
                }
    return found


def _field(annotation: str, enums: Mapping[str, frozenset[str]]) -> Field:
    kind, optional = annotation, False
    while match := re.fullmatch(r"Optional\[(.+)\]", kind):
        kind, optional = match[1], True
    if kind in enums:
        return Field("str", required=not optional, choices=enums[kind])
    return Field(_kind(kind), required=not optional)


def _kind(annotation: str) -> str:
    if match := re.fullmatch(r"List\[(.+)\]", annotation):
        return f"[{_kind(match[1])}]"
    if match := re.fullmatch(r"Dict\[str, (.+)\]", annotation):
        return f"{{{_kind(match[1])}}}"
    return annotation.strip("'")


class FakeDatabricks(CloudFake):
    """An update is in force after `steps` looks; `catalog` maps full names of models to the comments of versions."""

    token_path = "/oidc/v1/token"

    def __init__(self, steps: int = 2) -> None:
        self.published = published()
        super().__init__(steps)
        self.catalog: dict[str, list[str]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.numbers = itertools.count(1)
        self.fails = ""  # a message: the next update ends with it

    def admits(self, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
        wanted = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return headers.get("authorization") == f"Basic {wanted}" and form.get("scope") == "all-apis"

    def worded(self, fault: Fault) -> dict[str, Any]:
        return {"error_code": fault.code, "message": fault.message}

    def handle(self, method: str, path: str, query: dict[str, str], body: Any) -> Said:
        if match := _VERSIONS.fullmatch(path):
            return 200, self.versions(match["model"], match["version"], query)
        match = _PATH.fullmatch(path)
        if match is None:
            raise Fault(404, "ENDPOINT_NOT_FOUND", f"There is nothing at {path}.")
        name, what = match["name"], match["part"]
        if name is None and method == "GET":
            found = [self.summary(one) for one in self.endpoints.values()]
            return 200, self.require({"endpoints": found}, "ListEndpointsResponse", answer=True)
        if method == "POST":
            return 200, self.create(body)
        if name not in self.endpoints:
            raise Fault(404, "RESOURCE_DOES_NOT_EXIST", f"The endpoint {name} does not exist.")
        found = self.endpoints[name]
        if method == "DELETE":
            del self.endpoints[name]
            return 200, {}
        if method == "PUT":
            return 200, self.update(found, body)
        if method == "PATCH" and what == "tags":
            return 200, self.tag(found, body)
        self.passes(found)
        return 200, self.detailed(found)

    def versions(self, model: str, version: str | None, query: Mapping[str, str]) -> dict[str, Any]:
        if model not in self.catalog:
            raise Fault(404, "RESOURCE_DOES_NOT_EXIST", f"The model {model} does not exist.")
        known = [
            {"version": number, "comment": comment, "status": "READY", "model_name": model.rpartition(".")[2]}
            for number, comment in enumerate(self.catalog[model], 1)
        ]
        if version:
            if int(version) > len(known):
                raise Fault(404, "RESOURCE_DOES_NOT_EXIST", f"The version {version} does not exist.")
            return self.require(known[int(version) - 1], "ModelVersionInfo", answer=True)  # type: ignore[no-any-return]
        start = int(query.get("page_token", "0"))  # pages of one, so that all of them must be read
        more = {"next_page_token": str(start + 1)} if start + 1 < len(known) else {}
        return self.require({"model_versions": known[start : start + 1]} | more, "ListModelVersionsResponse", answer=True)  # type: ignore[no-any-return]  # fmt: skip

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        self.require(body, "call create")
        if body["name"] in self.endpoints:
            raise Fault(400, "RESOURCE_ALREADY_EXISTS", f"The endpoint {body['name']} exists already.")
        if not re.fullmatch(r"[a-zA-Z0-9][\w-]{0,61}[a-zA-Z0-9]", body["name"]):
            raise Fault(400, "INVALID_PARAMETER_VALUE", "The name has letters, digits, dashes and underscores.")
        found = copy.deepcopy(body) | {"id": f"id{next(self.numbers)}", "state": {"ready": "NOT_READY"}}
        wanted = found.pop("config")
        del wanted["name"]
        self.require_config(wanted)
        self.endpoints[body["name"]] = found
        self.begin(found, wanted)
        return self.detailed(found)

    def update(self, found: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        self.require(body | {"name": found["name"]}, "call update_config")
        if found["state"]["config_update"] == "IN_PROGRESS":
            raise Fault(409, "RESOURCE_CONFLICT", "The endpoint is being updated; one update at a time.")
        self.require_config(body)
        self.begin(found, copy.deepcopy(body))
        return self.detailed(found)

    def tag(self, found: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        self.require(body | {"name": found["name"]}, "call patch")
        tags = {tag["key"]: tag for tag in found.get("tags", [])}
        tags |= {tag["key"]: tag for tag in body.get("add_tags", [])}
        found["tags"] = [tag for key, tag in tags.items() if key not in body.get("delete_tags", [])]
        return self.require({"tags": found["tags"]}, "EndpointTags", answer=True)  # type: ignore[no-any-return]

    def require_config(self, config: Mapping[str, Any]) -> None:
        """Versions that exist, under names that differ, with shares that add up."""
        names = [one["name"] for one in config["served_entities"]]
        routes = config.get("traffic_config", {}).get("routes", [])
        if len(set(names)) != len(names) or {r["served_entity_name"] for r in routes} - set(names):
            raise Fault(400, "INVALID_PARAMETER_VALUE", "Names of served entities differ, and routes lead to them.")
        if sum(route["traffic_percentage"] for route in routes) != 100:
            raise Fault(400, "INVALID_PARAMETER_VALUE", "The traffic must add up to 100.")
        for one in config["served_entities"]:
            if int(one["entity_version"]) > len(self.catalog.get(one["entity_name"], [])):
                raise Fault(404, "RESOURCE_DOES_NOT_EXIST", f"{one['entity_name']} has no such version.")

    def begin(self, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        """The new configuration waits beside the old one, which serves until it is ready."""
        wanted["config_version"] = next(self.numbers)
        for one in wanted["served_entities"]:
            one["state"] = {"deployment": "DEPLOYMENT_CREATING"}
        for route in wanted["traffic_config"]["routes"]:
            route["served_model_name"] = route["served_entity_name"]  # filled in by the service
        found["pending_config"] = wanted
        found["state"] = found["state"] | {"config_update": "IN_PROGRESS"}
        self.left[found["name"]] = self.steps

    def passes(self, found: dict[str, Any]) -> None:
        """Time goes on with each look."""
        if found["state"]["config_update"] != "IN_PROGRESS":
            return
        self.left[found["name"]] -= 1
        if self.left[found["name"]] > 0:
            return
        wanted = found["pending_config"]
        outcome = {"deployment": "DEPLOYMENT_READY"}
        if self.fails:
            outcome = {"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": self.fails}
        for one in wanted["served_entities"]:
            one["state"] = outcome
        if self.fails:
            found["state"] = found["state"] | {"config_update": "UPDATE_FAILED"}
            return
        found["config"] = found.pop("pending_config")
        found["state"] = {"ready": "READY", "config_update": "NOT_UPDATING"}

    def detailed(self, found: dict[str, Any]) -> dict[str, Any]:
        return self.require(copy.deepcopy(found), "ServingEndpointDetailed", answer=True)  # type: ignore[no-any-return]

    def summary(self, found: dict[str, Any]) -> dict[str, Any]:
        """A listing tells less of what serves."""
        kept = {k: v for k, v in copy.deepcopy(found).items() if k in {"name", "id", "tags", "description", "state"}}
        spec = ("name", "entity_name", "entity_version")
        served = [{k: one[k] for k in spec} for one in found.get("config", {}).get("served_entities", [])]
        return kept | {"config": {"served_entities": served}}
