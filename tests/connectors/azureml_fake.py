"""Azure's resource manager with one workspace, as far as the connector goes: stateful, slow, and strict.

Every body that comes or goes is held to the models of Azure's own management package.
"""

import ast
import contextlib
import copy
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.connectors.azureml_batch_fake import FakeBatches, described_jobs
from tests.connectors.cloud_fake import CloudFake, Fault, Said
from tests.connectors.published import Field, Published, choices, classes, packaged

PACKAGE, VERSION = "azure-mgmt-machinelearningservices", "2.0.0b2"
SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-000000000001", "tenant-1"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/models/providers/Microsoft.MachineLearningServices/workspaces/credit"
)
_PATH = re.compile(
    re.escape(WORKSPACE)
    + r"/(?:(?P<models>models)/(?P<model>[\w-]+)/versions/(?P<version>\w+)"
    + r"|onlineEndpoints(?:/(?P<endpoint>[^/]+)(?:/(?P<deployments>deployments)(?:/(?P<deployment>[^/]+))?)?)?)"
)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")
_BUSY = {"Creating", "Updating", "Deleting"}
_AUDIENCES = {f"https://{service}.azure.com" for service in ("management", "ml", "storage")}


@cache
def published() -> Published:
    """Read from the package's sources: names, types, choices, what is required and what only Azure writes."""
    found = described(packaged(PACKAGE, VERSION, "azure/mgmt/machinelearningservices/models"))
    found.types["OnlineDeployment"]["properties"] = Field("ManagedOnlineDeployment", required=True)
    found.types["AssetReferenceBase"] = found.types["IdAssetReference"]
    found.types["DatastoreProperties"] = found.types["AzureBlobDatastore"]
    return found


def described(place: Path) -> Published:
    """The models in a folder of a package of Azure, as its generator writes them."""
    enums = classes(next(place.glob("_*_enums.py")))
    found = Published()
    for name, node in classes(place / "_models_py3.py").items():
        tables = {
            item.targets[0].id: ast.literal_eval(item.value)
            for item in node.body
            if isinstance(item, ast.Assign)
            and isinstance(item.targets[0], ast.Name)
            and item.targets[0].id in {"_attribute_map", "_validation"}
        }
        named = dict(re.findall(r":vartype (\w+): str or\s+~[\w.]+\.(\w+)", ast.get_docstring(node) or ""))
        rules = tables.get("_validation", {})
        found.types[name] = {
            entry["key"]: Field(
                entry["type"],
                required=rules.get(field, {}).get("required", False),
                readonly=rules.get(field, {}).get("readonly", False),
                choices=choices(enums[named[field]]) if named.get(field) in enums else frozenset(),
                pattern=rules.get(field, {}).get("pattern", ""),
            )
            for field, entry in tables.get("_attribute_map", {}).items()
        }
    return found


class FakeAzure(CloudFake):
    """A change is in force after `steps` looks."""

    token_path = f"/{TENANT}/oauth2/v2.0/token"

    def __init__(self, steps: int = 2) -> None:
        self.published = published()
        super().__init__(steps)
        self.models: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: dict[str, dict[str, dict[str, Any]]] = {}
        self.left: dict[int, int] = {}
        self.scopes: dict[str, str] = {}
        self.batches = FakeBatches(WORKSPACE, described_jobs(described), self)

    def admits(self, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
        known = (form.get("client_id"), form.get("client_secret")) == (self.id, self.secret)
        return known and form.get("scope", "").partition("/.default")[0] in _AUDIENCES

    def token(self, headers: Mapping[str, str], form: Mapping[str, str]) -> Said:
        status, said = super().token(headers, form)
        if isinstance(said, dict) and status == 200:
            self.scopes[said["access_token"]] = form["scope"].partition("/.default")[0]
        return status, said

    def opened(self, method: str, path: str, query: dict[str, str], content: bytes) -> Said:
        """By the address: the store, the data plane of jobs, else the resource manager; each takes tokens made for it alone."""
        headers = self.local.headers
        wanted = "management" if path.startswith("/subscriptions/") else "ml" if path.startswith("/mfe/") else "storage"
        if self.scopes[headers["authorization"].removeprefix("Bearer ")] != f"https://{wanted}.azure.com":
            raise Fault(401, "InvalidAuthenticationTokenAudience", "The token is meant for another service.")
        if wanted == "management":
            return super().opened(method, path, query, content)
        if wanted == "storage":
            status, said, self.local.shown = self.batches.blobs.handle(method, path, query, headers, content)
            return status, said
        deployment, body = headers.get("azureml-model-deployment", ""), json.loads(content) if content else None
        return self.batches.serves(method, path.removeprefix("/mfe"), query, deployment, body)

    def answer(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> Said:
        """Beside the resource manager, what the platform gives to the processes that it runs."""
        if not target.startswith("/msi?"):
            return super().answer(method, target, headers, content)
        form = {"client_id": self.id, "client_secret": headers.get("x-identity-header", "")}
        resource = parse_qs(urlsplit(target).query)["resource"][0]
        status, said = self.token({}, form | {"scope": f"{resource}/.default"})
        return status, said | {"expires_on": "4102444800"}

    def worded(self, fault: Fault) -> dict[str, Any]:
        return {"error": {"code": fault.code, "message": fault.message}}

    def handle(self, method: str, path: str, query: dict[str, str], body: Any) -> Said:
        batch = self.batches.manages(method, path.removeprefix(WORKSPACE), query, body)
        if batch is not None and query.get("api-version") == "2023-04-01":
            return batch
        match = _PATH.fullmatch(path)
        if match is None or query.get("api-version") != "2023-04-01":
            raise Fault(404, "ResourceNotFound", "The resource or this version of the API was not found.")
        if match["models"]:
            return self.model(method, match["model"], body)
        endpoint, deployment = match["endpoint"], match["deployment"]
        if endpoint is None:
            return self.listing(list(self.endpoints), self.endpoint_seen, query, "OnlineEndpoint", path)
        if match["deployments"] and deployment is None:
            self.endpoint_seen(endpoint)
            names = list(self.deployments[endpoint])
            return self.listing(
                names, lambda name: self.deployment_seen(endpoint, name), query, "OnlineDeployment", path
            )
        if deployment is not None:
            return self.deployment(method, endpoint, deployment, body)
        return self.endpoint(method, endpoint, body)

    def listing(self, names: list[str], seen: Any, query: dict[str, str], kind: str, path: str) -> Said:
        rest = sorted(name for name in names if name > query.get("$skip", ""))
        size = int(query.get("count", "20"))
        found = []
        for name in rest[:size]:
            with contextlib.suppress(Fault):  # gone since the last look
                found.append(seen(name))
        value = [self.require(one, kind, answer=True) for one in found if one]
        if len(rest) <= size:
            return 200, {"value": value}
        more = f"https://management.azure.com{path}?api-version=2023-04-01&$skip={rest[size - 1]}"
        return 200, {"value": value, "nextLink": more}

    def model(self, method: str, name: str, body: Any) -> Said:
        if method == "PUT":
            self.require(body, "ModelVersion")
            standing = self.models.get(name)
            if standing and standing["properties"]["modelUri"] != body["properties"]["modelUri"]:
                raise Fault(409, "Conflict", "A model of this name and version exists with another path.")
            kept = {"id": f"{WORKSPACE}/models/{name}/versions/1", "name": "1"}
            self.models[name] = kept | copy.deepcopy(body)
            return 201, self.require(self.models[name], "ModelVersion", answer=True)
        if name not in self.models:
            raise Fault(404, "ResourceNotFound", f"There is no model {name}.")
        return 200, self.require(self.models[name], "ModelVersion", answer=True)

    def endpoint(self, method: str, name: str, body: Any) -> Said:
        if method == "GET":
            return 200, self.endpoint_seen(name)
        standing = self.endpoints.get(name)
        if method == "DELETE":
            if standing is None:
                return 204, {}
            self.begin(standing, "Deleting")
            return 202, {}
        self.require(body, "OnlineEndpoint")
        if not _NAME.fullmatch(name):
            raise Fault(400, "BadArgument", "The name of an endpoint has 3 to 32 letters, digits and dashes.")
        if standing and standing["properties"]["provisioningState"] in _BUSY:
            raise Fault(409, "Conflict", "Another operation on this endpoint is at work.")
        self.require_traffic(name, body["properties"])
        if standing is None:
            moment = datetime.now(UTC).isoformat()
            standing = self.endpoints[name] = {"systemData": {"createdAt": moment, "createdByType": "Application"}}
            self.deployments[name] = {}
        kept = {"id": f"{WORKSPACE}/onlineEndpoints/{name}", "name": name}
        shown = {"scoringUri": f"https://{name}.westeurope.inference.ml.azure.com/score"}  # Azure fills in more
        standing |= copy.deepcopy(body) | kept
        standing["properties"] |= shown
        self.begin(standing, "Updating" if self.deployments[name] else "Creating")
        return 201, self.require(copy.deepcopy(standing), "OnlineEndpoint", answer=True)

    def require_traffic(self, name: str, properties: Mapping[str, Any]) -> None:
        """Shares of what runs, all of it or none; mirrored half at most, to what takes no share."""
        traffic, mirrored = properties.get("traffic") or {}, properties.get("mirrorTraffic") or {}
        running = {
            one
            for one, found in self.deployments.get(name, {}).items()
            if found["properties"]["provisioningState"] == "Succeeded"
        }
        if {*traffic, *mirrored} - running:
            raise Fault(400, "BadArgument", "Traffic goes to a deployment that does not run.")
        if sum(traffic.values()) not in (0, 100) or sum(mirrored.values()) > 50:
            raise Fault(400, "BadArgument", "Traffic must add up to 0 or 100, mirrored traffic to 50 at most.")
        if any(traffic.get(one) for one in mirrored):
            raise Fault(400, "BadArgument", "A deployment with live traffic cannot be mirrored to.")

    def deployment(self, method: str, endpoint: str, name: str, body: Any) -> Said:
        place = self.deployments.get(endpoint)
        if place is None or endpoint not in self.endpoints:
            raise Fault(404, "ResourceNotFound", f"There is no endpoint {endpoint}.")
        if method == "DELETE":
            settings = self.endpoints[endpoint]["properties"]
            if any((settings.get(field) or {}).get(name) for field in ("traffic", "mirrorTraffic")):
                raise Fault(400, "BadRequest", "A deployment with traffic cannot be deleted.")
            if name not in place:
                return 204, {}
            self.begin(place[name], "Deleting")
            return 202, {}
        if method == "GET":
            found = self.deployment_seen(endpoint, name)
            if found is None:
                raise Fault(404, "ResourceNotFound", f"There is no deployment {name}.")
            return 200, found
        self.require(body, "OnlineDeployment")
        if self.endpoints[endpoint]["properties"]["provisioningState"] != "Succeeded":
            raise Fault(409, "Conflict", "The endpoint is not ready for deployments.")
        if name in place and place[name]["properties"]["provisioningState"] in _BUSY:
            raise Fault(409, "Conflict", "Another operation on this deployment is at work.")
        if not _NAME.fullmatch(name):
            raise Fault(400, "BadArgument", "The name of a deployment has 3 to 32 letters, digits and dashes.")
        if body["properties"]["model"].split("/")[-3] not in self.models:
            raise Fault(400, "BadArgument", "The model is not registered.")
        kept = {"id": f"{WORKSPACE}/onlineEndpoints/{endpoint}/deployments/{name}", "name": name}
        state = "Updating" if name in place else "Creating"
        found = place.setdefault(name, {})
        self.require_unaltered(found, body)
        found |= copy.deepcopy(body) | kept
        model = body["properties"]["model"].replace("resourceGroups", "resourcegroups")  # capitals of Azure's own
        found["properties"] |= {"appInsightsEnabled": False, "model": model}
        self.begin(found, state)
        return 201, self.require(copy.deepcopy(found), "OnlineDeployment", answer=True)

    def require_unaltered(self, found: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Properties can be added, but not removed or altered."""
        before = (found.get("properties") or {}).get("properties") or {}
        after = body["properties"].get("properties") or {}
        if any(after.get(key) != value for key, value in before.items()):
            raise Fault(400, "BadArgument", "Properties of a deployment cannot be altered.")

    def endpoint_seen(self, name: str) -> dict[str, Any]:
        found = self.endpoints.get(name)
        if found is not None and self.passed(found):
            del self.endpoints[name], self.deployments[name]
            found = None
        if found is None:
            raise Fault(404, "ResourceNotFound", f"There is no endpoint {name}.")
        return self.require(copy.deepcopy(found), "OnlineEndpoint", answer=True)

    def deployment_seen(self, endpoint: str, name: str) -> dict[str, Any] | None:
        found = self.deployments[endpoint].get(name)
        if found is not None and self.passed(found):
            del self.deployments[endpoint][name]
            found = None
        return None if found is None else self.require(copy.deepcopy(found), "OnlineDeployment", answer=True)

    def begin(self, found: dict[str, Any], state: str) -> None:
        found["properties"]["provisioningState"] = state
        self.left[id(found)] = self.steps

    def passed(self, found: dict[str, Any]) -> bool:
        """Time goes on with each look; whether what was looked at is gone."""
        state = found["properties"]["provisioningState"]
        if state not in _BUSY:
            return False
        self.left[id(found)] -= 1
        if self.left[id(found)] > 0:
            return False
        found["properties"]["provisioningState"] = "Succeeded"
        return state == "Deleting"

    def named(self, endpoint: str) -> Iterator[tuple[str, str]]:
        """Deployments of an endpoint with the version that each says it serves."""
        for name, found in self.deployments[endpoint].items():
            yield name, found["properties"]["properties"]["mrm.version"]
