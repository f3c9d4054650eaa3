"""Personal values stand as commitments; what is disclosed of them must be what was committed to."""

import hashlib
import json
from typing import Any

import pytest

from mrm.core.canonical import canonical
from mrm.core.canonical import digest as content_digest
from tests.audit.verifier.bundles import Files, Log, edited
from tests.audit.verifier.loaded import report, sentence, status, verify
from tests.audit.verifier.story import REQUEST, Story, approved, bank, decide, key_of, submit, vote
from tests.audit.verifier.test_mutations import flipped

NAMES = {"olivia": "Olivia Ortega", "dora": "Dora „Süd“", "adam": "Adam Ng", "rita": "Rita Roth", "vera": "Vera Ü."}


def salt(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def digest(name: str, value: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt(name)) + value.encode()).hexdigest()


def committed(name: str) -> str:
    return "personal:" + digest(name, NAMES[name])


def veiled(value: Any) -> Any:
    """The value with a commitment wherever a person's name stands: a whole text, or within a signed statement."""
    if isinstance(value, dict):
        found = {key: veiled(each) for key, each in value.items()}
        if "statement" in found:
            statement = veiled(json.loads(value["statement"]))
            found |= {"statement": canonical(statement).decode(), "statement_digest": content_digest(statement)}
        return found
    if isinstance(value, list):
        return [veiled(each) for each in value]
    if isinstance(value, str) and value.lower() in NAMES:
        return committed(value.lower())
    return value


class Veiled(Story):
    """A story in which accounts and names of persons stand as commitments everywhere: in events and in rows."""

    def event(
        self, verb: str, thing: tuple[str, str], *changes: dict[str, Any], actor: str = "admin", **more: Any
    ) -> int:
        details = {"by": actor, "among": [actor, {"for": actor}], **(more.pop("details", None) or {})}
        more = {"on_behalf_of": actor, "label": actor, "person": key_of(actor), **more}
        index = super().event(
            verb, thing, *veiled(list(changes)), actor=veiled(actor), details=veiled(details), **veiled(more)
        )
        for table in self.rows.values():
            table.update(veiled(table))
        return index


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr("tests.audit.verifier.story.Story", Veiled)
    return approved()


def disclosed(*names: str) -> bytes:
    found = [
        {"commitment": digest(name, NAMES[name]), "person": key_of(name), "salt": salt(name), "value": NAMES[name]}
        for name in names or NAMES
    ]
    return b"".join(canonical(each) + b"\n" for each in sorted(found, key=lambda each: each["commitment"]))


def whole(story: Story, *names: str) -> Files:
    return {**Log(story, [3, 17]).whole(), "personal.jsonl": disclosed(*names)}


def test_a_log_of_commitments_is_checked_with_and_without_what_lies_behind(story: Story) -> None:
    log = Log(story, [3, 17])
    without, files = log.whole(), whole(story)
    assert b"Olivia" not in b"".join(story.payloads)
    assert sum(payload.count(b"personal:") for payload in story.payloads) > 60
    assert b"personal:" in files["state/access_person.jsonl"]
    for each in (without, files):
        found = report(each)
        assert [verdict.state for verdict in found.verdicts.values()] == ["OK", "NOT CHECKED", "OK", "OK"], (
            found.lines()
        )
        assert found["SEPARATION OF DUTIES"].sentence.startswith("1 decisions")
    assert "disclosed" not in sentence(without, "INTEGRITY")
    assert sentence(files, "INTEGRITY").endswith("; 5 personal values are disclosed")
    assert sentence(whole(story, "vera"), "INTEGRITY").endswith("; 1 personal value is disclosed")
    assert sentence({**files, "personal.jsonl": b""}, "INTEGRITY").endswith("; 0 personal values are disclosed")


@pytest.mark.parametrize("scope", ["since", "object"])
def test_a_part_of_the_log_discloses_its_own(story: Story, scope: str) -> None:
    log = Log(story, [3, 17])
    files = log.since(3) if scope == "since" else log.of("inventory.model", key_of("model"))
    assert status(files) == 0
    assert sentence({**files, "personal.jsonl": disclosed()}, "INTEGRITY").endswith("5 personal values are disclosed")
    assert status({**files, "personal.jsonl": disclosed() * 2}) == 2
    assert status({**files, "personal.jsonl": disclosed("adam").replace(b"Adam", b"Adem")}) == 1


def test_what_is_disclosed_need_not_be_in_the_log() -> None:
    assert status(whole(approved())) == 0


def test_a_line_that_is_deleted_is_fine_and_one_that_is_moved_is_not(story: Story) -> None:
    files = whole(story)
    lines = files["personal.jsonl"].split(b"\n")[:-1]

    def written(*order: int) -> Files:
        return {**files, "personal.jsonl": b"".join(lines[each] + b"\n" for each in order)}

    count = len(lines)
    for at in range(count):
        rest = [each for each in range(count) if each != at]
        assert status(written(*rest)) == 0
        assert status(written(*range(at + 1), *range(at, count))) == 2
        for other in range(at + 1, count):
            order = list(range(count))
            order[at], order[other] = other, at
            assert status(written(*order)) == 2
    with pytest.raises(verify.Unreadable, match=r"line 3, does not come after the one before"):
        report(written(0, 1, 1, 2))


def test_every_byte_of_a_disclosure_counts() -> None:
    """All but whose value it is: that is in the rows, and no commitment says it."""
    files = {**Log(Story()).whole(), "personal.jsonl": disclosed()}
    raw = files["personal.jsonl"]
    places = [raw.index(key_of(name).encode()) for name in NAMES]
    open_ = {at for place in places for at in range(place, place + 36)}
    assert status(files) == 0
    tried = 0
    for at in range(len(raw)):
        for mask in (1, 2, 4, 16, 32, 64, 0x80, 0xFF):
            changed = flipped(raw, at, mask)
            if at in open_ and chr(changed[at]) in "0123456789abcdef":
                continue
            tried += 1
            assert status({**files, "personal.jsonl": changed}) > 0, (at, mask)
        for shorter in (raw[:at] + raw[at + 1 :], raw[:at] + raw[at : at + 1] + raw[at:]):
            if at not in open_:
                assert status({**files, "personal.jsonl": shorter}) > 0, at
        if raw[at - 1 : at] not in {b"\n", b""}:
            assert status({**files, "personal.jsonl": raw[:at]}) > 0, at
    assert tried > 8_000


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("commitment", "0" * 63),
        ("commitment", "G" * 64),
        ("commitment", "A" * 64),
        ("commitment", None),
        ("commitment", "personal:" + "0" * 64),
        ("person", "olivia"),
        ("person", ""),
        ("person", 7),
        ("salt", ""),
        ("salt", "ab" * 16),
        ("salt", ["ab" * 32]),
        ("value", None),
        ("value", ["Olivia Ortega"]),
        ("value", "Mu\u0308ller"),
        ("more", "text"),
    ],
)
def test_a_disclosure_of_another_form_is_not_read(story: Story, column: str, value: Any) -> None:
    files = whole(story)
    line = {**json.loads(files["personal.jsonl"].split(b"\n")[0]), column: value}
    raw = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    with pytest.raises(verify.Unreadable, match=r"personal.jsonl, line 1,"):
        report({**files, "personal.jsonl": raw})


def test_another_value_or_salt_is_named_with_line_and_commitment(story: Story) -> None:
    files = whole(story)
    for number, line in enumerate(files["personal.jsonl"].split(b"\n")[:-1]):
        entry = json.loads(line)
        for column in ("value", "salt"):
            other = {
                "value": entry["value"] + " ",
                "salt": "0" + entry["salt"][1:] if entry["salt"][0] != "0" else "f" * 64,
            }
            raw = edited(files["personal.jsonl"], number, lambda each, put={column: other[column]}: {**each, **put})
            found = report({**files, "personal.jsonl": raw})
            assert found["INTEGRITY"].findings == [
                f"personal.jsonl, line {number + 1}: salt and value do not give the commitment {entry['commitment']}"
            ]
            assert found.exit_status == 1


def test_a_name_is_printed_when_it_is_disclosed_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.audit.verifier.story.Story", Veiled)
    story = bank()
    submit(story)
    vote(story, "rita", person_id=key_of("vera"), signed={"person": key_of("vera")})
    decide(story, "adam")
    told = " ".join(report(whole(story))["SEPARATION OF DUTIES"].findings)
    assert f"but {NAMES['rita']} gave it" in told
    told = " ".join(report(whole(story, "adam"))["SEPARATION OF DUTIES"].findings)
    assert "but a person's data not disclosed gave it" in told
    assert "personal:" not in told
    story = approved()
    log = Log(story, [3, 17]).whole()

    def renamed(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "name": committed("vera")}

    people = log["state/access_person.jsonl"].split(b"\n")
    number = next(at for at, line in enumerate(people) if committed("dora").encode() in line)
    log["state/access_person.jsonl"] = edited(log["state/access_person.jsonl"], number, renamed)
    row = f"access_person row {key_of('dora')}: field name is"
    assert sentence(log, "COMPLETENESS") == f'{row} "{verify.UNDISCLOSED}", the log says "{verify.UNDISCLOSED}"'
    one = {**log, "personal.jsonl": disclosed("dora")}
    assert sentence(one, "COMPLETENESS") == f'{row} "{verify.UNDISCLOSED}", the log says "{NAMES["dora"]}"'
    false = {**log, "personal.jsonl": disclosed("dora").replace("Süd".encode(), b"Sud")}
    assert verify.UNDISCLOSED in sentence(false, "COMPLETENESS") or report(false)["INTEGRITY"].count


def test_a_commitment_is_never_cut_in_the_middle() -> None:
    for before in range(90):
        told = verify.show(["x" * before, committed("dora"), "y" * 90])
        assert "personal:" not in verify.COMMITMENT.sub("", told), told


def test_no_value_takes_part_in_a_comparison(story: Story) -> None:
    """A row that holds the value instead of its commitment is another row."""
    files = whole(story)
    name = "state/access_person.jsonl"
    opened = files[name].replace(json.dumps(committed("adam")).encode(), json.dumps(NAMES["adam"]).encode())
    assert opened != files[name]
    assert "field name is" in sentence({**files, name: opened}, "COMPLETENESS")
    assert REQUEST in json.dumps(story.rows["signoff_request"])


def test_tables_may_say_which_columns_are_personal(story: Story) -> None:
    files = whole(story)
    tables = json.loads(files["state/tables.json"])
    told = {table: {**kept, "personal": ["name@id"]} for table, kept in tables.items()}
    assert status({**files, "state/tables.json": canonical(told)}) == 0
    for wrong in ({"personal": "name"}, {"personal": None}, {"private": []}):
        other = {**tables, "access_person": {**tables["access_person"], **wrong}}
        assert status({**files, "state/tables.json": canonical(other)}) == 1
