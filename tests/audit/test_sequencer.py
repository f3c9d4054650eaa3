"""Every committed event gets exactly one place, what does not hold is never signed, and one leads."""

import threading
import time
from typing import Any

import psycopg
import pytest
from django.db import connection

from mrm.access import services
from mrm.access.models import BusinessUnit
from mrm.audit import queries
from mrm.audit.log import merkle, notes, receipt
from mrm.audit.log.notes import SigningKey
from mrm.audit.models import Checkpoint, Event, Leaf, Pending, Subtree
from mrm.audit.sequencer import LEADER, Sequencer, Tampered
from mrm.audit.tree import StoredTree
from tests.factories.access import SETUP, account

ORIGIN = "bank.example/log"
KEY = SigningKey.generate(ORIGIN)


def unit(number: int) -> BusinessUnit:
    return services.add_unit(key=f"unit-{number}", name=f"Unit {number}", parent=None, actor=SETUP)


def leading(raw: "psycopg.Connection[Any]") -> Sequencer:
    sequencer = Sequencer(raw, [KEY], ORIGIN)
    sequencer.lead()
    return sequencer


def drain(sequencer: Sequencer, limit: int = 1000) -> int:
    total = 0
    while taken := sequencer.step(limit):
        total += taken
    return total


def test_every_event_gets_a_place_and_the_root_is_that_of_the_leaves(log_connection: Any) -> None:
    for number in range(5):
        unit(number)
    waiting = Pending.objects.count()
    assert waiting == Event.objects.count()
    assert drain(leading(log_connection), limit=3) == waiting
    leaves = [merkle.leaf_hash(bytes(leaf.event.payload)) for leaf in Leaf.objects.select_related("event")]
    assert [bytes(leaf.hash) for leaf in Leaf.objects.all()] == leaves
    last = Checkpoint.objects.first()
    assert last is not None
    assert (last.size, last.root, Pending.objects.count()) == (waiting, merkle.root(leaves).hex(), 0)
    text, names = notes.open_note(last.note, [KEY.verifier])
    assert (notes.Checkpoint.parse(text).root.hex(), names) == (last.root, [ORIGIN])


def test_a_restarted_sequencer_goes_on_where_it_was_across_full_tiles(log_connection: Any) -> None:
    for number in range(300):
        unit(number)
    first = leading(log_connection)
    while first.frontier.size < 250:
        first.step(50)
    drain(leading(log_connection), limit=7)
    leaves = [bytes(leaf.hash) for leaf in Leaf.objects.all()]
    assert Checkpoint.objects.first().root == merkle.root(leaves).hex()  # type: ignore[union-attr]
    assert [(each.level, each.index) for each in Subtree.objects.all()] == [
        (1, index) for index in range(len(leaves) // 256)
    ]
    with connection.cursor() as cursor:
        tree = StoredTree(cursor)
        for checkpoint in Checkpoint.objects.all():
            proof = tree.consistency(checkpoint.size, len(leaves))
            merkle.verify_consistency(
                checkpoint.size, len(leaves), bytes.fromhex(checkpoint.root), merkle.root(leaves), proof
            )
        note = Checkpoint.objects.first().note  # type: ignore[union-attr]
        for index in (0, 255, 256, len(leaves) - 1):
            told = receipt.read(tree.receipt(index, note))
            payload = bytes(Leaf.objects.get(index=index).event.payload)
            assert receipt.verify(told, payload, [KEY.verifier]).size == len(leaves)


def test_a_second_sequencer_waits_until_the_first_is_gone(log_connection: Any, own_database: str) -> None:
    first = leading(log_connection)
    other = psycopg.connect(log_connection.info.dsn, autocommit=True)
    led = threading.Event()
    thread = threading.Thread(target=lambda: (leading(other), led.set()), daemon=True)
    thread.start()
    assert not led.wait(0.5)
    first.connection.close()
    assert led.wait(5)
    thread.join()
    other.close()


def test_eight_writers_with_late_commits_lose_nothing(log_connection: Any, own_database: str) -> None:
    """Each writer holds its transaction open for a while, so that later positions commit first."""
    stop = threading.Event()
    made: list[int] = []

    def write(place: int) -> None:
        from django.db import transaction

        for turn in range(12):
            with transaction.atomic():
                unit(place * 100 + turn)
                time.sleep(0.001 * ((place * 7 + turn) % 11))
            made.append(1)
        connection.close()

    sequencer = leading(log_connection)
    writers = [threading.Thread(target=write, args=[place]) for place in range(8)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        sequencer.step(5)
    stop.set()
    drain(sequencer)
    assert len(made) == 96
    assert Leaf.objects.count() == Event.objects.count()
    assert sorted(Leaf.objects.values_list("index", flat=True)) == list(range(Event.objects.count()))
    order = {leaf.event_id: leaf.index for leaf in Leaf.objects.all()}
    events = Event.objects.order_by("object_type", "object_id", "object_seq")
    by_object: dict[tuple[str, str], list[int]] = {}
    for event in events:
        by_object.setdefault((event.object_type, event.object_id), []).append(order[event.pk])
    assert all(places == sorted(places) for places in by_object.values())


CHANGES = {
    "payload": (
        "UPDATE audit_event SET payload = payload || ' '::bytea WHERE id = %s",
        "its bytes do not give the digest that was stored with them",
    ),
    "digest": (
        "UPDATE audit_event SET digest = repeat('0', 64) WHERE id = %s",
        "its bytes do not give the digest that was stored with them",
    ),
    "chain": (
        "UPDATE audit_event SET object_prev = repeat('0', 64) WHERE id = %s",
        "its columns place it elsewhere than its bytes do",
    ),
    "change": (
        'UPDATE audit_change SET after = after || \'{"name": "other"}\' WHERE event_id = %s',
        "the row changes stored beside it are not those it was written with",
    ),
    "change_gone": (
        "DELETE FROM audit_change WHERE event_id = %s",
        "the row changes stored beside it are not those it was written with",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_event_that_was_tampered_with_is_never_signed(
    log_connection: Any, superuser_connection: Any, what: str
) -> None:
    made = unit(1)
    unit(2)
    event = Event.objects.get(subject_id=str(made.pk))
    statement, sentence = CHANGES[what]
    for table in ("audit_event", "audit_change"):
        superuser_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    superuser_connection.execute(statement, [event.pk])
    sequencer = leading(log_connection)
    with pytest.raises(Tampered, match=sentence) as told:
        sequencer.step()
    assert str(event.pk) in str(told.value)
    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (0, 0)


def test_leaves_that_were_changed_stop_the_next_start(log_connection: Any, superuser_connection: Any) -> None:
    unit(1)
    drain(leading(log_connection))
    superuser_connection.execute("ALTER TABLE audit_leaf DISABLE TRIGGER ALL")
    superuser_connection.execute("UPDATE audit_leaf SET hash = sha256('x') WHERE \"index\" = 0")
    with pytest.raises(Tampered, match="do not give the root that the last checkpoint signed"):
        Sequencer(log_connection, [KEY], ORIGIN).load()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_pending (position, event_id) SELECT position, id FROM audit_event LIMIT 1",
        "DELETE FROM audit_pending",
        "INSERT INTO audit_leaf (\"index\", event_id, hash) SELECT 0, id, sha256('') FROM audit_event LIMIT 1",
        "INSERT INTO audit_checkpoint (epoch, size, root, note, at) VALUES (1, 1, '', '', now())",
        "UPDATE audit_leaf SET hash = sha256('')",
        "DELETE FROM audit_leaf",
        "TRUNCATE audit_checkpoint CASCADE",
        "INSERT INTO audit_event (id) VALUES (gen_random_uuid())",
    ],
)
def test_the_application_may_not_write_the_log(own_database: str, statement: str) -> None:
    unit(1)
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_sequencer_may_not_drop_an_event_from_the_queue(log_connection: Any) -> None:
    unit(1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="has no place in the log yet"):
        log_connection.execute("DELETE FROM audit_pending")


def test_the_lead_is_a_lock_in_the_database(log_connection: Any, own_database: str) -> None:
    leading(log_connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER])
        assert cursor.fetchone() == (False,)


def test_a_leaf_without_an_event_is_refused(log_connection: Any) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match=r"there is no event .* to have a place in the log"):
        log_connection.execute(
            "INSERT INTO audit_leaf (\"index\", event_id, hash) VALUES (0, gen_random_uuid(), sha256('x'))"
        )


def test_what_waits_without_an_event_stops_the_log_and_is_said(log_connection: Any, superuser_connection: Any) -> None:
    unit(1)
    superuser_connection.execute("INSERT INTO audit_pending (position, event_id) VALUES (1000000, gen_random_uuid())")
    sequencer = leading(log_connection)
    with pytest.raises(Tampered, match="there is none of this id at 1000000"):
        sequencer.step()
    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (0, 0)
    superuser_connection.execute("ALTER TABLE audit_pending DISABLE TRIGGER ALL")
    superuser_connection.execute("DELETE FROM audit_pending WHERE position = 1000000")
    assert drain(sequencer) == Event.objects.count() == Leaf.objects.count()


@pytest.mark.parametrize(
    "text", ["Süd „Ost“", 'a "quoted" ß', "line\nand\ttab\\", "e\u0301 apart", "日本 \U0001f600", "\u2028"]
)
def test_text_of_every_kind_is_sequenced(log_connection: Any, text: str) -> None:
    services.add_unit(key="unit-x", name=text, parent=None, actor=SETUP)
    assert drain(leading(log_connection)) == Event.objects.count()


def test_true_is_not_one_to_the_check(log_connection: Any, superuser_connection: Any) -> None:
    account("Olivia Owner", unit(1))
    superuser_connection.execute("ALTER TABLE audit_change DISABLE TRIGGER ALL")
    superuser_connection.execute(
        "UPDATE audit_change SET after = after || '{\"is_active\": 1}' WHERE \"table\" = 'access_account'"
    )
    with pytest.raises(Tampered, match="the row changes stored beside it are not those"):
        drain(leading(log_connection))


def test_the_size_is_that_of_the_trail_whether_sequenced_or_not(log_connection: Any) -> None:
    unit(1)
    assert queries.trail_size() == Event.objects.count() > 0
    drain(leading(log_connection))
    unit(2)
    assert queries.trail_size() == Event.objects.count() == Leaf.objects.count() + 1
