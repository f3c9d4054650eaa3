"""A bundle of many events, written as the export writes it, in the order and packing of the export."""

import base64
import datetime as dt
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mrm.audit.log import merkle, notes, tiles
from mrm.core.canonical import canonical, timestamp
from tests.bench import events
from tests.bench.events import Written

ORIGIN = "log.bench.example/trail"
KEY = notes.SigningKey(ORIGIN, bytes(range(32)))
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CHECKPOINT_EVERY = 1_000


def write(target: Path, count: int) -> None:
    """The scope log with `count` events on a fiftieth as many records, and the live rows they lead to."""
    records = events.born(max(1, count // 50))
    draft = target.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _Bundle(archive, count).write(events.edits(records, count, BEGAN), records)
    draft.replace(target)


class _Bundle:
    def __init__(self, archive: zipfile.ZipFile, count: int) -> None:
        self.archive, self.count = archive, count
        self.frontier = merkle.Frontier()
        self.rows: list[list[bytes]] = [[]]
        self.kept: list[dict[str, Any]] = []

    def write(self, written: Iterable[Written], records: list[events.Record]) -> None:
        lines = self.archive.fp  # events.jsonl is kept beside while the tiles are written: a zip takes one at a time
        assert lines is not None
        beside = Path(str(self.archive.filename)).with_suffix(".lines")
        with beside.open("wb") as file:
            for first, part in _parts(written):
                self._tile(first // tiles.WIDTH, part)
                file.writelines(_line(first + place, event) for place, event in enumerate(part))
        self._rest()
        with beside.open("rb") as file, self.archive.open("events.jsonl", "w", force_zip64=True) as entry:
            while block := file.read(1 << 20):
                entry.write(block)
        beside.unlink()
        self._head()
        self._state(records)

    def _tile(self, index: int, part: list[Written]) -> None:
        self.archive.writestr(tiles.entries_path(index, len(part)), tiles.pack_entries(event.payload for event in part))
        for event in part:
            leaf = bytes.fromhex(event.digest)
            self.frontier.append(leaf)
            self.rows[0].append(leaf)
            size = self.frontier.size
            if size % CHECKPOINT_EVERY == 0 or size == self.count:
                self._keep(size, event.at)
        level = 0
        while len(self.rows[level]) == tiles.WIDTH:
            self._put(level, (self.frontier.size >> tiles.HEIGHT * (level + 1)) - 1)
            if level + 1 == len(self.rows):
                self.rows.append([])
            self.rows[level + 1].append(merkle.root(self.rows[level]))
            self.rows[level].clear()
            level += 1

    def _rest(self) -> None:
        for level, row in enumerate(self.rows):
            if row:
                self._put(level, self.frontier.size >> tiles.HEIGHT * (level + 1))

    def _put(self, level: int, index: int) -> None:
        row = self.rows[level]
        self.archive.writestr(tiles.tile_path(level, index, len(row)), b"".join(row))

    def _keep(self, size: int, at: str) -> None:
        root = self.frontier.root()
        note = KEY.sign(notes.Checkpoint(ORIGIN, size, root).text())
        self.kept.append({"size": size, "root": root.hex(), "at": at, "note": note})

    def _head(self) -> None:
        made_at = timestamp(BEGAN + dt.timedelta(days=365))
        manifest = {
            "format": "mrm-audit-bundle", "version": 1, "scope": {"kind": "log"}, "origin": ORIGIN, "size": self.count,
            "made_at": made_at, "epochs": [{"epoch": 1, "origin": ORIGIN, "size": 0}],
        }  # fmt: skip
        self.archive.writestr("manifest.json", canonical(manifest))
        self.archive.writestr("checkpoint", self.kept[-1]["note"])
        self.archive.writestr("checkpoints.jsonl", b"".join(canonical(each) + b"\n" for each in self.kept))
        named = {"log": [KEY.vkey], "witnesses": [], "timestamp_authorities": []}
        self.archive.writestr("keys.json", canonical(named))

    def _state(self, records: list[events.Record]) -> None:
        self.archive.writestr("state/tables.json", canonical({events.TABLE: {"key": "id", "secret": []}}))
        rows = [
            {"id": each.key, "name": each.label, "tier": "2", "unit_id": str(events.NAMES), "use_summary": each.value}
            for each in records
        ]
        lines = b"".join(canonical(row) + b"\n" for row in sorted(rows, key=lambda row: row["id"]))
        self.archive.writestr(f"state/{events.TABLE}.jsonl", lines)


def _parts(written: Iterable[Written]) -> Iterator[tuple[int, list[Written]]]:
    """Events in groups as wide as a tile, with the index of the first."""
    first, part = 0, []
    for event in written:
        part.append(event)
        if len(part) == tiles.WIDTH:
            yield first, part
            first, part = first + len(part), []
    if part:
        yield first, part


def _line(index: int, event: Written) -> bytes:
    """The event's line as the export writes it: columns in the order of their names, then index and payload."""
    who, name, key = events.PERSONS[event.person]
    record = event.record
    details = "{}" if event.born else '{"fields":"use summary"}'
    columns = (
        f'{{"columns":{{"actor":"{who}","actor_name":"{name}","actor_roles":{json.dumps(events.ROLES, separators=(",", ":"))},'
        f'"at":"{event.at}","details":{details},"digest":"{event.digest}","id":"{event.id}","object_id":"{record.key}",'
        f'"object_prev":"{event.prev}","object_seq":{event.seq},"object_type":"{events.KIND}","on_behalf_of":"",'
        f'"outcome":"done","person":"{key}","position":{index + 1},"reason":"","request_id":"{event.id[::-1]}",'
        f'"subject_id":"{record.key}","subject_label":"{record.label}","subject_type":"{events.KIND}",'
        f'"verb":"inventory.{"register" if event.born else "edit"}"}},"index":{index},"payload":"'
    )
    return columns.encode() + base64.b64encode(event.payload) + b'"}\n'
