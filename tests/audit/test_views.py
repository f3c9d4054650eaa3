"""The trail as pages: open to who audits, one event to who sees its record."""

import hashlib
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mrm.access import services as access
from mrm.access.models import Account
from mrm.audit import reading
from mrm.audit.models import Event
from mrm.core.refusal import Refused
from mrm.inventory import services
from mrm.signoff import services as signoff
from tests.factories import inventory as factory
from tests.factories.access import SETUP, Cast, person


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


@pytest.mark.parametrize("who", ["owner", "validator", "officer", "outsider"])
def test_the_trail_is_closed_to_who_does_not_audit(cast: Cast, who: str) -> None:
    assert client_of(cast.everybody()[who]).get(reverse("audit:timeline")).status_code == 403


def test_auditor_of_a_part_does_not_read_the_whole_trail(cast: Cast) -> None:
    local = access.add_account(
        username="local", person=person("Local Auditor", cast.retail), password=None, actor=SETUP
    )
    access.grant(local, role="auditor", unit=cast.retail, actor=SETUP)
    model = factory.model(cast)
    foreign = Event.objects.get(verb="access.add_unit", subject_label="Markets")
    assert client_of(local).get(reverse("audit:timeline")).status_code == 403
    assert client_of(local).get(reverse("audit:event", args=[foreign.pk])).status_code == 404
    own = Event.objects.get(subject_id=str(model.pk))
    assert client_of(local).get(reverse("audit:event", args=[own.pk])).status_code == 200


def test_an_event_is_open_to_who_sees_its_record_only(cast: Cast) -> None:
    event = Event.objects.get(subject_id=str(factory.model(cast).pk))
    for name in ("event", "event_json"):
        url = reverse(f"audit:{name}", args=[event.pk])
        assert client_of(cast.outsider).get(url).status_code == 404
        assert client_of(cast.owner).get(url).status_code == 200


def test_the_raw_event_gives_its_digest(cast: Cast) -> None:
    event = Event.objects.get(subject_id=str(factory.model(cast).pk))
    answer = client_of(cast.auditor).get(reverse("audit:event_json", args=[event.pk]))
    assert hashlib.sha256(b"\x00" + answer.content).hexdigest() == event.digest
    assert json.loads(answer.content)["verb"] == "inventory.register"


def test_an_event_page_tells_before_after_and_its_chain(cast: Cast) -> None:
    model = factory.model(cast)
    services.edit(model, changes={"owner": cast.lead.person}, revision=1, actor=cast.owner, reason="moved")
    event = Event.objects.get(verb="inventory.edit")
    context = client_of(cast.auditor).get(reverse("audit:event", args=[event.pk])).context
    assert context["entry"].updates == [reading.FieldChange("Owner", "Olivia Owner", "Lena Lead")]
    assert (context["as_written"], context["before"].digest, context["after"]) == (True, event.object_prev, None)


@pytest.mark.parametrize(
    ("address", "verbs"),
    [
        ("?actor=olivia&area=inventory", ["inventory.confirm_tier", "inventory.edit", "inventory.register"]),
        ("?verb=inventory.register", ["inventory.register"]),
        ("?area=inventory&refused=on", ["inventory.confirm_tier"]),
        ("?text=retail+pd", ["inventory.confirm_tier", "inventory.edit", "inventory.register"]),
        ("?text=ends+here", ["inventory.edit"]),
        ("?area=inventory&until=2020-01-01", []),
    ],
)
def test_the_address_searches_the_trail(cast: Cast, address: str, verbs: list[str]) -> None:
    model = factory.model(cast)
    services.edit(model, changes={"use_summary": "Lends less."}, revision=1, reason="ends here", actor=cast.owner)
    with pytest.raises(Refused):
        services.confirm_tier(model, actor=cast.owner)
    page = client_of(cast.auditor).get(reverse("audit:timeline") + address).context["page"]
    assert [event.verb for event in page] == verbs


def test_a_refused_event_tells_what_was_tried(cast: Cast) -> None:
    model = factory.model(cast)
    with pytest.raises(Refused):
        signoff.propose(model, "tier_override", content={"tier": "4"}, reason="small", actor=cast.officer)
    (entry,) = reading.entries(Event.objects.filter(outcome="refused"))
    assert entry.attempt == "propose, Retail PD"
    assert entry.refusals == ["The model is not rated yet: the method computes first, people override after."]


def test_a_day_holds_its_events_newest_first(cast: Cast) -> None:
    factory.model(cast, "First")
    factory.model(cast, "Second")
    (day,) = reading.days(Event.objects.filter(verb="inventory.register"))
    assert [entry.event.subject_label for entry in day.entries] == ["Second", "First"]


def test_the_trail_takes_constant_queries(cast: Cast) -> None:
    def edited(name: str) -> None:
        model = factory.model(cast, name)
        services.edit(model, changes={"owner": cast.lead.person}, revision=1, actor=cast.owner)

    edited("First")
    client = client_of(cast.auditor)
    url = reverse("audit:timeline") + "?area=inventory"
    client.get(url)  # the names of the actors are opened once, and kept for a moment
    counts = []
    for names in ([], ["Second", "Third"]):
        for name in names:
            edited(name)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
