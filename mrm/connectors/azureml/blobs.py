"""Blobs in a folder of Azure Storage: the calls to its REST API that a batch needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, urlsplit

from defusedxml import ElementTree

from .. import streams
from ..errors import Integrity, Invalid, NotFound
from ..http import Backend
from ..values import Op

WHO = "Azure Storage"
_VERSION = {"x-ms-version": "2021-12-02"}
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A blob by its name within the folder; bytes written anew have another tag."""

    name: str
    etag: str


class Folder:
    """A folder that is named by an address `https://account.blob.core.windows.net/container/folder`."""

    def __init__(self, backend: Backend, uri: str) -> None:
        self._backend, self._uri = backend, uri.rstrip("/")
        self.container, _, prefix = urlsplit(self._uri).path.strip("/").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""

    def uri(self, name: str) -> str:
        return f"{self._uri}/{name}"

    def listed(self, under: str = "", op: Op | None = None) -> list[Stored]:
        """Every blob whose name begins so, by name; what only stands for a folder is left out."""
        return sorted(self._pages(under, op), key=lambda each: each.name)

    def put(self, name: str, content: IO[bytes], size: int, md5: str, op: Op | None) -> None:
        """Write a blob, whatever lies there; Integrity where the store then shows other bytes."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream", "Content-MD5": md5}
        with self._backend.send(
            "PUT", self._blob(name), content=content, op=op, reads=True,
            headers={**_VERSION, **headers, "Content-Length": str(size)},
        ) as answer:  # fmt: skip
            answer.read()
        if self.md5(name, op) != md5:
            raise Integrity(f"{WHO} shows another checksum than that of the bytes that were sent.")

    def md5(self, name: str, op: Op | None = None) -> str | None:
        """In base64, or None: of a blob that is not there, too."""
        try:
            with self._backend.send("HEAD", self._blob(name), headers=_VERSION, op=op) as answer:
                return answer.header("Content-MD5")
        except NotFound:
            return None

    def chunks(self, name: str, etag: str | None = None, op: Op | None = None) -> Iterator[bytes]:
        """The bytes of a blob; NotFound when there is none, Conflict when it was written since the tag was seen."""
        headers = _VERSION | ({"If-Match": f'"{etag}"'} if etag else {})
        with self._backend.send("GET", self._blob(name), headers=headers, op=op) as answer:
            yield from answer.chunks(timed=False)

    def lines(self, name: str) -> Iterator[bytes]:
        """The same line by line, without the ends of the lines."""
        yield from streams.lines(self.chunks(name), name, _LONGEST_LINE)

    def sha256(self, stored: Stored, op: Op | None = None) -> str:
        """Of the bytes that have exactly this tag."""
        return streams.sha256(self.chunks(stored.name, stored.etag, op))

    def remove(self, name: str, op: Op) -> None:
        """Take a blob away; one that is not there is gone already."""
        try:
            with self._backend.send("DELETE", self._blob(name), headers=_VERSION, op=op, reads=True) as answer:
                answer.read()
        except NotFound:
            pass

    def _pages(self, under: str, op: Op | None) -> Iterator[Stored]:
        params = {"restype": "container", "comp": "list", "prefix": self.prefix + under}
        while True:
            found = self._listing(params, op)
            yield from filter(None, map(self._stored, found.iterfind("Blobs/Blob")))
            if not (marker := found.findtext("NextMarker")):
                return
            params["marker"] = marker

    def _listing(self, params: Mapping[str, str], op: Op | None) -> Any:
        with self._backend.send("GET", f"/{self.container}", params=params, headers=_VERSION, op=op) as answer:
            try:
                return ElementTree.fromstring(answer.read())
            except (ElementTree.ParseError, ValueError):
                raise Invalid(f"{WHO} answered with something that is no listing.") from None

    def _stored(self, blob: Any) -> Stored | None:
        name, etag = blob.findtext("Name") or "", blob.findtext("Properties/Etag") or ""
        if not name.startswith(self.prefix) or not etag:
            raise Invalid(f"{WHO} listed a blob that was not asked for.")
        folder = name.endswith("/") or blob.findtext("Properties/ResourceType") == "directory"
        return None if folder else Stored(name.removeprefix(self.prefix), etag.strip('"'))

    def _blob(self, name: str) -> str:
        return f"/{self.container}/{quote(self.prefix + name)}"
