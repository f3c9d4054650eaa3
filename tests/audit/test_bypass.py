"""Every way around the trail that we know, tried as each role: it is refused, or found by the checks named here."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import connections

from mrm.audit import ground, services
from mrm.audit.models import Event
from mrm.audit.replay import Difference, compare
from mrm.audit.sequencer import Sequencer, Tampered
from mrm.core.canonical import canonical
from tests import conftest
from tests.audit.test_replay import KEY, drain, unit
from tests.factories.access import person

APP, LOG, OWNER, SUPERUSER = "mrm_app", "mrm_log", "mrm_owner", "postgres"
NOTHING = "nothing"  # it was not refused, and every check finds the database as it was
ROLES = (APP, LOG, OWNER, SUPERUSER)
RENAME = "UPDATE access_businessunit SET name = 'Forged' WHERE key = 'unit-1'"
ROW = "SELECT id, key, 'Forged', path, parent_id FROM access_businessunit WHERE key = 'unit-1'"
OLD_EVENT = "SELECT set_config('mrm.audit_event', (SELECT id::text FROM audit_event ORDER BY position LIMIT 1), true)"
NO_EVENT = f"SELECT set_config('mrm.audit_event', '{uuid.uuid4()}', true)"
REPLICA = "SET LOCAL session_replication_role = replica"


@dataclass(frozen=True)
class Attempt:
    """What is done, and what comes of it for the application, the sequencer, the owner and the superuser."""

    statements: tuple[str, ...]
    app: str = "refused"
    log: str = "refused"
    owner: str = "refused"
    superuser: str = "refused"

    def expected(self, role: str) -> str:
        return {APP: self.app, LOG: self.log, OWNER: self.owner, SUPERUSER: self.superuser}[role]


def attempt(*statements: str, **outcomes: str) -> Attempt:
    return Attempt(statements, **outcomes)


def by_owner(outcome: str, *statements: str) -> Attempt:
    """What only the owner and the superuser can do."""
    return Attempt(statements, owner=outcome, superuser=outcome)


FORGED = "<forged payload>"
MISPLACED = "<payload out of its chain>"
ATTEMPTS = {
    "update an event": attempt("UPDATE audit_event SET reason = 'other'"),
    "delete a change": attempt("DELETE FROM audit_change"),
    "truncate the trail": attempt("TRUNCATE audit_event CASCADE"),
    "truncate the log": attempt("TRUNCATE audit_leaf, audit_checkpoint CASCADE"),
    "update a leaf": attempt("UPDATE audit_leaf SET hash = sha256('')"),
    "delete a checkpoint": attempt("DELETE FROM audit_checkpoint"),
    "end the key of a person without signatures": attempt(
        OLD_EVENT, "UPDATE audit_personalkey SET key = NULL, erased_at = now()"
    ),
    "give a person another key": attempt(OLD_EVENT, "UPDATE audit_personalkey SET key = sha256('')"),
    "delete the keys of persons": attempt(OLD_EVENT, "DELETE FROM audit_personalkey"),
    "truncate what is sealed": attempt("TRUNCATE audit_disclosure, audit_personalkey"),
    "seal another value": attempt("UPDATE audit_disclosure SET sealed = ''"),
    "insert an event that came by no function": by_owner(
        "replay, sequencer",
        "INSERT INTO audit_event (id, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of, reason,"
        " request_id, subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev, details,"
        " payload, digest) SELECT gen_random_uuid(), at, verb, outcome, 'boss', 'Boss', actor_roles, person, on_behalf_of,"
        " reason, request_id, subject_type, subject_id, subject_label, object_type, 'other', 1, '', details, payload, digest"
        " FROM audit_event LIMIT 1",
    ),
    "trail: on conflict do update": attempt(
        "INSERT INTO audit_change SELECT * FROM audit_change ON CONFLICT (event_id, id) DO UPDATE SET after = '{}'"
    ),
    "trail: merge": attempt("MERGE INTO audit_event USING (VALUES (1)) AS s ON true WHEN MATCHED THEN DELETE"),
    "update a row": attempt(RENAME),
    "delete a row": attempt("DELETE FROM access_businessunit WHERE key = 'unit-1'"),
    "truncate a table": attempt("TRUNCATE access_businessunit CASCADE"),
    "on conflict do update": attempt(
        f"INSERT INTO access_businessunit (id, key, name, path, parent_id) {ROW} ON CONFLICT (id) DO UPDATE SET name = excluded.name"
    ),
    "merge": attempt(
        "MERGE INTO access_businessunit AS u USING (VALUES ('unit-1')) AS s(key) ON u.key = s.key"
        " WHEN MATCHED THEN UPDATE SET name = 'Forged'"
    ),
    "copy a row": attempt(
        "COPY access_businessunit (id, key, name, path) FROM STDIN|"
        f"{uuid.uuid4()}\tghost\tGhost\tghost/\n"
    ),
    "copy a change under an event that is none": attempt(
        f'COPY audit_change (event_id, "table", "row", op) FROM STDIN|{uuid.uuid4()}\taccess_businessunit\tx\tdelete\n'
    ),
    "disable the trigger": by_owner(
        "heartbeat, replay", "ALTER TABLE access_businessunit DISABLE TRIGGER audit_capture", RENAME
    ),
    "disable the trigger for a moment": by_owner(
        "replay",
        "ALTER TABLE access_businessunit DISABLE TRIGGER audit_capture",
        RENAME,
        "ALTER TABLE access_businessunit ENABLE ALWAYS TRIGGER audit_capture",
    ),
    "drop the trigger": by_owner("heartbeat, replay", "DROP TRIGGER audit_capture ON access_businessunit", RENAME),
    "drop the guard of truncate": by_owner(
        "heartbeat, replay", "DROP TRIGGER audit_no_truncate ON audit_ground; TRUNCATE audit_ground",
    ),
    "make the guard toothless": by_owner(
        "heartbeat, replay",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "UPDATE audit_change SET after = after || '{\"name\": \"Forged\"}' WHERE after ->> 'key' = 'unit-1'",
    ),
    "swallow the changes by a rule": by_owner(
        "heartbeat, replay", "CREATE RULE quiet AS ON INSERT TO audit_change DO INSTEAD NOTHING", OLD_EVENT, RENAME
    ),
    "replicate": attempt(REPLICA, RENAME),
    "replicate, on the trail": attempt(REPLICA, "UPDATE audit_event SET reason = 'other'"),
    "replicate under an event that is none": attempt(REPLICA, NO_EVENT, RENAME, superuser="replay"),
    "name an event that is none": attempt(NO_EVENT, RENAME),
    "name an old event": attempt(OLD_EVENT, RENAME, app="replay", owner="replay", superuser="replay"),
    "append a payload with a change that was none": attempt(
        FORGED, app="replay, sequencer", owner="replay, sequencer", superuser="replay, sequencer"
    ),
    "append a payload out of its chain": attempt(
        MISPLACED, app="replay, sequencer", owner="replay, sequencer", superuser="replay, sequencer"
    ),
    "drop an event from the queue": attempt("DELETE FROM audit_pending"),
    "put a leaf of one's own": attempt(
        "INSERT INTO audit_leaf (\"index\", event_id, hash) SELECT max(\"index\") + 1, gen_random_uuid(), sha256('') FROM audit_leaf"
    ),
    "a child table": by_owner(
        "heartbeat, replay",
        "CREATE TABLE more_units () INHERITS (access_businessunit)",
        "INSERT INTO more_units (id, key, name, path) VALUES (gen_random_uuid(), 'ghost', 'Ghost', 'ghost/')",
    ),
    "give the table away": attempt("ALTER TABLE access_businessunit OWNER TO mrm_app", superuser="heartbeat"),
    # who may use a right without passing it on is only warned, and nothing comes of it
    "grant": attempt(
        "GRANT UPDATE ON audit_event TO mrm_app", app=NOTHING, log=NOTHING, owner="heartbeat", superuser="heartbeat"
    ),
    "grant to everybody": attempt(
        "GRANT EXECUTE ON FUNCTION audit_append TO PUBLIC", app=NOTHING, owner="heartbeat", superuser="heartbeat"
    ),
    "take the event trigger away": attempt("DROP EVENT TRIGGER mrm_ground_command", superuser="heartbeat"),
    "take its function away": attempt("DROP FUNCTION mrm_ground.note_command CASCADE", superuser="heartbeat"),
    "take the record of commands back": attempt("DELETE FROM audit_ddl"),
    "take a finding back": attempt("DELETE FROM audit_integrityfinding"),
    "write the ground down as one likes": attempt("UPDATE audit_ground SET state = '{}'"),
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A database in which everything is signed, what it stands on, and an event to forge from."""

    name: str
    stands_on: dict[str, str]
    payload: dict[str, Any]
    other: str


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    before = connections["default"].settings_dict["NAME"]
    name = f"mrm_{uuid.uuid4().hex[:12]}"
    conftest._copy(name)
    conftest._use(name)
    with django_db_blocker.unblock():
        made = unit(1)
        person("Somebody Known", made)
        other = str(unit(2).pk)
        payload = Event.objects.get(subject_id=str(made.pk)).payload_as_json()
        services.open_finding(Difference("row", "one", "other", "table", "row", "field"), actor=services.INTEGRITY)
        connections.close_all()
    with psycopg.connect(conftest._cluster().url(SUPERUSER, name), autocommit=True) as raw:
        drain(raw)
        # something to take back, so that a DELETE has a row to be refused at
        raw.execute("INSERT INTO audit_ddl (at, who, command, kind, target) VALUES (now(), 'x', 'x', 'x', 'x')")
        stands_on = ground.read(raw.cursor())
    with django_db_blocker.unblock():
        # one event waits for its place
        unit(3)
        connections.close_all()
    yield Scene(name, stands_on, payload, other)
    conftest._use(before)
    conftest._drop(name)


APPEND = "SELECT audit_append(%s)"


def forged(scene: Scene, statement: str) -> str:
    """The pieces of an event that says a unit was renamed once more, which it was not; or that hangs on another's chain."""
    payload = {**scene.payload, "id": str(uuid.uuid4()), "changes": []}
    head, rest = canonical(payload).decode().split(payload["at"])
    middle = rest[rest.index(',"details"') : rest.index('"prev":"') + len('"prev":"')]
    tail = rest[rest.index(',"type":', rest.index('"seq":')) :]
    kind, key = payload["object"]["type"], payload["object"]["id"]
    if statement == FORGED:
        # the database puts the true row changes behind it: two lists under one name
        change = {
            **scene.payload["changes"][0],
            "op": "update",
            "before": {"name": "Unit 1"},
            "after": {"name": "Forged"},
        }
        head = f'{head}{payload["at"]}","changes":{canonical([change]).decode()},"at":"'
    else:
        key = scene.other
    return "\n".join((payload["id"], kind, key, "", head, middle, tail))


def outcome(raw: "psycopg.Connection[Any]", scene: Scene, role: str, statements: tuple[str, ...]) -> str:
    """Do it as the role, up to what COMMIT would check; then look with everything we have."""
    raw.execute(f"SET SESSION AUTHORIZATION {role}")
    try:
        for statement in statements:
            if statement in (FORGED, MISPLACED):
                raw.execute(APPEND, [forged(scene, statement)])
            elif "|" in statement and statement.startswith("COPY"):
                command, data = statement.split("|")
                with raw.cursor().copy(command) as copy:
                    copy.write(data)
            else:
                raw.execute(statement)
        raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ForeignKeyViolation):
        return "refused"
    raw.execute("RESET SESSION AUTHORIZATION")
    raw.execute("SET LOCAL session_replication_role = origin")
    found = []
    if services.differing(scene.stands_on, ground.read(raw.cursor())):
        found.append("heartbeat")
    if compare(raw, lambda stage, done, total: None).differences:
        found.append("replay")
    sequencer = Sequencer(raw, [KEY], KEY.name)
    try:
        sequencer.load()
        sequencer.step()
    except Tampered:
        found.append("sequencer")
    return ", ".join(found) or NOTHING


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", ATTEMPTS)
def test_a_way_around_the_trail(scene: Scene, what: str, role: str) -> None:
    with psycopg.connect(conftest._cluster().url(SUPERUSER, scene.name)) as raw:
        assert outcome(raw, scene, role, ATTEMPTS[what].statements) == ATTEMPTS[what].expected(role)
        raw.rollback()


def test_nothing_is_found_where_nothing_was_done(scene: Scene) -> None:
    with psycopg.connect(conftest._cluster().url(SUPERUSER, scene.name)) as raw:
        assert outcome(raw, scene, SUPERUSER, ("SELECT 1",)) == NOTHING
        raw.rollback()
