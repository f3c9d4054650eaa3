"""Pages and API of deployments: who sees what, and what is said when a door is closed."""

import uuid
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from mrm.access.models import Account
from mrm.deployment import services
from mrm.deployment.models import Deployment, Target
from mrm.inventory.models import Model
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, a_validated, an_approved
from tests.factories.journey import drain
from tests.factories.release import released

BACKEND = "mrm.project.signin.AccountBackend"


def browser(account: Account) -> Client:
    client = Client()
    client.force_login(account, backend=BACKEND)
    return client


def api(account: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(Account.objects.get(pk=account.pk))
    return client


@pytest.fixture
def model(cast: Cast) -> Model:
    return a_model(cast)


@pytest.fixture
def deployment(cast: Cast, model: Model, place: Target) -> Deployment:
    return services.create(model, target=place, endpoint="credit", actor=cast.deployer)


def test_a_deployer_sees_the_endpoint_and_its_doors(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    an_approved(cast, model, tmp_path)
    page = browser(cast.deployer).get(deployment.get_absolute_url()).content.decode()
    assert "Credit decision at Engine" in page
    assert "Deploy a version" in page
    assert "1.0.0" in page


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("deployment:roll_back", "Revision: This field is required."),
        ("deployment:deploy", "Version: This field is required."),
    ],
)
def test_what_is_wrong_with_a_form_is_told_on_the_page_that_it_stands_on(
    cast: Cast, deployment: Deployment, name: str, sentence: str
) -> None:
    page = deployment.get_absolute_url()
    sent = reverse(name, args=[deployment.pk])
    answer = browser(cast.deployer).post(
        sent, {"reason": "Because of the drift."}, HTTP_REFERER=f"http://testserver{page}", follow=True
    )
    assert answer.redirect_chain == [(f"http://testserver{page}", 302)]
    assert [str(told) for told in answer.context["messages"]][:1] == [sentence]


def test_a_version_that_may_not_be_deployed_says_why(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    a_validated(cast, model, tmp_path)
    page = browser(cast.deployer).get(deployment.get_absolute_url()).content.decode()
    assert "Credit decision 1.0.0 has no valid approval." in page


def test_a_risk_officer_reads_and_is_told_who_deploys(cast: Cast, deployment: Deployment) -> None:
    page = browser(cast.officer).get(deployment.get_absolute_url()).content.decode()
    assert "This is done by a deployer for Retail Lending; you hold no such role there." in page


@pytest.mark.parametrize("name", ["deployment", "progress"])
def test_an_outsider_gets_404(cast: Cast, deployment: Deployment, name: str) -> None:
    assert browser(cast.outsider).get(reverse(f"deployment:{name}", args=[deployment.pk])).status_code == 404


def test_an_outsider_sees_no_endpoint_in_the_list(cast: Cast, deployment: Deployment) -> None:
    answer = browser(cast.outsider).get(reverse("deployment:deployments"))
    assert (answer.status_code, b"Credit decision" in answer.content) == (200, False)


def test_a_refused_deployment_comes_back_as_a_sentence(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    version = a_validated(cast, model, tmp_path)
    answer = browser(cast.deployer).post(
        reverse("deployment:deploy", args=[deployment.pk]),
        {"version": version.pk, "reason": "now"},
        headers={"referer": f"http://testserver{deployment.get_absolute_url()}"},
        follow=True,
    )
    assert "may not be deployed. Credit decision 1.0.0 has no valid approval." in answer.content.decode()


def test_without_the_role_a_post_is_403(cast: Cast, model: Model, deployment: Deployment, tmp_path: Path) -> None:
    version = an_approved(cast, model, tmp_path)
    answer = browser(cast.owner).post(reverse("deployment:deploy", args=[deployment.pk]), {"version": version.pk})
    assert answer.status_code == 403
    assert "This is done by a deployer for Retail Lending; you hold no such role there." in answer.content.decode()
    assert deployment.revisions.count() == 0


def test_the_list_costs_the_same_for_one_and_three(
    cast: Cast, model: Model, place: Target, deployment: Deployment
) -> None:
    client = browser(cast.auditor)
    address = reverse("deployment:deployments")
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for name in ("second", "third"):
        services.create(model, target=place, endpoint=name, actor=cast.deployer)
    with CaptureQueriesContext(connection) as three:
        client.get(address)
    assert len(one) == len(three)


def test_the_api_deploys_under_the_same_rules(cast: Cast, model: Model, deployment: Deployment, tmp_path: Path) -> None:
    version = a_validated(cast, model, tmp_path)
    answer = api(cast.deployer).post(f"/api/v1/deployments/{deployment.pk}/revisions/", {"version": str(version.pk)})
    assert answer.status_code == 409
    assert answer.json()["reasons"][0].startswith("Credit decision 1.0.0 may not be deployed.")
    assert deployment.revisions.count() == 0


def test_the_api_names_an_unknown_field(cast: Cast, deployment: Deployment) -> None:
    answer = api(cast.deployer).post(
        f"/api/v1/deployments/{deployment.pk}/revisions/", {"version": str(uuid.uuid4()), "force": True}
    )
    assert answer.status_code == 400
    assert answer.json()["reasons"] == ["force: Unknown field; known are planned_on, reason, rules, version."]


def test_the_api_answers_403_without_the_role_and_404_to_the_outsider(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    address = f"/api/v1/deployments/{deployment.pk}/revisions/"
    refused = api(cast.officer).post(address, {"version": str(version.pk)})
    assert refused.status_code == 403
    assert refused.json()["reasons"][0].startswith("This is done by a deployer for Retail Lending")
    assert api(cast.outsider).post(address, {"version": str(version.pk)}).status_code == 404
    assert deployment.revisions.count() == 0


def test_a_place_is_named_with_secrets_by_name_only(cast: Cast, place: Target) -> None:
    answer = api(cast.administrator).post(
        "/api/v1/targets/",
        {
            "key": "other", "name": "Other", "connector": "embedded", "unit": "bank",
            "config": {"base_url": "http://127.0.0.1:9", "token_secret": "nowhere"},
        },
    )  # fmt: skip
    assert answer.status_code == 409
    assert answer.json()["reasons"] == ["The secret nowhere is not set: give it as MRM_SECRET_NOWHERE."]


def test_a_place_with_a_wrong_configuration_is_refused_by_field(cast: Cast) -> None:
    answer = api(cast.administrator).post(
        "/api/v1/targets/",
        {"key": "x", "name": "X", "connector": "embedded", "unit": "bank", "config": {"address": "http://a"}},
    )
    assert answer.status_code == 422
    assert "field" in answer.json()["reasons"][0]
    assert list(answer.json()["fields"]) == ["config"]


def test_testing_a_place_keeps_what_it_said(cast: Cast, place: Target) -> None:
    browser(cast.administrator).post(reverse("deployment:check_target", args=[place.pk]))
    place.refresh_from_db()
    assert (place.answers, "answers" in place.checked) == (True, True)


def test_the_pages_of_a_full_model_take_twelve_queries_at_most(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    """Approved under conditions, deployed, a second version on its way: nothing of it adds a query."""
    approved = an_approved(cast, model, tmp_path)
    released(cast, services.deploy(deployment, version=approved, reason="First use", actor=cast.deployer))
    drain()
    a_validated(cast, model, tmp_path, label="2.0.0", seed=2)
    page = model.get_absolute_url()
    for account in (cast.owner, cast.officer, cast.auditor):
        client = browser(fresh(account))
        for address in ("/models/", page, f"{page}timeline/"):
            client.get(address)
            with CaptureQueriesContext(connection) as seen:
                answer = client.get(address)
            assert "Credit decision" in answer.content.decode(), (account, address, answer)
            assert len(seen) <= 12, "\n".join(query["sql"][:200] for query in seen)
