"""A migration that alters a table alters no truth: the log goes on giving what is live, and what was forged stays found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection

from mrm.access.models import BusinessUnit
from mrm.audit import heartbeat, services
from mrm.audit.export import Scope
from mrm.audit.models import Event, Ground, IntegrityFinding
from mrm.audit.replay.differences import Found
from mrm.audit.replay.events import Restored
from mrm.audit.replay.rows import check_rows, folded, governed_tables
from tests.audit.test_export import export, signed, verified
from tests.audit.test_integrity import forge
from tests.audit.test_replay import differences, unit


@pytest.fixture
def as_owner(own_database: str) -> Iterator[None]:
    """Migrations run as the owner of the tables."""
    connection.close()
    connection.settings_dict["USER"] = "mrm_owner"
    yield
    connection.close()
    connection.settings_dict["USER"] = "mrm_app"


COLUMNS = {
    "comes": "ALTER TABLE access_businessunit ADD COLUMN colour varchar(10) NOT NULL DEFAULT 'red'",
    "goes": "ALTER TABLE access_businessunit DROP COLUMN name",
    "changes its type": "ALTER TABLE access_businessunit ALTER COLUMN name TYPE jsonb USING to_jsonb(ARRAY[name])",
}


@pytest.mark.parametrize("what", COLUMNS)
def test_rows_are_carried_over_when_a_column(as_owner: None, superuser_connection: Any, what: str) -> None:
    for number in range(3):
        unit(number)
    superuser_connection.execute(COLUMNS[what])
    assert {each.table for each in differences(superuser_connection)} == {"access_businessunit"}
    heartbeat.lay(["access.0099_other"])
    assert differences(superuser_connection) == []
    carried = Event.objects.get(verb="audit.carry")
    assert carried.details == {"table": "access_businessunit", "rows": BusinessUnit.objects.count()}
    laid = Ground.objects.first()
    assert laid is not None
    assert laid.migrations == ["access.0099_other"]
    assert heartbeat.beat() is None


def test_many_rows_are_carried_in_events_that_hold_them(as_owner: None, superuser_connection: Any) -> None:
    for number in range(150):
        unit(number)
    superuser_connection.execute(COLUMNS["comes"])
    heartbeat.lay(["access.0099_other"])
    events = Event.objects.filter(verb="audit.carry")
    assert sum(event.details["rows"] for event in events) == 150
    assert len(events) > 1
    assert all(isinstance(event.payload_as_json()["changes"], list) for event in events)
    assert differences(superuser_connection) == []


def test_a_table_that_is_gone_has_no_rows_in_the_log(as_owner: None, superuser_connection: Any) -> None:
    unit(1)
    superuser_connection.execute("DROP TABLE access_businessunit CASCADE")
    assert [(each.table, each.found) for each in differences(superuser_connection)][:1] == [
        ("access_businessunit", "no such table")
    ]
    heartbeat.lay(["access.0099_other"])
    assert [each.found for each in differences(superuser_connection)] == ["no such table"]
    with superuser_connection.transaction():
        rows = list(folded(superuser_connection, "access_businessunit", Restored(), Found()))
    assert [row.content for row in rows] == [None]


def test_a_table_that_is_called_otherwise_takes_its_rows_along(as_owner: None, superuser_connection: Any) -> None:
    superuser_connection.execute("ALTER TABLE inventory_pack RENAME TO inventory_book")
    heartbeat.lay(["inventory.0099_other"])
    found = Found()
    with superuser_connection.transaction():
        superuser_connection.execute("SET LOCAL timezone = 'UTC'")
        (book,) = governed_tables(superuser_connection, ["inventory_book"])
        assert check_rows(superuser_connection, book, Restored(), found) > 0
    assert found.all == []


def test_what_was_forged_before_stays_found(as_owner: None, superuser_connection: Any) -> None:
    unit(1)
    forge(superuser_connection, "UPDATE access_businessunit SET name = 'Forged'")
    superuser_connection.execute(COLUMNS["comes"])
    heartbeat.lay(["access.0099_other"])
    assert [(each.field, each.expected, each.found) for each in differences(superuser_connection)] == [
        ("name", "Unit 1", "Forged")
    ]


def test_an_outsider_finds_the_log_true_after_it(
    as_owner: None, superuser_connection: Any, log_connection: Any, tmp_path: Path
) -> None:
    unit(1)
    signed(log_connection)
    superuser_connection.execute(COLUMNS["comes"])
    heartbeat.lay(["access.0099_other"])
    signed(log_connection)
    told = verified(export(tmp_path, Scope()))
    assert (told["INTEGRITY"]["state"], told["COMPLETENESS"]["state"]) == ("OK", "OK"), told


def test_no_heartbeat_tells_of_a_migration_under_way(superuser_connection: Any) -> None:
    superuser_connection.execute("SELECT pg_advisory_lock(%s)", [heartbeat.MIGRATING])
    superuser_connection.execute(COLUMNS["comes"])
    assert heartbeat.beat() is None
    superuser_connection.execute("SELECT pg_advisory_unlock(%s)", [heartbeat.MIGRATING])
    assert heartbeat.beat() is not None
    assert IntegrityFinding.objects.filter(field="columns of access_businessunit").exists()


def test_only_the_owner_may_carry(own_database: str) -> None:
    laid = Ground.objects.first()
    assert laid is not None
    with pytest.raises(DatabaseError, match="permission denied for table audit_change"):
        services.carry(laid, table="access_businessunit", rows=[("1", {"id": "1"}, None)], actor=services.MIGRATION)
