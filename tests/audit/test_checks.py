"""What `manage.py check` and `check --deploy` say of a database that does not keep the promise."""

import datetime as dt
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from mrm.audit.checks import a_deployment_keeps_its_promise, missing_event_triggers, missing_triggers
from mrm.audit.models import Checkpoint
from tests.audit.test_replay import drain, unit


def told() -> dict[str, str]:
    return {str(error.id): error.msg for error in a_deployment_keeps_its_promise()}


def anchor(raw: "psycopg.Connection[Any]", age: dt.timedelta = dt.timedelta()) -> None:
    raw.execute(
        "INSERT INTO audit_anchor (checkpoint_id, name, kind, token, at) SELECT id, 'worm', 'folder', '', now() - %s"
        " FROM audit_checkpoint ORDER BY size DESC LIMIT 1",
        [age],
    )


@pytest.fixture
def anchored(superuser_connection: Any) -> Any:
    unit(1)
    drain(superuser_connection)
    anchor(superuser_connection)
    return superuser_connection


def test_the_application_as_it_is_set_up_passes(anchored: Any) -> None:
    assert told() == {}


def test_a_log_that_is_anchored_nowhere_fails(own_database: str) -> None:
    assert told()["audit.E006"].startswith("The log is anchored nowhere")
    with pytest.raises(SystemCheckError, match="anchored nowhere"):
        call_command("check", deploy=True, stdout=StringIO(), stderr=StringIO())


def test_a_log_that_grew_for_a_day_without_an_anchor_fails(superuser_connection: Any) -> None:
    unit(1)
    drain(superuser_connection)
    anchor(superuser_connection, dt.timedelta(hours=25))
    assert told() == {}
    unit(2)
    drain(superuser_connection)
    size = Checkpoint.objects.order_by("size").first().size  # type: ignore[union-attr]
    assert f"at size {size}." in told()["audit.E007"]
    anchor(superuser_connection)
    assert told() == {}


@pytest.mark.parametrize(
    ("statement", "number", "words"),
    [
        (
            "ALTER TABLE access_account OWNER TO mrm_app",
            "audit.E004",
            "mrm_app owns, or may act as the owner of, access_account",
        ),
        ("GRANT INSERT ON audit_event TO mrm_app", "audit.E005", "mrm_app may do INSERT on audit_event"),
        ("GRANT DELETE ON audit_leaf TO PUBLIC", "audit.E005", "mrm_app may do DELETE on audit_leaf"),
        (
            "GRANT TRUNCATE, TRIGGER ON access_account TO mrm_app",
            "audit.E005",
            "mrm_app may do TRIGGER, TRUNCATE on access_account",
        ),
    ],
)
def test_an_application_that_may_too_much_fails(anchored: Any, statement: str, number: str, words: str) -> None:
    anchored.execute(statement)
    assert words in told()[number]


def test_a_superuser_is_told(anchored: Any, own_database: str) -> None:
    connection.close()
    connection.settings_dict["USER"] = "postgres"
    try:
        assert {"audit.E003", "audit.E004", "audit.E005"} <= set(told())
    finally:
        connection.close()
        connection.settings_dict["USER"] = "mrm_app"


def test_a_database_that_is_not_there_is_told_and_is_no_crash(own_database: str) -> None:
    connection.close()
    connection.settings_dict["USER"] = "nobody_of_ours"
    try:
        assert set(told()) == {"audit.E010"}
    finally:
        connection.close()
        connection.settings_dict["USER"] = "mrm_app"


def test_a_child_of_a_governed_table_needs_guards_of_its_own(owner_connection: Any) -> None:
    assert missing_triggers("default") == []
    owner_connection.execute("CREATE TABLE more_units () INHERITS (access_businessunit)")
    owner_connection.execute("CREATE TABLE most_units () INHERITS (more_units)")
    both = ("audit_capture", "audit_no_truncate")
    assert missing_triggers("default") == [(table, name) for table in ("more_units", "most_units") for name in both]
    with pytest.raises(SystemCheckError, match="more_units lacks the trigger audit_capture"):
        call_command("check", databases=["default"], stdout=StringIO(), stderr=StringIO())


def test_a_partition_needs_the_guard_of_truncate_of_its_own(owner_connection: Any) -> None:
    """Row triggers are handed down to partitions, triggers of statements are not."""
    owner_connection.execute(
        "DROP TABLE inventory_dependency; CREATE TABLE inventory_dependency (id uuid) PARTITION BY HASH (id);"
        "CREATE TRIGGER audit_capture AFTER INSERT OR UPDATE OR DELETE ON inventory_dependency"
        " FOR EACH ROW EXECUTE FUNCTION audit_capture('id');"
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON inventory_dependency"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();"
        "ALTER TABLE inventory_dependency ENABLE ALWAYS TRIGGER audit_capture;"
        "ALTER TABLE inventory_dependency ENABLE ALWAYS TRIGGER audit_no_truncate;"
        "CREATE TABLE first_part PARTITION OF inventory_dependency FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
    )
    assert missing_triggers("default") == [("first_part", "audit_no_truncate")]
    owner_connection.execute(
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON first_part FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();"
        "ALTER TABLE first_part ENABLE ALWAYS TRIGGER audit_no_truncate"
    )
    assert missing_triggers("default") == []


def test_the_event_triggers_are_missed_when_they_are_off(superuser_connection: Any) -> None:
    superuser_connection.execute("ALTER EVENT TRIGGER mrm_ground_drop DISABLE")
    superuser_connection.execute("DROP EVENT TRIGGER mrm_ground_command")
    assert missing_event_triggers() == ["mrm_ground_command", "mrm_ground_drop"]
