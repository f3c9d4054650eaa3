"""Vertex AI with one project, as far as the connector goes: stateful, slow, and strict.

Every request and every answer is held to the discovery document that Google ships in its Python client:
paths, parameters, bodies, and what only the service writes.
"""

import copy
import itertools
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

from tests.connectors.cloud_fake import CloudFake, Fault, Said
from tests.connectors.discovered import Discovered
from tests.connectors.storage_fake import FakeStorage
from tests.connectors.vertex_batch_fake import BatchJobs

PLACE = "projects/bank/locations/europe-west4"
NUMBERED = "projects/4711/locations/europe-west4"  # Google answers with the project's number
AUDIENCE = "https://oauth2.googleapis.com/token"
_CODES = {"INVALID_ARGUMENT": 400, "UNAUTHENTICATED": 401, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409}


class FakeVertex(CloudFake, BatchJobs):
    """An operation is done after `steps` looks at it or at its endpoint. Its storage answers at the same address."""

    token_path = "/token"
    place = NUMBERED

    def __init__(self, steps: int = 2) -> None:
        self.discovered = Discovered("aiplatform.v1", "projects", "locations")
        self.published, self.storage = self.discovered.published, FakeStorage()
        CloudFake.__init__(self, steps)
        BatchJobs.__init__(self)
        self.models: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.numbers = itertools.count(1)
        self.fails = ""  # a message: the next deployment ends with it
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.certificate = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.secret = private.splitlines()[5]
        self.key = json.dumps(
            {
                "type": "service_account",
                "client_email": f"{self.id}@bank.iam.gserviceaccount.com",
                "private_key": private,
                "token_uri": self.url + self.token_path,
            }
        )

    def admits(self, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
        try:
            claims = jwt.decode(form["assertion"], certs=self.certificate, audience=AUDIENCE)
        except ValueError:
            return False
        return str(claims["iss"]).startswith(self.id) and "cloud-platform" in claims["scope"]

    def worded(self, fault: Fault) -> dict[str, Any]:
        return {"error": {"code": fault.status, "message": fault.message, "status": fault.code}}

    def opened(self, method: str, path: str, query: dict[str, str], content: bytes) -> Said:
        if "/storage/v1/" in path:
            return self.storage.handle(method, path, query, content)
        return super().opened(method, path, query, content)

    def handle(self, method: str, path: str, query: dict[str, str], body: Any) -> Said:
        described = self.discovered.method(method, path, query)
        if "request" in described:
            self.require(body, described["request"]["$ref"])
        name, _, verb = path.removeprefix(f"/v1/{PLACE}/").removeprefix(f"/v1/{NUMBERED}/").partition(":")
        parts = name.split("/")
        verb = verb or described["id"].rpartition(".")[2]
        said = getattr(self, f"{_snake(parts[0])}_{_snake(verb)}")(parts, query, body)
        return 200, self.require(copy.deepcopy(said), described["response"]["$ref"], answer=True)

    def endpoints_create(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        number = query["endpointId"]
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", number):
            raise Fault(400, "INVALID_ARGUMENT", "The ID of an endpoint has lower-case letters, digits and dashes.")
        name = f"{NUMBERED}/endpoints/{number}"
        if number in self.endpoints or any(o["target"] == name and not o["done"] for o in self.operations.values()):
            raise Fault(409, "ALREADY_EXISTS", f"The endpoint {number} exists already.")
        made = copy.deepcopy(body) | {"name": name, "createTime": _now()}
        _require_labels(made)

        def happens() -> None:
            self.endpoints[number] = made
            self.touched(made)

        return self.begin(name, happens)

    def endpoints_get(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        if len(parts) > 2:
            return self.operation(f"{NUMBERED}/{'/'.join(parts)}")
        return self.one(parts[1])

    def endpoints_list(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        if len(parts) > 1:  # of an endpoint's operations
            target = self.one(parts[1])["name"]
            return {"operations": [self.shown(n) for n, o in self.operations.items() if o["target"] == target and not o["done"]]}  # fmt: skip
        rest = sorted(number for number in self.endpoints if number > query.get("pageToken", ""))
        size = int(query.get("pageSize", "20"))
        more = {"nextPageToken": rest[size - 1]} if len(rest) > size else {}
        return {"endpoints": [self.endpoints[number] for number in rest[:size]]} | more

    def endpoints_patch(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        found = self.one(parts[1])
        if body.get("etag") not in (None, found["etag"]):
            raise Fault(409, "ABORTED", "The etag does not match; read the endpoint again.")
        changed = {field: copy.deepcopy(body[field]) for field in query["updateMask"].split(",")}
        split, ids = changed.get("trafficSplit", {}), {one["id"] for one in found.get("deployedModels", [])}
        if split and (sum(split.values()) != 100 or set(split) - ids):
            raise Fault(400, "INVALID_ARGUMENT", "Traffic must add up to 100, over deployed models.")
        found |= changed
        _require_labels(found)
        self.touched(found)
        return found

    def endpoints_delete(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        found = self.one(parts[1])
        if found.get("deployedModels"):
            raise Fault(400, "FAILED_PRECONDITION", "The endpoint has deployed models.")
        return self.begin(found["name"], lambda: self.endpoints.pop(parts[1]))

    def endpoints_deploy_model(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        found, wanted = self.one(parts[1]), copy.deepcopy(body["deployedModel"])
        name, _, version = wanted["model"].partition("@")
        number = name.rpartition("/")[2]
        if number not in self.models or version != "1":
            raise Fault(404, "NOT_FOUND", f"There is no model {wanted['model']}.")
        if not re.fullmatch(r"\d{1,10}", wanted["id"]):
            raise Fault(400, "INVALID_ARGUMENT", "The ID of a deployed model has 1 to 10 digits.")
        self.require_rest(found)
        if any(one["id"] == wanted["id"] for one in found.get("deployedModels", [])):
            raise Fault(409, "ALREADY_EXISTS", f"The deployed model {wanted['id']} exists already.")
        wanted |= {"model": f"{NUMBERED}/models/{number}", "modelVersionId": version, "createTime": _now()}

        def happens() -> None:
            found.setdefault("deployedModels", []).append(wanted)
            self.touched(found)

        return self.begin(found["name"], happens, fails=self.fails)

    def endpoints_undeploy_model(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        found, number = self.one(parts[1]), body["deployedModelId"]
        self.require_rest(found)
        deployed = found.get("deployedModels", [])
        if number not in {one["id"] for one in deployed}:
            raise Fault(404, "NOT_FOUND", f"There is no deployed model {number}.")
        if found.get("trafficSplit", {}).get(number) and len(deployed) > 1:
            raise Fault(400, "FAILED_PRECONDITION", "The deployed model has traffic.")

        def happens() -> None:
            found["deployedModels"] = [one for one in found["deployedModels"] if one["id"] != number]
            self.touched(found)

        return self.begin(found["name"], happens)

    def models_upload(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        number, name = body["modelId"], f"{NUMBERED}/models/{body['modelId']}"
        if (
            not re.fullmatch(r"[a-z_][a-z0-9_-]{0,62}", number)
            or "@sha256:" not in body["model"]["containerSpec"]["imageUri"]
        ):
            raise Fault(400, "INVALID_ARGUMENT", "The ID or the image of the model is not valid.")  # fmt: skip
        if number in self.models or any(o["target"] == name and not o["done"] for o in self.operations.values()):
            raise Fault(409, "ALREADY_EXISTS", f"The model {number} exists already.")
        made = copy.deepcopy(body["model"]) | {"name": name, "versionId": "1", "createTime": _now(), "etag": "m"}
        return self.begin(name, lambda: self.models.update({number: made}))

    def models_get(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        if len(parts) > 2:
            return self.operation(f"{NUMBERED}/{'/'.join(parts)}")
        number, _, version = parts[1].partition("@")
        if number not in self.models or version not in ("", "1"):
            raise Fault(404, "NOT_FOUND", f"There is no model {parts[1]}.")
        return self.models[number]

    def begin(self, target: str, happens: Callable[[], Any], fails: str = "") -> dict[str, Any]:
        name = f"{target}/operations/{next(self.numbers)}"
        self.operations[name] = {
            "target": target,
            "left": self.steps,
            "done": False,
            "happens": happens,
            "fails": fails,
        }
        return {"name": name, "metadata": {}}

    def operation(self, name: str) -> dict[str, Any]:
        if name not in self.operations:
            raise Fault(404, "NOT_FOUND", f"There is no operation {name}.")
        self.passes(self.operations[name])
        return self.shown(name)

    def shown(self, name: str) -> dict[str, Any]:
        found = self.operations[name]
        failed = {"error": {"code": 9, "message": found["fails"]}} if found["done"] and found["fails"] else {}
        return {"name": name, "metadata": {}, "done": found["done"]} | failed

    def passes(self, found: dict[str, Any]) -> None:
        """Time goes on with each look."""
        if found["done"]:
            return
        found["left"] -= 1
        if found["left"] <= 0:
            found["done"] = True
            if not found["fails"]:
                found["happens"]()

    def one(self, number: str) -> dict[str, Any]:
        target = f"{NUMBERED}/endpoints/{number}"
        for found in [o for o in self.operations.values() if o["target"] == target or "/models/" in o["target"]]:
            self.passes(found)
        if number not in self.endpoints:
            raise Fault(404, "NOT_FOUND", f"There is no endpoint {number}.")
        return self.endpoints[number]

    def require_rest(self, found: Mapping[str, Any]) -> None:
        if any(o["target"] == found["name"] and not o["done"] for o in self.operations.values()):
            raise Fault(409, "ABORTED", "Another operation on this endpoint is at work.")

    def touched(self, found: dict[str, Any]) -> None:
        found |= {"etag": f"AMEw{next(self.numbers)}", "updateTime": _now()}


def _require_labels(found: Mapping[str, Any]) -> None:
    for text in itertools.chain(*found.get("labels", {}).items()):
        if not re.fullmatch(r"[a-z0-9_-]{0,63}", text):
            raise Fault(400, "INVALID_ARGUMENT", f"The label {text!r} has other than 63 lower-case characters.")


def _snake(verb: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", verb).lower()


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
