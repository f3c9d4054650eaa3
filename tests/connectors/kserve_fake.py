"""The Kubernetes API with KServe's resource, as far as the connector goes: stateful, slow, and strict.

Every object that comes or goes is checked against the models that KServe's own Python package
carries. Server-side apply keeps who holds which fields, generations count changes of the
specification, and stale resource versions are refused.
"""

import ast
import copy
import json
import re
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.connectors.servers import programs

KSERVE = "0.21.0"
_PATH = re.compile(r"/apis/serving\.kserve\.io/v1beta1/namespaces/([a-z0-9-]+)/inferenceservices(?:/([^/]+))?")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


class Fault(Exception):
    """A refusal as Kubernetes words it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status}


class Published:
    """KServe's models: types and names of fields, read from the package without running it."""

    def __init__(self) -> None:
        root = programs(f"kserve-{KSERVE}", ("--no-deps", f"kserve=={KSERVE}")).parent
        self._types: dict[str, dict[str, str]] = {}
        for place in root.glob("lib/python*/site-packages/kserve/models/*.py"):
            for name, fields in _models(place):
                self._types[name] = fields

    def problems(self, value: Any, kind: str, path: str) -> Iterator[str]:
        if value is None:
            return
        if match := re.fullmatch(r"list\[(.+)\]", kind):
            if not isinstance(value, list):
                yield f"{path} is not a list"
                return
            for item in value:
                yield from self.problems(item, match[1], f"{path}[]")
        elif match := re.fullmatch(r"dict\(str, (.+)\)", kind):
            for key, item in value.items():
                yield from self.problems(item, match[1], f"{path}.{key}")
        elif kind in _PLAIN:
            if not isinstance(value, _PLAIN[kind]) or (kind == "int" and isinstance(value, bool)):
                yield f"{path} is not a {kind}"
        elif kind in self._types:
            for key, item in value.items():
                if key not in self._types[kind]:
                    yield f'unknown field "{path}.{key}"'
                else:
                    yield from self.problems(item, self._types[kind][key], f"{path}.{key}")


def _models(place: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for node in ast.parse(place.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found = {
                item.targets[0].id: ast.literal_eval(item.value)
                for item in node.body
                if isinstance(item, ast.Assign)
                and isinstance(item.targets[0], ast.Name)
                and item.targets[0].id in {"openapi_types", "attribute_map"}
            }
            if len(found) == 2:
                names = found["attribute_map"]
                fields = {names[field]: kind for field, kind in found["openapi_types"].items()}
                yield node.name, fields


class FakeKserve:
    """One namespace's services; a change is ready after `steps` reads. `mode` is what the cluster runs in."""

    def __init__(self, token: str, steps: int = 2, mode: str = "Standard") -> None:
        self.token, self.steps, self.mode = token, steps, mode
        self.published = Published()
        self.objects: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.version = 100
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "FakeKserve":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def check(self, found: dict[str, Any], *, status: bool = False) -> None:
        kind = "V1beta1InferenceServiceStatus" if status else "V1beta1InferenceServiceSpec"
        where = "status" if status else "spec"
        problems = list(self.published.problems(found.get(where), kind, where))
        if problems:
            raise Fault(400, "BadRequest", f"strict decoding error: {', '.join(problems)}")

    def handle(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        match = _PATH.fullmatch(path)
        if match is None:
            raise Fault(404, "NotFound", "the server could not find the requested resource")
        namespace, name = match.groups()
        if name is None:
            return self.listing(query)
        if method == "PATCH":
            return self.apply(namespace, name, query, body)
        found = self.get(name)
        return self.delete(name, found, body) if method == "DELETE" else found

    def get(self, name: str) -> dict[str, Any]:
        if name not in self.objects:
            raise Fault(404, "NotFound", f'inferenceservices "{name}" not found')
        self.advance(name)
        if name not in self.objects:
            raise Fault(404, "NotFound", f'inferenceservices "{name}" not found')
        return copy.deepcopy(self.objects[name])

    def listing(self, query: dict[str, list[str]]) -> dict[str, Any]:
        after, limit = query.get("continue", [""])[0], int(query.get("limit", ["500"])[0])
        rest = sorted(name for name in self.objects if name > after)
        page = rest[:limit]
        meta = {"resourceVersion": str(self.version)} | ({"continue": page[-1]} if len(rest) > limit else {})
        return {"kind": "InferenceServiceList", "metadata": meta, "items": [self.objects[name] for name in page]}

    def apply(self, namespace: str, name: str, query: dict[str, list[str]], body: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply of one manager, who takes over the whole specification when forced."""
        if not _NAME.fullmatch(name) or len(name) > 63 or body["metadata"]["name"] != name:
            raise Fault(422, "Invalid", f"metadata.name: Invalid value: {name}")
        if body["metadata"]["namespace"] != namespace or query.get("fieldValidation") != ["Strict"]:
            raise Fault(400, "BadRequest", "the namespace does not match, or fields are not validated")
        self.check(body)
        self.admit(body)
        standing, wanted = self.objects.get(name), body["metadata"].get("resourceVersion")
        if wanted is not None and wanted != (standing or {}).get("metadata", {}).get("resourceVersion"):
            raise Fault(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        manager = query["fieldManager"][0]
        self.write(name, namespace, body["spec"], body["metadata"]["annotations"], manager)
        return copy.deepcopy(self.objects[name])

    def admit(self, body: dict[str, Any]) -> None:
        """KServe's own rules: shares, names, and where a model may lie."""
        canaries = body["spec"].get("canary", [])
        predictors = [body["spec"]["predictor"], *(canary["predictor"] for canary in canaries)]
        names = [predictor.get("name") for predictor in predictors]
        if len(set(names)) != len(names) or sum(canary["trafficPercent"] for canary in canaries) > 100:
            raise Fault(422, "Invalid", "canary names must differ and their traffic must not exceed 100")
        for predictor in predictors:
            if not re.match(r"(s3|gs|pvc|https|hdfs|oci)://", predictor["model"]["storageUri"]):
                raise Fault(422, "Invalid", "storageUri is not supported")

    def write(self, name: str, namespace: str, spec: Any, annotations: dict[str, str], manager: str) -> None:
        standing = self.objects.get(name)
        kept = (spec, annotations, manager)
        if standing and kept == (
            standing["spec"],
            standing["metadata"]["annotations"],
            standing["metadata"]["managedFields"][0]["manager"],
        ):
            return  # an apply that changes nothing is not written
        self.version += 1
        meta = copy.deepcopy(standing["metadata"]) if standing else {"name": name, "namespace": namespace}
        if standing is None:
            meta |= {"uid": str(uuid.uuid4()), "generation": 0}
        if standing is None or standing["spec"] != spec:
            meta["generation"] += 1
            self.left[name] = self.steps
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        held = {"manager": manager, "operation": "Apply", "time": moment, "fieldsV1": {"f:spec": {}}}
        meta |= {"annotations": annotations, "resourceVersion": str(self.version), "managedFields": [held]}
        status = standing["status"] if standing else {}
        self.objects[name] = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"} | copy.deepcopy(
            {"metadata": meta, "spec": spec, "status": status}
        )

    def delete(self, name: str, found: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if body.get("preconditions", {}).get("uid") not in (None, found["metadata"]["uid"]):
            raise Fault(409, "Conflict", "the UID in the precondition does not match")
        self.objects[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.left[name] = self.steps
        return copy.deepcopy(self.objects[name])

    def advance(self, name: str) -> None:
        """What KServe's controller does between two looks."""
        found = self.objects[name]
        if self.left[name] > 0:
            self.left[name] -= 1
        if self.left[name] > 0:
            return
        if "deletionTimestamp" in found["metadata"]:
            del self.objects[name]
            return
        canaries = [
            {"name": canary["predictor"]["name"], "ready": True, "trafficPercent": canary["trafficPercent"]}
            for canary in found["spec"].get("canary", [])
        ]
        found["status"] = {
            "observedGeneration": found["metadata"]["generation"],
            "deploymentMode": self.mode,
            "conditions": [{"type": "Ready", "status": "True"}],
            "modelStatus": {"transitionStatus": "UpToDate"},
        } | ({"canaryStatuses": canaries} if canaries else {})
        self.check(found, status=True)


def _handler(fake: FakeKserve) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def one(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            where = urlsplit(self.path)
            with fake.lock:
                try:
                    if self.headers.get("Authorization") != f"Bearer {fake.token}":
                        raise Fault(401, "Unauthorized", "Unauthorized")
                    if self.command == "PATCH":
                        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
                    body = json.loads(content) if content else {}
                    said, status = fake.handle(self.command, where.path, parse_qs(where.query), body), 200
                except Fault as fault:
                    said, status = fault.body, fault.status
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PATCH = do_DELETE = one  # noqa: N815  the server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
