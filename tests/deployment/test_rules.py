"""Rules of serving: part of the revision, through the gate, no less than the environment asks, kept by the real gateway."""

from pathlib import Path

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse

from mrm.access import services as access
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.client import Client, Refusal
from mrm.connectors.protocol import Cap
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import policies, queries, services
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.policies import Least, Share
from mrm.deployment.services.looking import look
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from mrm.serving import Serving, serving_of
from tests.deployment.conftest import Gateway
from tests.deployment.test_pages import api, browser
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released

STRICT = serving_of({"log": "must_log", "inputs": "full", "on_withdrawn": "stop"})


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


@pytest.fixture
def version(cast: Cast, deployment: Deployment, tmp_path: Path) -> Version:
    return an_approved(cast, deployment.model, tmp_path)


def applied(cast: Cast, revision: Revision) -> Revision:
    released(cast, revision)
    while run_next():
        pass
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    return revision


class Handled(httpx.BaseTransport):
    """The application itself, within the transaction of the test."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = Browser().generic(
            request.method, request.url.path, request.content, content_type="application/json",
            headers={"authorization": request.headers["authorization"]},
        )  # fmt: skip
        return httpx.Response(answer.status_code, content=answer.content)


def asked(gateway: Gateway, income: float) -> httpx.Response:
    inputs = [
        {"name": name, "shape": [1], "datatype": "FP32", "data": [value]}
        for name, value in (("income", income), ("debt", 0.1))
    ]
    return httpx.post(f"{gateway.address}/v2/models/credit/infer", json={"inputs": inputs}, timeout=5)


def test_rules_are_planned_signed_for_and_kept_on_pages(
    cast: Cast, deployment: Deployment, version: Version, gateway: Gateway
) -> None:
    applied(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    client, address = browser(cast.deployer), reverse("deployment:rules", args=[deployment.pk])
    form = client.get(address)
    page = form.content.decode()
    assert "seen -1 to 0.98" in page, "the development data offer the bounds"
    assert "The fallback of the traffic plan takes over" in page
    fields = {field.html_name: field.value() for field in form.context["form"] if field.value() not in (None, False)}
    fields |= {"action-0": "refuse", "log": "must_log", "others": "Poor: flag: never income ..0 and debt 0.5.."}
    plan = client.get(reverse("deployment:plan_rules", args=[deployment.pk]), fields)
    told = {change.what: (change.before, change.after) for change in plan.context["plan"].changes}
    assert told["Log"] == ("Answers do not wait for the log", "No answer without its line in the log")
    assert told["Whom it is for"] == (
        "everybody: no segment is named",
        "income -1..0.98, else refuse; never income ..0 and debt 0.5.., else flag",
    )
    assert client.post(address, fields | {"reason": ""}).status_code == 422, "a change needs its reason"
    wanted = {"reason": "Only whom it was made for.", "planned_on": plan.context["plan"].fingerprint}
    assert client.post(address, fields | wanted).status_code == 302
    revision = deployment.revisions.get(number=2)
    changes = {each.name: each.after for each in services.Release().changes(revision)[1]}
    assert changes["Log"] == "No answer without its line in the log", "whoever signs sees it"
    applied(cast, revision)
    event = Event.objects.get(verb="deployment.change_rules", outcome="done")
    assert (event.reason, "Log: No answer without" in event.details["changes"]) == ("Only whom it was made for.", True)
    assert asked(gateway, 0.5).status_code == 200
    outside = asked(gateway, 3.0)
    assert (outside.status_code, outside.json()["error"]) == (422, "Row 0: income is 3, above 0.98.")
    again = client.get(address).context["form"]
    assert again["others"].value() == "Poor: flag: never income ..0 and debt 0.5.."
    _changed_by_hand(deployment, gateway)


def _changed_by_hand(deployment: Deployment, gateway: Gateway) -> None:
    address, headers = f"{gateway.address}/control/endpoints/credit", {"Authorization": f"Bearer {gateway.token}"}
    state = httpx.get(address, headers=headers, timeout=5).json()
    body = {name: state[name] for name in ("deployment", "revision", "variants")} | {"serving": {"log": "best_effort"}}
    httpx.put(address, json=body, headers=headers, timeout=5).raise_for_status()
    look(str(deployment.pk))
    deployment.refresh_from_db()
    assert [(line["kind"], "other rules than wanted" in line["sentence"]) for line in deployment.drift] == [
        ("config", True)
    ]


def test_the_environment_sets_the_least_also_in_the_database(
    cast: Cast, deployment: Deployment, version: Version
) -> None:
    environment = deployment.target.environment
    first = applied(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    services.set_policy(
        environment, drift_policy="report", look_every=300, named_only=False, reason="From now on.",
        least=Least("must_log", "full", "alert"), actor=cast.administrator,
    )  # fmt: skip
    environment.refresh_from_db()
    deployment.refresh_from_db()
    told = "Production asks for must_log or more of the log; these rules say best_effort."
    assert queries.below_least(environment, cast.auditor) == [(deployment, told)]
    assert queries.below_least(environment, cast.outsider) == []
    page = browser(cast.auditor).get(environment.get_absolute_url()).content.decode()
    assert "serves by rules of before" in page
    with pytest.raises(Refused, match="asks for full or more of logged inputs; these rules say none"):
        services.change_rules(
            deployment, rules=serving_of({"log": "must_log", "inputs": "none"}), reason="Less.", actor=cast.deployer
        )
    with pytest.raises(Refused, match="asks for must_log"):
        services.roll_back(deployment, number=first.number, reason="Back.", actor=cast.deployer)
    raised = services.deploy(deployment, version=version, actor=cast.deployer)
    assert (raised.rules["log"], raised.rules["inputs"]) == ("must_log", "full"), "the next revision is raised"
    opened = recorded("deployment.deploy", actor=SETUP, subject=deployment)
    with pytest.raises(IntegrityError, match="asks for more"), transaction.atomic(), opened:
        Revision.objects.create(
            deployment=deployment, number=9, kind="deploy", version=version, approval=first.approval,
            artifact_sha256=version.artifact_id, requested_by=cast.deployer, status="awaiting", variant_count=1,
        )  # fmt: skip
    with pytest.raises(Invalid, match="log_least is one of best_effort, must_log"):
        services.set_policy(
            environment, drift_policy="report", look_every=300, named_only=False, reason="x", least=Least("never"),
            actor=cast.administrator,
        )  # fmt: skip


def test_rules_that_do_not_fit_are_refused_in_words(cast: Cast, deployment: Deployment, version: Version) -> None:
    def refused(told: dict[str, object], match: str, **more: object) -> None:
        with pytest.raises(Refused, match=match):
            services.change_rules(
                deployment,
                rules=services.read_rules(told),
                actor=cast.deployer,
                **{"reason": "x", "version": version} | more,
            )  # type: ignore[arg-type]

    never = {"name": "old", "action": "refuse", "within": {"feature": "age", "low": 18}}
    refused({"on_withdrawn": "backup"}, "no version is a fallback here: add one with a traffic plan")
    refused({"segment": [never]}, r"The segment rule old names age; version 1\.0\.0 takes income, debt\.")
    refused({"log": "must_log"}, "Nothing is served here yet: name the version", version=None)
    refused({"log": "must_log"}, "needs its reason", reason=" ")
    with pytest.raises(Invalid, match="The fail-over's minimum must be a whole number from 1 to 10000"):
        services.read_rules({"failover": {"minimum": 0}})
    with pytest.raises(Forbidden):
        services.change_rules(deployment, rules=STRICT, version=version, reason="x", actor=cast.developer)
    assert "keeps no rules of serving: its connector mlflow" in str(
        policies.rules_cannot("Registry", "mlflow", STRICT, Cap.DEPLOY)
    )
    assert policies.rules_cannot("Registry", "mlflow", Serving(), Cap.DEPLOY) is None
    assert not Revision.objects.exists()


def test_the_api_sets_rules_and_units_keep_their_version(
    cast: Cast, deployment: Deployment, version: Version, tmp_path: Path
) -> None:
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    shares = [Share(version, "champion", 10_000), Share(second, "fallback")]
    split = applied(cast, services.change_traffic(deployment, shares=shares, actor=cast.deployer))
    base = f"/api/v1/deployments/{deployment.pk}/rules/"
    wanted = {"rules": {"on_withdrawn": "backup", "segment": [{"name": "r", "action": "flag"}]}, "reason": "Safe."}
    wrong = api(cast.deployer).post(base, wanted, format="json")
    assert (wrong.status_code, wrong.json()["reasons"][0]) == (
        422, "The segment rule r needs either a condition to be within or some never to meet.",
    )  # fmt: skip
    wanted["rules"] = {"on_withdrawn": "backup", "failover": {"minimum": 5}}
    planned = api(cast.deployer).post(f"{base}plan/", {"rules": wanted["rules"]}, format="json").json()
    assert "The backup answers" in [change["after"] for change in planned["changes"]]
    made = api(cast.deployer).post(base, wanted | {"planned_on": planned["fingerprint"]}, format="json")
    assert (made.status_code, made.json()["rules"]["failover"]["minimum"]) == (202, 5), made.json()
    revision = applied(cast, deployment.revisions.get(number=2))
    assert (revision.salt, revision.variant_count) == (split.salt, 2)
    token = access.issue_token(
        cast.deployer, label="Notebook", scopes=["deployment:*"], days=1, actor=fresh(cast.deployer)
    )
    client = Client("http://testserver", token.secret, transport=Handled())  # type: ignore[attr-defined]
    assert client.rules(str(deployment.pk))["rules"]["on_withdrawn"] == "backup"
    with pytest.raises(Refusal, match="These rules are in force already"):
        client.change_rules(str(deployment.pk), reason="Again.", on_withdrawn="backup", failover={"minimum": 5})
    with pytest.raises(Refused, match="no version is a fallback here"):
        services.deploy(deployment, version=version, actor=cast.deployer)
    assert api(cast.outsider).get(base).status_code == 404
