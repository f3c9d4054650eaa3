"""A model that cannot be run here is scored where it answers: pinned, told of, stale when the place changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.connectors.remote_scoring import Place
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.evaluation import queries, services
from mrm.evaluation.models import Run
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.validation import services as validation
from tests.connectors.oip_server import running
from tests.factories import journey
from tests.factories.access import Cast, fresh
from tests.gateway.models import Trained
from tests.gateway.process import GatewayProcess, variant


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The real gateway, serving the bank's logistic regression under the name of credit."""
    process = GatewayProcess(tmp_path_factory.mktemp("scoring")).start()
    made = journey.material()
    served = Trained(None, made.logistic)
    process.upload(served)
    assert process.apply("credit", variant(served, "1.0.0", features=list(made.features))).status_code < 300
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def opened(settings: Any) -> None:
    settings.SCORING_HOSTS = ["127.0.0.1"]


def elsewhere(cast: Cast, url: str, kind: str = "onnx", **more: Any) -> Version:
    """A draft with its scoring endpoint."""
    draft = journey.version(cast, kind=kind)
    place = Place(url, **{"model": "credit", "rows": 300, **more})
    return inventory.set_scoring_endpoint(draft, place=place, actor=fresh(cast.developer))


def test_rows_are_scored_where_the_model_answers(
    cast: Cast, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch, client: Client, tmp_path: Path
) -> None:
    monkeypatch.setenv("MRM_SECRET_SCORING_GATEWAY", gateway.token)
    version = elsewhere(cast, gateway.url, secret="scoring-gateway")
    run = journey.evaluated(cast, version, ["performance", "bias", "stability", "explainability"], endpoint=True)
    assert (run.status, run.error) == ("done", "")
    pins = run.pins["endpoint"]
    assert (pins["scored_rows"], pins["served_version"], pins["model"]) == (run.dataset.rows, "1.0.0", "credit")
    kept = pq.read_table(blobs.fetch(pins["answers_sha256"], tmp_path))
    assert (kept.column_names, kept.num_rows) == (["row_id", "score"], run.dataset.rows)
    assert blobs.read(pins["reference_answers_sha256"])
    explained = run.result("additivity")
    assert explained is not None
    assert explained["status"] == "insufficient"
    assert "the scores came from its scoring endpoint" in explained["reason"]
    said = queries.scored_through(run.pins)
    assert f"Scored through {gateway.url}, model credit 1.0.0, on " in said
    assert f"{run.dataset.rows:,} rows, at most 300 in one request" in said
    client.force_login(cast.developer)
    assert "Scored through" in client.get(run.get_absolute_url()).content.decode()
    # changed rows are asked for as well: fewer of them, and the answers are those of the model run here
    hardened = journey.evaluated(cast, version, ["robustness"], endpoint=True)
    assert hardened.error == ""
    assert hardened.status == "done"
    noisy = hardened.result("noise_flips", group="0.1 standard deviations")
    assert (noisy["n"], noisy["status"]) == (200, "info")
    assert {each["status"] for each in hardened.results if each["measure"] == "elasticity"} != {"insufficient"}

    here = journey.evaluated(cast, version, ["performance", "robustness"])
    assert here.result("noise_flips", group="0.1 standard deviations")["n"] > 200
    pull = {each["group"]: each["value"] for each in here.results if each["measure"] == "elasticity"}
    for each in hardened.results:
        if each["measure"] == "elasticity":
            assert each["value"] == pytest.approx(pull[each["group"]], abs=0.5)
    assert run.result("auc")["value"] == pytest.approx(here.result("auc")["value"], abs=1e-6)

    # another place is another model, as far as anybody can tell: the run is no evidence for it
    assert queries.completed(version, "bias") == run
    inventory.set_scoring_endpoint(
        fresh_version(version), place=Place(gateway.url, "else"), actor=fresh(cast.developer)
    )
    assert queries.completed(fresh_version(version), "bias") is None
    assert queries.completed(fresh_version(version), "performance") == here
    asked = validation.request(fresh_version(version), actor=cast.developer)
    validation.take(asked, actor=cast.validator)
    with pytest.raises(Invalid, match=r"is not the version's scoring endpoint any more"):
        validation.add_evidence(
            asked, pillar="fairness", title="Bias", run=Run.objects.get(pk=run.pk), actor=cast.validator
        )
    with pytest.raises(Refused, match=r"its scoring endpoint is fixed"):
        inventory.set_scoring_endpoint(
            fresh_version(version), place=Place(gateway.url, "m"), actor=fresh(cast.developer)
        )
    with (
        pytest.raises(DatabaseError, match="of a version that is no draft is fixed"),
        transaction.atomic(),
        recorded("inventory.set_scoring_endpoint", actor=cast.developer),
    ):
        Version.objects.filter(pk=version.pk).update(scoring_endpoint={})


def fresh_version(version: Version) -> Version:
    return Version.objects.select_related("model__unit").get(pk=version.pk)


def test_a_wrong_answer_fails_the_run_with_its_sentence_and_leaves_nothing(cast: Cast, storage: Path) -> None:
    with running() as server:
        version = elsewhere(cast, server.url, kind="vendor", model="outside")
        before = {path for path in (storage / "blobs").rglob("*") if path.is_file()}
        run = journey.evaluated(cast, version, ["performance"], endpoint=True)
        stopped = journey.started(cast, version, ["performance"], endpoint=True)
        services.cancel(stopped, actor=fresh(cast.developer))
        journey.drain()
    assert (run.status, run.results, run.pins) == ("failed", [], {})
    assert run.error == "The scoring endpoint answered 1.7 for row 2; scores lie between 0 and 1."
    assert server.asked["outside"] == 1  # the cancelled run sent nothing
    assert {path for path in (storage / "blobs").rglob("*") if path.is_file()} == before


def test_who_may_name_an_endpoint_and_what_is_refused(cast: Cast, client: Client, settings: Any) -> None:
    version = journey.version(cast, kind="vendor")
    with pytest.raises(Forbidden):
        inventory.set_scoring_endpoint(version, place=Place("http://127.0.0.1:9", "m"), actor=fresh(cast.validator))
    with pytest.raises(Invalid, match=r"starts with scoring-"):  # and so opens nothing else, as a serving place's token
        inventory.set_scoring_endpoint(
            version, place=Place("http://127.0.0.1:9", "m", secret="gateway"), actor=fresh(cast.developer)
        )
    with pytest.raises(Invalid, match=r"names no scoring endpoint; name it on the version's page first"):
        journey.started(cast, version, ["performance"], endpoint=True)
    client.force_login(cast.developer)
    form = {"address": "http://169.254.169.254", "model": "m", "rows": 100}
    refused = client.post(f"/models/versions/{version.pk}/endpoint/", form)
    assert refused.status_code == 422
    assert "is not on the list of allowed hosts" in refused.content.decode()
    named = client.post(f"/models/versions/{version.pk}/endpoint/", form | {"address": "http://127.0.0.1:9"})
    assert named.status_code == 302
    assert "http://127.0.0.1:9" in client.get(version.get_absolute_url()).content.decode()
    assert "Score through http://127.0.0.1:9" in client.get(f"/evaluations/start/{version.pk}/").content.decode()
    with pytest.raises(Invalid, match=r"choose one of them"):
        journey.started(cast, fresh_version(version), ["performance"], endpoint=True, predictions="row_id")
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    address = f"/api/v1/versions/{version.pk}/endpoint/"
    given = {"address": "http://127.0.0.1:9/", "model": "m", "rows": 100}
    assert api.put(address, given, format="json").json()["reasons"] == ["Nothing was changed."]
    assert api.put(address, given | {"rows": 50}, format="json").data["scoring_endpoint"]["rows"] == 50
    assert api.delete(address).data["scoring_endpoint"] == {}
    settings.SCORING_HOSTS = []
    assert "MRM_SCORING_HOSTS" in str(api.put(address, given, format="json").json())
    verbs = Event.objects.filter(verb__contains="scoring_endpoint", outcome="done").order_by("position")
    assert list(verbs.values_list("verb", flat=True)) == [
        "inventory.set_scoring_endpoint", "inventory.set_scoring_endpoint", "inventory.remove_scoring_endpoint",
    ]  # fmt: skip
