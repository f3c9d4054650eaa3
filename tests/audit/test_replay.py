"""What is live is what the log says, and each way in which it is not is named: row, field, what was expected."""

from typing import Any

import psycopg
import pytest

from mrm.access import services
from mrm.access.models import BusinessUnit, Person
from mrm.audit import personal
from mrm.audit.log.notes import SigningKey
from mrm.audit.models import Change, Event
from mrm.audit.replay import Difference, Result, compare
from mrm.audit.replay.differences import MOST
from mrm.audit.sequencer import Sequencer
from mrm.audit.trail import recorded
from tests.factories.access import SETUP, Cast

KEY = SigningKey.generate("bank.example/log")


def replay(raw: "psycopg.Connection[Any]") -> Result:
    with raw.transaction():
        return compare(raw, lambda stage, done, total: None)


def differences(raw: "psycopg.Connection[Any]") -> list[Difference]:
    return list(replay(raw).differences)


def unit(number: int) -> BusinessUnit:
    return services.add_unit(key=f"unit-{number}", name=f"Unit {number}", parent=None, actor=SETUP)


def drain(raw: "psycopg.Connection[Any]") -> None:
    sequencer = Sequencer(raw, [KEY], KEY.name)
    sequencer.lead()
    while sequencer.step():
        pass


def test_a_day_of_work_leaves_no_difference(superuser_connection: Any, log_connection: Any) -> None:
    cast = Cast()
    services.change_password(cast.owner, password="a long enough phrase", actor=cast.owner)
    waiting = replay(superuser_connection)
    drain(log_connection)
    services.deactivate(cast.outsider, actor=cast.administrator, reason="left the bank")
    signed = replay(superuser_connection)
    assert (waiting.differences, signed.differences) == ((), ())
    assert (signed.events, signed.changes) == (Event.objects.count(), Change.objects.count())
    assert signed.rows > 50
    assert signed.complete


QUIET = "ALTER TABLE {} DISABLE TRIGGER ALL"
ROW = "UPDATE access_businessunit SET name = 'Forged' WHERE key = 'unit-1'"


def behind_our_back(raw: "psycopg.Connection[Any]", *statements: str) -> list[Difference]:
    """What replay says after a superuser took the triggers off, did it, and put them back."""
    unit(1)
    unit(2)
    tables = ("access_businessunit", "audit_event", "audit_change", "audit_leaf", "audit_pending")
    for table in tables:
        raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    for statement in statements:
        raw.execute(statement)
    for table in tables:
        raw.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    return differences(raw)


def told(found: list[Difference]) -> list[tuple[str, str, str, str, str]]:
    return [(each.kind, each.table, each.field, each.expected, each.found) for each in found]


def test_a_field_changed_without_an_event_is_named(superuser_connection: Any) -> None:
    found = behind_our_back(superuser_connection, ROW)
    assert told(found) == [("row", "access_businessunit", "name", "Unit 1", "Forged")]
    made = BusinessUnit.objects.get(key="unit-1")
    assert (found[0].row, found[0].event) == (str(made.pk), str(Event.objects.get(subject_id=str(made.pk)).pk))


def test_a_row_that_was_taken_away_and_one_that_was_put_there(superuser_connection: Any) -> None:
    found = behind_our_back(
        superuser_connection,
        "DELETE FROM access_businessunit WHERE key = 'unit-1'",
        "INSERT INTO access_businessunit (id, key, name, path) VALUES (gen_random_uuid(), 'ghost', 'Ghost', 'ghost/')",
    )
    missing, ghost = sorted(found, key=lambda each: each.expected == "no row")
    assert (missing.kind, missing.found, '"key": "unit-1"' in missing.expected) == ("row", "no row", True)
    assert (ghost.expected, '"key": "ghost"' in ghost.found, ghost.row != missing.row) == ("no row", True, True)


def test_a_change_that_a_later_event_covered_is_still_found(superuser_connection: Any) -> None:
    """A forged value is live when an audited action reads it: the event's own `before` betrays it."""
    cast = Cast()
    superuser_connection.execute(QUIET.format("access_account"))
    superuser_connection.execute("UPDATE access_account SET is_active = false WHERE username = 'otto'")
    superuser_connection.execute("ALTER TABLE access_account ENABLE ALWAYS TRIGGER audit_capture")
    assert told(differences(superuser_connection)) == [("row", "access_account", "is_active", "true", "false")]
    superuser_connection.execute("ALTER TABLE access_account DISABLE TRIGGER ALL")
    superuser_connection.execute(
        "UPDATE access_account SET is_active = true, username = 'oscar' WHERE username = 'otto'"
    )
    superuser_connection.execute("ALTER TABLE access_account ENABLE ALWAYS TRIGGER audit_capture")
    cast.outsider.refresh_from_db()
    services.change_password(cast.outsider, password="a long enough phrase", actor=cast.outsider)
    found = told(differences(superuser_connection))
    names = [personal.commit(str(cast.outsider.person_id), name)[0] for name in ("otto", "oscar")]
    assert ("row", "access_account", "username", *names) in found


CASES = {
    "column": (
        "UPDATE audit_event SET actor_name = 'Nobody' WHERE subject_label = 'Unit 1'",
        [("event", "audit_event", "actor_name", "system:tests", "Nobody")],
    ),
    "details": (
        "UPDATE audit_event SET details = '{\"a\": 1}' WHERE subject_label = 'Unit 1'",
        [("event", "audit_event", "details", "{}", '{"a": 1}')],
    ),
    "stored change": (
        "UPDATE audit_change SET after = after || '{\"name\": \"Forged\"}' WHERE after ->> 'key' = 'unit-1'",
        [("change", "access_businessunit", "name (after)", "Unit 1", "Forged")],
    ),
    "change without event": (
        "INSERT INTO audit_change (event_id, \"table\", \"row\", op) VALUES (gen_random_uuid(), 't', '1', 'delete')",
        [
            ("change", "t", "", "the event that explains the change", "delete of  "),
            ("row", "t", "", "no row yet", "delete of a row that was there"),
        ],
    ),
    "added change": (
        """INSERT INTO audit_change (event_id, "table", "row", op, before, after) SELECT id, 'access_businessunit',
             subject_id, 'update', '{"name": "Unit 1"}', '{"name": "Forged"}' FROM audit_event
            WHERE subject_label = 'Unit 1'""",
        [("change", "access_businessunit", "", "no change", None)],
    ),
    "queue": (
        "DELETE FROM audit_pending WHERE event_id = (SELECT id FROM audit_event WHERE subject_label = 'Unit 1')",
        [("chain", "audit_event", "", "a place in the log, or waiting for one", "neither")],
    ),
    "no place": (
        "UPDATE audit_event SET object_seq = 7 WHERE subject_label = 'Unit 1'",
        [("event", "audit_event", "object_seq", "1", "7")],
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_a_trail_that_was_changed_is_named(superuser_connection: Any, what: str) -> None:
    statement, expected = CASES[what]
    found = told(behind_our_back(superuser_connection, statement))
    assert [each[:4] for each in found] == [each[:4] for each in expected]
    assert all(want[4] in (None, is_now[4]) for want, is_now in zip(expected, found, strict=True))


def test_row_and_stored_change_forged_together_are_found_by_the_bytes(superuser_connection: Any) -> None:
    found = behind_our_back(
        superuser_connection,
        ROW,
        "UPDATE audit_change SET after = after || '{\"name\": \"Forged\"}' WHERE after ->> 'key' = 'unit-1'",
    )
    assert told(found) == [
        ("change", "access_businessunit", "name (after)", "Unit 1", "Forged"),
        ("row", "access_businessunit", "name", "Unit 1", "Forged"),
    ]


def test_changes_taken_away_are_put_back_from_the_bytes(superuser_connection: Any) -> None:
    made = unit(0)
    found = behind_our_back(
        superuser_connection,
        f"DELETE FROM audit_change WHERE \"row\" = '{made.pk}' AND \"table\" = 'access_businessunit'",
    )
    assert [(each.kind, each.row, each.found) for each in found] == [("change", str(made.pk), "no change")]


def test_bytes_forged_with_their_digest_are_found_by_the_leaf(superuser_connection: Any, log_connection: Any) -> None:
    unit(9)
    drain(log_connection)
    found = behind_our_back(
        superuser_connection,
        "UPDATE audit_event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), 'Unit 9', 'Unit 8'), 'UTF8')"
        " WHERE subject_label = 'Unit 9'",
        "UPDATE audit_event SET digest = encode(sha256('\\x00'::bytea || payload), 'hex') WHERE subject_label = 'Unit 9'",
    )
    assert ("event", "payload") in [(each.kind, each.field) for each in found]
    superuser_connection.execute("ALTER TABLE audit_leaf DISABLE TRIGGER ALL")
    superuser_connection.execute(
        "UPDATE audit_leaf AS l SET hash = sha256('\\x00'::bytea || e.payload) FROM audit_event AS e WHERE e.id = l.event_id"
    )
    found = differences(superuser_connection)
    assert ("chain", "audit_leaf") in [(each.kind, each.table) for each in found]
    assert "as signed" in found[0].expected


def test_bytes_that_are_no_event_are_a_finding_and_not_a_crash(superuser_connection: Any) -> None:
    found = behind_our_back(
        superuser_connection, "UPDATE audit_event SET payload = 'none'::bytea WHERE subject_label = 'Unit 1'"
    )
    assert [(each.field, each.found) for each in found if each.kind == "event"][1] == ("payload", "bytes that are none")


def test_bytes_that_say_a_thing_twice_are_a_finding(superuser_connection: Any) -> None:
    found = behind_our_back(
        superuser_connection,
        """UPDATE audit_event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '"v":1', '"v":2,"v":1'), 'UTF8')
            WHERE subject_label = 'Unit 1'""",
        """UPDATE audit_event SET digest = encode(sha256('\\x00'::bytea || payload), 'hex')
            WHERE subject_label = 'Unit 1'""",
    )
    assert told(found) == [("event", "audit_event", "payload", "canonical JSON", "the same written in another way")]


def test_an_event_that_vanished_leaves_a_gap(superuser_connection: Any, log_connection: Any) -> None:
    made = Cast().owner
    services.change_password(made, password="a long enough phrase", actor=made)
    drain(log_connection)
    second = Event.objects.get(object_type="access.account", object_id=str(made.pk), object_seq=2).pk
    found = behind_our_back(
        superuser_connection,
        f"DELETE FROM audit_change WHERE event_id = '{second}'",
        f"DELETE FROM audit_event WHERE id = '{second}'",
    )
    assert {(each.kind, each.table, each.field) for each in found} >= {
        ("chain", "audit_leaf", "event_id"),
        ("chain", "audit_event", "object_seq"),
    }


def test_changes_held_by_digest_are_read_from_the_storage(superuser_connection: Any) -> None:
    home = unit(3)
    with recorded("access.add_unit", actor=SETUP, subject=home):
        Person.objects.bulk_create(
            [Person(name=f"Person {each} {'x' * 100}", email=f"p{each}@bank.example", unit=home) for each in range(400)]
        )
    event = Event.objects.order_by("-position").first()
    assert event is not None
    assert event.payload_as_json()["changes"]["count"] == 800  # each with the key of the person
    assert differences(superuser_connection) == []
    raw = superuser_connection
    for table in ("access_person", "audit_change"):
        raw.execute(QUIET.format(table))
    seventh = str(Person.objects.get(email="p7@bank.example").pk)
    known, forged = personal.commit(seventh, f"Person 7 {'x' * 100}", "Forged")
    raw.execute("UPDATE access_person SET name = 'Forged' WHERE email = 'p7@bank.example'")
    raw.execute(
        'UPDATE audit_change SET after = after || \'{"name": "Forged"}\' WHERE "row" = %s AND after ? \'name\'',
        [seventh],
    )
    assert [(each.kind, each.field, each.expected, each.found) for each in differences(raw)] == [
        ("change", "name (after)", known, "Forged"),
        ("row", "name", known, forged),
    ]


def test_too_many_differences_stop_the_comparison(superuser_connection: Any) -> None:
    with recorded("access.add_unit", actor=SETUP, subject=unit(3)):
        home = unit(5)
        Person.objects.bulk_create(
            [Person(name=f"Person {each}", email=f"q{each}@bank.example", unit=home) for each in range(MOST + 10)]
        )
    superuser_connection.execute(QUIET.format("access_person"))
    superuser_connection.execute("UPDATE access_person SET name = name || ' forged'")
    found = replay(superuser_connection)
    assert (found.complete, len(found.differences)) == (False, MOST)
