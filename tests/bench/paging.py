"""The trail's pages over a million events: server time and queries, without and with each filter."""

import datetime as dt
from collections.abc import Iterator
from urllib.parse import urlencode

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from mrm.access.models import Account
from mrm.inventory.models import Model
from tests.bench.table import Row, median_ms


def rows(events: int) -> list[Row]:
    client = Client()
    found: list[Row] = []
    with override_settings(ALLOWED_HOSTS=["*"]):
        client.force_login(Account.objects.get(username="ingrid"), backend="mrm.project.signin.AccountBackend")
        for name, address in _addresses():
            found += page(client, f"{name}, {events:,} events", address)
    return found


def _addresses() -> Iterator[tuple[str, str]]:
    model = Model.objects.order_by("number").first()
    assert model is not None
    until = timezone.localdate() - dt.timedelta(days=200)
    since = until - dt.timedelta(days=30)
    yield "model timeline", f"{model.get_absolute_url()}timeline/"
    yield "model as of a day", f"/log/models/{model.pk}/"
    yield "log page", "/log/"
    yield "trail", "/timeline/"
    for name, conditions in (
        ("page 2", {"page": "2"}),
        ("by text", {"text": "Model 00017"}),
        ("by text that is nowhere", {"text": "no such words"}),
        ("by record", {"record": "Model 00017"}),
        ("by a record's key", {"record": str(model.pk)}),
        ("by a record that is none", {"record": "nowhere"}),
        ("by who", {"actor": "person-07"}),
        ("by who that is nobody", {"actor": "nobody"}),
        ("by verb", {"verb": "inventory.edit"}),
        ("by a rare verb", {"verb": "access.add_unit"}),
        ("by area", {"area": "inventory"}),
        ("by a rare area", {"area": "signoff"}),
        ("by days", {"since": since.isoformat(), "until": until.isoformat()}),
        ("refused", {"refused": "on"}),
        ("by everything", {"text": "wording", "actor": "Person 07", "area": "inventory", "since": since.isoformat()}),
    ):
        yield f"trail {name}", f"/timeline/?{urlencode(conditions)}"


def page(client: Client, name: str, address: str) -> list[Row]:
    """Server time and number of queries of one page."""

    def visit() -> None:
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)

    taken = median_ms(visit)
    with CaptureQueriesContext(connection) as queries:
        visit()
    count = len(queries)
    return [
        Row(f"{name}, server time", taken, "ms", "under 150 ms", taken < 150),
        Row(f"{name}, queries", count, "queries", "at most 12", count <= 12),
    ]
