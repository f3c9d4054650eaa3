"""Azure Storage, as far as the connector goes: blobs with a checksum and a tag, held to the requests of Azure's own package."""

import ast
import base64
import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.connectors.cloud_fake import Fault
from tests.connectors.published import packaged

PACKAGE, VERSION = "azure-storage-blob", "12.31.1"
PAGE = 2  # so many blobs on a page, so that every listing has several
_GENERATED = "azure/storage/blob/_generated"
_KINDS = {
    ("PUT", False): ("_block_blob_operations", "build_upload_request"),
    ("GET", False): ("_blob_operations", "build_download_request"),
    ("HEAD", False): ("_blob_operations", "build_get_properties_request"),
    ("DELETE", False): ("_blob_operations", "build_delete_request"),
    ("GET", True): ("_container_operations", "build_list_blob_flat_segment_request"),
}
_ANYONES = {
    "host", "accept", "accept-encoding", "connection", "user-agent", "authorization", "content-length", "content-type",
    "transfer-encoding", "x-forwarded-host",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What a request of a kind may carry, and what it must."""

    known: frozenset[str]
    required: frozenset[str]

    def faults(self, headers: Mapping[str, str], query: Mapping[str, str]) -> set[str]:
        sent = {name for name in headers if name not in _ANYONES} | set(query)
        return (sent - self.known) | (self.required - set(headers) - set(query))


@cache
def published() -> dict[tuple[str, bool], Request]:
    """Each kind of request as the package's own builder writes it; by verb and whether it is of a whole container."""
    return {kind: _built(file, name, kind[0]) for kind, (file, name) in _KINDS.items()}


def _built(file: str, name: str, verb: str) -> Request:
    place = packaged(PACKAGE, VERSION, f"{_GENERATED}/operations/{file}.py")
    node = next(each for each in ast.parse(place.read_text()).body if isinstance(each, ast.FunctionDef) and each.name == name)  # fmt: skip
    assert f'method="{verb}"' in ast.unparse(node).replace("'", '"')
    return Request(frozenset(_written(ast.walk(node))), frozenset(_written(node.body)) - {"accept"})


def _written(nodes: object) -> set[str]:
    """Names that are put into headers or query."""
    found = set()
    for node in nodes:  # type: ignore[attr-defined]
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None  # fmt: skip
        if isinstance(target, ast.Subscript) and ast.unparse(target.value) in ("_headers", "_params"):
            assert isinstance(target.slice, ast.Constant)
            found.add(str(target.slice.value).lower())
    return found


class FakeBlobs:
    """Containers exist; a blob is known as `container/name`."""

    def __init__(self) -> None:
        self.published = published()
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.numbers = itertools.count(0x8DE000000000001)

    def write(self, name: str, content: bytes) -> None:
        self.blobs[name], self.tags[name] = content, f"0x{next(self.numbers):X}"

    def remove(self, name: str) -> None:
        del self.blobs[name], self.tags[name]

    def below(self, name: str) -> list[str]:
        return sorted(each for each in self.blobs if each.startswith(name))

    def handle(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], content: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        name = unquote(path).removeprefix("/")
        kind = (method, "/" not in name)
        if kind not in self.published or (faults := self.published[kind].faults(headers, query)):
            raise Fault(
                400, "InvalidHeaderValue", f"{method} {path}: {sorted(faults) if kind in self.published else ''}"
            )
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", headers["x-ms-version"]):
            raise Fault(400, "InvalidHeaderValue", "There is no such version of the service.")
        if kind[1]:
            return 200, self.listed(name, query), {}
        if method == "PUT":
            if headers["x-ms-blob-type"] != "BlockBlob":
                raise Fault(400, "InvalidHeaderValue", "Only block blobs are put whole.")
            if headers.get("content-md5", _md5(content)) != _md5(content):
                raise Fault(400, "Md5Mismatch", "The checksum is not that of the bytes.")
            self.write(name, content)
            return 201, b"", {"ETag": f'"{self.tags[name]}"'}
        if name not in self.blobs:
            raise Fault(404, "BlobNotFound", f"The blob {name} does not exist.")
        if headers.get("if-match", f'"{self.tags[name]}"') != f'"{self.tags[name]}"':
            raise Fault(412, "ConditionNotMet", "The blob was written anew.")
        if method == "DELETE":
            self.remove(name)
            return 202, b"", {}
        shown = {"ETag": f'"{self.tags[name]}"', "Content-MD5": _md5(self.blobs[name]), "x-ms-blob-type": "BlockBlob"}
        return 200, self.blobs[name], shown

    def listed(self, container: str, query: Mapping[str, str]) -> bytes:
        """As ListBlobsFlatSegmentResponse and what is in it are written."""
        found = [
            each for each in self.below(f"{container}/{query.get('prefix', '')}") if each > query.get("marker", "")
        ]
        items = "".join(self.item(each) for each in found[:PAGE])
        more = escape(found[PAGE - 1]) if len(found) > PAGE else ""
        return (
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x/" ContainerName='
            f'"{container}"><Prefix>{escape(query.get("prefix", ""))}</Prefix><Blobs>{items}</Blobs><NextMarker>{more}'
            "</NextMarker></EnumerationResults>"
        ).encode()

    def item(self, name: str) -> str:
        size, moment = len(self.blobs[name]), formatdate(1_800_000_000, usegmt=True)
        return (
            f"<Blob><Name>{escape(name.partition('/')[2])}</Name><Properties><Last-Modified>{moment}</Last-Modified><Etag>"
            f"{self.tags[name]}</Etag><Content-Length>{size}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
        )


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
