"""Nothing in a bundle can be changed unseen: every column of every audit table, every byte, every place."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from django.apps import apps

from mrm.audit.log import merkle, notes, tiles
from mrm.audit.models import Governed
from mrm.core.canonical import canonical
from tests.audit.verifier.bundles import LOG, ORIGIN, WITNESS, Files, Log, edited
from tests.audit.verifier.loaded import report, status
from tests.audit.verifier.story import Story, approved, key_of

Edit = Callable[[Any], Any]

# where each column of the audit tables is in a bundle; a column that is in neither list fails the test below
IN_EVENTS = {
    "audit_event": {
        "id",
        "position",
        "at",
        "verb",
        "outcome",
        "actor",
        "actor_name",
        "actor_roles",
        "person",
        "on_behalf_of",
        "reason",
        "request_id",
        "subject_type",
        "subject_id",
        "subject_label",
        "object_type",
        "object_id",
        "object_seq",
        "object_prev",
        "details",
        "digest",
        "payload",
    },
    "audit_change": {"event_id", "table", "row", "op", "before", "after"},
    "audit_leaf": {"index", "event_id", "hash"},
    "audit_subtree": {"level", "index", "hash"},
    "audit_checkpoint": {"epoch", "size", "root", "note", "at"},
    "audit_anchor": {"checkpoint_id", "size", "name", "kind", "token", "at"},
}
NUMBERED = {  # a number of the database that no bundle carries
    "audit_change": {"id"},
    "audit_subtree": {"id"},
    "audit_checkpoint": {"id"},
    "audit_anchor": {"id"},
}
TABLES_ELSEWHERE = {
    "audit_anchorstate": "is how our own attempts to anchor went; what came of them is in audit_anchor",
    "audit_ddl": "is the record of changes to the database itself, which no bundle carries",
    "audit_logkey": "names the keys of the log: the auditor has them from elsewhere, and brings them with --key",
    "audit_undispatched": "is the outbox: what still owes a reaction proves nothing",
    "audit_disclosure": "is in personal.jsonl, opened: what is changed there is tried in test_personal.py",
    "audit_pending": "is the queue before the log: what is in no checkpoint is in no bundle",
}


@cache
def small() -> tuple[Story, Files]:
    """A story with everything in it, and its bundle with anchors."""
    story = approved()
    log = Log(story, [3, 11, 17])
    return story, log.whole() | anchored(log, 11)


def anchored(log: Log, size: int) -> Files:
    """A copy in a folder and a witness's cosignature over the checkpoint of that size."""
    kept = next(each for each in log.kept if each["size"] == size)
    text, _ = notes.split_note(kept["note"])
    time = 1793606400 + 60 * 60
    at = "2026-11-02T09:00:30.000000Z"
    entries = [
        {"name": "worm", "kind": "folder", "size": size, "at": at, "file": f"anchors/worm/{size}.note"},
        {"name": "w1", "kind": "witness", "size": size, "at": at, "file": f"anchors/w1/{size}.cosignature"},
    ]
    return {
        "anchors/anchors.json": canonical(entries),
        f"anchors/worm/{size}.note": kept["note"].encode(),
        f"anchors/w1/{size}.cosignature": notes.cosign(text, time, WITNESS).encode(),
    }


def test_the_bundle_itself_is_accepted() -> None:
    story, files = small()
    found = report(files, witnesses=(WITNESS.vkey,))
    assert [verdict.state for verdict in found.verdicts.values()] == ["OK"] * 4, found.lines()
    assert story.size == 25


def test_no_column_of_an_audit_table_escapes_the_matrix() -> None:
    for model in apps.get_app_config("audit").get_models():
        table = model._meta.db_table
        if table in TABLES_ELSEWHERE or issubclass(model, Governed):
            continue  # governed rows are live rows: the matrix changes each column of those, whatever the table
        assert table in IN_EVENTS, f"{table}: say where it is in a bundle and mutate it there, or why it is in none"
        columns = {field.column for field in model._meta.concrete_fields}
        known = IN_EVENTS[table] | NUMBERED.get(table, set())
        assert columns <= known, f"{table}: say where {columns - known} is in a bundle, and mutate it there"


def others(value: Any, name: str) -> Iterator[Any]:
    """Other values for a column, of its own kind and of another."""
    if isinstance(value, bool):
        yield from (not value, int(value), str(value))
    elif isinstance(value, int):
        yield from ((-1, 0, None, str(value)) if name == "position" else (value + 1, 0, -1, str(value), bool(value)))
    elif isinstance(value, str):
        yield from (value + "x", value[:-1] + "\N{LATIN SMALL LETTER SHARP S}", None, 1, [value])
        if value:
            yield ""
    elif isinstance(value, list):
        yield from ([*value, "auditor"], None, {"0": value})
    elif isinstance(value, dict):
        yield from ({**value, "more": 1}, None, [value])
    else:
        yield from (0, "", [])


def columns_changed() -> Iterator[tuple[str, Files]]:
    story, files = small()
    for index in range(story.size):
        for column in sorted(IN_EVENTS["audit_event"]):
            yield from column_changed(files, index, column)


def column_changed(files: Files, index: int, column: str) -> Iterator[tuple[str, Files]]:
    raw = files["events.jsonl"]
    line = json.loads(raw.split(b"\n")[index])
    place = line if column == "payload" else line["columns"]
    for number, value in enumerate(others(place[column], column)):
        if value == place[column] and type(value) is type(place[column]):
            continue

        def put(entry: Any, value: Any = value) -> None:
            (entry if column == "payload" else entry["columns"])[column] = value

        yield f"{index} {column} {number}", {**files, "events.jsonl": edited(raw, index, put)}

    def drop(entry: Any) -> None:
        del (entry if column == "payload" else entry["columns"])[column]

    yield f"{index} {column} gone", {**files, "events.jsonl": edited(raw, index, drop)}


def positions_swapped() -> Iterator[tuple[str, Files]]:
    """The position is a number of the database: what counts is the order that it gives an object's events."""
    _, files = small()
    lines = [json.loads(line) for line in files["events.jsonl"].split(b"\n")[:-1]]
    for index, line in enumerate(lines):
        thing = (line["columns"]["object_type"], line["columns"]["object_id"])
        for other in lines[index + 1 :]:
            if (other["columns"]["object_type"], other["columns"]["object_id"]) != thing:
                continue
            for value in (other["columns"]["position"], other["columns"]["position"] + 1):

                def put(entry: Any, value: Any = value) -> None:
                    entry["columns"]["position"] = value

                yield f"{index}>{other['index']}", {**files, "events.jsonl": edited(files["events.jsonl"], index, put)}


def rows_changed() -> Iterator[tuple[str, Files]]:
    """Every column of every live row, and every row gone, twice or renamed."""
    story, files = small()
    for table, rows in story.rows.items():
        name = f"state/{table}.jsonl"
        for number, key in enumerate(sorted(rows)):
            for column, kept in rows[key].items():
                for value in others(kept, column):
                    changed = edited(
                        files[name], number, lambda row, column=column, value=value: {**row, column: value}
                    )
                    if changed != files[name]:
                        yield f"{table} {key} {column}", {**files, name: changed}
            lines = files[name].split(b"\n")[:-1]
            less, more = lines[:number] + lines[number + 1 :], [*lines, lines[number]]
            yield f"{table} {key} gone", {**files, name: b"".join(line + b"\n" for line in less)}
            yield f"{table} {key} twice", {**files, name: b"".join(line + b"\n" for line in more)}


def checkpoints_changed() -> Iterator[tuple[str, Files]]:
    _, files = small()
    raw = files["checkpoints.jsonl"]
    count = raw.count(b"\n")
    for number in range(count):
        entry = json.loads(raw.split(b"\n")[number])
        for column in ("size", "root", "note"):
            for value in others(entry[column], column):
                changed = edited(raw, number, lambda line, column=column, value=value: {**line, column: value})
                yield f"checkpoint {number} {column}", {**files, "checkpoints.jsonl": changed}
        for at in ("2026-11-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z", "", None, entry["at"][:-1]):
            changed = edited(raw, number, lambda line, at=at: {**line, "at": at})
            yield f"checkpoint {number} at {at}", {**files, "checkpoints.jsonl": changed}
        for column in entry:
            changed = edited(raw, number, lambda line, column=column: {k: v for k, v in line.items() if k != column})
            yield f"checkpoint {number} no {column}", {**files, "checkpoints.jsonl": changed}
    for number in range(count - 1):
        lines = raw.split(b"\n")[:-1]
        lines[number], lines[number + 1] = lines[number + 1], lines[number]
        yield f"checkpoint {number} swapped", {**files, "checkpoints.jsonl": b"".join(line + b"\n" for line in lines)}


def epochs_changed() -> Iterator[tuple[str, Files]]:
    _, files = small()
    manifest = json.loads(files["manifest.json"])
    for column, kept in manifest["epochs"][0].items():
        for value in others(kept, column):
            if canonical(value) == canonical(kept):
                continue
            epochs = [{**manifest["epochs"][0], column: value}]
            yield f"{column} {value}", {**files, "manifest.json": canonical({**manifest, "epochs": epochs})}
    for epochs in ([], manifest["epochs"] * 2, None, {}):
        yield f"epochs {epochs}", {**files, "manifest.json": canonical({**manifest, "epochs": epochs})}


def anchors_changed() -> Iterator[tuple[str, Files]]:
    _, files = small()
    entries = json.loads(files["anchors/anchors.json"])
    for number, entry in enumerate(entries):
        for column, kept in entry.items():
            values = list(others(kept, column)) if column != "at" else []
            if column == "at":
                values = ["2026-11-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z", "", None, kept[:-1]]
            if column == "kind":
                values += [kind for kind in ("folder", "witness", "rfc3161") if kind != kept]
            for value in values:
                changed = [{**each, column: value} if each is entry else each for each in entries]
                yield f"anchor {number} {column} {value}", {**files, "anchors/anchors.json": canonical(changed)}
    for name in ("anchors/worm/11.note", "anchors/w1/11.cosignature"):
        yield f"{name} gone", {key: value for key, value in files.items() if key != name}
        for place in range(0, len(files[name]), 2):
            yield f"{name} {place}", {**files, name: flipped(files[name], place, 1)}


def flipped(raw: bytes, place: int, mask: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ mask]) + raw[place + 1 :]


def bytes_changed() -> Iterator[tuple[str, Files]]:
    """Every byte of a payload in the entries and in the lines, of the notes, the tile, and a list held by digest."""
    story, files = small()
    start = sum(len(payload) + 2 for payload in story.payloads[:9])
    length = len(story.payloads[9]) + 2
    entries = tiles.entries_path(0, story.size)
    for place in range(start, start + length):
        for bit in range(4):
            yield f"entry byte {place}.{bit}", {**files, entries: flipped(files[entries], place, 1 << (bit * 2))}
    for name in ("checkpoint", tiles.tile_path(0, 0, story.size), next(each for each in files if "changes/" in each)):
        for place in range(len(files[name])):
            for mask in (1, 0x80):
                yield f"{name} {place}", {**files, name: flipped(files[name], place, mask)}
    end = files["checkpoints.jsonl"].index(b"\n")
    quiet = files["checkpoints.jsonl"].index(b'"at":"')  # the time is no part of the note; its order is tested above
    for place in range(end):
        if not quiet <= place < quiet + 36:
            changed = flipped(files["checkpoints.jsonl"], place, 1)
            yield f"kept note {place}", {**files, "checkpoints.jsonl": changed}


def lines_moved() -> Iterator[tuple[str, Files]]:
    """Delete, duplicate, swap and insert at every place: in the lines, in the entries, and in both."""
    story, files = small()
    path, size = tiles.entries_path(0, story.size), story.size
    forged = story.payloads[0].replace(b'"reason":""', b'"reason":"x"', 1)
    for index in range(size):
        for name, order in {
            "delete": [*range(index), *range(index + 1, size)],
            "duplicate": [*range(index + 1), *range(index, size)],
            "swap": [*range(index), (index + 1) % size, index, *range(index + 2, size)],
            "insert": [*range(index), -1, *range(index, size)],
        }.items():
            payloads = [story.payloads[at] if at >= 0 else forged for at in order]
            lines = files["events.jsonl"].split(b"\n")
            kept = b"".join(lines[max(at, 0)] + b"\n" for at in order)
            packed = tiles.pack_entries(payloads)
            yield f"{name} line {index}", {**files, "events.jsonl": kept}
            yield f"{name} entry {index}", {**files, path: packed}
            yield f"{name} both {index}", {**files, path: packed, "events.jsonl": kept}
            unsigned = Log(story, payloads=payloads)
            rest = {k: v for k, v in unsigned.whole().items() if not k.startswith("checkpoint")}
            kept_files = {k: v for k, v in files.items() if k.startswith("checkpoint")}
            yield f"{name} with all tiles made anew {index}", rest | kept_files


GROUPS = {
    "columns": columns_changed,
    "positions": positions_swapped,
    "rows": rows_changed,
    "checkpoints": checkpoints_changed,
    "epochs": epochs_changed,
    "anchors": anchors_changed,
    "bytes": bytes_changed,
    "moves": lines_moved,
}
LEAST = {
    "columns": 2500,
    "positions": 80,
    "rows": 900,
    "checkpoints": 80,
    "epochs": 14,
    "anchors": 150,
    "bytes": 5500,
    "moves": 390,
}


@pytest.mark.parametrize("group", GROUPS)
def test_no_mutation_is_accepted(group: str) -> None:
    tried, accepted = 0, []
    for name, files in GROUPS[group]():
        tried += 1
        if status(files) == 0:
            accepted.append(name)
    assert accepted == []
    assert tried >= LEAST[group], f"only {tried} mutations were tried"


def test_ten_thousand_mutations_are_tried() -> None:
    assert sum(LEAST.values()) > 9_500
    assert sum(1 for make in GROUPS.values() for _ in make()) >= 10_000


@pytest.fixture(scope="module")
def wide() -> tuple[Log, Files]:
    """Enough events for two full tiles, a partial one, and a level above."""
    story = Story()
    for number in range(600):
        kind = ("inventory.model", key_of(f"model {number % 40}"))
        row = (
            story.insert("inventory_model", kind[1], name=f"m{number}", number=number)
            if number < 40
            else story.update("inventory_model", kind[1], name=f"m{number}")
        )
        story.event("inventory.edit", kind, row)
        story.pass_time(1)
    log = Log(story, range(37, 600, 37))
    return log, log.whole()


def test_every_tile_of_every_level_is_compared(wide: tuple[Log, Files]) -> None:
    log, files = wide
    assert status(files) == 0
    paths = [tiles.tile_path(*each) for each in tiles.tiles_of(log.size)]
    assert [path for path in paths if path.startswith("tile/1/")] == ["tile/1/000.p/2"]
    for path in paths:
        for place in (0, 31, len(files[path]) - 1):
            assert status({**files, path: flipped(files[path], place, 4)}) == 1
        assert status({name: raw for name, raw in files.items() if name != path}) == 1
        assert status({**files, path: files[path] + bytes(32)}) == 1
        assert status({**files, path: files[path][:-1]}) == 1
    for width in (87, 89, 256):
        moved = {tiles.entries_path(2, width) if "entries/002" in name else name: raw for name, raw in files.items()}
        assert status(moved) == 1


@pytest.mark.parametrize("start", [1, 37, 255, 256, 257, 300, 512, 599, 600])
def test_the_newest_part_continues_the_log_or_is_refused(wide: tuple[Log, Files], start: int) -> None:
    log, _ = wide
    files = log.since(start)
    kept = log.note(start)
    assert status(files) == 0
    assert report(files, since=kept)["ANCHORED"].state == "OK"
    leaves = [merkle.leaf_hash(b"another"), *log.leaves[1:start]]
    forged = LOG.sign(notes.Checkpoint(ORIGIN, start, merkle.root(leaves)).text())
    assert report(files, since=forged)["ANCHORED"].state == "FAILED"
    for name, raw in files.items():
        if name == "README.md" or name.startswith("policies/"):
            continue
        if name not in {"keys.json", "manifest.json"} and raw:
            assert status({**files, name: flipped(raw, len(raw) // 2, 1)}) == 1, name
            assert status({**files, name: raw[:-1]}) == 1, name
        assert status({other: content for other, content in files.items() if other != name}) > 0, name


def test_one_objects_bundle_is_proved_event_by_event() -> None:
    story, whole = small()
    log = Log(story, [3, 11, 17])
    kind = json.loads(story.payloads[-2])["object"]
    files = log.of(kind["type"], kind["id"])
    assert status(files) == 0
    count = files["events.jsonl"].count(b"\n")
    assert count > 5
    for name, raw in files.items():
        if name == "README.md" or name.startswith("policies/"):
            continue
        for place in range(0, len(raw), 97 if name == "events.jsonl" else 11):
            if name not in {"keys.json", "manifest.json", "checkpoints.jsonl"}:
                assert status({**files, name: flipped(raw, place, 1)}) > 0, (name, place)
        assert status({other: content for other, content in files.items() if other != name}) > 0, name
    lines = files["events.jsonl"].split(b"\n")[:-1]
    for number in range(count - 1):
        less = b"".join(line + b"\n" for at, line in enumerate(lines) if at != number)
        assert status({**files, "events.jsonl": less}) == 1
    assert status({**files, "strange.txt": b"x"}) == 1
    assert whole["manifest.json"] != files["manifest.json"]
