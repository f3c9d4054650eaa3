"""Every address, every method: the visitor is led to the sign-in page, the outsider learns nothing, the auditor changes nothing."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account
from mrm.access.roles import DESCRIPTIONS
from mrm.approval import services as approval
from mrm.audit.governed import governed_models
from mrm.audit.models import Event
from mrm.deployment import services as deployment
from mrm.deployment.models import Environment, Target
from mrm.discovery import services as discovery
from mrm.evaluation import services as evaluation
from mrm.inventory.models import Model
from mrm.prediction import services as prediction
from mrm.reporting import services as reporting
from mrm.signoff import services as signoff
from mrm.signoff.models import Vote
from tests.factories import access as people
from tests.factories import entitlement
from tests.factories import validation as making
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_draft, a_model, an_approved
from tests.factories.discovery import seen
from tests.factories.release import released, under_experiment
from tests.guards.walking import ABSENT, METHODS, ROUTES, WALKED, Bodies, Records, addresses, met, walk

SECRET = "Secret credit decision"
# what the auditor's role lets him ask for, and what is written down when he reads
AUDITORS_OWN = {
    "reporting.request", "reporting.download", "reporting.bill_of_materials", "assurance.request_export",
    "prediction.request_extract", "prediction.download_extract", "prediction.download_batch",
}  # fmt: skip


@pytest.fixture
def records(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    model = a_model(cast, SECRET)
    version = an_approved(cast, model, tmp_path)
    dataset = version.datasets.get().dataset
    settings = {"label": "default", "cutoff": "0.5", "favourable": "below"}
    evaluation.start(version, dataset=dataset, kinds=["performance"], settings=settings, actor=fresh(cast.developer))
    reporting.request(version, actor=cast.officer)
    challenged = making.under_way(cast, a_draft(cast, model, tmp_path, "2.0.0", seed=2))
    fault = making.finding(cast, challenged, title="Secret weakness of the scores")
    urgent = approval.submit(challenged.version, actor=cast.developer, kind="emergency", note="Needed tonight.")
    signoff.ask(urgent, text="Why tonight?", actor=fresh(cast.officer))
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    place = deployment.add_target(
        key="engine", name="Engine of the bank", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    opened = deployment.create(model, target=place, endpoint="secret-endpoint", actor=cast.deployer)
    pushed = released(cast, deployment.deploy(opened, version=version, actor=cast.deployer))
    deployment.give_up(str(pushed.pk), "The secret-endpoint did not answer.")
    under_experiment(cast, version, an_approved(cast, model, tmp_path, "1.1.0", seed=3), place)
    prediction.start_batch(
        version, dataset=dataset, environment=place.environment, use="Retail credit", actor=cast.deployer
    )
    seen(place, ("Secret rogue", "9"))
    monkeypatch.setenv("MRM_SECRET_CALLS", "of no use to anybody")
    discovery.set_caller(place, secret_name="calls", actor=cast.administrator)
    now = timezone.now()
    deployment.declare_freeze(
        Environment.objects.get(key="test"), starts_at=now, ends_at=now + dt.timedelta(days=1), reason="Year end.",
        actor=cast.officer,
    )  # fmt: skip
    deployment.name_deployer(place.environment, person=cast.deployer.person, actor=cast.administrator)
    extern = people.account("Ellen Extern", cast.markets)
    access.open_record(
        model, kind="model", account=extern, until=timezone.now() + dt.timedelta(days=9), reason="Look.",
        actor=cast.administrator,
    )  # fmt: skip
    entitlement.proposed(cast, account=extern)
    entitlement.under_review(cast)
    kinds = {
        str(row): kind._meta.label
        for kind in [*governed_models(), apps.get_model("jobs.Job")]
        if kind is not Account
        for row in kind._base_manager.order_by("pk").values_list("pk", flat=True)[:1]
    }
    kinds[str(Event.objects.filter(object_id=str(model.pk)).values_list("pk", flat=True)[0])] = "audit.Event"
    kinds |= {str(model.pk): "inventory.Model", str(version.pk): "inventory.Version", str(challenged.pk): "challenged"}
    secrets = [SECRET, model.ref, dataset.name, place.name, opened.endpoint, fault.title, cast.developer.person.name]
    return Records(kinds, [secret.encode() for secret in secrets])


def test_the_walk_reaches_the_whole_house(db: None) -> None:
    ours = [route for route in ROUTES if not route.startswith("records/")]
    assert len(ours) > 100
    areas = {route.split("/")[0] for route in ours}
    assert {"models", "approvals", "validations", "evaluations", "deployments", "reports", "people", "api"} <= areas
    assert [route for route in ours if not list(addresses(route, [str(uuid.uuid4()), "1"]))] == []


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES)
def test_a_visitor_is_led_to_the_sign_in_page(route: str) -> None:
    for address in addresses(route, [str(uuid.uuid4()), "1"]):
        for method in METHODS:
            answer = getattr(Client(), method)(address)
            if route.startswith("api/"):
                assert answer.status_code in {401, 404, 405, 200}, (address, answer.status_code)
                assert answer.status_code != 200 or route in {"api/v1/schema/", "api/v1/docs/"}, address
            else:
                assert answer.status_code == 302, (address, answer.status_code)
                assert answer["Location"].startswith("/sign-in/"), address


def contents() -> dict[str, tuple[int, str]]:
    """Of every governed table and the work asked for: how many rows, and a digest of all they say."""
    watched: list[type[models.Model]] = [*governed_models(), apps.get_model("jobs.Job")]
    found = {}
    for kind in watched:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
                f' FROM "{kind._meta.db_table}" t'
            )
            found[kind._meta.label] = cursor.fetchone()
    return found


WALKS = pytest.mark.xdist_group("walks")


def content_of(answer: HttpResponse) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@WALKS
def test_the_outsider_reads_nothing_and_changes_nothing(cast: Cast, records: Records) -> None:
    found = met(cast.auditor, records)
    before, events = contents(), Event.objects.filter(outcome="done").count()
    walked, read = 0, set()
    for route, method, address, answer in walk(cast.outsider, records, found):
        walked += 1
        assert answer.status_code < 500, (method, address)
        content = content_of(answer)
        assert [secret for secret in records.secrets if secret in content] == [], (method, address)
        if "<" in route and answer.status_code == 200:
            read.add(route)
    assert walked > 2000
    assert contents() == before
    assert Event.objects.filter(outcome="done").count() == events
    # packs and policies are the rules of the house, which everybody may read; a reference is only verified
    assert read <= {"models/packs/<int:pk>/", "approvals/policies/<int:pk>/", "reports/verify/<str:ref>/"}


@WALKS
def test_the_auditor_reads_everything_and_changes_nothing(cast: Cast, records: Records) -> None:
    before, last = contents(), Event.objects.latest("position").position
    walked, read = 0, 0
    for _route, method, address, answer in walk(cast.auditor, records, met(cast.auditor, records)):
        walked += 1
        assert answer.status_code < 500, (method, address)
        read += records.secrets[0] in content_of(answer)
    assert walked > 1500
    assert read > 20
    written = set(Event.objects.filter(position__gt=last, outcome="done").values_list("verb", flat=True))
    assert written <= AUDITORS_OWN
    after = contents()
    changed = {label for label in before if before[label] != after[label]}
    assert changed <= {"assurance.Export", "reporting.Document", "jobs.Job"}, changed
    assert Model.objects.get(name=SECRET).revision == 1
    assert Target.objects.get().checked_at is None


ROLES = ("owner", "developer", "validator", "officer", "lead", "deployer", "administrator", "policy_admin")


@WALKS
def test_each_role_does_what_it_may_and_nothing_else(cast: Cast, records: Records) -> None:
    """Every route, method and role: what was done is of the role's permissions, and nothing was signed."""
    found, bodies = met(cast.auditor, records), Bodies(records.keys)
    asked = {permission for entry in DESCRIPTIONS.values() for permission in entry.permissions}
    votes = Vote.objects.count()
    assert len(found) > 150
    for name in ROLES:
        with transaction.atomic():  # each meets the same records: one may take another's role away
            account = fresh(getattr(cast, name))
            (role,) = account.roles
            browser, api = Client(), APIClient()
            browser.force_login(account, backend="mrm.project.signin.AccountBackend")
            api.force_authenticate(account)
            last = Event.objects.latest("position").position
            for route, address in found.items():
                json = route.startswith("api/")
                for method in METHODS if json else ("get", "post"):
                    if (route, method) in ABSENT:
                        continue
                    body = bodies.of(route, method) if json else {"reason": "word", "text": "word"}
                    given = (body,) if method != "get" else ()
                    answer = getattr(api if json else browser, method)(address, *given)
                    assert answer.status_code < 500, (name, method, address)
                    if answer.status_code == 405:
                        ABSENT.add((route, method))
            done = Event.objects.filter(position__gt=last, outcome="done", actor=account.username)
            verbs = set(done.values_list("verb", flat=True)) & asked
            assert verbs <= DESCRIPTIONS[role].permissions, (name, verbs - DESCRIPTIONS[role].permissions)
            assert Vote.objects.count() == votes
            transaction.set_rollback(True)


def test_the_walk_would_see_a_change(cast: Cast, records: Records) -> None:
    """The same steps by somebody who may: what the two tests above deny is found here."""
    before = contents()
    steps = list(walk(fresh(cast.deployer), records, {}, "api/v1/deployments/"))
    assert any(answer.status_code == 202 for _route, _method, _address, answer in steps)
    ended = list(walk(fresh(cast.deployer), records, {}, "api/v1/experiments/"))
    assert any(answer.status_code == 200 for route, _method, _address, answer in ended if route.endswith("/end/"))
    assert any(records.secrets[4] in content_of(answer) for _route, _method, _address, answer in steps)
    after = contents()
    changed = {label for label in before if before[label] != after[label]}
    assert {"deployment.Ending", "jobs.Job"} <= changed


def test_an_unknown_field_is_named_by_every_address_that_takes_a_body(cast: Cast, records: Records) -> None:
    """Whoever may act gets the name of the field that nobody knows, and nothing is done."""
    bodies, before, met = Bodies(records.keys), contents(), set()
    clients = []
    for account in [cast.auditor, *cast.everybody().values()]:
        clients.append(APIClient())
        clients[-1].force_authenticate(fresh(account))
    sees_all = clients[0]
    for route in (route for route in WALKED if route.startswith("api/")):
        for method in ("post", "patch", "put"):
            if not (body := bodies.of(route, method)):
                continue
            for address in addresses(route, records.keys):
                asked = {**body, "surprise": 1}
                if getattr(sees_all, method)(address, asked).status_code == 404:
                    continue  # a record of another kind
                answers = [getattr(client, method)(address, asked) for client in clients]
                assert {answer.status_code for answer in answers} <= {400, 403, 404, 415}, (method, address)
                told = [answer.json()["reasons"] for answer in answers if answer.status_code == 400]
                if any("surprise: Unknown field" in line for reasons in told for line in reasons):
                    met.add((route, method))
                    break
    wanted = {(route, method) for route in WALKED for method in ("post", "patch", "put") if bodies.of(route, method)}
    assert wanted - met == set()
    assert len(wanted) > 25
    assert contents() == before
