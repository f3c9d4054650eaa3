"""What each attack needs to be seen, cell by cell, and the anchors that see it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mrm.audit.log import notes, tiles
from mrm.audit.log.merkle import leaf_hash
from mrm.core.canonical import canonical
from tests.audit.verifier.authority import Authority
from tests.audit.verifier.bundles import LOG, ORIGIN, OTHER, WITNESS, Files, Log, edited
from tests.audit.verifier.loaded import report, sentence, status, verify
from tests.audit.verifier.story import MODEL, Story, approved, bank, submit, vote

KEPT = 17
SIZES = (3, 11, KEPT, 22)


def honest() -> Log:
    return Log(approved(), SIZES)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ec")


@pytest.fixture(scope="module")
def evidence(authority: Authority) -> dict[str, dict[str, Any]]:
    """What an auditor may hold of the honest log, by the column of the table."""
    log = honest()
    text, _ = notes.split_note(log.note(log.size))
    seen = log.note(log.size) + notes.cosign(text, 1793700000, WITNESS)
    stamps = tuple((f"{size}.tsr", authority.stamp(log.note(size).encode())) for size in (KEPT, log.size))
    return {
        "alone": {},
        "replay": {},
        "kept": {"since": log.note(KEPT)},
        "tokens": {"anchors": stamps, "authorities": (authority.root,)},
        "witness": {"anchors": (("latest", seen.encode()),), "witnesses": (WITNESS.vkey,)},
    }


def rechained(payloads: list[bytes], edit: Callable[[list[Any]], None]) -> list[bytes]:
    """The events changed as somebody would who also mends every link between them."""
    contents = [json.loads(payload) for payload in payloads]
    edit(contents)
    heads: dict[tuple[str, str], tuple[int, str]] = {}
    mended = []
    for content in contents:
        thing = content["object"]
        seq, prev = heads.get((thing["type"], thing["id"]), (0, ""))
        thing.update(seq=seq + 1, prev=prev)
        mended.append(canonical(content))
        heads[thing["type"], thing["id"]] = (seq + 1, leaf_hash(mended[-1]).hex())
    return mended


def rewritten(at: int) -> Callable[[list[Any]], None]:
    def edit(contents: list[Any]) -> None:
        contents[at]["reason"] = "agreed with the committee"

    return edit


def without_the_key(edit: Callable[[list[Any]], None]) -> Files:
    """Everything made anew but the signed notes, which cannot be."""
    log = honest()
    forged = Log(log.story, SIZES, payloads=rechained(log.payloads, edit)).whole()
    return forged | {name: raw for name, raw in log.whole().items() if name.startswith("checkpoint")}


def modified() -> Files:
    return without_the_key(rewritten(5))


def inserted() -> Files:
    return without_the_key(lambda contents: contents.insert(5, {**contents[5], "id": contents[5]["id"][::-1]}))


def deleted() -> Files:
    return without_the_key(lambda contents: contents.__delitem__(24))


def reordered() -> Files:
    return without_the_key(lambda contents: contents.insert(0, contents.pop(1)))


def signed_by_another() -> Files:
    story = approved()
    return Log(story, SIZES, key=OTHER, payloads=rechained(story.payloads, rewritten(5))).whole()


def rewritten_with_the_key() -> Files:
    story = approved()
    return Log(story, SIZES, payloads=rechained(story.payloads, rewritten(5))).whole()


def rewritten_lately() -> Files:
    story = approved()
    return Log(story, SIZES, payloads=rechained(story.payloads, rewritten(KEPT + 2))).whole()


def tail_cut() -> Files:
    story = approved()
    return Log(story, SIZES, payloads=story.payloads[:22]).whole()


def rolled_back() -> Files:
    story = bank()
    assert story.size > KEPT
    return Log(story, [3, 11, KEPT]).whole()


def forked() -> Files:
    story = bank()
    submit(story)
    for name in ("adam", "rita"):
        vote(story, name, decision="approve_with_conditions")
    for _ in range(6):
        story.event("inventory.rate", MODEL, actor="olivia", reason="in the other history")
    assert story.size > approved().size
    return Log(story, SIZES).whole()


def row_changed() -> Files:
    files = honest().whole()
    name = "state/inventory_model.jsonl"
    return {**files, name: edited(files[name], 0, lambda row: {**row, "tier": "4"})}


def clock_set_back() -> Files:
    story = bank()
    story.pass_time(-7200)
    story.event("inventory.rate", MODEL, actor="olivia")
    return Log(story, [3, 11, KEPT, story.size - 1]).whole()


COLUMNS = ("alone", "replay", "kept", "tokens", "witness")
TABLE = [
    (modified, "yes yes yes yes yes"),
    (inserted, "yes yes yes yes yes"),
    (deleted, "yes yes yes yes yes"),
    (reordered, "yes yes yes yes yes"),
    (signed_by_another, "yes yes yes yes yes"),
    (rewritten_with_the_key, "no no yes yes yes"),
    (rewritten_lately, "no no no yes yes"),
    (tail_cut, "no yes no yes yes"),
    (rolled_back, "no no no yes yes"),
    (forked, "no no no yes yes"),
    (row_changed, "no yes no no no"),
    (clock_set_back, "yes yes yes yes yes"),
]


@pytest.mark.parametrize(("attack", "cells"), TABLE, ids=[attack.__name__ for attack, _ in TABLE])
def test_each_attack_is_seen_by_what_the_table_says(
    attack: Callable[[], Files], cells: str, evidence: dict[str, dict[str, Any]]
) -> None:
    files = attack()
    seen = []
    for column in COLUMNS:
        found = report(files, **evidence[column])
        named = {"alone": ["INTEGRITY"], "replay": ["INTEGRITY", "COMPLETENESS"]}
        judged = named.get(column, ["INTEGRITY", "ANCHORED"])
        seen.append("yes" if any(found[name].state == "FAILED" for name in judged) else "no")
    assert " ".join(seen) == cells


def test_the_honest_log_passes_with_all_evidence(evidence: dict[str, dict[str, Any]]) -> None:
    together = {
        **evidence["kept"],
        "anchors": (*evidence["tokens"]["anchors"], *evidence["witness"]["anchors"]),
        "authorities": evidence["tokens"]["authorities"],
        "witnesses": evidence["witness"]["witnesses"],
    }
    found = report(honest().whole(), **together)
    assert [verdict.state for verdict in found.verdicts.values()] == ["OK"] * 4
    told = found["ANCHORED"].sentence
    assert f"by a checkpoint that you kept up to size {KEPT}" in told
    assert "by time stamp of CN=Stamps up to size 25 at 20" in told
    assert "by witness witness.example/w1" in told
    assert "up to size 25 at 2026-11-03T" in told


def test_a_finding_names_the_place() -> None:
    assert 'field tier is "4", the log says "1"' in sentence(row_changed(), "COMPLETENESS")
    assert "the clock was set back" in sentence(clock_set_back(), "INTEGRITY")
    assert "the bundle holds 19: the newest were cut off" in sentence(
        rolled_back(), "ANCHORED", since=honest().note(25)
    )
    assert "the past was rewritten" in sentence(rewritten_with_the_key(), "ANCHORED", since=honest().note(KEPT))
    assert "not signed by the key given" in sentence(signed_by_another(), "INTEGRITY")


def test_the_bundles_own_key_is_believed_only_with_a_loud_word() -> None:
    files = signed_by_another()
    assert status(files, keys=()) == 0
    assert "BY THE BUNDLE'S OWN KEY" in sentence(files, "INTEGRITY", keys=())
    assert report(honest().whole(), keys=(OTHER.vkey,))["INTEGRITY"].state == "FAILED"
    with pytest.raises(verify.Unreadable, match="--key: a key is a name, an id and base64"):
        report(files, keys=("nonsense",))


def test_during_a_rotation_either_key_will_do() -> None:
    log = honest()
    for entry in log.kept[2:]:
        entry["note"] = notes.add_signature(entry["note"], OTHER)
    files = log.whole()
    files["keys.json"] = canonical({"log": [LOG.vkey, OTHER.vkey], "witnesses": [], "timestamp_authorities": []})
    assert status(files) == 0
    assert status(files, keys=(LOG.vkey, OTHER.vkey)) == 0
    assert "line 1 is not signed by the key given" in sentence(files, "INTEGRITY", keys=(OTHER.vkey,))
    files["keys.json"] = canonical({"log": [LOG.vkey], "witnesses": [], "timestamp_authorities": []})
    assert "a key that nobody named" in sentence(files, "INTEGRITY")


def test_a_restored_log_goes_on_under_another_origin_and_says_so() -> None:
    log = honest()
    second = notes.SigningKey(f"{ORIGIN}/2", LOG.seed)
    text = notes.Checkpoint(second.name, log.size, bytes.fromhex(log.kept[-1]["root"])).text()
    log.kept[-1]["note"] = second.sign(text)
    files = log.whole()
    epochs = [{"epoch": 1, "origin": ORIGIN, "size": 0}, {"epoch": 2, "origin": second.name, "size": 22}]
    files["manifest.json"] = canonical({**log.manifest(kind="log"), "origin": second.name, "epochs": epochs})
    assert status(files, keys=(LOG.vkey, second.vkey)) == 0
    assert f"RESTORED at size 22, and gone on as {second.name}" in sentence(
        files, "INTEGRITY", keys=(LOG.vkey, second.vkey)
    )
    epochs[1]["size"] = 18
    files["manifest.json"] = canonical({**log.manifest(kind="log"), "origin": second.name, "epochs": epochs})
    assert "had no size 22" in sentence(files, "INTEGRITY", keys=(LOG.vkey, second.vkey))


def with_anchors(log: Log, *entries: tuple[str, str, int, str, bytes, str]) -> Files:
    """The whole bundle with anchors: name, kind, size, ending, token, time."""
    files = log.whole()
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = canonical({**manifest, "made_at": "2099-01-01T00:00:00.000000Z"})
    listed = []
    for name, kind, size, ending, token, at in entries:
        path = f"anchors/{name}/{size}.{ending}"
        files[path] = token
        listed.append({"name": name, "kind": kind, "size": size, "at": at, "file": path})
    files["anchors/anchors.json"] = canonical(listed)
    return files


def time_of(stamp: bytes) -> str:
    moment: str = verify.stamp_moment(verify.parse_stamp(stamp, "")).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return moment


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_time_stamps_in_the_bundle_count_when_the_auditor_knows_the_authority(kind: str, tmp_path: Path) -> None:
    authority, log = Authority(tmp_path / kind, kind), honest()
    stamp = authority.stamp(log.note(22).encode())
    files = with_anchors(log, ("tsa", "rfc3161", 22, "tsr", stamp, time_of(stamp)))
    found = report(files)["ANCHORED"]
    assert (found.name, found.state) == ("UNANCHORED", "NOT CHECKED")
    assert "22.tsr: no certificate of the authority was given" in found.sentence
    for certificate in (authority.root, authority.signer, authority.root + authority.signer):
        assert report(files, authorities=(certificate,))["ANCHORED"].sentence.startswith(
            "by time stamp of CN=Stamps up to size 22 at "
        )
    stranger = Authority(tmp_path / "stranger", kind)
    assert "no certificate given vouches" in sentence(files, "ANCHORED", authorities=(stranger.root,))
    named = {"log": [LOG.vkey], "witnesses": [], "timestamp_authorities": [authority.root.decode()]}
    files["keys.json"] = canonical(named)
    assert "the bundle's own anchors agree with it (time stamps of tsa up to size 22)" in sentence(files, "ANCHORED")
    refused = 0
    for place in range(0, len(stamp), 3):
        changed = stamp[:place] + bytes([stamp[place] ^ 1]) + stamp[place + 1 :]
        files["anchors/tsa/22.tsr"] = changed
        found = report(files, authorities=(authority.root,))["ANCHORED"]
        refused += found.state == "FAILED"
        if found.state == "OK":  # what the authority did not sign: the status text, spare certificates, their order
            assert verify.parse_stamp(changed, "").imprint == verify.parse_stamp(stamp, "").imprint
            assert verify.parse_stamp(changed, "").info == verify.parse_stamp(stamp, "").info
    assert refused > len(stamp) // 3 * 0.5


def test_a_time_stamp_that_says_something_else_is_named(tmp_path: Path, authority: Authority) -> None:
    log = honest()
    stamp = authority.stamp(log.note(11).encode())
    at = time_of(stamp)
    trusted = {"authorities": (authority.root,)}
    other = with_anchors(log, ("tsa", "rfc3161", 22, "tsr", stamp, at))
    assert "stamps something else than the checkpoint of size 22" in sentence(other, "ANCHORED", **trusted)
    long = authority.stamp(log.note(22).encode(), digest="sha512")
    files = with_anchors(log, ("tsa", "rfc3161", 22, "tsr", long, at))
    assert "is not over SHA-256" in sentence(files, "ANCHORED", **trusted)
    early = with_anchors(log, ("tsa", "rfc3161", 11, "tsr", stamp, "2026-11-02T09:00:00.000000Z"))
    assert "anchors.json says 2026-11-02T09:00:00.000000Z" in sentence(early, "ANCHORED", **trusted)
    bare = authority.stamp(log.note(22).encode(), certificates=False)
    files = with_anchors(log, ("tsa", "rfc3161", 22, "tsr", bare, time_of(bare)))
    assert "neither in it nor given" in sentence(files, "ANCHORED", **trusted)
    assert report(files, authorities=(authority.root, authority.signer))["ANCHORED"].state == "OK"
    with pytest.raises(verify.Unreadable, match="not in PEM form"):
        report(files, authorities=(b"nonsense",))


def test_openssl_checks_time_stamps_where_the_library_is_missing(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = honest()
    stamp = authority.stamp(log.note(22).encode())
    files = with_anchors(log, ("tsa", "rfc3161", 22, "tsr", stamp, time_of(stamp)))
    stranger = Authority(tmp_path / "stranger")
    monkeypatch.setattr(verify, "x509", None)
    assert report(files, authorities=(authority.root,))["ANCHORED"].state == "OK"
    assert "not accepted by openssl" in sentence(files, "ANCHORED", authorities=(stranger.root,))
    monkeypatch.setenv("PATH", str(tmp_path))
    found = report(files, authorities=(authority.root,))["ANCHORED"]
    assert found.state == "NOT CHECKED"
    assert "neither the package cryptography nor the program openssl is here" in found.sentence


def test_a_witness_counts_when_the_auditor_knows_it() -> None:
    log = honest()
    text, _ = notes.split_note(log.note(22))
    line = notes.cosign(text, 1793700000, WITNESS)
    at = "2026-11-03T10:00:00.000000Z"
    for token in (line, log.note(22) + line):
        files = with_anchors(log, ("w1", "witness", 22, "cosignature", token.encode(), at))
        assert "witness witness.example/w1" in sentence(files, "ANCHORED", witnesses=(WITNESS.vkey,))
        assert report(files, witnesses=(WITNESS.vkey,))["ANCHORED"].state == "OK"
        assert report(files)["ANCHORED"].name == "UNANCHORED"
        assert "agree with it (witness" in sentence(files, "ANCHORED")
    stranger = notes.SigningKey.generate("witness.example/w2", notes.COSIGNATURE)
    assert "no checkpoint is cosigned by the witness" in sentence(files, "ANCHORED", witnesses=(stranger.vkey,))
    files = with_anchors(log, ("w1", "witness", 11, "cosignature", line.encode(), at))
    assert "does not hold" in sentence(files, "ANCHORED", witnesses=(WITNESS.vkey,))


def test_an_anchor_that_is_missing_or_of_no_checkpoint_is_named() -> None:
    log = honest()
    at = "2026-11-02T12:00:00.000000Z"
    files = with_anchors(log, ("worm", "folder", 22, "note", log.note(22).encode(), at))
    assert report(files)["ANCHORED"].state == "NOT CHECKED"
    del files["anchors/worm/22.note"]
    assert "anchors/worm/22.note is missing" in sentence(files, "ANCHORED")
    files = with_anchors(log, ("worm", "folder", 12, "note", log.note(12).encode(), at))
    assert "keeps no checkpoint of size 12" in sentence(files, "ANCHORED")
    files = with_anchors(log, ("worm", "folder", 22, "note", log.note(11).encode(), at))
    assert "is not the checkpoint of size 22" in sentence(files, "ANCHORED")
    files = with_anchors(log) | {"anchors/worm/22.note": b"x"}
    assert "is not listed" in sentence(files, "ANCHORED")


def test_a_copy_at_any_size_is_compared_with_the_log() -> None:
    log = honest()
    for size in (1, 9, 24, 25):
        assert report(log.whole(), anchors=(("copy", log.note(size).encode()),))["ANCHORED"].state == "OK"
    forged = Log(approved(), SIZES, payloads=rechained(approved().payloads, rewritten(0)))
    assert "has the root" in sentence(log.whole(), "ANCHORED", anchors=(("copy", forged.note(9).encode()),))
    foreign = notes.SigningKey("other.example/log", bytes(32))
    note = foreign.sign(notes.Checkpoint(foreign.name, 9, bytes(32)).text())
    assert "is of the log other.example/log" in sentence(log.whole(), "ANCHORED", since=note)
    part = log.of(*MODEL)
    assert report(part, since=log.note(11))["ANCHORED"].state == "OK"
    assert "cannot be compared with this part of the log" in sentence(part, "ANCHORED", since=log.note(12))


def test_an_empty_log_is_a_log() -> None:
    files = Log(Story()).whole()
    assert not [name for name in files if name.startswith("tile/")]
    assert status(files) == 0
    assert tiles.tile_width(0, 0, 0) == 0
