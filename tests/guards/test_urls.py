"""Every address, every method: the visitor is led to the sign-in page, the outsider learns nothing and changes nothing."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from mrm.audit.governed import governed_models
from mrm.audit.models import Event
from mrm.evaluation import services as evaluation
from mrm.evaluation.models import Run
from mrm.inventory.models import Model
from mrm.reporting import services as reporting
from mrm.validation.models import Validation
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved

SECRET = "Secret credit decision"
OPEN = {"sign-in/", "sign-out/", "sign-up/", "healthz", "readyz", "metrics", "gallery/"}
# what anybody signed in may change: his own things
OWN = ("people/account/", "api/v1/tokens/", "api/v1/me/")


def routes(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry


ROUTES = sorted({route for route, _ in routes(get_resolver())} - OPEN)
OURS = [route for route in ROUTES if not route.startswith("records/")]


@pytest.fixture
def records(cast: Cast, tmp_path: Path) -> list[str]:
    """A model with everything that hangs on it; one key of every table."""
    model = a_model(cast, SECRET)
    version = an_approved(cast, model, tmp_path)
    dataset = version.datasets.get().dataset
    settings = {"label": "default", "cutoff": "0.5", "favourable": "below"}
    evaluation.start(version, dataset=dataset, kinds=["performance"], settings=settings, actor=fresh(cast.developer))
    reporting.request(version, actor=cast.auditor)
    assert Run.objects.exists()
    assert Validation.objects.exists()
    keys = {
        str(row)
        for kind in governed_models()
        for row in kind._base_manager.order_by("pk").values_list("pk", flat=True)[:1]
    }
    keys |= {str(Event.objects.filter(object_id=str(model.pk)).values_list("pk", flat=True)[0]), str(model.pk)}
    return sorted(keys)


def addresses(route: str, keys: list[str]) -> Iterator[str]:
    """The route with the keys put in; other parts get a word."""
    import re

    filled = re.sub(r"<(?:slug|str|path):(?!pk)[a-z_]+>", "word", route).replace("^", "").replace("$", "")
    if "<uuid:pk>" in filled:
        yield from ("/" + filled.replace("<uuid:pk>", key) for key in keys if len(key) == 36)
    elif "<int:pk>" in filled:
        yield from ("/" + filled.replace("<int:pk>", key) for key in keys if key.isdigit())
    elif "<" not in filled and "(" not in filled:
        yield "/" + filled


def test_the_walk_reaches_the_whole_house() -> None:
    assert len(OURS) > 100
    areas = {route.split("/")[0] for route in OURS}
    assert {"models", "approvals", "validations", "evaluations", "deployments", "reports", "people", "api"} <= areas


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES)
def test_a_visitor_is_led_to_the_sign_in_page(route: str) -> None:
    for address in addresses(route, [str(uuid.uuid4()), "1"]):
        for method in ("get", "post"):
            answer = getattr(Client(), method)(address)
            if route.startswith("api/"):
                assert answer.status_code in {401, 404, 405, 200}, (address, answer.status_code)
                assert answer.status_code != 200 or route in {"api/v1/schema/", "api/v1/docs/"}, address
            else:
                assert answer.status_code == 302, (address, answer.status_code)
                assert answer["Location"].startswith("/sign-in/"), address


def count_rows() -> dict[str, int]:
    watched: list[type[models.Model]] = [*governed_models(), apps.get_model("jobs.Job")]
    return {kind._meta.label: kind._base_manager.count() for kind in watched}


def test_the_outsider_reads_nothing_and_changes_nothing(cast: Cast, records: list[str]) -> None:
    browser, api = Client(raise_request_exception=True), APIClient()
    browser.force_login(cast.outsider, backend="mrm.project.signin.AccountBackend")
    api.force_authenticate(fresh(cast.outsider))
    before = count_rows()
    walked = 0
    for route in OURS:
        if route.startswith(OWN):
            continue
        client = api if route.startswith("api/") else browser
        for address in addresses(route, records):
            for method in ("get", "post"):
                answer = getattr(client, method)(address)
                walked += 1
                assert answer.status_code < 500, (method, address)
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
                assert SECRET.encode() not in content, (method, address)
    assert walked > 500
    assert count_rows() == before
    assert Model.objects.get(name=SECRET).revision == 1
