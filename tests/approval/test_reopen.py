"""A version that the signers returned goes back to its makers, and to nobody else."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from mrm.approval import services, views
from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.signoff import services as signoff
from mrm.signoff.models import Request
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import Cast, fresh

WHY = "The cut-off is set anew."


def returned(cast: Cast) -> Version:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer, decision="return")
    return now(asked)


def now(asked: Request) -> Version:
    return Version.objects.select_related("model__unit").get(pk=asked.subject_key)


def test_a_returned_version_is_a_draft_again_and_goes_the_whole_way_anew(cast: Cast) -> None:
    version = returned(cast)
    assert (version.status, version.model.lifecycle) == ("validated", "in validation")
    services.reopen(version, reason=WHY, actor=cast.developer)
    version = Version.objects.select_related("model__unit").get(pk=version.pk)
    assert (version.status, version.model.lifecycle) == ("draft", "in development")
    event = Event.objects.get(verb="approval.reopen", outcome="done")
    assert (event.reason, event.subject_id) == (WHY, str(version.pk))
    assert event.details["returned"] == Request.objects.latest("number").ref
    with pytest.raises(Refused, match="only a validated version is put before the signers"):
        services.submit(version, actor=cast.developer)
    inventory.edit_version(version, changes={"cutoff": "0.4"}, revision=version.revision, actor=cast.developer)
    again = make.submitted(cast, validation.validated(cast, version, runs=False))
    assert again.subject_content["fields"]["cutoff"] == "0.400000"


def test_a_version_validated_again_waits_for_the_signers(cast: Cast) -> None:
    version = services.reopen(returned(cast), reason=WHY, actor=cast.owner)
    validated = validation.validated(cast, Version.objects.get(pk=version.pk), runs=False)
    with pytest.raises(Refused, match=r"was validated again since REQ-\d+ was returned: put it before the signers"):
        services.reopen(validated, reason=WHY, actor=cast.owner)


@pytest.mark.parametrize("who", ["validator", "officer", "lead", "deployer", "auditor", "administrator", "outsider"])
def test_nobody_but_its_makers_reopens_it(cast: Cast, who: str) -> None:
    version = returned(cast)
    with pytest.raises(Forbidden, match="This is done by a model developer or model owner"):
        services.reopen(version, reason=WHY, actor=fresh(getattr(cast, who)))
    assert Version.objects.get(pk=version.pk).status == "validated"
    assert Event.objects.filter(verb="approval.reopen", outcome="refused").count() == 1


def test_a_reason_is_needed(cast: Cast) -> None:
    with pytest.raises(Invalid, match="Say what will be worked on"):
        services.reopen(returned(cast), reason="  ", actor=cast.developer)


@pytest.mark.parametrize(
    ("decided", "sentence"),
    [
        ("never", "was never put before the signers"),
        ("open", r"REQ-\d+ on Retail PD scorecard 4.0.0 is open"),
        ("reject", r"REQ-\d+ on Retail PD scorecard 4.0.0 is rejected"),
        ("withdraw", r"REQ-\d+ on Retail PD scorecard 4.0.0 is withdrawn"),
        ("approve", "is approved; a validated version is opened again"),
    ],
)
def test_only_a_return_reopens(cast: Cast, decided: str, sentence: str) -> None:
    version = validation.validated(cast, validation.version(cast, validation.model(cast)))
    if decided != "never":
        asked = make.submitted(cast, version)
        if decided == "withdraw":
            signoff.withdraw(asked, reason="Not yet.", actor=cast.developer)
        for officer in {"reject": [cast.officer], "approve": [cast.officer, cast.second_officer]}.get(decided, []):
            make.sign(asked, officer, decision=decided)
    before = Version.objects.get(pk=version.pk).status
    with pytest.raises(Refused, match=sentence):
        services.reopen(version, reason=WHY, actor=cast.developer)
    assert Version.objects.get(pk=version.pk).status == before


def test_the_page_offers_it_with_a_reason(cast: Cast, client: Client) -> None:
    version = returned(cast)
    address = f"/conditions/reopen/{version.pk}/"
    shown = {name: drawn(version, getattr(cast, name)) for name in ("owner", "officer")}
    assert address in shown["owner"]
    assert address not in shown["officer"]
    assert "This is done by" in shown["officer"]
    client.force_login(cast.owner)
    assert "What will be worked on" in client.get(address).content.decode()
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": WHY}).url == version.get_absolute_url()
    assert Version.objects.get(pk=version.pk).status == "draft"
    assert "a validated version is opened again for work" in client.get(address).content.decode()
    client.force_login(cast.outsider)
    assert client.post(address, {"reason": WHY}).status_code == 404


def drawn(version: Version, account: object) -> str:
    panel = views.panel(version, fresh(account))
    return render_to_string(panel.template, panel.context)


def test_the_same_by_json(cast: Cast, client: Client) -> None:
    version = returned(cast)
    address = f"/api/v1/versions/{version.pk}/reopen/"
    client.force_login(fresh(cast.officer))
    assert client.post(address, {"reason": WHY}, content_type="application/json").status_code == 403
    client.force_login(cast.developer)
    answer = client.post(address, {"reason": WHY}, content_type="application/json")
    assert answer.json() == {
        "version": str(version.pk),
        "status": "draft",
        "returned": Request.objects.latest("number").ref,
    }
    again = client.post(address, {"reason": WHY}, content_type="application/json")
    assert (again.status_code, "is draft" in again.json()["reasons"][0]) == (409, True)
