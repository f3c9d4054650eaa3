"""Bundles made with the library from a story, in the format that an export has."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

from mrm.audit.log import merkle, notes, receipt, tiles
from mrm.core.canonical import canonical, timestamp
from tests.audit.verifier.story import START, Story

ORIGIN = "log.bank.example/trail"
LOG = notes.SigningKey(ORIGIN, bytes(range(32)))
OTHER = notes.SigningKey(ORIGIN, bytes(range(5, 37)))
WITNESS = notes.SigningKey("witness.example/w1", bytes(range(9, 41)), notes.COSIGNATURE)
Files = dict[str, bytes]


class Log:
    """The log of a story: hashes, signed checkpoints, tiles. `key` signs; payloads may be given instead of the story's."""

    def __init__(
        self,
        story: Story,
        checkpoints: Iterable[int] = (),
        key: notes.SigningKey = LOG,
        payloads: list[bytes] | None = None,
    ) -> None:
        self.story, self.key = story, key
        self.payloads = story.payloads if payloads is None else payloads
        self.size = len(self.payloads)
        self.leaves = [merkle.leaf_hash(payload) for payload in self.payloads]
        self.rows = [self.leaves]
        while len(self.rows[-1]) >= tiles.WIDTH:
            below = self.rows[-1]
            self.rows.append([merkle.root(below[at : at + 256]) for at in range(0, len(below) // 256 * 256, 256)])
        self.read = tiles.subtrees(self.tile)
        self.kept: list[dict[str, Any]] = []
        for size in sorted({*checkpoints, self.size}):
            self.keep(size)

    def tile(self, level: int, index: int, size: int | None = None) -> bytes:
        width = tiles.tile_width(level, index, self.size if size is None else size)
        return b"".join(self.rows[level][index * 256 : index * 256 + width])

    def note(self, size: int) -> str:
        root = merkle.Frontier.of(size, self.read).root()
        return self.key.sign(notes.Checkpoint(ORIGIN, size, root).text())

    def keep(self, size: int) -> None:
        times = [json.loads(payload)["at"] for payload in self.payloads[:size]]
        at = max([*times, self.kept[-1]["at"] if self.kept else timestamp(START)])
        root = merkle.Frontier.of(size, self.read).root().hex()
        self.kept.append({"size": size, "root": root, "at": at, "note": self.note(size)})

    def manifest(self, **scope: Any) -> dict[str, Any]:
        return {
            "format": "mrm-audit-bundle",
            "version": 1,
            "scope": scope,
            "origin": ORIGIN,
            "size": self.size,
            "made_at": timestamp(self.story.now + dt.timedelta(hours=1)),
            "epochs": [{"epoch": 1, "origin": ORIGIN, "size": 0}],
        }

    def common(self, **scope: Any) -> Files:
        named = {"log": [self.key.vkey], "witnesses": [WITNESS.vkey], "timestamp_authorities": []}
        return {
            "manifest.json": canonical(self.manifest(**scope)),
            "checkpoint": self.kept[-1]["note"].encode(),
            "checkpoints.jsonl": lines(self.kept),
            "keys.json": canonical(named),
            "README.md": b"Run verify.py.\n",
            **{f"policies/{digest}.json": raw for digest, raw in self.story.policies.items()},
        }

    def held(self, payloads: Iterable[bytes]) -> Files:
        contents = [json.loads(payload)["changes"] for payload in payloads]
        digests = {each["sha256"] for each in contents if isinstance(each, dict)}
        return {f"changes/{digest}.json": self.story.held[digest] for digest in digests}

    def whole(self) -> Files:
        """The scope log: everything, with the live rows."""
        files = self.common(kind="log") | self.held(self.payloads) | self.tiles(0) | self.state()
        files["events.jsonl"] = lines(event_line(index, payload) for index, payload in enumerate(self.payloads))
        return files

    def tiles(self, start: int) -> Files:
        """Every tile and entry bundle that ends after the start."""
        files = {}
        for level, index, width in tiles.tiles_of(self.size):
            if (index + 1) * 256 ** (level + 1) <= start:
                continue
            files[tiles.tile_path(level, index, width)] = self.tile(level, index)
            if level == 0:
                part = self.payloads[index * 256 : index * 256 + width]
                files[tiles.entries_path(index, width)] = tiles.pack_entries(part)
        return files

    def state(self) -> Files:
        tables = {table: {"key": "id", "secret": self.story.secret.get(table, [])} for table in sorted(self.story.rows)}
        files = {"state/tables.json": canonical(tables)}
        for table, rows in self.story.rows.items():
            files[f"state/{table}.jsonl"] = lines(rows[key] for key in sorted(rows))
        return files

    def since(self, size: int) -> Files:
        """The scope since: the events from a size on, and that they continue the log of that size."""
        payloads = self.payloads[size:]
        files = self.common(kind="since", size=size) | self.held(payloads) | self.tiles(size)
        files["events.jsonl"] = lines(event_line(at, payload) for at, payload in enumerate(payloads, start=size))
        proof = merkle.consistency_proof(size, self.size, self.read)
        files["consistency.proof"] = "".join(f"{line}\n" for line in notes.lines_of(proof)).encode()
        return files

    def of(self, kind: str, key: str) -> Files:
        """The scope object: one object's events, each with its receipt."""
        chain = [
            (index, payload)
            for index, payload in enumerate(self.payloads)
            if (json.loads(payload)["object"]["type"], json.loads(payload)["object"]["id"]) == (kind, key)
        ]
        files = self.common(kind="object", type=kind, id=key) | self.held(payload for _, payload in chain)
        files["events.jsonl"] = lines(event_line(index, payload) for index, payload in chain)
        for index, _ in chain:
            proof = merkle.inclusion_proof(index, self.size, self.read)
            files[f"proofs/{index}.tlog-proof"] = receipt.write(index, proof, self.kept[-1]["note"]).encode()
        return files


def columns(payload: bytes, index: int) -> dict[str, Any]:
    """Every column of audit_event but the payload, as the database reads them out of it."""
    event = json.loads(payload)
    return {
        "id": event["id"],
        "position": index * 3 + 1,
        "at": event["at"],
        "verb": event["verb"],
        "outcome": event["outcome"],
        "actor": event["actor"]["key"],
        "actor_name": event["actor"]["name"],
        "actor_roles": event["actor"]["roles"],
        "person": event["actor"]["person"],
        "on_behalf_of": event["actor"]["on_behalf_of"],
        "reason": event["reason"],
        "request_id": event["request_id"],
        "subject_type": event["subject"]["type"],
        "subject_id": event["subject"]["id"],
        "subject_label": event["subject"]["label"],
        "object_type": event["object"]["type"],
        "object_id": event["object"]["id"],
        "object_seq": event["object"]["seq"],
        "object_prev": event["object"]["prev"],
        "details": event["details"],
        "digest": merkle.leaf_hash(payload).hex(),
    }


def event_line(index: int, payload: bytes) -> dict[str, Any]:
    return {"index": index, "columns": columns(payload, index), "payload": base64.b64encode(payload).decode()}


def lines(values: Iterable[Any]) -> bytes:
    return b"".join(canonical(value) + b"\n" for value in values)


def edited(raw: bytes, number: int, edit: Callable[[Any], Any]) -> bytes:
    """JSON lines with one of them changed."""
    parts = raw.split(b"\n")[:-1]
    value = json.loads(parts[number])
    changed = edit(value)
    parts[number] = canonical(value if changed is None else changed)
    return b"".join(part + b"\n" for part in parts)


def zipped(files: Files, path: Any) -> Any:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
