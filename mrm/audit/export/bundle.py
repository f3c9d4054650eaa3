"""Write a bundle: first beside its name, then, whole, under it."""

import base64
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import connections
from django.utils import timezone

from mrm.audit.export import anchors
from mrm.audit.export.scope import Scope
from mrm.audit.export.snapshot import PINNED, Snapshot
from mrm.audit.log import notes, tiles
from mrm.audit.personal import commitments_in
from mrm.audit.sequencer import origin_of
from mrm.core import blobs
from mrm.core.canonical import canonical, timestamp
from mrm.core.refusal import Refused

Progress = Callable[[str, int, int], None]
VERIFIER = Path(__file__).parents[3] / "deploy" / "verifier" / "verify.py"
README = """This is an export of the audit log {origin} at size {size}, made {made_at}.

    python verify.py .            (this folder, or the zip it came in)

Do not trust the verify.py that lies here: take it from where the product publishes it, compare its SHA-256, and give
it the log's public key that you were told on another way:

    python verify.py BUNDLE --key '{vkey}'

It needs Python 3.9 or later and nothing else.
"""


class NotReady(Refused):
    """The log cannot be exported yet, with what is missing."""


@dataclass(frozen=True)
class Made:
    """A bundle as it was written: the size of the log it holds, its events, and the digest of the file."""

    size: int
    events: int
    sha256: str
    bytes: int


def write_bundle(target: Path, scope: Scope, progress: Progress) -> Made:
    """Write the zip of a scope to `target`; nothing stands there before it is whole."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _snapshot() as snapshot, draft.open("wb") as file:
            bundle = _Bundle(snapshot, scope, progress)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                bundle.write(archive)
            file.flush()
            os.fsync(file.fileno())
        with draft.open("rb") as file:
            sha256 = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        made = Made(snapshot.size, bundle.count, sha256, draft.stat().st_size)
        draft.replace(target)
        return made
    except OSError as error:
        raise Refused(f"The export could not be written: {error.strerror or error}. Nothing was kept of it.") from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _snapshot() -> Iterator[Snapshot]:
    """A connection of its own, so that the progress of the work can be told on the usual one."""
    connection = connections.create_connection("default")
    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            yield Snapshot(cursor)
    finally:
        connection.close()


class _Bundle:
    def __init__(self, snapshot: Snapshot, scope: Scope, progress: Progress) -> None:
        self.snapshot, self.scope, self.progress = snapshot, scope, progress
        self.kept = list(snapshot.checkpoints())
        self.anchors = anchors.kept(snapshot.cursor, settings.LOG_ANCHORS)
        self.count = 0
        self.held: set[str] = set()
        self.named: set[str] = set()
        if not self.kept or self.kept[-1]["size"] != snapshot.size:
            raise NotReady(
                "The log has no signed checkpoint yet; start the sequencer, and export when it has signed one."
            )
        if scope.since > snapshot.size:
            raise NotReady(f"The log holds {snapshot.size} events; there is nothing after {scope.since}.")

    def write(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self._head()
        if self.scope.kind == "object":
            self._object()
        else:
            self._tiles()
            self._lines("events.jsonl", self._events(self.snapshot.events(self.scope.since)))
        for sha256 in sorted(self.held):
            content = blobs.read(sha256)
            self.named.update(commitments_in(content))
            self._put(f"changes/{sha256}.json", content)
        named = None if self.scope.kind == "log" else self.named
        self._lines("personal.jsonl", map(canonical, self.snapshot.disclosures(named)))
        if self.scope.kind == "log":
            self._state()

    def _head(self) -> None:
        last = self.kept[-1]
        text, _ = notes.split_note(last["note"])
        origin = notes.Checkpoint.parse(text).origin
        # a witness's clock may be ahead of ours
        made_at = timestamp(max(timezone.now(), last["at"], *(each.at for each in self.anchors)))
        epochs = [
            {"epoch": number, "origin": origin_of(settings.LOG_ORIGIN, number), "size": first}
            for number, first in self.snapshot.epochs()
        ]
        self._put("manifest.json", canonical({
            "format": "mrm-audit-bundle", "version": 1, "scope": self.scope.as_json(), "origin": origin,
            "size": self.snapshot.size, "made_at": made_at, "epochs": epochs,
        }))  # fmt: skip
        self._put("checkpoint", last["note"].encode())
        self._lines("checkpoints.jsonl", (canonical(each) for each in self.kept))
        keys = self.snapshot.keys()
        self._put("keys.json", canonical({
            "log": keys, "witnesses": anchors.witnesses(settings.LOG_ANCHORS),
            "timestamp_authorities": anchors.authorities(settings.LOG_ANCHORS),
        }))  # fmt: skip
        self._anchored()
        for folder, contents in PINNED.items():
            for sha256, content in contents():
                self._put(f"{folder}/{sha256}.json", content)
        self._put("verify.py", VERIFIER.read_bytes())
        told = README.format(origin=origin, size=last["size"], made_at=made_at, vkey=keys[-1])
        self._put("README.md", told.encode())

    def _anchored(self) -> None:
        if self.anchors:
            self._put("anchors/anchors.json", canonical([each.as_json() for each in self.anchors]))
        for each in self.anchors:
            self._put(each.file, each.token)

    def _tiles(self) -> None:
        size, since = self.snapshot.size, self.scope.since
        for level, index, width in tiles.tiles_of(size):
            if (index + 1) * tiles.WIDTH ** (level + 1) <= since and self.scope.kind == "since":
                continue
            content = self.snapshot.tree.tile(level, index)[: width * tiles.HASH]
            self._put(tiles.tile_path(level, index, width), content)
            if level == 0:
                first = index * tiles.WIDTH
                self._put(tiles.entries_path(index, width), tiles.pack_entries(self.snapshot.payloads(first, width)))
                self.progress("Entries of the log", first + width, size)
        if self.scope.kind == "since":
            proof = self.snapshot.tree.consistency(since, size)
            self._put("consistency.proof", "".join(f"{line}\n" for line in notes.lines_of(proof)).encode())

    def _object(self) -> None:
        chain = list(self.snapshot.events_of(self.scope.object_type, self.scope.object_id))
        if not chain:
            raise NotReady("The log holds no event of this record yet.")
        self._lines("events.jsonl", self._events(iter(chain)))
        for index, _, _ in chain:
            proof = self.snapshot.tree.receipt(index, self.kept[-1]["note"])
            self._put(f"proofs/{index}.tlog-proof", proof.encode())

    def _events(self, events: Iterator[tuple[int, bytes, dict[str, Any]]]) -> Iterator[bytes]:
        for index, payload, columns in events:
            self.count += 1
            changes = json.loads(payload)["changes"]
            if isinstance(changes, dict):
                self.held.add(changes["sha256"])
            if self.scope.kind != "log":
                self.named.update(commitments_in(payload))
            if self.count % 1000 == 0:
                self.progress("Events", index, self.snapshot.size)
            yield canonical({"index": index, "columns": columns, "payload": base64.b64encode(payload).decode()})

    def _state(self) -> None:
        tables = self.snapshot.tables()
        told = {name: {"key": kept["key"], "secret": kept["secret"]} for name, kept in tables.items()}
        self._put("state/tables.json", canonical(told))
        for place, (name, kept) in enumerate(tables.items()):
            self.progress("Rows as they are", place, len(tables))
            self._lines(f"state/{name}.jsonl", self.snapshot.rows(name, **kept))

    def _put(self, name: str, content: bytes) -> None:
        with self._entry(name) as entry:
            entry.write(content)

    def _lines(self, name: str, lines: Iterable[bytes]) -> None:
        with self._entry(name) as entry:
            for line in lines:
                entry.write(line)
                entry.write(b"\n")

    def _entry(self, name: str) -> BinaryIO:
        return cast(
            BinaryIO, self.archive.open(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), "w", force_zip64=True)
        )
