"""A person is erased: under signatures, everywhere, and without breaking one proof."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from mrm.access import services as access
from mrm.access.models import Account, Person
from mrm.audit import personal
from mrm.audit.export import Scope
from mrm.audit.models import Change, Disclosure, Event, PersonalKey
from mrm.audit.queries import trail
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.privacy import queries, services
from mrm.privacy.models import Erasure
from mrm.project.packs import load_shipped
from mrm.signoff import services as signoff
from mrm.signoff.models import Request, RequestState
from tests.audit.test_export import export, signed, verified
from tests.audit.test_replay import differences
from tests.factories.access import PASSWORD, SETUP, Cast, account, fresh, grant, with_password

REASON = "Left in 2019; asked for it under Article 17"
NAMES = ("xaver", "quandt")


@pytest.fixture
def bank(db: None) -> Cast:
    load_shipped(actor=SETUP)
    return Cast()


def gone(bank: Cast) -> Person:
    """Somebody who did things here once, and whose accounts are closed."""
    left = account("Xaver Quandt", bank.markets)
    access.issue_token(left, label="script", scopes=[], days=30, actor=left)
    access.note_sign_in(left, "access.sign_in")
    access.deactivate(left, reason="left", actor=bank.administrator)
    return left.person


def sign(request: Request, signer: Account, decision: str = "approve") -> None:
    with_password(signer)
    statement, token = signoff.compose(
        request, decision=decision, rationale="The ground holds.", conditions=[], actor=fresh(signer)
    )
    assert statement["request"] == request.ref
    signoff.sign(request, token=token, password=PASSWORD, actor=fresh(signer))


def erased(bank: Cast, person: Person) -> Erasure:
    asked = services.ask(person, reason=REASON, actor=bank.administrator)
    request = queries.request_of(asked)
    assert request
    sign(request, bank.officer)
    assert PersonalKey.objects.get(person=str(person.pk)).key is not None
    # signs for the unit of the person concerned
    if not fresh(bank.lead).holds("bu_lead", bank.markets):
        grant(bank.lead, role="bu_lead", unit=bank.markets)
    sign(request, bank.lead)
    asked.refresh_from_db()
    return asked


def everything(raw: Any, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Table and row of everything in the database that holds one of the words, whatever the column."""
    tables = raw.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    for (table,) in tables.fetchall():
        query = f"SELECT to_jsonb(t)::text || coalesce({'convert_from(payload, $$UTF8$$)' if table == 'audit_event' else 'NULL'}, '') FROM \"{table}\" AS t"
        for (text,) in raw.execute(query).fetchall():
            if any(word in text.casefold() for word in words):
                yield table, text


def test_no_name_enters_the_trail_in_clear(bank: Cast) -> None:
    person = gone(bank)
    for event in Event.objects.all():
        text = bytes(event.payload).decode().casefold()
        assert not any(word in text for word in (*NAMES, "adam administrator", "bank.example")), text
    event = Event.objects.get(verb="access.deactivate")
    assert (event.actor, event.actor_name, event.subject_label) == ("adam", "Adam Administrator", "xaver")
    change = Change.objects.get(event__verb="access.add_person", table="access_person", row=str(person.pk))
    assert (change.after or {})["name"] == "Xaver Quandt"


def test_a_vote_is_called_by_no_name_in_the_log(bank: Cast) -> None:
    services.ask(gone(bank), reason=REASON, actor=bank.administrator)
    request = Request.objects.latest("number")
    sign(request, bank.officer)
    event = Event.objects.get(verb="signoff.vote")
    assert event.subject_label == "Approve by Rita Officer"
    assert event.payload_as_json()["subject"]["label"].startswith("personal:")


def test_readers_get_names_whichever_way_they_read(bank: Cast) -> None:
    personal.forget()
    access.deactivate(bank.outsider, reason="left", actor=bank.administrator)
    found = Event.objects.filter(verb="access.deactivate")
    assert list(found.values_list("actor_name", flat=True)) == ["Adam Administrator"]
    assert [row["subject_label"] for row in found.values("subject_label")] == ["otto"]
    assert [event.actor for event in trail(actor="adam")[:1]] == ["adam"]
    assert Change.objects.filter(event__in=found).select_related("event")[0].event.actor_name == "Adam Administrator"


def test_a_commitment_is_the_published_formula(bank: Cast) -> None:
    whose = str(bank.owner.person_id)
    key = bytes(PersonalKey.objects.get(person=whose).key or b"")
    value = "Ölive O’Wner"
    (told,) = personal.commit(whose, value)
    salt = hashlib.sha256(key + hashlib.sha256(value.encode()).digest()).digest()
    assert told == "personal:" + hashlib.sha256(salt + value.encode()).hexdigest()
    other = personal.commit(str(bank.developer.person_id), value)
    assert other != [told]
    assert personal.commit(whose, value) == [told]


def test_a_sealed_value_that_was_touched_is_not_passed_off(bank: Cast) -> None:
    whose = str(bank.owner.person_id)
    row = Disclosure.objects.filter(person=whose)[0]
    key = bytes(PersonalKey.objects.get(person=whose).key or b"")
    sealed = bytes(row.sealed)
    assert personal.unseal(key, row.commitment, sealed) in {"Olivia Owner", "olivia", "olivia.owner@bank.example"}
    for place in range(len(sealed)):
        touched = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert personal.unseal(key, row.commitment, touched).startswith("unreadable")


def test_erased_everywhere_and_every_proof_holds(
    own_database: str, log_connection: Any, superuser_connection: Any, tmp_path: Path
) -> None:
    load_shipped(actor=SETUP)
    with transaction.atomic():
        bank = Cast()
        grant(bank.lead, role="bu_lead", unit=bank.markets)
    person = gone(bank)
    signed(log_connection)
    before = zipfile.ZipFile(export(tmp_path, Scope())).read("personal.jsonl").decode()
    assert "Xaver Quandt" in before
    done = erased(bank, person)
    assert done.erased_at
    signed(log_connection)
    found = list(everything(superuser_connection, NAMES))
    assert found == []
    assert differences(superuser_connection) == []
    bundle = export(tmp_path, Scope())
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            content = archive.read(name).decode(errors="replace").casefold()
            assert not any(word in content for word in NAMES) or name == "verify.py", name
        told = [json.loads(line) for line in archive.read("personal.jsonl").decode().splitlines()]
    assert str(person.pk) not in {each["person"] for each in told}
    assert "Adam Administrator" in {each["value"] for each in told}
    states = {name: verdict["state"] for name, verdict in verified(bundle).items()}
    assert {name for name, state in states.items() if state != "OK"} <= {"ANCHORED", "UNANCHORED"}, states
    person.refresh_from_db()
    assert (person.name, person.email) == (
        f"erased-{str(person.pk)[:8]}",
        f"erased-{str(person.pk)[:8]}@erased.invalid",
    )
    event = Event.objects.get(verb="access.sign_in")
    assert (event.actor, event.actor_name) == ("Erased person", "Erased person")
    assert not person.accounts.filter(is_active=True).exists()
    assert not [token for account in person.accounts.all() for token in account.tokens.all() if token.is_usable]


def test_every_personal_column_is_swept(bank: Cast) -> None:
    """What the triggers hold to be personal is what an erasure takes out: a new column cannot be forgotten."""
    person = gone(bank)
    whose = str(person.pk)
    erased(bank, person)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, encode(t.tgargs, 'escape') FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid"
            " WHERE t.tgname = 'audit_capture'"
        )
        columns = [
            (table, *told.split("@"))
            for table, args in cursor.fetchall()
            for told in args.split("\\000")
            if "@" in told
        ]
        assert len(columns) >= 4
        for table, column, holder in columns:
            cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE "{holder}"::text = %s', [whose])
            assert all(value.startswith(f"erased-{whose[:8]}") for (value,) in cursor.fetchall()), (table, column)


def test_nothing_is_told_of_an_erased_person_again(bank: Cast) -> None:
    person = gone(bank)
    whose = str(person.pk)
    erased(bank, person)
    assert personal.commit(whose, "Xaver Quandt") == [f"erased-{whose[:8]}"]


@pytest.mark.parametrize("role", ["application", "owner", "superuser"])
def test_a_key_ends_only_where_the_signers_said_so(
    role: str, own_database: str, owner_connection: Any, superuser_connection: Any
) -> None:
    opened = Cast().outsider
    whose = str(opened.person_id)
    ends = "UPDATE audit_personalkey SET key = NULL, erased_at = now() WHERE person = %s"
    drops = "DELETE FROM audit_personalkey WHERE person = %s"
    raw = {"application": connection.connection, "owner": owner_connection, "superuser": superuser_connection}[role]

    def attempted(statement: str) -> None:
        with raw.transaction():
            raw.execute("SELECT set_config('mrm.audit_event', gen_random_uuid()::text, true)")
            if role == "superuser":
                raw.execute("SET LOCAL session_replication_role = replica")
            raw.execute(statement, [whose])

    for statement in (ends, drops):
        with pytest.raises(psycopg.Error, match=r"not signed|never taken back|permission denied"):
            attempted(statement)
    assert PersonalKey.objects.get(person=whose).key is not None


def test_who_may_not_sign_it(bank: Cast) -> None:
    person = gone(bank)
    grant(bank.officer, role="bu_lead", unit=bank.markets)
    asked = services.ask(person, reason=REASON, actor=bank.administrator)
    request = queries.request_of(asked)
    assert request
    for nobody in (bank.administrator, bank.auditor, bank.owner):
        with pytest.raises(Refused):
            sign(request, nobody)
    sign(request, bank.officer)
    with pytest.raises(Refused):
        sign(request, bank.officer)
    request.refresh_from_db()
    assert (request.status, PersonalKey.objects.get(person=str(person.pk)).erased_at) == (RequestState.OPEN, None)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("", "needs its reason"),
        ("Xaver asked", "must not hold “Xaver”"),
        ("see XAVER.quandt@bank.example", "must not hold"),
    ],
)
def test_the_reason_is_given_without_the_name(bank: Cast, reason: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        services.ask(gone(bank), reason=reason, actor=bank.administrator)
    assert not Erasure.objects.exists()


def test_what_is_owed_stands_against_it(bank: Cast) -> None:
    from tests.factories import inventory as factory

    model = factory.model(bank)
    access.deactivate(bank.owner, reason="left", actor=bank.administrator)
    asked = services.ask(bank.owner.person, reason=REASON, actor=bank.administrator)
    missing = {gate.key: gate.detail for gate in queries.missing(bank.owner.person)}
    assert missing == {
        "roles": "Still there: Model owner on Retail Lending.",
        "models": f"Still there: {model.ref}.",
    }
    request = queries.request_of(asked)
    assert request
    with pytest.raises(Refused, match="Not open, missing: roles are revoked"):
        sign(request, bank.officer)
    with pytest.raises(Refused, match="Not yet: roles are revoked"):
        services.erase(asked, actor=SETUP)


def test_the_service_itself_asks_for_the_signatures(bank: Cast) -> None:
    asked = services.ask(gone(bank), reason=REASON, actor=bank.administrator)
    with pytest.raises(Refused, match="is not signed"):
        services.erase(asked, actor=SETUP)
    request = queries.request_of(asked)
    assert request
    sign(request, bank.officer, "reject")
    with pytest.raises(Refused, match="is not signed"):
        services.erase(asked, actor=SETUP)


def test_asked_once_and_by_others(bank: Cast) -> None:
    person = gone(bank)
    with pytest.raises(Forbidden):
        services.ask(person, reason=REASON, actor=bank.auditor)
    with pytest.raises(Refused, match="Somebody else asks"):
        services.ask(bank.administrator.person, reason=REASON, actor=bank.administrator)
    services.ask(person, reason=REASON, actor=bank.administrator)
    with pytest.raises(Refused, match="asked already"):
        services.ask(person, reason=REASON, actor=bank.administrator)


def test_the_request_holds_no_name(bank: Cast) -> None:
    asked = services.ask(gone(bank), reason=REASON, actor=bank.administrator)
    request = queries.request_of(asked)
    assert request
    held = json.dumps([request.subject_label, request.subject_content, request.note, str(asked)]).casefold()
    assert not any(word in held for word in NAMES)


def test_the_command_asks_and_says_where_it_stands(bank: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    person = gone(bank)
    with pytest.raises(CommandError, match="Nobody here has"):
        call_command("privacy", "erase", "nobody@bank.example", reason=REASON)
    with pytest.raises(CommandError, match="Name the account that asks"):
        call_command("privacy", "erase", person.email, reason=REASON)
    call_command("privacy", "erase", person.email, reason=REASON, account="adam")
    call_command("privacy", "erase", "xaver")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == told[1]
    assert told[0].endswith("waits for its signatures; nothing is erased before them.")
    request = queries.request_of(Erasure.objects.get())
    assert request
    sign(request, bank.officer)
    grant(bank.lead, role="bu_lead", unit=bank.markets)
    sign(request, bank.lead)
    call_command("privacy", "erase", str(person.pk))
    assert "Erased on" in capsys.readouterr().out


def test_pages_lead_from_the_person_to_the_end(bank: Cast) -> None:
    person = gone(bank)
    client = Client()
    client.force_login(fresh(bank.administrator))
    page = client.get(reverse("access:person", args=[person.pk])).content.decode()
    assert reverse("privacy:ask", args=[person.pk]) in page
    answer = client.post(reverse("privacy:ask", args=[person.pk]), {"reason": "Xaver left"})
    assert (answer.status_code, "Holds the name or address that is to be erased" in answer.content.decode()) == (
        422,
        True,
    )
    answer = client.post(reverse("privacy:ask", args=[person.pk]), {"reason": REASON})
    asked = Erasure.objects.get()
    assert answer.url == asked.get_absolute_url()
    assert "Waits for signatures" in client.get(answer.url).content.decode()
    request = queries.request_of(asked)
    assert request
    signer = Client()
    signer.force_login(fresh(bank.officer))
    assert "No model in use has this owner" in signer.get(request.get_absolute_url()).content.decode()
    sign(request, bank.officer)
    grant(bank.lead, role="bu_lead", unit=bank.markets)
    sign(request, bank.lead)
    page = client.get(answer.url).content.decode()
    assert ("Xaver" in page, "Erased" in page) == (False, True)
    listed = client.get(reverse("privacy:erasures")).content.decode()
    assert (f"erased-{str(person.pk)[:8]}" in listed, "Xaver" in listed) == (True, False)


def test_over_the_api(bank: Cast) -> None:
    person = gone(bank)
    client = Client()
    client.force_login(fresh(bank.administrator))
    url = f"/api/v1/people/{person.pk}/erasure/"
    assert client.get(url).status_code == 404
    answer = client.post(url, {"reason": REASON}, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    assert client.get(url).json()["id"] == answer.json()["id"]
    wrong = client.post(url, {"reason": REASON, "force": True}, content_type="application/json")
    assert (wrong.status_code, "force" in wrong.content.decode()) == (400, True)


def test_an_action_that_fails_leaves_no_key_behind(bank: Cast) -> None:
    keys = PersonalKey.objects.count()

    def half_done() -> None:
        with transaction.atomic(), recorded("access.add_person", actor=SETUP, subject=bank.retail):
            Person.objects.create(name="Half Done", email="half@bank.example", unit=bank.retail)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert PersonalKey.objects.count() == keys
