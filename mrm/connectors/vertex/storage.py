"""Objects in a folder of Cloud Storage: the calls to its JSON API that a batch needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote

from .. import streams
from ..errors import Integrity, Invalid, NotFound
from ..http import Backend
from ..reading import text, things
from ..values import Op

WHO = "Cloud Storage"
ADDRESS = "https://storage.googleapis.com"
_LONGEST_LINE = 16 << 20


@dataclass(frozen=True)
class Stored:
    """An object by its name within the folder; bytes written anew are another generation."""

    name: str
    generation: str


class Folder:
    """A folder that is named by an address `gs://bucket/folder`."""

    def __init__(self, backend: Backend, uri: str) -> None:
        self._backend, self._uri = backend, uri.rstrip("/")
        self._bucket, _, prefix = self._uri.removeprefix("gs://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def uri(self, name: str) -> str:
        return f"{self._uri}/{name}"

    def within(self, uri: str) -> str:
        """The name of an object or a folder that has an address; Invalid where it lies elsewhere."""
        if not uri.startswith(f"{self._uri}/"):
            raise Invalid(f"{uri[:200]} does not lie in {self._uri}.")
        return uri.removeprefix(f"{self._uri}/")

    def listed(self, under: str = "", op: Op | None = None) -> list[Stored]:
        """Every object whose name begins so, by name; what only stands for a folder is left out."""
        found = (self._stored(item) for item in self._pages(under, op))
        return sorted((each for each in found if not each.name.endswith("/") and each.name), key=lambda each: each.name)

    def put(self, name: str, content: IO[bytes], size: int, md5: str, op: Op) -> None:
        """Write an object, whatever lies there; Integrity where the store then shows other bytes."""
        params = {"uploadType": "media", "name": self._prefix + name}
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._backend.send(
            "POST", f"/upload/storage/v1/b/{self._bucket}/o",
            content=content, params=params, headers=headers, op=op, reads=True,
        ) as answer:  # fmt: skip
            answer.read()
        if self.md5(name, op) != md5:
            raise Integrity(f"{WHO} shows another checksum than that of the bytes that were sent.")

    def md5(self, name: str, op: Op | None = None) -> str | None:
        """In base64 as the store computed it, or None: of an object that is not there, too."""
        try:
            found = self._backend.json("GET", self._object(name), op=op).get("md5Hash")
        except NotFound:
            return None
        return found if isinstance(found, str) else None

    def chunks(self, name: str, generation: str | None = None, op: Op | None = None) -> Iterator[bytes]:
        """The bytes of an object; NotFound when there is none, or not of this generation any more."""
        params = {"alt": "media"} | ({"generation": generation} if generation else {})
        with self._backend.send("GET", self._object(name), params=params, op=op) as answer:
            yield from answer.chunks(timed=False)

    def lines(self, name: str) -> Iterator[bytes]:
        """The same line by line, without the ends of the lines."""
        yield from streams.lines(self.chunks(name), name, _LONGEST_LINE)

    def sha256(self, stored: Stored, op: Op | None = None) -> str:
        """Of the bytes of exactly this generation."""
        return streams.sha256(self.chunks(stored.name, stored.generation, op))

    def remove(self, name: str, op: Op) -> None:
        """Take an object away; one that is not there is gone already."""
        try:
            with self._backend.send("DELETE", self._object(name), op=op, reads=True) as answer:
                answer.read()
        except NotFound:
            pass

    def _pages(self, under: str, op: Op | None) -> Iterator[dict[str, Any]]:
        params = {"prefix": self._prefix + under}
        while True:
            found = self._backend.json("GET", f"/storage/v1/b/{self._bucket}/o", params=params, op=op)
            yield from things(found, "items", WHO)
            if not (cursor := str(found.get("nextPageToken") or "")):
                return
            params["pageToken"] = cursor

    def _stored(self, item: dict[str, Any]) -> Stored:
        name = text(item, "name", WHO)
        if not name.startswith(self._prefix):
            raise Invalid(f"{WHO} listed an object that was not asked for.")
        return Stored(name.removeprefix(self._prefix), text(item, "generation", WHO))

    def _object(self, name: str) -> str:
        return f"/storage/v1/b/{self._bucket}/o/{quote(self._prefix + name, safe='')}"
