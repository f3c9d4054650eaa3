"""The verifier's own parts against the libraries that do the same, and random streams of events."""

import itertools
import json
import string
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrm.audit.log import merkle, notes, tiles
from mrm.core.canonical import canonical
from tests.audit.verifier.bundles import Log
from tests.audit.verifier.loaded import PATH, report, sentence, status, verify
from tests.audit.verifier.story import Story, approved, change, key_of

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RFC_8032 = [  # section 7.1: secret, public, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
            "655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
            "b00d291612bb0c00"
        ),
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_ed25519_by_hand_takes_the_vectors_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    parts = [bytes.fromhex(each) for each in (public, message, signature)]
    assert notes.SigningKey("x", bytes.fromhex(secret)).verifier.public == parts[0]
    assert verify.ed25519_by_hand(*parts)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 767), st.integers(0, 2**256 - 1))
def test_ed25519_by_hand_agrees_with_the_library(seed: bytes, message: bytes, bit: int, more: int) -> None:
    key = notes.SigningKey("x", seed)
    public, signature = key.verifier.public, key._signature(message)
    assert verify.ed25519_by_hand(public, message, signature)
    both = bytearray(public + signature)
    both[bit // 8] ^= 1 << bit % 8
    changed = (bytes(both[:32]), message, bytes(both[32:]))
    assert verify.ed25519_by_hand(*changed) == verify.ed25519_holds(*changed) is False
    scalar = int.from_bytes(signature[32:], "little") + verify.L  # the same signature to a lenient reader
    if scalar < 2**256:
        stretched = signature[:32] + scalar.to_bytes(32, "little")
        assert verify.ed25519_by_hand(public, message, stretched) is False
        assert verify.ed25519_holds(public, message, stretched) is False
    noise = more.to_bytes(32, "little")
    assert verify.ed25519_by_hand(noise, message, signature) == verify.ed25519_holds(noise, message, signature)


@given(VALUES)
def test_what_is_written_canonically_is_read(value: Any) -> None:
    raw = canonical(value)
    assert verify.parse(raw, "it") == json.loads(raw)
    assert verify.encode(verify.parse(raw, "it")).encode() == raw


@given(VALUES, st.data())
def test_what_is_written_otherwise_is_refused(value: Any, data: st.DataObject) -> None:
    """One character put in, taken out or exchanged: read only where that is the canonical form of something."""
    text = canonical(value).decode()
    place = data.draw(st.integers(0, len(text)))
    sign = data.draw(st.sampled_from(' \n\t0-1."\\,:{}[]aeu\u0301é') | st.just(""))
    changed = text[:place] + sign + text[place + data.draw(st.integers(0, 1)) :]
    try:
        found = verify.parse(changed.encode(), "it")
    except verify.Malformed:
        return
    assert canonical(found).decode() == changed


@pytest.mark.parametrize(
    "text",
    ['{"b":1,"a":2}', '{"a":1,"a":1}', '{"a":1, "b":2}', "1.5", "1e3", "-0", "9007199254740992", "NaN", '"\\u0061"',
     '"\\/"', '{"é":1}', '"e\u0301"', '"\\n\u0301e\u0301"', "[1,]", "", '"\\ud800"', "\ufeff1", "[1 ]", '{"b":{"z":1,"y":1}}'],
)  # fmt: skip
def test_other_ways_to_write_are_refused(text: str) -> None:
    with pytest.raises(verify.Malformed):
        verify.parse(text.encode(), "it")


def test_a_combining_sign_after_an_escape_is_no_fault() -> None:
    assert verify.parse('"\\n\u0301"'.encode(), "it") == "\n\u0301"


@settings(deadline=None)
@given(st.integers(0, 1200), st.integers(0, 1200))
def test_the_growing_tree_is_the_librarys(first: int, second: int) -> None:
    old, new = sorted((first, second))
    leaves = [merkle.leaf_hash(str(each).encode()) for each in range(new)]
    tree = verify.Tree()
    for leaf in leaves:
        tree.append(leaf)
        for row in tree.rows:
            if len(row) == 256:
                row.clear()
    assert tree.root() == merkle.root(leaves)
    for level, row in enumerate(tree.rows):
        assert len(row) == (new >> 8 * level) % 256
    rows = [[merkle.root(leaves[at << 8 * level : (at + 1) << 8 * level]) for at in range(old >> 8 * level)][
        (old >> 8 * (level + 1)) << 8 :] for level in range(2)]  # fmt: skip
    again = verify.Tree(old, rows)
    assert again.root() == merkle.root(leaves[:old])
    for leaf in leaves[old:]:
        again.append(leaf)
    assert again.root() == tree.root()


@given(st.integers(0, 10**10), st.integers(1, 256))
def test_tile_paths_are_the_librarys(index: int, width: int) -> None:
    assert f"tile/3/{verify.place(index, width)}" == tiles.tile_path(3, index, width)


OPERATIONS = st.lists(st.tuples(st.sampled_from("iiuud"), st.integers(0, 5), KEYS, VALUES, TEXT), max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS, st.data())
def test_any_stream_of_events_passes_and_any_change_to_it_fails(operations: list[Any], data: st.DataObject) -> None:
    story = Story()
    for kind, number, column, drawn, reason in operations:
        row, thing = key_of(f"row {number}"), ("inventory.thing", key_of(f"thing {number % 2}"))
        known = story.rows.get("inventory_thing", {})
        value = json.loads(canonical(drawn))
        name = f"c_{column}"
        if kind == "d" and row in known:
            changes = [story.delete("inventory_thing", row)]
        elif row in known and name in known[row] and canonical(known[row][name]) != canonical(value):
            changes = [story.update("inventory_thing", row, **{name: value})]
        elif row not in known:
            changes = [story.insert("inventory_thing", row, **{name: value, "flag": True})]
        else:
            changes = []
        story.event("inventory.edit", thing, *changes, reason=reason, details={column: value})
        story.pass_time(data.draw(st.sampled_from([0, 0, 1, 90])))
    sizes = data.draw(st.lists(st.integers(0, story.size), max_size=4))
    files = Log(story, sizes).whole()
    assert status(files) == 0, report(files).lines()
    name = data.draw(st.sampled_from(sorted(set(files) - {"README.md", "manifest.json", "keys.json"})))
    if files[name]:
        place = data.draw(st.integers(0, len(files[name]) - 1))
        raw = (
            files[name][:place]
            + bytes([files[name][place] ^ data.draw(st.integers(1, 255))])
            + files[name][place + 1 :]
        )
        # a checkpoint's time and an event's position are checked for their order alone
        quiet = (b'"at":"', b'"position":')
        if not (name.endswith("s.jsonl") and any(raw.rfind(mark, 0, place) > place - 40 for mark in quiet)):
            assert status({**files, name: raw}) > 0


SCHEMA = json.loads((PATH.parent.parent.parent / "fixtures" / "schemas" / "audit-event-1.json").read_text())


def variants(value: Any) -> Iterator[Any]:
    """The same event with one part of it of another kind, gone, or joined by a stranger."""
    wrong: list[Any] = [None, True, 0, -1, "", "x", [], {}, [1], {"x": 1}]
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {key: each for key, each in value.items() if key != name}
            for other in [*variants(inner), *wrong]:
                yield {**value, name: other}
        yield {**value, "stranger": 1}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in variants(inner))


def quick_fault(payload: bytes) -> str:
    """What the verifier says of a payload on the way that it takes for every event."""
    try:
        verify.read_event(payload)
    except verify.Malformed as error:
        return str(error)
    return ""


def test_what_the_schema_of_events_refuses_the_verifier_refuses() -> None:
    schema = jsonschema.Draft202012Validator(SCHEMA)
    payloads = [json.loads(payload) for payload in approved().payloads]
    assert all(schema.is_valid(payload) for payload in payloads)
    tried = 0
    for payload in (payloads[7], payloads[-1], payloads[-4]):
        for other in variants({**payload, "details": {}}):
            if schema.is_valid(other):
                continue
            tried += 1
            ordered = json.loads(canonical(other))
            assert verify.event_fault(ordered), other
            assert quick_fault(canonical(other)), other
    assert tried > 400


@given(st.data())
def test_an_event_is_read_without_taking_it_apart_whatever_its_texts_hold(data: st.DataObject) -> None:
    event = json.loads(data.draw(st.sampled_from(approved().payloads)))
    texts = st.text(min_size=1)
    event["reason"], event["request_id"] = data.draw(texts), data.draw(st.text())
    for part, name in (("actor", "key"), ("actor", "name"), ("object", "id"), ("subject", "label")):
        event[part][name] = data.draw(texts)
    event["actor"]["roles"] = data.draw(st.lists(st.text()))
    event["details"] = data.draw(st.dictionaries(st.text(string.ascii_letters + '"\\\n:'), st.text() | st.integers()))
    event["object"]["seq"] = data.draw(st.integers(2, 2**54))
    event["object"]["prev"] = "a" * 64
    try:
        payload = canonical(event)
    except ValueError:
        return
    event = json.loads(payload)
    if not isinstance(event["object"]["seq"], int):  # too large to be exact, so it became text
        assert quick_fault(payload)
        return
    read = verify._read(payload.decode())
    assert read is not None
    assert read.whole == event
    assert [json.loads(each) for each in (read.key, read.reason, read.roles, read.details)] == [
        event["actor"]["key"], event["reason"], event["actor"]["roles"], event["details"],
    ]  # fmt: skip


def forget() -> None:
    verify._actors.clear()
    verify._details.clear()


def read(payload: bytes) -> tuple[str, ...]:
    """Every part of the event as the verifier reads it, or why it does not."""
    try:
        event = verify.read_event(payload)
    except verify.Malformed as error:
        return (str(error),)
    return tuple(str(getattr(event, name)) for name in event.__slots__)


def test_what_was_read_before_changes_nothing_in_what_is_read() -> None:
    """Actors and details that came before are known again by their writing alone."""
    payloads = approved().payloads
    changed = [
        payload[:place] + other + payload[place + 1 :]
        for payload in (payloads[9], payloads[14])
        for place in range(len(payload))
        for other in (b"", b'"', b"}", bytes([payload[place] ^ 1]), payload[place : place + 1] * 2)
    ]
    changed += [one[: one.index(b'},"at"')] + rest for one in payloads for rest in (b"", b"x", b'},"at":"', b"}}")]
    changed += [
        one[: one.index(b',"details"')] + b',"details":' + held + one[one.index(b',"id":"') :]
        for one in payloads
        for held in (
            b"{}",
            b'{"id":"1"}',
            b'{"a":1,"id":"1"}',
            b'{"tier":"1"}',
            b'{"tier":"1"',
            b'{"tier":"1"}}',
            b"[]",
            b"",
        )
    ]
    told = []
    for payload in changed:
        forget()
        told.append(read(payload))
    assert sum(len(each) > 1 for each in told) > 400
    for payload in payloads:
        assert len(read(payload)) > 1
    assert [read(payload) for payload in changed] == told
    assert [read(payload) for payload in changed] == told


def test_no_more_is_remembered_than_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_REMEMBERED", 3)
    forget()
    assert status(Log(approved()).whole()) == 0
    assert len(verify._actors) <= 3
    assert len(verify._details) <= 3


@pytest.mark.parametrize("block", [1, 2, 7, 64, 1 << 18])
def test_lines_are_passed_over_as_if_they_were_read(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "BLOCK", block)
    lines = [b"", b"a", b"bc" * 20, b"", b"", b"d" * 7, b"e"]
    files = verify.Memory({"some": b"".join(line + b"\n" for line in lines), "cut": b"a\nb", "none": b""})
    for after in range(len(lines) + 1):
        assert list(files.lines("some", after)) == lines[after:]
    for name, after, reason in (("some", 8, "ends 1 lines too early"), ("none", 1, "too early"), ("cut", 0, "newline")):
        with pytest.raises(verify.Cut, match=reason):
            list(files.lines(name, after))
    assert list(files.lines("none")) == []


def test_many_rows_spill_to_disk_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "SPILL_AT", 2_000)
    monkeypatch.setattr(verify.Kept, "MOST", 3)
    files = Log(approved()).whole()
    assert [each.state for each in report(files).verdicts.values()] == ["OK", "NOT CHECKED", "OK", "OK"]
    assert status({**files, "state/inventory_model.jsonl": b""}) == 1


def test_the_changes_of_one_time_to_a_row_are_put_in_order() -> None:
    steps = [("insert", None, {"id": "1", "a": 0}), ("update", {"a": 0}, {"a": 1}), ("update", {"a": 1}, {"a": 0}),
             ("update", {"a": 0}, {"a": 2})]  # fmt: skip
    for order in itertools.permutations(steps):
        story = Story()
        for op, before, after in order:
            story.event("inventory.edit", ("inventory.thing", "1"), change("inventory_thing", "1", op, before, after))
        story.rows = {"inventory_thing": {"1": {"id": "1", "a": 2}}}
        assert status(Log(story).whole()) == 0, order
        story.rows = {"inventory_thing": {"1": {"id": "1", "a": 1}}}
        assert "field a is 1, the log says 2" in sentence(Log(story).whole(), "COMPLETENESS")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            [change("t", "1", "insert", None, {"id": "1"}), change("t", "1", "insert", None, {"id": "1"})],
            "there already",
        ),
        ([change("t", "1", "update", {"a": 1}, {"a": 2})], "no event made the row before"),
        ([change("t", "1", "delete", {"id": "1"}, None)], "no event made the row before"),
        ([change("t", "1", "insert", None, {"id": "2"})], "is not the row's key"),
        ([change("t", "1", "insert", None, {"id": "1", "password": "x"})], "secret column"),
        (
            [change("t", "1", "insert", None, {"id": "1", "a": True}), change("t", "1", "update", {"a": 1}, {"a": 2})],
            "field a was true in the log, the event says 1",
        ),
        (
            [change("t", "1", "insert", None, {"id": "1"}), change("t", "1", "delete", {"id": "1", "a": 1}, None)],
            "was not as the event says",
        ),
    ],
)
def test_changes_that_do_not_fit_one_another_are_named(changes: list[dict[str, Any]], reason: str) -> None:
    story = Story()
    story.rows, story.secret = {"t": {}}, {"t": ["password"]}
    for each in changes:
        story.event("inventory.edit", ("inventory.thing", "1"), each)
        story.pass_time()
    assert reason in sentence(Log(story).whole(), "COMPLETENESS")
