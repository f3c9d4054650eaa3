"""The calls to SageMaker and its bucket that the connector needs, one method each."""

import base64
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote

from ..errors import AuthFailed, Conflict, ConnectorError, Invalid, NotFound, RateLimited, Transient
from ..http import Backend
from ..values import ArtifactFile, Op
from .signing import CONTENT

_KINDS: dict[str, type[ConnectorError]] = {
    "AccessDeniedException": AuthFailed,
    "ExpiredTokenException": AuthFailed,
    "IncompleteSignature": AuthFailed,
    "InvalidClientTokenId": AuthFailed,
    "InvalidSignatureException": AuthFailed,
    "UnrecognizedClientException": AuthFailed,
    "ResourceInUse": Conflict,
    "ConflictException": Conflict,
    "ResourceNotFound": NotFound,
    "ServiceUnavailable": Transient,
    "InternalFailure": Transient,
}
_THROTTLED = {"ThrottlingException", "Throttling", "RequestLimitExceeded"}


class Sagemaker:
    """Every call is a POST; `reads` tells those that change nothing."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def call(self, operation: str, body: Mapping[str, Any], op: Op | None = None) -> dict[str, Any]:
        headers = {"X-Amz-Target": f"SageMaker.{operation}"}
        reads = operation.startswith(("Describe", "List"))
        return self._backend.json("POST", "/", body=dict(body), headers=headers | _TYPE, op=op, reads=reads)

    def found(self, operation: str, body: Mapping[str, Any], op: Op | None = None) -> dict[str, Any] | None:
        """Like `call`, and None for a thing that does not exist."""
        try:
            return self.call(operation, body, op)
        except NotFound:
            return None

    def create(self, operation: str, body: Mapping[str, Any], op: Op) -> None:
        """Names follow from content, so what exists already is what was asked for."""
        try:
            self.call(operation, body, op)
        except Conflict:
            pass

    def pages(self, operation: str, field: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            found = self.call(operation, dict(body) | ({"NextToken": cursor} if cursor else {}))
            yield from objects(found, field)
            cursor = found.get("NextToken")
            if not cursor:
                return


class Bucket:
    """Objects in folders, with the checksum that the store itself computed; a folder of bytes is named by their digest."""

    def __init__(self, backend: Backend, name: str, prefix: str) -> None:
        self._backend, self._name, self._prefix = backend, name, prefix

    def uri(self, folder: str) -> str:
        return f"s3://{self._name}/{self._prefix}/{folder}/"

    def checksum(self, folder: str, name: str, op: Op | None = None) -> str | None:
        """SHA-256 in hex as the store computed it when the bytes came, or None."""
        try:
            with self._backend.send(
                "HEAD", self._path(folder, name), headers={"x-amz-checksum-mode": "ENABLED"}, op=op
            ) as answer:
                found = answer.header("x-amz-checksum-sha256")
        except NotFound:
            return None
        try:
            return base64.b64decode(found or "", validate=True).hex() or None
        except ValueError:
            return None

    def put(self, folder: str, file: ArtifactFile, content: IO[bytes], op: Op) -> None:
        """The store refuses the bytes when they are not those of the checksum."""
        checksum = base64.b64encode(bytes.fromhex(file.digest)).decode()
        headers = {
            "x-amz-checksum-sha256": checksum,
            CONTENT: file.digest,
            "Content-Length": str(file.size),
            "Content-Type": "application/octet-stream",
        }
        path = self._path(folder, file.name)
        with self._backend.send("PUT", path, content=content, headers=headers, op=op, reads=True) as answer:
            answer.read()

    def get(self, folder: str, name: str, target: IO[bytes]) -> None:
        """Copy an object; NotFound when there is none."""
        with self._backend.send("GET", self._path(folder, name)) as answer:
            for chunk in answer.chunks(timed=False):
                target.write(chunk)

    def remove(self, folder: str, name: str, op: Op) -> None:
        """Take an object away; the store says the same of one that is not there."""
        with self._backend.send("DELETE", self._path(folder, name), op=op, reads=True) as answer:
            answer.read()

    def _path(self, folder: str, name: str) -> str:
        return f"/{self._name}/{quote(f'{self._prefix}/{folder}/{name}')}"


_TYPE = {"Content-Type": "application/x-amz-json-1.1"}


def special(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    """SageMaker tells what is wrong by a type; almost every status is a plain 400."""
    kind = str(body.get("__type", "")).rpartition("#")[2]
    text = str(body.get("message") or body.get("Message") or "no explanation")[:300]
    said = f"SageMaker answered {kind}: {text}"
    if kind in _THROTTLED:
        return RateLimited(said, 1.0)
    if kind == "ValidationException":
        missing = "Could not find" in text or "does not exist" in text
        exists = "already existing" in text or "already exists" in text or "Cannot update in-progress" in text
        return NotFound(said) if missing else Conflict(said) if exists else Invalid(said)
    return _KINDS[kind](said) if kind in _KINDS else None


def objects(found: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """A list of objects in an answer; Invalid when it is something else."""
    value = found.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid(f"SageMaker's answer has no list of {field}.")
    return value


def text(found: Mapping[str, Any], field: str) -> str:
    """A text in an answer; Invalid when it is missing."""
    value = found.get(field)
    if not isinstance(value, str):
        raise Invalid(f"SageMaker's answer has no {field}.")
    return value
