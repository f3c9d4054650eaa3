"""SageMaker and its bucket, as far as the connector goes: stateful, slow, and strict.

Every request and every answer is checked against the service description that botocore carries, and
every signature is computed again.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator
from onnxruntime import InferenceSession
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:"
_SCOPE = re.compile(r"Credential=(\S+?)/\d{8}/([\w-]+)/(\w+)/aws4_request, ?SignedHeaders=(\S+?), ?Signature=(\w+)")
_CLASSES = {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d", r"\p{P}": r"!-/"}


class Fault(Exception):
    """An error as the service words it."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status


class Description:
    """The published shapes of the service."""

    def __init__(self) -> None:
        self._service = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")

    def check(self, operation: str, body: dict[str, Any], *, answer: bool = False) -> None:
        model = self._service.operation_model(operation)
        shape = model.output_shape if answer else model.input_shape
        if shape is None:
            return
        report = ParamValidator().validate(body, shape)
        problems = [report.generate_report()] if report.has_errors() else []
        problems += list(_problems(body, shape, operation))
        if problems:
            raise Fault("ValidationException", f"{operation}: {'; '.join(problems)}")


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """What botocore's own check leaves to the service: unknown fields, patterns, lengths, choices."""
    parts: list[tuple[Any, Shape, str]] = []
    if shape.type_name == "structure":
        yield from (f"{path}.{name} is not known" for name in value if name not in shape.members)
        parts = [(v, shape.members[name], f"{path}.{name}") for name, v in value.items() if name in shape.members]
    elif shape.type_name == "list":
        parts = [(item, shape.member, f"{path}[]") for item in value]
    elif shape.type_name == "map":
        parts = [(key, shape.key, f"{path} key") for key in value]
        parts += [(item, shape.value, f"{path}.{key}") for key, item in value.items()]
    elif shape.type_name == "string":
        yield from _text_problems(value, shape, path)
    for part in parts:
        yield from _problems(*part)


def _text_problems(value: str, shape: Shape, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern", "")
    for foreign, own in _CLASSES.items():
        pattern = pattern.replace(foreign, own)
    if pattern and not re.fullmatch(pattern, value):
        yield f"{path} does not match {pattern}"
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} is too long"
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path} is none of {shape.enum}"


class FakeSagemaker:
    """`steps` describes pass until a change is in force."""

    def __init__(self, access_key: str, secret_key: str, steps: int = 2) -> None:
        self.credentials = Credentials(access_key, secret_key)
        self.steps, self.description = steps, Description()
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.operations: list[str] = []
        self.spoil: Callable[[bytes], bytes] = bytes  # what a test lets happen to scores
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "FakeSagemaker":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def verify(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        found = _SCOPE.search(headers.get("authorization", ""))
        if not found or found[1] != self.credentials.access_key:
            raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        _, region, service, signed, signature = found.groups()
        moment = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(time.time() - moment.timestamp()) > 900:
            raise Fault("InvalidSignatureException", "Signature expired.", 403)
        host = headers.get("x-forwarded-host") or headers["host"]
        kept = {name: headers[name] for name in signed.split(";") if name != "host"} | {"host": host}
        request = AWSRequest(method=method, url=f"http://{host}{path}", headers=kept, data=body)
        request.context["timestamp"] = headers["x-amz-date"]
        signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(self.credentials, service, region)
        signer.payload = lambda _: hashlib.sha256(body).hexdigest()
        wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        if wanted != signature:
            raise Fault("InvalidSignatureException", "The request signature does not match.", 403)

    def handle(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        self.operations.append(operation)
        self.description.check(operation, body)
        answer: dict[str, Any] = getattr(self, _snake(operation))(body)
        self.description.check(operation, answer, answer=True)
        return answer

    def create_model(self, body: dict[str, Any]) -> dict[str, Any]:
        _new(self.models, body["ModelName"], "model")
        if not re.match(r"\d{12}\.dkr\.ecr\.", body["PrimaryContainer"]["Image"]):
            raise Fault("ValidationException", "The image does not exist.")
        container = body["PrimaryContainer"] | {"Mode": "SingleModel"}  # the service fills in defaults
        self.models[body["ModelName"]] = body | {"PrimaryContainer": container}
        return {"ModelArn": f"{ARN}model/{body['ModelName']}"}

    def describe_model(self, body: dict[str, Any]) -> dict[str, Any]:
        found = _get(self.models, body["ModelName"], "model")
        return _without(found, "Tags") | {"CreationTime": time.time(), "ModelArn": f"{ARN}model/{body['ModelName']}"}

    def delete_model(self, body: dict[str, Any]) -> dict[str, Any]:
        _get(self.models, body["ModelName"], "model")
        del self.models[body["ModelName"]]
        return {}

    def list_models(self, body: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in sorted(self.models) if body.get("NameContains", "") in name]
        made = {"CreationTime": time.time()}
        page, more = _page(names, body)
        return {"Models": [made | {"ModelName": n, "ModelArn": f"{ARN}model/{n}"} for n in page]} | more

    def create_endpoint_config(self, body: dict[str, Any]) -> dict[str, Any]:
        _new(self.configs, body["EndpointConfigName"], "endpoint configuration")
        for variant in body["ProductionVariants"] + body.get("ShadowProductionVariants", []):
            _get(self.models, variant["ModelName"], "model")
        if body.get("ShadowProductionVariants") and len(body["ProductionVariants"]) > 1:
            raise Fault("ValidationException", "Shadow variants need exactly one production variant.")
        self.configs[body["EndpointConfigName"]] = body
        return {"EndpointConfigArn": f"{ARN}endpoint-config/{body['EndpointConfigName']}"}

    def describe_endpoint_config(self, body: dict[str, Any]) -> dict[str, Any]:
        found = _get(self.configs, body["EndpointConfigName"], "endpoint configuration")
        arn = f"{ARN}endpoint-config/{body['EndpointConfigName']}"
        return _without(found, "Tags") | {"EndpointConfigArn": arn, "CreationTime": time.time()}

    def delete_endpoint_config(self, body: dict[str, Any]) -> dict[str, Any]:
        _get(self.configs, body["EndpointConfigName"], "endpoint configuration")
        del self.configs[body["EndpointConfigName"]]
        return {}

    def list_endpoint_configs(self, body: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in sorted(self.configs) if body.get("NameContains", "") in name]
        page, more = _page(names, body)
        made = {"CreationTime": time.time()}
        arn = f"{ARN}endpoint-config/"
        found = [made | {"EndpointConfigName": n, "EndpointConfigArn": arn + n} for n in page]
        return {"EndpointConfigs": found} | more

    def create_endpoint(self, body: dict[str, Any]) -> dict[str, Any]:
        _new(self.endpoints, body["EndpointName"], "endpoint")
        config = _get(self.configs, body["EndpointConfigName"], "endpoint configuration")
        self.endpoints[body["EndpointName"]] = {
            "config": body["EndpointConfigName"],
            "frozen": config,
            "next": None,
            "status": "Creating",
            "left": self.steps,
            "tags": body.get("Tags", []),
        }
        return {"EndpointArn": f"{ARN}endpoint/{body['EndpointName']}"}

    def update_endpoint(self, body: dict[str, Any]) -> dict[str, Any]:
        found = _get(self.endpoints, body["EndpointName"], "endpoint")
        if found["status"] != "InService":
            raise Fault("ValidationException", "Cannot update in-progress endpoint.")
        _get(self.configs, body["EndpointConfigName"], "endpoint configuration")
        found |= {"next": body["EndpointConfigName"], "status": "Updating", "left": self.steps}
        return {"EndpointArn": f"{ARN}endpoint/{body['EndpointName']}"}

    def describe_endpoint(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["EndpointName"]
        found = _get(self.endpoints, name, "endpoint")
        self._advance(name, found)
        found = _get(self.endpoints, name, "endpoint")
        variants = found["frozen"]["ProductionVariants"]
        shown: dict[str, Any] = {
            "EndpointName": name,
            "EndpointArn": f"{ARN}endpoint/{name}",
            "EndpointConfigName": found["config"],
            "EndpointStatus": found["status"],
            "CreationTime": time.time(),
            "LastModifiedTime": time.time(),
        }
        if found["status"] != "Creating":
            shown["ProductionVariants"] = [
                {
                    "VariantName": v["VariantName"],
                    "CurrentWeight": v["InitialVariantWeight"],
                    "DesiredWeight": v["InitialVariantWeight"],
                    "CurrentInstanceCount": v["InitialInstanceCount"],
                }
                for v in variants
            ]
        if found["next"]:
            shown["PendingDeploymentSummary"] = {"EndpointConfigName": found["next"]}
        return shown

    def delete_endpoint(self, body: dict[str, Any]) -> dict[str, Any]:
        found = _get(self.endpoints, body["EndpointName"], "endpoint")
        found |= {"status": "Deleting", "left": self.steps}
        return {}

    def list_endpoints(self, body: dict[str, Any]) -> dict[str, Any]:
        page, more = _page(sorted(self.endpoints), body)
        now = time.time()
        return {
            "Endpoints": [
                {
                    "EndpointName": name,
                    "EndpointArn": f"{ARN}endpoint/{name}",
                    "CreationTime": now,
                    "LastModifiedTime": now,
                    "EndpointStatus": self.endpoints[name]["status"],
                }
                for name in page
            ]
        } | more

    def list_tags(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": _get(self.endpoints, body["ResourceArn"].rpartition("/")[2], "endpoint")["tags"]}

    def create_transform_job(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["TransformJobName"]
        if name in self.jobs:
            raise Fault("ResourceInUse", f"Job name must be unique: {name}.")
        _get(self.models, body["ModelName"], "model")
        self.jobs[name] = {"asked": body, "status": "InProgress", "left": self.steps, "reason": ""}
        return {"TransformJobArn": f"{ARN}transform-job/{name}"}

    def describe_transform_job(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["TransformJobName"]
        found = self._job(name)
        if found["status"] in {"InProgress", "Stopping"}:
            found["left"] -= 1
            if found["left"] <= 0:
                found["status"] = "Completed" if found["status"] == "InProgress" else "Stopped"
                if found["status"] == "Completed":
                    self._transform(found)
        shown = _without(found["asked"], "Tags") | {
            "TransformJobArn": f"{ARN}transform-job/{name}",
            "TransformJobStatus": found["status"],
            "CreationTime": time.time(),
        }
        return shown | ({"FailureReason": found["reason"]} if found["reason"] else {})

    def stop_transform_job(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self._job(body["TransformJobName"])
        if found["status"] != "InProgress":
            raise Fault("ValidationException", f"The job is {found['status']} and cannot be stopped.")
        found |= {"status": "Stopping", "left": self.steps}
        return {}

    def _transform(self, found: dict[str, Any]) -> None:
        """Score every object under the job's source by the model of that name, as the service does."""
        asked, model = found["asked"], self.models[found["asked"]["ModelName"]]["PrimaryContainer"]
        place = _path(model["ModelDataSource"]["S3DataSource"]["S3Uri"])
        (content,) = (value for key, value in self.objects.items() if key.startswith(place))
        source = _path(asked["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
        target = _path(asked["TransformOutput"]["S3OutputPath"])
        for key in [each for each in self.objects if each.startswith(source)]:
            try:
                scores = transformed(content, self.objects[key], asked["DataProcessing"])
            except (ValueError, InvalidArgument) as fault:
                found |= {"status": "Failed", "reason": f"ClientError: {fault}"[:300]}
                return
            self.objects[f"{target}{key.removeprefix(source)}.out"] = self.spoil(scores)

    def _job(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise Fault("ResourceNotFound", f"Requested resource not found: {name}.")
        return self.jobs[name]

    def _advance(self, name: str, found: dict[str, Any]) -> None:
        if found["status"] == "InService":
            return
        found["left"] -= 1
        if found["left"] > 0:
            return
        if found["status"] == "Deleting":
            del self.endpoints[name]
            return
        if found["next"]:
            found |= {"config": found["next"], "frozen": self.configs[found["next"]], "next": None}
        found["status"] = "InService"

    def bucket(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        if method == "PUT":
            if base64.b64encode(hashlib.sha256(body).digest()).decode() != headers.get("x-amz-checksum-sha256"):
                return 400, {}
            self.objects[path] = body
            return 200, {}
        if method == "DELETE":
            self.objects.pop(path, None)
            return 204, {}
        if path not in self.objects:
            return 404, {}
        checksum = base64.b64encode(hashlib.sha256(self.objects[path]).digest()).decode()
        return 200, {"x-amz-checksum-sha256": checksum} if headers.get("x-amz-checksum-mode") == "ENABLED" else {}


def transformed(model: bytes, lines: bytes, processing: dict[str, str]) -> bytes:
    """CSV in, CSV out: columns are filtered, scored as a container scores them, joined to the input and filtered again."""
    assert processing == {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}, processing
    rows = [line.split(",") for line in lines.decode().splitlines()]
    session = InferenceSession(model)
    given = session.get_inputs()[0]
    inputs = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows], dtype="float32")
    outputs = session.run(None, {given.name: inputs})
    scores = outputs[-1].reshape(len(rows), -1)
    said = [[*row, *(repr(float(each)) for each in answer)] for row, answer in zip(rows, scores, strict=True)]
    return "".join(f"{row[0]},{row[-1]}\n" for row in said).encode()


def _path(uri: str) -> str:
    """Where an object with this address lies."""
    return "/" + uri.removeprefix("s3://")


def _new(things: dict[str, Any], name: str, kind: str) -> None:
    if name in things:
        raise Fault("ValidationException", f"Cannot create already existing {kind} {name}.")


def _get(things: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    if name not in things:
        raise Fault("ValidationException", f"Could not find {kind} {name}.")
    found: dict[str, Any] = things[name]
    return found


def _page(names: list[str], body: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    rest = [name for name in names if name > body.get("NextToken", "")]
    size = body.get("MaxResults", 10)
    return rest[:size], {"NextToken": rest[size - 1]} if len(rest) > size else {}


def _without(found: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != field}


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def _handler(fake: FakeSagemaker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def one(self) -> None:
            body = self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            with fake.lock:
                try:
                    fake.verify(self.command, self.path, headers, body)
                    if self.path != "/":
                        status, told = fake.bucket(self.command, self.path, headers, body)
                        read = fake.objects[self.path] if self.command == "GET" and status == 200 else b""
                        self._answer(status, told, content=read)
                        return
                    assert headers["content-type"] == "application/x-amz-json-1.1"
                    said = fake.handle(headers["x-amz-target"].removeprefix("SageMaker."), json.loads(body))
                    self._answer(200, {}, said)
                except Fault as fault:
                    self._answer(fault.status, {}, {"__type": fault.kind, "message": fault.message})

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = one  # noqa: N815  the server's names

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                raise AssertionError("S3 wants a length")
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(
            self, status: int, headers: dict[str, str], said: dict[str, Any] | None = None, content: bytes = b""
        ) -> None:
            content = content if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
