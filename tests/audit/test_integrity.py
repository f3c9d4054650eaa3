"""What differs is opened once, explained by who audits, never taken away; what guards the trail is looked at."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from mrm.access.models import Account, BusinessUnit
from mrm.audit import heartbeat, integrity, services, work
from mrm.audit.checks import missing_event_triggers
from mrm.audit.models import Event, Ground, IntegrityFinding, Replay, SchemaChange
from mrm.audit.replay import compared
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.jobs import runner
from mrm.jobs.models import Job, JobState
from mrm.project import celery
from tests.audit.test_replay import unit
from tests.factories.access import Cast

REASON = "Restored by hand from the paper record, see ticket 12."


def forge(raw: Any, statement: str) -> None:
    raw.execute("ALTER TABLE access_businessunit DISABLE TRIGGER audit_capture")
    raw.execute(statement)
    raw.execute("ALTER TABLE access_businessunit ENABLE ALWAYS TRIGGER audit_capture")


def compare_now() -> Replay:
    return services.keep(compared(lambda stage, done, total: None), actor=services.INTEGRITY)


@pytest.fixture
def forged(superuser_connection: Any) -> Cast:
    cast = Cast()
    unit(1)
    forge(superuser_connection, "UPDATE access_businessunit SET name = 'Forged' WHERE key = 'unit-1'")
    return cast


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def test_a_difference_is_opened_once_with_row_and_field(forged: Cast) -> None:
    first, second = compare_now(), compare_now()
    (finding,) = IntegrityFinding.objects.all()
    row = BusinessUnit.objects.get(key="unit-1")
    assert (finding.table, finding.row, finding.field) == ("access_businessunit", str(row.pk), "name")
    assert (finding.expected, finding.found, finding.is_open) == ("Unit 1", "Forged", True)
    assert finding.last_event == Event.objects.get(subject_id=str(row.pk)).pk
    assert (first.differences, second.differences) == (1, 1)
    opened = Event.objects.get(verb="audit.open_finding")
    assert (opened.actor, opened.subject_id) == ("system:integrity", str(finding.pk))
    assert list(integrity.open_findings()) == [finding]
    assert integrity.last_replay() == second


def test_a_difference_that_went_and_came_back_is_opened_anew(forged: Cast, superuser_connection: Any) -> None:
    compare_now()
    forge(superuser_connection, "UPDATE access_businessunit SET name = 'Unit 1' WHERE key = 'unit-1'")
    assert compare_now().differences == 0
    (gone,) = IntegrityFinding.objects.all()
    assert (gone.gone_at is not None, gone.is_open) == (True, True)
    forge(superuser_connection, "UPDATE access_businessunit SET name = 'Forged' WHERE key = 'unit-1'")
    compare_now()
    assert IntegrityFinding.objects.count() == 2


def test_an_auditor_explains_and_the_finding_stays(forged: Cast) -> None:
    compare_now()
    (finding,) = IntegrityFinding.objects.all()
    with pytest.raises(Forbidden, match="done by an administrator or auditor"):
        services.explain(finding, reason=REASON, actor=forged.officer)
    with pytest.raises(Invalid, match="Say in a sentence"):
        services.explain(finding, reason="because", actor=forged.auditor)
    services.explain(finding, reason=REASON, actor=forged.auditor)
    finding.refresh_from_db()
    assert (finding.status, finding.explanation, finding.explained_by) == ("explained", REASON, "Anna Auditor")
    with pytest.raises(Refused, match="this is explained"):
        services.explain(finding, reason=REASON, actor=forged.auditor)
    event = Event.objects.get(verb="audit.explain_finding", outcome="done")
    assert (event.reason, event.actor_name) == (REASON, "Anna Auditor")
    compare_now()
    assert IntegrityFinding.objects.count() == 1
    assert list(integrity.open_findings()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_integrityfinding",
        "UPDATE audit_integrityfinding SET found = ''",
        "UPDATE audit_replay SET differences = 0",
        "DELETE FROM audit_ground",
        "INSERT INTO audit_ddl (at, who, command, kind, target) VALUES (now(), '', '', '', '')",
    ],
)
def test_what_was_found_is_not_taken_back(forged: Cast, superuser_connection: Any, statement: str) -> None:
    compare_now()
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)
    if not statement.startswith("INSERT") and "finding SET" not in statement:
        with pytest.raises(Exception, match="rows there are never taken back"):
            superuser_connection.execute(statement)


def test_the_page_shows_explains_and_is_closed_to_others(forged: Cast) -> None:
    compare_now()
    finding = IntegrityFinding.objects.get()
    auditor = client_of(forged.auditor)
    page = auditor.get(reverse("audit:findings")).content.decode()
    assert all(word in page for word in ("access_businessunit", "Unit 1", "Forged", "1 difference"))
    address = reverse("audit:explain", args=[finding.pk])
    assert client_of(forged.officer).get(reverse("audit:findings")).status_code == 403
    assert client_of(forged.officer).post(address, {"reason": REASON}).status_code == 403
    assert "Say in a sentence" in auditor.post(address, {"reason": "no"}, follow=True).content.decode()
    assert auditor.post(address, {"reason": REASON}).status_code == 302
    assert "Nothing waits for an explanation" in auditor.get(reverse("audit:findings")).content.decode()
    assert REASON in auditor.get(reverse("audit:findings"), {"all": ""}).content.decode()


def test_the_button_asks_a_worker_once_and_the_worker_opens_what_differs(forged: Cast) -> None:
    auditor = client_of(forged.auditor)
    first, second = (auditor.post(reverse("audit:replay")) for _ in range(2))
    job = Job.objects.get(kind="audit.replay")
    assert first["Location"] == second["Location"] == reverse("jobs:job", args=[job.pk])
    assert client_of(forged.officer).post(reverse("audit:replay")).status_code == 403
    assert runner.run_next()
    job.refresh_from_db()
    assert (job.state, job.requested_by) == (JobState.DONE, "anna")
    assert (IntegrityFinding.objects.count(), Replay.objects.get().differences) == (1, 1)


def test_the_clock_asks_every_night(own_database: str) -> None:
    celery.replay()
    assert Job.objects.get(kind="audit.replay").requested_by == "system:integrity"
    schedule = celery.app.conf.beat_schedule
    assert (schedule["replay"]["task"], schedule["heartbeat"]["schedule"]) == ("mrm.replay", 60.0)
    assert "audit.replay" in work.WORK


def test_the_command_says_what_differs_and_ends_with_1(forged: Cast) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "replay", stdout=out)
    assert ended.value.code == 1
    assert "name: expected Unit 1, found Forged" in out.getvalue()
    assert IntegrityFinding.objects.count() == 1


def test_the_command_ends_well_when_nothing_differs(own_database: str) -> None:
    out = StringIO()
    call_command("audit", "replay", "--only-look", stdout=out)
    assert "0 differences" in out.getvalue()
    assert not Replay.objects.exists()


def test_the_migrations_wrote_the_ground_down_and_nothing_changed_since(own_database: str) -> None:
    (ground,) = Ground.objects.all()
    assert "audit.0004_integrity" in ground.migrations
    assert Event.objects.get(verb="audit.migrate").actor == "system:migration"
    assert ground.state["owner of audit_event"] == "mrm_owner"
    assert ground.state["trigger audit_capture on access_account"].startswith("fires always: CREATE TRIGGER")
    assert heartbeat.beat() is None
    assert missing_event_triggers() == []


GROUND = {
    "ALTER TABLE access_account DISABLE TRIGGER audit_capture": ("trigger audit_capture on access_account", "fires disabled"),
    "DROP TRIGGER audit_append_only ON audit_event": ("trigger audit_append_only on audit_event", ""),
    "GRANT UPDATE ON audit_event TO mrm_app": ("grants on audit_event", "mrm_app=rw/mrm_owner"),
    "GRANT UPDATE (payload) ON audit_event TO mrm_app": ("grants on columns of audit_event", "payload: mrm_app=w/"),
    "ALTER TABLE access_account OWNER TO mrm_app": ("owner of access_account", "mrm_app"),
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$": (
        "function audit_refuse()", "owner mrm_owner",
    ),
    "GRANT EXECUTE ON FUNCTION audit_append TO PUBLIC": ("function audit_append(", "=X/mrm_owner"),
    "CREATE TABLE child () INHERITS (access_account)": ("child of access_account: child", "inherits"),
    "CREATE RULE quiet AS ON INSERT TO audit_change DO INSTEAD NOTHING": ("rule quiet on audit_change", "NOTHING"),
    "ALTER TABLE audit_change DROP CONSTRAINT audit_change_event": ("constraints of audit_change", "digest"),
    "ALTER TABLE access_account ADD COLUMN more int": ("columns of access_account", ""),
    "DROP EVENT TRIGGER mrm_ground_drop": ("event trigger mrm_ground_drop", ""),
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', current_database()); END $$": (
        "settings of everybody in this database", "session_replication_role=replica",
    ),
}  # fmt: skip


@pytest.mark.parametrize("statement", GROUND)
def test_a_change_of_the_ground_is_an_event_and_a_finding(superuser_connection: Any, statement: str) -> None:
    name, after = GROUND[statement]
    superuser_connection.execute(statement)
    assert heartbeat.beat() is not None
    finding = IntegrityFinding.objects.get(field__startswith=name)
    assert (finding.kind, after in finding.found, finding.expected != finding.found) == ("ground", True, True)
    event = Event.objects.get(verb="audit.ground_changed")
    assert (event.actor, event.details["changes"][finding.field]["before"]) == ("system:heartbeat", finding.expected)
    assert heartbeat.beat() is None


def test_a_flood_of_changes_is_written_down_whole(superuser_connection: Any) -> None:
    for number in range(120):
        superuser_connection.execute(f'CREATE TABLE "kind_{number}_é" () INHERITS (access_account)')
    laid = heartbeat.beat()
    assert laid is not None
    assert laid.state['child of access_account: "kind_7_\\xe9"'] == "inherits"
    event = Event.objects.get(verb="audit.ground_changed")
    assert (len(event.details["changes"]), "sha256" in event.payload_as_json()["changes"]) == (50, True)
    assert IntegrityFinding.objects.filter(field__startswith="child of").count() == 120
    assert compare_now().differences == 0


def test_what_is_undone_is_told_as_well_and_a_repetition_too(superuser_connection: Any) -> None:
    for turn in range(2):
        superuser_connection.execute("ALTER TABLE access_account DISABLE TRIGGER audit_capture")
        heartbeat.beat()
        superuser_connection.execute("ALTER TABLE access_account ENABLE ALWAYS TRIGGER audit_capture")
        heartbeat.beat()
        assert IntegrityFinding.objects.count() == 2 * (turn + 1)


def test_a_new_superuser_is_told(superuser_connection: Any) -> None:
    """Roles belong to the whole cluster, so this one is never committed."""
    from mrm.audit import ground

    before = ground.read(superuser_connection.cursor())
    with superuser_connection.transaction(force_rollback=True):
        superuser_connection.execute("CREATE ROLE intruder SUPERUSER LOGIN; CREATE ROLE friend IN ROLE mrm_owner")
        changed = services.differing(before, ground.read(superuser_connection.cursor()))
    assert changed["role intruder"] == ("", "superuser, logs in, member of: none")
    assert changed["role friend"] == ("", "does not log in, member of: mrm_owner")


def test_a_command_on_the_schema_is_written_down_with_who_gave_it(owner_connection: Any) -> None:
    before = SchemaChange.objects.count()
    owner_connection.execute("ALTER TABLE access_account DISABLE TRIGGER audit_capture")
    owner_connection.execute("CREATE TABLE spare (id int); DROP TABLE spare")
    owner_connection.execute("GRANT SELECT ON audit_event TO PUBLIC")
    told = list(SchemaChange.objects.order_by("id").values_list("who", "command", "kind", "target")[before:])
    assert ("mrm_owner", "ALTER TABLE", "table", "public.access_account") in told
    assert ("mrm_owner", "DROP TABLE", "table", "public.spare") in told
    assert ("mrm_owner", "GRANT") in {(who, command) for who, command, _, _ in told}


def test_a_migration_lays_the_ground_anew_and_tells_what_was_changed_before_it(
    superuser_connection: Any, own_database: str
) -> None:
    superuser_connection.execute("ALTER TABLE access_account DISABLE TRIGGER audit_capture")
    superuser_connection.execute("DELETE FROM django_migrations WHERE app = 'reporting' AND name = '0002_guards'")
    superuser_connection.execute("DROP TRIGGER audit_capture ON reporting_document")
    superuser_connection.execute("DROP TRIGGER audit_no_truncate ON reporting_document")
    connection.close()
    connection.settings_dict["USER"] = "mrm_owner"
    try:
        call_command("migrate", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["USER"] = "mrm_app"
    laid = Ground.objects.first()
    assert laid is not None
    assert "reporting.0002_guards" in laid.migrations
    found = set(IntegrityFinding.objects.values_list("field", flat=True))
    assert "trigger audit_capture on access_account" in found
    assert "trigger audit_capture on reporting_document" in found
    assert heartbeat.beat() is None
