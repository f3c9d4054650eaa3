"""The end of an action that has a transaction of its own: its event and COMMIT travel in one message."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction

from mrm.access import services
from mrm.access.models import BusinessUnit
from mrm.audit import trail
from mrm.audit.models import Disclosure, Event
from mrm.core import blobs
from mrm.core.refusal import Refused
from tests.factories.access import SETUP
from tests.factories.access import person as a_person

trail.register_verb("tests.close", "tried to close {subject}")


def unit(key: str = "unit", name: str = "A unit") -> BusinessUnit:
    return services.add_unit(key=key, name=name, parent=None, actor=SETUP)


@contextmanager
def told(tmp_path: Path) -> Iterator[list[str]]:
    """The first words of the messages of SQL that go to the database, as the driver writes them down."""
    connection.ensure_connection()
    driver = connection.connection.pgconn
    messages: list[str] = []
    with (tmp_path / "trace").open("w+") as trace:
        driver.trace(trace.fileno())
        yield messages
        driver.untrace()
        trace.seek(0)
        messages += re.findall(r'\tF\t\d+\t(?:Query|Parse)\t(?: "")? "([A-Z]+)', trace.read())


def test_an_action_of_its_own_is_committed_with_its_event(own_database: str, tmp_path: Path) -> None:
    made = unit()
    with told(tmp_path) as messages, trail.recorded("tests.close", actor=SETUP, subject=made):
        BusinessUnit.objects.filter(pk=made.pk).update(name="other")
    assert messages == ["BEGIN", "SAVEPOINT"]
    connection.close()
    assert BusinessUnit.objects.get(pk=made.pk).name == "other"
    assert Event.objects.filter(verb="tests.close").exists()


def fail(made: BusinessUnit, *before: Callable[[], object]) -> None:
    """An action that does what it is told, and fails."""
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        for each in before:
            each()
        raise ZeroDivisionError


def first_of_many(made: BusinessUnit) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE access_businessunit SET name = %s WHERE id = %s", [("x", made.pk), ("other", made.pk)]
        )


def rename(made: BusinessUnit) -> None:
    BusinessUnit.objects.filter(pk=made.pk).update(name="other")


def first_from_a_server_side_cursor(made: BusinessUnit) -> None:
    assert [each.pk for each in BusinessUnit.objects.iterator()] == [made.pk]
    rename(made)


def first_refused_by_the_driver(made: BusinessUnit) -> None:
    with pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute("SELECT %s", [object()])  # type: ignore[list-item]
    rename(made)


def first_of_an_inner_action(made: BusinessUnit) -> None:
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        rename(made)


FIRST = (first_of_many, first_from_a_server_side_cursor, first_refused_by_the_driver, first_of_an_inner_action)


@pytest.mark.parametrize("first", FIRST)
def test_whatever_comes_first_is_within_the_transaction(
    own_database: str, first: Callable[[BusinessUnit], None]
) -> None:
    made = unit()
    with pytest.raises(ZeroDivisionError):
        fail(made, lambda: first(made))
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        first(made)
    connection.close()
    assert BusinessUnit.objects.get(pk=made.pk).name == "other"
    told = [each.payload_as_json()["changes"] for each in Event.objects.filter(verb="tests.close")]
    assert [change["after"] for changes in told for change in changes][-1] == {"name": "other"}
    assert connection.execute_wrappers == []


def test_nothing_more_goes_around_execute() -> None:
    """What the driver is told by other ways runs before BEGIN, unless the transaction was opened by hand."""
    mrm = Path(trail.__file__).parents[1]
    ways = re.compile(r"cursor\.cursor\b|(?:connection|database)\.connection\b")
    around = {path.relative_to(mrm).as_posix() for path in mrm.rglob("*.py") if ways.search(path.read_text())}
    # the third and the fourth are in transactions of Django's
    assert around == {"audit/own.py", "audit/trail.py", "audit/replay/run.py", "prediction/services/taking.py"}


def test_an_action_without_a_statement_is_one_message(own_database: str, tmp_path: Path) -> None:
    made = unit()
    with told(tmp_path) as messages, trail.recorded("tests.close", actor=SETUP, subject=made):
        pass
    assert messages == ["BEGIN"]
    connection.close()
    assert Event.objects.filter(verb="tests.close").exists()


def test_an_action_within_a_transaction_leaves_commit_to_it(own_database: str, tmp_path: Path) -> None:
    with told(tmp_path) as messages, transaction.atomic():
        unit()
        transaction.set_rollback(True)
    assert messages[-3:] == ["SELECT", "RELEASE", "ROLLBACK"]
    assert not BusinessUnit.objects.exists()


def test_a_personal_value_is_sealed_before_commit(own_database: str, tmp_path: Path) -> None:
    made = unit()
    with told(tmp_path) as messages:
        someone = a_person("Somebody New", made)
    closing = messages[messages.index("SAVEPOINT") :]
    assert closing[:3] == ["SAVEPOINT", "ROLLBACK", "SELECT"]
    assert closing[-1] == "COMMIT"
    connection.close()
    assert Disclosure.objects.filter(person=str(someone.pk)).exists()
    assert Event.objects.get(subject_id=str(someone.pk)).subject_label == "Somebody New"


def test_a_large_change_is_stored_before_commit(own_database: str, settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_URL = f"file://{tmp_path}"
    made = unit()
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        for number in range(400):
            BusinessUnit.objects.create(key=f"unit-{number}", name="x" * 100, path=f"unit-{number}/")
    held = Event.objects.get(verb="tests.close").payload_as_json()["changes"]
    assert held["count"] == 400
    assert b"unit-399" in blobs.read(held["sha256"])


def test_what_failed_within_and_was_passed_over_is_not_committed(own_database: str) -> None:
    made = unit()
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        BusinessUnit.objects.filter(pk=made.pk).update(name="other")
        with pytest.raises(ZeroDivisionError), transaction.atomic(savepoint=False):
            raise ZeroDivisionError
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"
    assert not Event.objects.filter(verb="tests.close").exists()


def astray(made: BusinessUnit) -> None:
    """A change under an id that no event has, within an action."""
    with trail.recorded("tests.close", actor=SETUP, subject=made), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mrm.audit_event', %s, true)", [str(uuid.uuid4())])
        BusinessUnit.objects.filter(pk=made.pk).update(name="other")


def test_a_change_under_another_id_is_refused_by_the_same_message(own_database: str) -> None:
    made = unit()
    with pytest.raises(IntegrityError, match="audit_change_event"):
        astray(made)
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"
    assert not Event.objects.filter(verb="tests.close").exists()
    assert unit("second").pk


def test_what_waits_for_commit_runs_after_it(own_database: str) -> None:
    made = unit()
    ran: list[bool] = []
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        transaction.on_commit(lambda: ran.append(connection.in_atomic_block))
    assert ran == [False]


def terminate() -> None:
    with suppress(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def close() -> None:
    connection.close()


@pytest.mark.parametrize("before", [lambda: None, terminate, close], ids=["failed", "lost", "closed"])
def test_an_action_that_fails_leaves_nothing(own_database: str, before: Callable[[], object]) -> None:
    made = unit()
    ran: list[bool] = []
    with pytest.raises(ZeroDivisionError):
        fail(made, lambda: rename(made), lambda: transaction.on_commit(lambda: ran.append(True)), before)
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"
    assert not Event.objects.filter(verb="tests.close").exists()
    assert unit("second").pk
    assert (ran, connection.get_autocommit(), connection.in_atomic_block) == ([], True, False)


@transaction.atomic
def lose() -> None:
    BusinessUnit.objects.create(key="lost", name="Lost", path="lost/")
    raise ZeroDivisionError


def test_part_of_an_action_is_taken_back_and_the_rest_committed(own_database: str) -> None:
    made = unit()
    with trail.recorded("tests.close", actor=SETUP, subject=made):
        BusinessUnit.objects.filter(pk=made.pk).update(name="other")
        with pytest.raises(ZeroDivisionError):
            lose()
    connection.close()
    assert list(BusinessUnit.objects.values_list("key", "name")) == [("unit", "other")]
    (change,) = Event.objects.get(verb="tests.close").payload_as_json()["changes"]
    assert change["after"] == {"name": "other"}


def test_no_transaction_stays_open_when_commit_is_refused(own_database: str) -> None:
    made = unit()
    with pytest.raises(IntegrityError, match="audit_change_event"):
        astray(made)
    with transaction.atomic():
        transaction.set_rollback(True)
    assert connection.get_autocommit()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL, current_setting('mrm.audit_event', true)")
        assert cursor.fetchone() in ((True, None), (True, ""))


def test_a_refusal_of_its_own_is_committed(own_database: str) -> None:
    made = unit()
    with pytest.raises(Refused, match="Not so"), trail.recorded("tests.close", actor=SETUP, subject=made):
        raise Refused("Not so")
    connection.close()
    assert Event.objects.get(verb="tests.close").details == {"reasons": ["Not so"]}


LINES = """{event}
access.businessunit
{unit}

{{"actor":{{"key":"{actor}","name":"x","on_behalf_of":"","person":"","roles":[]}},"at":"
,"details":{{}},"id":"{event}","object":{{"id":"{unit}","prev":"
,"type":"access.businessunit"}},"outcome":"{outcome}","reason":"","request_id":"",\
"subject":{{"id":"{unit}","label":"A unit","type":"access.businessunit"}},"v":1,"verb":"tests.close"}}"""


@pytest.mark.parametrize(("actor", "outcome"), [("", "done"), ("x", "perhaps")])
def test_an_event_has_an_actor_and_is_done_or_refused(db: None, actor: str, outcome: str) -> None:
    lines = LINES.format(event=uuid.uuid4(), unit=unit().pk, actor=actor, outcome=outcome)
    with pytest.raises(IntegrityError, match="an event has an actor"), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [lines])


def test_ids_are_in_the_order_of_time() -> None:
    made = [trail.new_id() for _ in range(200)]
    read = [uuid.UUID(each) for each in made]
    assert {(each.version, each.variant) for each in read} == {(7, uuid.RFC_4122)}
    assert [str(each) for each in read] == made
    assert len(set(made)) == 200
    assert [each.int >> 80 for each in read] == sorted(each.int >> 80 for each in read)
