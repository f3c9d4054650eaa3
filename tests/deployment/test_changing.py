"""Other settings for a serving place: nothing known of the former ones stands, and what runs there is looked at by the new."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.urls import reverse

from mrm.audit.models import Event
from mrm.audit.reading import entries
from mrm.audit.trail import recorded
from mrm.connectors.registry import available
from mrm.core.refusal import Forbidden, Invalid, Refused, Stale
from mrm.deployment import queries, services
from mrm.deployment.models import Breaker, Deployment, Incident, Target
from mrm.deployment.services.looking import look, record_seen
from mrm.jobs.kinds import Later
from mrm.jobs.models import Job
from mrm.project.reactions import dispatch_all
from tests.deployment.conftest import Gateway
from tests.deployment.test_pages import api, browser
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved, onnx
from tests.factories.journey import drain
from tests.factories.release import released
from tests.gateway.process import GatewayProcess, variant

WHY = "The server moves to another address."


@dataclass(frozen=True)
class Other:
    """Bytes that nobody approved."""

    content: bytes
    digest: str


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """Another gateway, of which the place knows nothing yet."""
    process = GatewayProcess(tmp_path / "there").start()
    monkeypatch.setenv("MRM_SECRET_OTHER", process.token)
    yield process
    process.stop()


@pytest.fixture
def far(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A place at which nobody answers."""
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    return services.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip


def changed(place: Target, cast: Cast, **given: Any) -> Target:
    facts = {"name": place.name, "config": place.config, "revision": place.revision, "reason": WHY}
    return services.change_target(place, actor=cast.administrator, **{**facts, **given})


def test_an_approved_endpoint_that_is_pointed_at_another_model_differs_at_once(
    cast: Cast, place: Target, gateway: Gateway, there: GatewayProcess, tmp_path: Path
) -> None:
    deployment = services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)
    version = an_approved(cast, deployment.model, tmp_path)
    elsewhere = {"base_url": there.url, "token_secret": "other"}
    asked = services.deploy(deployment, version=version, actor=cast.deployer)
    released(cast, asked)
    with pytest.raises(Refused, match=r"under way there: revision 1 of Credit decision at Engine is being applied"):
        changed(place, cast, config=elsewhere)
    with pytest.raises(DatabaseError, match="while a revision is being brought there"), transaction.atomic():
        _forced(place, config=elsewhere)
    drain()
    _serves_something_else(there)
    place = services.check_target(place, actor=cast.administrator)
    Breaker.objects.create(target=place, failures=7, error="It did not answer.")
    page = browser(cast.administrator).get(reverse("deployment:change_target", args=[place.pk])).content.decode()
    assert "1 endpoint runs here and is looked at straight after the change" in page

    stale = Deployment.objects.select_related("target__environment", "model__unit").get()
    place = changed(place, cast, config=elsewhere)
    assert (place.answers, place.checked, place.checked_at, place.revision) == (False, "", None, 2)
    assert not Breaker.objects.exists()
    deployment.refresh_from_db()
    assert (deployment.sync, deployment.health) == ("unknown", "unknown"), "nothing is believed before it was seen"
    assert Job.objects.get(kind="deployment.observe").subject_id == str(deployment.pk)
    assert Job.objects.get(kind="deployment.observe").state == "queued"
    _told(place, gateway, there)
    assert dispatch_all() >= 1
    assert Job.objects.filter(kind="discovery.list", subject_id=str(place.pk)).count() == 1

    with pytest.raises(Later, match="got other settings while it was looked at"):
        record_seen(stale, {"exists": False}, [], "in_sync")
    look(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.sync == "drifted"
    assert {each["kind"] for each in deployment.drift} >= {"version"}
    assert Incident.objects.filter(deployment=deployment, kind="version", status="open").count() == 1


def _serves_something_else(there: GatewayProcess) -> None:
    other = Other(onnx(9), hashlib.sha256(onnx(9)).hexdigest())
    there.upload(other)
    answer = there.apply("credit", variant(other, "9"))
    assert answer.is_success, answer.text


def _told(place: Target, gateway: Gateway, there: GatewayProcess) -> None:
    event = Event.objects.get(verb="deployment.change_target", outcome="done")
    assert (event.object_id, event.reason) == (str(place.pk), WHY)
    assert (event.details["changes"], event.details["endpoints"]) == ("base_url, token_secret", 1)
    (entry,) = entries([event])
    told = {each.field: (each.before, each.after) for each in entry.updates}
    assert told["Config, base_url"] == (gateway.address, there.url)
    assert told["Config, token_secret"] == ("gateway", "other")
    assert there.token not in str(list(event.changes.values("before", "after")))


def test_what_waits_for_signatures_is_not_signed_for_a_place_that_is_pointed_elsewhere(
    cast: Cast, far: Target, tmp_path: Path
) -> None:
    deployment = services.create(a_model(cast), target=far, endpoint="credit", actor=cast.deployer)
    asked = services.deploy(deployment, version=an_approved(cast, deployment.model, tmp_path), actor=cast.deployer)
    assert asked.status == "awaiting"
    changed(far, cast, config=far.config | {"base_url": "http://127.0.0.1:10"})
    with pytest.raises(Refused, match="The evidence or the subject changed since this request was submitted"):
        released(cast, asked)


def test_a_change_needs_its_role_its_reason_something_new_and_settings_that_hold(cast: Cast, far: Target) -> None:
    facts = {"name": far.name, "config": far.config | {"read_seconds": 20}, "revision": 1, "reason": WHY}
    with pytest.raises(Forbidden):
        services.change_target(far, actor=cast.deployer, **facts)
    for given, field in (({"reason": " "}, "reason"), ({"name": ""}, "name")):
        with pytest.raises(Invalid) as fault:
            changed(far, cast, **given)
        assert list(fault.value.fields) == [field]
    with pytest.raises(Invalid) as fault:
        changed(far, cast, config=far.config | {"base_url": "http://169.254.169.254"})
    assert list(fault.value.fields) == ["config.base_url"]
    with pytest.raises(Refused, match="route-key is a key of this system itself"):
        changed(far, cast, config=far.config | {"token_secret": "route-key"})
    with pytest.raises(Refused, match="Nothing was changed: Engine has this name"):
        changed(far, cast)
    with pytest.raises(DatabaseError, match="kind and unit of a serving place are never changed"), transaction.atomic():
        _forced(far, connector="oip")
    other = far.config | {"read_seconds": 20}
    with pytest.raises(DatabaseError, match="other settings are a later revision"), transaction.atomic():
        _forced(far, config=other)
    with pytest.raises(DatabaseError, match="a check of former settings says nothing"), transaction.atomic():
        _forced(far, config=other, revision=2, answers=True)
    assert Target.objects.get().config == far.config
    assert changed(far, cast, name="Engine of the bank").checked == ""


def _forced(place: Target, **facts: Any) -> None:
    """Past the service, as somebody would who has the application's own rights."""
    with recorded("deployment.check_target", actor=SETUP, subject=place):
        Target.objects.filter(pk=place.pk).update(**facts)


def test_two_people_at_once_are_told_what_the_other_changed(cast: Cast, far: Target) -> None:
    changed(far, cast, config=far.config | {"base_url": "http://127.0.0.1:10"})
    with pytest.raises(Stale) as stale:
        changed(far, cast, config=far.config | {"base_url": "http://127.0.0.1:11"})
    assert stale.value.changes == {"base_url": ("http://127.0.0.1:11", "http://127.0.0.1:10")}
    patch = {"config": far.config, "revision": 1, "reason": WHY}
    answer = api(cast.administrator).patch(f"/api/v1/targets/{far.pk}/", patch, format="json")
    assert (answer.status_code, list(answer.json()["changes"])) == (409, ["base_url"])

    page = _typed(far) | {"revision": "1", "initial-name": "Engine", "name": "Engine B"}
    answered = browser(cast.administrator).post(reverse("deployment:change_target", args=[far.pk]), page)
    shown = answered.content.decode()
    assert answered.status_code == 409
    assert "was changed by somebody else meanwhile" in shown
    assert "http://127.0.0.1:10" in shown
    form = answered.context["form"]
    assert (form["name"].value(), form["setting-base_url"].value(), form["revision"].value()) == (
        "Engine B", "http://127.0.0.1:10", 2,
    )  # fmt: skip
    assert form["reason"].value() == WHY


def _typed(place: Target, **given: str) -> dict[str, str]:
    """What a browser sends of the form as it was opened, with what somebody typed."""
    settings_ = {f"setting-{name}": str(value) for name, value in place.config.items()}
    opened = {f"initial-{name}": value for name, value in settings_.items()}
    told = {"name": place.name, "initial-name": place.name, "revision": str(place.revision), "reason": WHY}
    return settings_ | opened | told | given


def test_the_page_is_filled_in_says_what_is_wrong_and_is_closed_to_others(cast: Cast, far: Target) -> None:
    address = reverse("deployment:change_target", args=[far.pk])
    place = browser(cast.deployer).get(far.get_absolute_url()).content.decode()
    assert "Change the settings</button>" in place
    assert browser(cast.deployer).get(address).status_code == 403
    assert browser(cast.deployer).post(address, _typed(far)).status_code == 403
    page = browser(cast.administrator)
    shown = page.get(address).content.decode()
    assert 'value="http://127.0.0.1:9"' in shown
    assert "Nothing runs here." in shown
    for given, field in (
        ({"setting-base_url": "http://169.254.169.254"}, "setting-base_url"),
        ({"setting-read_seconds": "-3"}, "setting-read_seconds"),
        ({"reason": ""}, "reason"),
    ):
        answer = page.post(address, _typed(far, **given))
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
    answer = page.post(address, _typed(far, **{"setting-read_seconds": "20"}))
    assert answer["Location"] == far.get_absolute_url()
    far.refresh_from_db()
    assert (far.config["read_seconds"], far.config["token_secret"], far.revision) == (20, "gateway", 2)


def test_the_interface_changes_a_place_and_tells_the_kinds(cast: Cast, far: Target) -> None:
    address, administrator = f"/api/v1/targets/{far.pk}/", api(cast.administrator)
    read = administrator.get(address).json()
    assert (read["config"], read["revision"]) == (far.config, 1)
    patch = {"config": read["config"] | {"base_url": "ftp://a"}, "revision": 1, "reason": WHY}
    answer = administrator.patch(address, patch, format="json")
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["config.base_url"])
    assert administrator.patch(address, {"key": "x", "revision": 1, "reason": WHY}, format="json").status_code == 400
    assert api(cast.deployer).patch(address, patch, format="json").status_code == 403
    assert api(cast.outsider).patch(address, patch, format="json").status_code == 404
    answer = administrator.patch(address, {"name": "Engine B", "revision": 1, "reason": WHY}, format="json")
    assert (answer.status_code, answer.json()["name"], answer.json()["revision"]) == (200, "Engine B", 2)

    kinds = {each["id"]: each for each in administrator.get("/api/v1/targets/kinds/").json()}
    assert set(kinds) == set(available())
    assert {name for name, each in kinds.items() if each["enabled"]} == set(available(settings.CONNECTORS))
    found = queries.kind_of("embedded")
    assert found is not None
    told = kinds["embedded"]
    assert told["config_schema"] == found.connector.config_schema
    assert (told["can"], "deploy" in told["caps"]) == (list(found.can), True)
    assert told["examples"]["base_url"].startswith("https://")
    assert api(cast.deployer).get("/api/v1/targets/kinds/").status_code == 403
