"""A model is opened to one account beside its roles: to read, for a time, and listed for those who watch."""

import datetime as dt
from pathlib import Path

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account
from mrm.access.queries import reading
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory.models import Model, ModelException
from mrm.inventory.queries import models_visible_to, versions_visible_to
from tests.factories import inventory as make
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approval import sign, submitted


def opened(cast: Cast, model: Model, days: int = 30) -> ModelException:
    until = timezone.now() + dt.timedelta(days=days)
    access.open_record(
        model, kind="model", account=cast.outsider, until=until, reason="Joint review.", actor=cast.administrator
    )
    return ModelException.objects.get()


def seen(account: Account) -> list[Model]:
    return list(models_visible_to(fresh(account)))


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    return client


def test_it_opens_every_list_and_detail_until_it_ends(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = make.model(cast), make.model(cast, name="Another of the unit")
    assert seen(cast.outsider) == []
    opened(cast, model)
    assert seen(cast.outsider) == [model]
    client, api = client_of(cast.outsider), APIClient()
    api.force_authenticate(fresh(cast.outsider))
    pages = (model.get_absolute_url(), f"{model.get_absolute_url()}timeline/", f"/api/v1/models/{model.pk}/")
    assert [(api if "api" in page else client).get(page).status_code for page in pages] == [200, 200, 200]
    assert client.get(other.get_absolute_url()).status_code == 404
    assert model.name in client.get("/models/").content.decode()
    event = Event.objects.get(verb="access.except")
    assert (event.actor, event.object_id, event.details["kind"]) == ("adam", str(model.pk), "model")
    now = timezone.now() + dt.timedelta(days=31)
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert (seen(cast.outsider), list(versions_visible_to(fresh(cast.outsider)))) == ([], [])
    api.force_authenticate(fresh(cast.outsider))
    client = client_of(cast.outsider)
    assert [(api if "api" in page else client).get(page).status_code for page in pages] == [404, 404, 404]
    assert model.name not in client.get("/models/").content.decode()
    assert [row["id"] for row in api.get("/api/v1/models/").json()["results"]] == []


def test_a_role_and_an_exception_are_read_together(cast: Cast) -> None:
    own = make.model(cast)
    access.grant(cast.outsider, role="owner", unit=cast.markets, actor=SETUP)
    opened(cast, own)
    assert seen(cast.outsider) == [own]
    assert set(seen(cast.owner)) == {own}


def test_nobody_signs_or_changes_by_it(cast: Cast) -> None:
    asked = submitted(cast)
    model = Model.objects.get()
    opened(cast, model)
    with pytest.raises(Refused, match="you hold no such role there"):
        sign(asked, cast.outsider)
    assert fresh(cast.outsider).lacks("inventory.edit", model) is not None
    client = client_of(cast.outsider)
    assert client.get(asked.get_absolute_url()).status_code == 404
    assert client.get(reverse("inventory:edit", args=[model.pk])).status_code == 403


@pytest.mark.parametrize(("days", "sentence"), [(0, "must lie ahead"), (92, "lasts 90 days at most")])
def test_it_ends_soon(cast: Cast, days: int, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        opened(cast, make.model(cast), days)


def test_who_opens_to_whom(cast: Cast) -> None:
    model = make.model(cast)
    given = {"kind": "model", "until": timezone.now() + dt.timedelta(days=3), "reason": "Look."}
    with pytest.raises(Refused, match="may not open a record to yourself"):
        access.open_record(model, account=cast.administrator, **given, actor=cast.administrator)
    with pytest.raises(Refused, match="already; no exception is needed"):
        access.open_record(model, account=fresh(cast.owner), **given, actor=cast.administrator)
    with pytest.raises(Forbidden):
        access.open_record(model, account=cast.outsider, **given, actor=cast.auditor)
    with pytest.raises(Invalid, match="needs its reason"):
        access.open_record(model, account=cast.outsider, **{**given, "reason": " "}, actor=cast.administrator)
    assert not ModelException.objects.exists()


def test_it_is_ended_at_once_and_stays_in_the_record(cast: Cast) -> None:
    exception = opened(cast, make.model(cast))
    access.end_exception(exception, reason="Review done.", actor=cast.administrator)
    assert seen(cast.outsider) == []
    event = Event.objects.get(verb="access.end_exception")
    assert (event.reason, event.object_id) == ("Review done.", str(exception.content_object_id))
    with pytest.raises(Refused, match="has ended already"):
        access.end_exception(ModelException.objects.get(), reason="Again.", actor=cast.administrator)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"permission": "change"}, "lets somebody read, and nothing else"),
        ({"until": 400}, "an end within 90 days"),
        ({"reason": " "}, "has a reason"),
        ({"granted_by": "outsider"}, "nobody opens a record to himself"),
    ],
)
def test_the_database_holds_it_too(cast: Cast, change: dict[str, str | int], sentence: str) -> None:
    exception = opened(cast, make.model(cast))
    values: dict[str, object] = dict(change)
    if "permission" in change:
        values["permission"] = type(reading(Model.objects.get())).objects.get(codename="change_model")
    if "until" in change:
        values["until"] = timezone.now() + dt.timedelta(days=400)
    if "granted_by" in change:
        values["granted_by"] = cast.outsider
    rows = ModelException.objects.filter(pk=exception.pk)
    with (
        pytest.raises(Error, match=sentence),
        transaction.atomic(),
        recorded("access.except", actor=SETUP, subject=exception),
    ):
        rows.update(**values)
    with pytest.raises(Error, match="stays in the record"), transaction.atomic(), recorded(
        "access.except", actor=SETUP, subject=exception
    ):  # fmt: skip
        rows.delete()


def test_pages_open_list_and_end_it(cast: Cast, tmp_path: Path) -> None:
    model = make.model(cast)
    client = client_of(cast.administrator)
    assert "Open to a person" in client.get(model.get_absolute_url()).content.decode()
    url = reverse("entitlement:open_model", args=[model.pk])
    last = (timezone.localdate() + dt.timedelta(days=9)).isoformat()
    data = {"person": str(cast.outsider.person_id), "until": last, "reason": "Joint review."}
    far = client.post(url, {**data, "until": (timezone.localdate() + dt.timedelta(days=200)).isoformat()})
    assert (far.status_code, "lasts 90 days at most" in far.content.decode()) == (422, True)
    assert client.post(url, data).status_code == 302
    for page in (reverse("entitlement:exceptions"), reverse("access:person", args=[cast.outsider.person_id])):
        text = client.get(page).content.decode()
        assert ("Joint review." in text, model.ref in text) == (True, True), page
    auditor = client_of(cast.auditor)
    sheet = b"".join(auditor.get(reverse("entitlement:exceptions_csv")).streaming_content).decode()  # type: ignore[attr-defined]
    assert f"{model.ref},{model.name},retail,otto,Otto Outsider" in sheet
    assert client_of(cast.owner).get(reverse("entitlement:exceptions")).status_code == 403
    end = reverse("entitlement:end_exception", args=[ModelException.objects.get().pk])
    assert auditor.post(end, {"reason": "x"}).status_code == 403
    client.post(end, {"reason": "Done."})
    assert seen(cast.outsider) == []
    assert "Joint review." in client.get(f"{reverse('entitlement:exceptions')}?ended=on").content.decode()


def test_the_api_opens_lists_and_ends_it(cast: Cast) -> None:
    model = make.model(cast)
    api = APIClient()
    api.force_authenticate(fresh(cast.administrator))
    body = {"account": "otto", "model": str(model.pk), "until": "2020-01-01T00:00:00Z", "reason": "Look."}
    assert api.post("/api/v1/exceptions/", body, format="json").status_code == 422
    body["until"] = (timezone.now() + dt.timedelta(days=3)).isoformat()
    made = api.post("/api/v1/exceptions/", body, format="json")
    assert (made.status_code, made.json()["in_force"]) == (201, True)
    (listed,) = api.get("/api/v1/exceptions/").json()["results"]
    answer = api.post(f"/api/v1/exceptions/{listed['id']}/end/", {"reason": "Done."}, format="json")
    assert (answer.status_code, answer.json()["in_force"]) == (200, False)
    assert api.get("/api/v1/exceptions/").json()["results"] == []
    assert len(api.get("/api/v1/exceptions/?ended=true").json()["results"]) == 1


def test_the_database_lets_an_exception_be_about_nothing_else(cast: Cast) -> None:
    """Whose it is and which record it opens never change; raw SQL inside an action is refused as well."""
    row = opened(cast, make.model(cast))
    other = make.model(cast, name="Another of the unit")
    for values in ({"user": cast.developer}, {"content_object": other}):
        with pytest.raises(Error, match="never changes"), transaction.atomic():  # noqa: SIM117
            with recorded("access.except", actor=SETUP, subject=row):
                ModelException.objects.filter(pk=row.pk).update(**values)
    row.refresh_from_db()
    assert row.user == cast.outsider
