"""Cloud Storage, as far as the connector goes: objects with a checksum and a generation, held to its discovery document."""

import base64
import hashlib
import itertools
from typing import Any
from urllib.parse import unquote

from tests.connectors.cloud_fake import Fault
from tests.connectors.discovered import Discovered

PAGE = 2  # so many objects on a page, so that every listing has several


class FakeStorage:
    """Buckets exist; an object is known by its address `gs://bucket/name`."""

    def __init__(self) -> None:
        self.discovered = Discovered("storage.v1", "objects", base="/storage/v1/")
        self.objects: dict[str, bytes] = {}
        self.generations: dict[str, int] = {}
        self.numbers = itertools.count(1_700_000_000_000_001)

    def write(self, uri: str, content: bytes) -> None:
        self.objects[uri], self.generations[uri] = content, next(self.numbers)

    def below(self, uri: str) -> list[str]:
        return sorted(each for each in self.objects if each.startswith(uri))

    def handle(
        self, method: str, path: str, query: dict[str, str], content: bytes
    ) -> tuple[int, bytes | dict[str, Any]]:
        described = self.discovered.method(method, path, query)
        bucket, _, name = path.partition("/b/")[2].partition("/o")
        uri = f"gs://{bucket}/{unquote(name.removeprefix('/'))}"
        verb = described["id"].rpartition(".")[2]
        if verb == "insert":
            if query.get("uploadType") != "media" or not query.get("name"):
                raise Fault(400, "invalid", "A simple upload names its type and its object.")
            uri = f"gs://{bucket}/{query['name']}"
            self.write(uri, content)
            return 200, self.shown(uri)
        if verb == "list":
            return 200, self.listed(bucket, query)
        if uri not in self.objects or query.get("generation", "") not in ("", str(self.generations[uri])):
            raise Fault(404, "notFound", f"No such object: {uri}.")
        if verb == "delete":
            del self.objects[uri]
            return 204, b""
        return 200, self.objects[uri] if query.get("alt") == "media" else self.shown(uri)

    def listed(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        found = [
            each for each in self.below(f"gs://{bucket}/{query.get('prefix', '')}") if each > query.get("pageToken", "")
        ]
        more = {"nextPageToken": found[PAGE - 1]} if len(found) > PAGE else {}
        # the checksums of objects under a customer's key are not part of a listing
        items = [{k: v for k, v in self.shown(each).items() if k != "md5Hash"} for each in found[:PAGE]]
        return self.held({"kind": "storage#objects", "items": items} | more, "Objects")

    def shown(self, uri: str) -> dict[str, Any]:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        content = self.objects[uri]
        return self.held(
            {
                "kind": "storage#object",
                "bucket": bucket,
                "name": name,
                "generation": str(self.generations[uri]),
                "size": str(len(content)),
                "md5Hash": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            },
            "Object",
        )

    def held(self, value: dict[str, Any], kind: str) -> dict[str, Any]:
        problems = list(self.discovered.published.problems(value, kind, kind, answer=True))
        assert not problems, problems
        return value
