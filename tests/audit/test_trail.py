"""Nothing governed changes without an event that explains it."""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
import rfc8785
from django.db import DatabaseError, IntegrityError, connection, transaction

from mrm.access import services
from mrm.access.models import BusinessUnit, Person
from mrm.audit.models import Change, Event
from mrm.core import blobs
from mrm.core.canonical import canonical
from mrm.core.refusal import Refused
from mrm.inventory import services as inventory
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved


def unit(key: str = "unit") -> BusinessUnit:
    return services.add_unit(key=key, name="A unit", parent=None, actor=SETUP)


def test_an_action_leaves_one_event_that_explains_its_row(db: None) -> None:
    made = unit()
    event = Event.objects.get(subject_id=str(made.pk))
    assert (event.verb, event.actor, event.outcome, event.object_seq) == ("access.add_unit", "system:tests", "done", 1)
    change = Change.objects.get(event=event)
    assert (change.table, change.op, change.row, change.before) == ("access_businessunit", "insert", str(made.pk), None)
    assert event.payload_as_json()["changes"][0]["after"]["key"] == "unit"


@pytest.mark.parametrize(
    "write",
    [
        lambda made: BusinessUnit.objects.create(key="x", name="x", path="/x/"),
        lambda made: BusinessUnit.objects.bulk_create([BusinessUnit(key="x", name="x", path="/x/")]),
        lambda made: BusinessUnit.objects.filter(pk=made.pk).update(name="x"),
        lambda made: made.delete(),
        lambda made: connection.cursor().execute("UPDATE access_businessunit SET name = 'x'"),
        lambda made: connection.cursor().execute("TRUNCATE access_businessunit CASCADE"),
    ],
    ids=["create", "bulk_create", "update", "delete", "sql", "truncate"],
)
def test_a_write_outside_an_action_is_refused(db: None, write: object) -> None:
    made = unit()
    with pytest.raises(DatabaseError), transaction.atomic():
        write(made)  # type: ignore[operator]
    assert BusinessUnit.objects.get(key="unit").name == "A unit"


def forge(made: BusinessUnit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mrm.audit_event', gen_random_uuid()::text, true)")
    BusinessUnit.objects.filter(pk=made.pk).update(name="forged")


def test_a_forged_event_id_fails_at_commit(own_database: str) -> None:
    made = unit()
    with pytest.raises(IntegrityError), transaction.atomic():
        forge(made)
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"


def test_a_write_after_the_action_has_closed_is_refused_in_the_same_transaction(db: None) -> None:
    with transaction.atomic():
        made = unit()
        with pytest.raises(DatabaseError, match="outside an audited action"), transaction.atomic():
            BusinessUnit.objects.filter(pk=made.pk).update(name="late")
    assert BusinessUnit.objects.get(pk=made.pk).name == "A unit"


def test_a_refusal_rolls_back_and_is_recorded(db: None, cast: Cast) -> None:
    with pytest.raises(Refused):
        services.grant(cast.administrator, role="deployer", unit=cast.bank, actor=cast.administrator)
    event = Event.objects.filter(verb="access.grant", outcome="refused").get()
    assert event.actor == "adam"
    assert event.details["reasons"] == ["You may not grant a role to yourself; another administrator does it."]
    assert cast.administrator.role_grants.count() == 1


def test_events_of_one_object_are_chained(db: None, cast: Cast) -> None:
    account = cast.outsider
    services.grant(account, role="owner", unit=cast.markets, actor=cast.administrator)
    services.deactivate(account, reason="left", actor=cast.administrator)
    chain = list(Event.objects.filter(object_type="access.account", object_id=str(account.pk)).order_by("object_seq"))
    assert [event.object_seq for event in chain] == [1, 2, 3]
    assert [event.object_prev for event in chain] == ["", chain[0].digest, chain[1].digest]


def test_secrets_are_not_copied_into_the_trail(db: None, cast: Cast) -> None:
    services.change_password(cast.owner, password="a long enough phrase", actor=cast.owner)
    event = Event.objects.get(verb="access.change_password")
    assert event.payload_as_json()["changes"] == [
        {"table": "access_account", "row": str(cast.owner.pk), "op": "update", "before": {}, "after": {}}
    ]


def test_the_actor_stays_readable_after_he_is_gone(db: None, cast: Cast) -> None:
    added = services.add_person(name="New Person", email="new@bank.example", unit=cast.retail, actor=cast.administrator)
    event = Event.objects.get(verb="access.add_person", subject_id=str(added.pk))
    assert event.subject_label == "New Person"
    assert (event.actor_name, event.actor_roles) == ("Adam Administrator", ["administrator"])
    assert Person.objects.get(name="New Person").unit == cast.retail


def test_every_event_fits_its_schema_and_is_the_one_canonical_form(cast: Cast, tmp_path: Path) -> None:
    an_approved(cast, a_model(cast), tmp_path)
    schema = json.loads((Path(__file__).parents[2] / "fixtures" / "schemas" / "audit-event-1.json").read_text())
    fits = jsonschema.Draft202012Validator(schema)
    events = list(Event.objects.all())
    assert len(events) > 40
    for event in events:
        payload = bytes(event.payload)
        content = json.loads(payload)
        fits.validate(content)
        assert payload == rfc8785.dumps(content) == canonical(content)
        assert event.digest == hashlib.sha256(b"\x00" + payload).hexdigest()


def test_a_large_change_is_held_by_its_digest_in_the_storage(db: None, cast: Cast) -> None:
    long = [f"Use number {number} of a model that is used for very many things" for number in range(2_000)]
    model = a_model(cast)
    inventory.edit(model, changes={"approved_uses": long}, revision=model.revision, reason="All uses", actor=cast.owner)
    event = Event.objects.get(verb="inventory.edit")
    assert len(bytes(event.payload)) < 65_536
    held = event.payload_as_json()["changes"]
    assert held["count"] == 1
    changes = json.loads(blobs.read(held["sha256"]))
    assert changes[0]["after"]["approved_uses"] == long


def test_a_reason_too_long_to_be_recorded_is_refused_whole(db: None, cast: Cast) -> None:
    with pytest.raises(Refused, match="too long to be recorded"):
        services.deactivate(cast.outsider, reason="x" * 70_000, actor=cast.administrator)
    cast.outsider.refresh_from_db()
    assert cast.outsider.is_active
