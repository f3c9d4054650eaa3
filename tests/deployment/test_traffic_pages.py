"""The traffic form, its plan, the picture, the canary's button and the kill switch, on pages and in the API."""

from pathlib import Path

import pytest
from django.urls import reverse

from mrm.audit.models import Event
from mrm.deployment import services
from mrm.deployment.models import Deployment, Target
from mrm.jobs.runner import run_next
from tests.deployment.test_pages import api, browser
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.approved import a_model, a_validated, an_approved
from tests.factories.release import released


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


def test_traffic_is_divided_moved_on_and_taken_out_on_pages(cast: Cast, deployment: Deployment, tmp_path: Path) -> None:
    """One walk, because each step stands on the one before it."""
    first = an_approved(cast, deployment.model, tmp_path)
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    a_validated(cast, deployment.model, tmp_path, label="3.0.0", seed=3)
    client, address = browser(with_password(fresh(cast.deployer))), reverse("deployment:traffic", args=[deployment.pk])
    form = client.get(address).content.decode()
    assert "Credit decision 3.0.0 has no valid approval." in form, "a closed choice says why"
    fields = {
        f"role-{first.pk}": "champion", f"share-{first.pk}": "90", f"role-{second.pk}": "challenger",
        f"share-{second.pk}": "5", "steps": "10, 50",
    }  # fmt: skip
    planning = reverse("deployment:plan_traffic", args=[deployment.pk])
    wrong = client.get(planning, fields)
    assert (wrong.status_code, "add up to 95 % instead of 100 %" in wrong.content.decode()) == (422, True)
    fields[f"share-{second.pk}"] = "10"
    plan = client.get(planning, fields).content.decode()
    assert "challenger, 10 %" in plan
    assert "Steps of the canary" in plan
    assert client.post(address, fields | {"reason": "Try it."}).status_code == 302
    revision = released(cast, deployment.revisions.get())
    while run_next():
        pass
    revision.refresh_from_db()
    assert (revision.status, revision.steps) == ("applied", [1_000, 5_000]), revision.error
    page = client.get(deployment.get_absolute_url()).content.decode()
    for words in ("Canary, step 1 of 2", "1.0.0 90 %", "Next step: 50", "What ran when", "Challenger, 10 %"):
        assert words in page, words
    advance = reverse("deployment:advance", args=[deployment.pk])
    assert browser(cast.owner).post(advance).status_code == 403
    assert client.post(advance).status_code == 302
    while run_next():
        pass
    assert sorted(deployment.revisions.get(number=2).variants.values_list("weight_bp", flat=True)) == [5_000, 5_000]
    told = client.get(reverse("deployment:of_model", args=[deployment.model_id])).content.decode()
    assert "2 periods since" in told
    _taken_out(cast, deployment)


def _taken_out(cast: Cast, deployment: Deployment) -> None:
    client, address = browser(fresh(cast.deployer)), reverse("deployment:stop", args=[deployment.pk])
    assert client.get(address).status_code == 422, "no reason, no statement"
    shown = client.get(address, {"reason": "Complaints."})
    assert "I take this model out of service here" in shown.content.decode()
    token = shown.context["token"]
    unsigned = client.post(address, {"token": token, "reason": "Complaints.", "password": ""})
    assert (unsigned.status_code, "nothing was signed" in unsigned.content.decode()) == (422, True)
    client.post(address, {"token": token, "reason": "Complaints.", "password": "wrong"}, follow=True)
    assert Event.objects.filter(verb="deployment.stop", outcome="done").count() == 0
    assert client.post(address, {"token": token, "reason": "Complaints.", "password": PASSWORD}).status_code == 302
    out = deployment.revisions.first()
    assert out is not None
    assert (out.kind, out.reason, out.method, len(out.statement_digest)) == ("stop", "Complaints.", "password", 64)
    event = Event.objects.get(verb="deployment.stop", outcome="done")
    assert (event.reason, event.details["statement_digest"]) == ("Complaints.", out.statement_digest)
    again = client.post(address, {"token": token, "reason": "Complaints.", "password": PASSWORD}, follow=True)
    assert "This statement was signed before" in again.content.decode()


def test_the_api_divides_under_the_same_rules_and_no_token_takes_a_model_out(
    cast: Cast, deployment: Deployment, tmp_path: Path
) -> None:
    first = an_approved(cast, deployment.model, tmp_path)
    third = a_validated(cast, deployment.model, tmp_path, label="3.0.0", seed=3)
    base = f"/api/v1/deployments/{deployment.pk}"
    variants = [
        {"version": str(first.pk), "role": "champion", "weight_bp": 9_000},
        {"version": str(third.pk), "role": "challenger", "weight_bp": 1_000},
    ]
    answer = api(cast.deployer).post(f"{base}/traffic/", {"variants": variants}, format="json")
    assert answer.status_code == 409
    assert answer.json()["reasons"][0].startswith("Credit decision 3.0.0 may not be deployed.")
    variants[1]["weight_bp"] = 500
    answer = api(cast.deployer).post(f"{base}/traffic/plan/", {"variants": variants}, format="json")
    assert answer.json()["reasons"] == ["The shares of the traffic add up to 95 % instead of 100 %."]
    assert api(cast.outsider).post(f"{base}/advance/").status_code == 404
    assert api(cast.officer).post(f"{base}/advance/").status_code == 403
    signer = with_password(fresh(cast.deployer))
    shown = api(signer).post(f"{base}/stop/statement/", {"reason": "Out."}).json()
    token_held = api(signer)
    token_held.handler._force_user.scopes = ("deployment.stop",)
    refused = token_held.post(f"{base}/stop/", {"token": shown["token"], "password": PASSWORD})
    assert (refused.status_code, "only a person does" in refused.json()["reasons"][0]) == (403, True)
    assert api(signer).post(f"{base}/stop/", {"token": shown["token"], "password": PASSWORD}).status_code == 202
    assert deployment.revisions.get().kind == "stop"
