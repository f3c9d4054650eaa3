"""Several processes see what one sees, and the quick look sees what hashes and signatures show."""

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mrm.audit.log import merkle
from tests.audit.verifier.bundles import LOG, OTHER, Files, Log, edited, event_line, lines, zipped
from tests.audit.verifier.loaded import report, sentence, status, verify
from tests.audit.verifier.story import Story, approved, key_of
from tests.audit.verifier.test_hostile import run

LONG = 1_200
SIZES = [1, 255, 256, 300, 512, 700, 1_100]


def long_story() -> Story:
    """An approval, and after it edits that fill several tiles."""
    story = approved()
    while story.size < LONG:
        number = story.size
        thing = ("inventory.thing", key_of(f"thing {number % 40}"))
        row = {"number": str(number), "note": "„Süd“"}
        known = thing[1] in story.rows.get("inventory_thing", {})
        change = (story.update if known else story.insert)("inventory_thing", thing[1], **row)
        story.event("inventory.edit", thing, change)
        story.pass_time(5)
    return story


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(long_story(), SIZES)


@pytest.fixture(scope="module")
def files(log: Log) -> Files:
    return log.whole()


def entries_with(log: Log, index: int, payload: bytes) -> Files:
    """The entry bundle in which one payload is another."""
    first = index // 256 * 256
    part = list(log.payloads[first : first + 256])
    part[index - first] = payload
    name = f"tile/entries/{first // 256:03d}" + ("" if len(part) == 256 else f".p/{len(part)}")
    return {name: b"".join(len(each).to_bytes(2, "big") + each for each in part)}


def spoken(files: Files, jobs: int, **options: Any) -> tuple[list[str], list[list[str]]]:
    """States and findings of the verdicts, in the order in which they are told."""
    found = report(files, jobs=jobs, **options).verdicts.values()
    return [each.state for each in found], [each.findings for each in found]


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_an_honest_log_holds_in_any_number_of_processes(log: Log, files: Files, jobs: int) -> None:
    found = report(files, jobs=jobs, since=log.note(300))
    assert [each.state for each in found.verdicts.values()] == ["OK"] * 4, found.lines()
    assert "all 1200 events" in found["INTEGRITY"].sentence
    assert "8 checkpoints in order" in found["INTEGRITY"].sentence
    assert found["ANCHORED"].sentence == "by a checkpoint that you kept up to size 300"
    assert found["SEPARATION OF DUTIES"].sentence.startswith("1 decisions")
    since = report(log.since(300), jobs=jobs)
    assert (since.exit_status, "events 300 to 1200" in since["INTEGRITY"].sentence) == (0, True)


@pytest.mark.parametrize("index", [0, 3, 255, 256, 511, 512, 700, 1024, LONG - 1])
def test_an_event_changed_anywhere_is_seen_by_each(log: Log, files: Files, index: int) -> None:
    event = json.loads(log.payloads[index])
    event["reason"] = "Other"
    payload = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    changed = {**files, **entries_with(log, index, payload)}
    changed["events.jsonl"] = edited(files["events.jsonl"], index, lambda _: event_line(index, payload))
    for jobs in (1, 3):
        found = report(changed, jobs=jobs)
        assert found["INTEGRITY"].state == "FAILED"
        assert f"the hash that event {index} has" in " ".join(found["INTEGRITY"].findings)
    assert status(changed, quick=True) == status(changed, quick=True, jobs=3) == 1


@pytest.mark.parametrize("index", [0, 255, 256, 600, LONG - 1])
def test_a_line_changed_anywhere_is_said_alike(files: Files, index: int) -> None:
    def other(line: Any) -> None:
        line["columns"]["actor_name"] = "Nobody"

    changed = {**files, "events.jsonl": edited(files["events.jsonl"], index, other)}
    assert spoken(changed, 1) == spoken(changed, 3)
    assert f"event {index} (" in sentence(changed, "INTEGRITY", jobs=3)
    assert "column actor_name" in sentence(changed, "INTEGRITY", jobs=3)


def test_a_stretch_must_begin_where_the_one_before_ended(log: Log, files: Files) -> None:
    """An event and its tile are changed alike, and the tiles above still lead to the signed root."""
    payload = log.payloads[5].replace(b'"reason":""', b'"reason":"x"')
    assert payload != log.payloads[5]
    leaves = [*log.leaves[:5], merkle.leaf_hash(payload), *log.leaves[6:256]]
    changed = {**files, **entries_with(log, 5, payload), "tile/0/000": b"".join(leaves)}
    changed["events.jsonl"] = edited(files["events.jsonl"], 5, lambda _: event_line(5, payload))
    for quick in (False, True):
        found = report(changed, jobs=3, quick=quick)["INTEGRITY"]
        assert found.state == "FAILED"
        assert "the tiles say otherwise" in " ".join(found.findings)


def test_a_tile_above_that_lies_is_seen_by_each(files: Files) -> None:
    name = "tile/1/000.p/4"
    raw = bytes([files[name][0] ^ 1]) + files[name][1:]
    for jobs in (1, 3):
        assert status({**files, name: raw}, jobs=jobs) == status({**files, name: raw}, jobs=jobs, quick=True) == 1


@pytest.mark.parametrize("number", range(len(SIZES) + 1))
def test_a_checkpoint_over_another_root_is_said_alike(log: Log, files: Files, number: int) -> None:
    size = [*SIZES, LONG][number]
    root = merkle.leaf_hash(b"another history")
    text = verify.parse_checkpoint(log.note(size), "").text.split("\n")
    note = LOG.sign(f"{text[0]}\n{text[1]}\n{base64.b64encode(root).decode()}\n")

    def other(line: Any) -> None:
        line["root"], line["note"] = root.hex(), note

    changed = {**files, "checkpoints.jsonl": edited(files["checkpoints.jsonl"], number, other)}
    assert spoken(changed, 1) == spoken(changed, 3)
    assert any(f"the first {size} events hash to" in each for each in report(changed, jobs=3)["INTEGRITY"].findings)
    assert status(changed, jobs=3, quick=True) == 1


@pytest.mark.parametrize("number", [0, 3, 7])
def test_a_checkpoint_by_another_key_is_said_alike(log: Log, files: Files, number: int) -> None:
    size = [*SIZES, LONG][number]
    note = Log(log.story, key=OTHER).note(size)

    def other(line: Any) -> None:
        line["note"] = note

    changed = {**files, "checkpoints.jsonl": edited(files["checkpoints.jsonl"], number, other)}
    assert spoken(changed, 1) == spoken(changed, 3)
    assert status(changed, jobs=3, quick=True) == 1


@pytest.mark.parametrize("number", [0, 2, 4, 6])
def test_a_checkpoint_that_is_older_than_its_events_is_said_by_each(log: Log, files: Files, number: int) -> None:
    def other(line: Any) -> None:
        line["at"] = "2026-11-01T00:00:00.000000Z"

    changed = {**files, "checkpoints.jsonl": edited(files["checkpoints.jsonl"], number, other)}
    for jobs in (1, 3):
        assert "the clock was set back" in " ".join(report(changed, jobs=jobs)["INTEGRITY"].findings)


def test_an_event_that_is_older_than_a_checkpoint_in_another_stretch_is_seen() -> None:
    story = long_story()
    event = json.loads(story.payloads[513])
    event["at"] = "2026-11-02T08:00:00.000000Z"
    story.payloads[513] = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    changed = Log(story, [500]).whole()
    for jobs in (1, 3):
        assert "event 513" in " ".join(report(changed, jobs=jobs)["INTEGRITY"].findings)


@pytest.mark.parametrize(
    "name", ["tile/entries/001", "tile/entries/004.p/176", "tile/0/002", "tile/1/000.p/4", "events.jsonl"]
)
def test_what_is_missing_is_named_by_each(files: Files, name: str) -> None:
    left = {each: raw for each, raw in files.items() if each != name}
    for jobs in (1, 3):
        assert f"{name} is missing" in " ".join(report(left, jobs=jobs)["INTEGRITY"].findings)


@pytest.mark.parametrize("left", [0, 1, 255, 256, 600, LONG - 1])
def test_events_that_end_too_early_or_too_late_are_named_by_each(files: Files, left: int) -> None:
    parts = files["events.jsonl"].split(b"\n")[:-1]
    short = {**files, "events.jsonl": b"".join(line + b"\n" for line in parts[:left])}
    more = {**files, "events.jsonl": files["events.jsonl"] + parts[-1] + b"\n"}
    for jobs in (1, 3):
        assert report(short, jobs=jobs)["INTEGRITY"].state == "FAILED"
        assert "goes on after event 1199" in sentence(more, "INTEGRITY", jobs=jobs)


def test_two_events_with_one_id_in_two_stretches_are_seen() -> None:
    story = long_story()
    twin = json.loads(story.payloads[1])["id"].encode()
    own = json.loads(story.payloads[LONG - 1])["id"].encode()
    story.payloads[LONG - 1] = story.payloads[LONG - 1].replace(own, twin)
    for jobs in (1, 3):
        assert f"id {twin.decode()} is that of event 1 too" in sentence(Log(story).whole(), "INTEGRITY", jobs=jobs)


def test_rows_and_decisions_are_judged_alike(files: Files) -> None:
    rows = files["state/inventory_thing.jsonl"].split(b"\n")[:-1]
    changed = {**files, "state/inventory_thing.jsonl": lines([{**json.loads(each), "number": "7"} for each in rows])}
    assert spoken(changed, 1) == spoken(changed, 3)
    assert report(changed, jobs=3)["COMPLETENESS"].count == len(rows)
    missing = {name: raw for name, raw in files.items() if not name.startswith("policies/")}
    assert spoken(missing, 1) == spoken(missing, 3)
    assert report(missing, jobs=3)["SEPARATION OF DUTIES"].state == "FAILED"


@pytest.mark.parametrize("broken", [3, 40, 400])
def test_the_first_finding_is_that_of_the_earliest_event_however_many_there_are(broken: int) -> None:
    story = long_story()
    for index in range(LONG - broken, LONG):
        event = json.loads(story.payloads[index])
        event["object"]["prev"] = "ab" * 32
        story.payloads[index] = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    changed = Log(story, SIZES).whole()
    told = [spoken(changed, jobs) for jobs in (1, 2, 3, 1)]
    assert told[0] == told[1] == told[2] == told[3]
    places = [int(finding.split()[1]) for finding in told[0][1][0]]
    assert places == sorted(places)
    assert places[0] == LONG - broken
    assert len(places) == min(broken, verify.MOST_SHOWN)
    assert report(changed, jobs=2)["INTEGRITY"].count == broken


def test_the_quick_look_says_what_it_did_not_look_at(log: Log, files: Files) -> None:
    lied = {**files, "state/inventory_thing.jsonl": b"", "events.jsonl": b""}
    for jobs in (1, 3):
        found = report(lied, quick=True, jobs=jobs, since=log.note(700))
        assert [each.state for each in found.verdicts.values()] == ["OK", "OK", "NOT CHECKED", "NOT CHECKED"]
        assert "what the events say is not looked at" in found["INTEGRITY"].sentence
    stranger = Log(long_story(), SIZES, key=OTHER).whole()
    assert status(stranger, quick=True) == 1
    one = log.of("inventory.model", key_of("model"))
    assert "--quick" not in sentence(one, "INTEGRITY", quick=True)


def test_the_command_takes_processes_and_the_quick_look(files: Files, tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "bundle.zip")
    for more in (["--jobs", "3"], ["--quick"], ["--quick", "--jobs", "2"]):
        code, told = run(path, "--key", LOG.vkey, *more, isolated=True)
        assert code == 0, told
    code, told = run(path, "--key", LOG.vkey, "--jobs", "2", "--json")
    assert json.loads(told)["seconds"] > 0
    whole = path.read_bytes()
    for place in range(len(whole) // 7, len(whole) // 2, len(whole) // 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        code, told = run(path, "--key", LOG.vkey, "--jobs", "3")
        assert code > 0, told
        assert code == 1 or told.count("\n") == 1


def test_a_process_that_ends_early_or_fails_is_told_in_one_line() -> None:
    heard: list[str] = []
    before = belongings()
    tasks = [lambda: {"fine": 1}, lambda: os.kill(os.getpid(), signal.SIGKILL)]
    with pytest.raises(verify.Unreadable, match="ended before it was done"):
        verify.side_by_side(tasks, lambda: heard.append("meanwhile"))
    with pytest.raises(verify.Unreadable, match="cannot be read: ZeroDivisionError"):
        verify.side_by_side([lambda: 1 // 0, lambda: 2], lambda: None)
    with pytest.raises(verify.Unreadable, match="as it is"):
        verify.side_by_side([refuse, refuse], lambda: None)
    assert heard == ["meanwhile"]
    assert verify.side_by_side([lambda: {"fine": 1}, lambda: [2]], lambda: None) == [{"fine": 1}, [2]]
    assert belongings() == before, "a process or a pipe was left behind"


def belongings() -> tuple[str, int]:
    """The children of this process and how many files it holds open."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return children, sum(1 for _ in Path("/proc/self/fd").iterdir())


def refuse() -> None:
    raise verify.Cut("as it is")
