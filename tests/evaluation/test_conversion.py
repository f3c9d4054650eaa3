"""A model becomes ONNX beside itself when both answer alike, and nothing when they do not."""

from decimal import Decimal

import numpy as np
import pyarrow.parquet as pq
import pytest
import skops.io
from django.test import Client
from rest_framework.test import APIClient
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.evaluation import services
from mrm.evaluation.models import Conversion
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Version
from tests.factories import journey
from tests.factories.access import Cast, fresh


def with_artifact(cast: Cast, version: Version, kind: str) -> Version:
    made = journey.material()
    table = pq.read_table(made.training.path).to_pandas()
    inputs, label = table[list(made.features)].fillna(0), table["default"]
    if kind == "skops":
        content = skops.io.dumps(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(inputs, label))
    elif kind == "xgboost":
        import xgboost

        matrix = xgboost.DMatrix(inputs.to_numpy(np.float32), label, feature_names=list(made.features))
        told = {"max_depth": 3, "objective": "binary:logistic"}
        content = bytes(xgboost.train(told, matrix, 20).save_raw("json"))
    else:
        import lightgbm

        train = lightgbm.Dataset(inputs.to_numpy(), label, feature_name=list(made.features))
        told = {"objective": "binary", "verbose": -1, "num_leaves": 7}
        content = lightgbm.train(told, train, 20).model_to_string().encode()
    return inventory.attach_artifact(
        version, chunks=[content], filename=f"model.{kind}", kind=kind, actor=fresh(cast.developer)
    )


def rows_of(version: Version) -> Dataset:
    return version.datasets.get(role="test").dataset


def test_a_model_of_each_library_becomes_a_draft_that_answers_alike(cast: Cast, client: Client) -> None:
    version = journey.version(cast)
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    for kind in ("skops", "xgboost", "lightgbm"):
        source = with_artifact(cast, version, kind)
        wanted = {"label": f"1.0.0-{kind}", "dataset": str(rows_of(version).pk), "tolerance": "0.00001"}
        answer = api.post(f"/api/v1/versions/{version.pk}/conversions/", wanted)
        assert answer.status_code == 202, answer.data
        journey.drain()
        found = api.get(f"/api/v1/conversions/{answer.data['id']}/").data
        assert (found["status"], found["error"]) == ("done", "")
        assert found["parity"]["rows"] == rows_of(version).rows
        assert float(found["parity"]["max_difference"]) <= 1e-5
        assert found["parity"]["decisions_differ"] == 0
        made = Version.objects.select_related("artifact").get(pk=found["made"])
        assert made.artifact is not None
        assert (made.status, made.artifact.kind, made.features) == ("draft", "onnx", version.features)
        assert made.datasets.count() == version.datasets.count()
        event = Event.objects.get(verb="evaluation.complete_conversion", details__made=str(made))
        assert (event.details["source_sha256"], event.details["sha256"]) == (source.artifact_id, made.artifact_id)
    client.force_login(fresh(cast.developer))
    assert "decisions differ at the cut-off" in client.get(version.get_absolute_url()).content.decode()
    assert "Converted from" in client.get(made.get_absolute_url()).content.decode()
    assert client.get(f"/evaluations/convert/{version.pk}/").status_code == 200


def test_what_answers_otherwise_makes_nothing(cast: Cast) -> None:
    version = with_artifact(cast, journey.version(cast), "skops")
    asked = services.convert(
        version, label="2.0.0", dataset=rows_of(version), tolerance=Decimal("0.000000001"), actor=fresh(cast.developer)
    )
    with pytest.raises(Refused, match="is being converted; the new version appears"):
        services.convert(
            version, label="2.0.1", dataset=rows_of(version), tolerance=Decimal("0.1"), actor=fresh(cast.developer)
        )
    journey.drain()
    asked.refresh_from_db()
    assert (asked.status, asked.made) == ("failed", None)
    assert "The conversion answers otherwise: on 1,000 rows scores differ by up to" in asked.error
    assert not version.model.versions.filter(label="2.0.0").exists()


def test_who_may_and_with_what_is_asked_first(cast: Cast) -> None:
    version = journey.version(cast)
    given = {"label": "2.0.0", "dataset": rows_of(version), "tolerance": Decimal("0.1")}
    with pytest.raises(Refused, match="skops, pickle, XGBoost and LightGBM are converted"):
        services.convert(version, **given, actor=fresh(cast.developer))
    with pytest.raises(Forbidden):
        services.convert(version, **given, actor=fresh(cast.validator))
    version = with_artifact(cast, version, "lightgbm")
    with pytest.raises(Invalid, match=r"has a version 1\.0\.0 already\. The tolerance lies between 0 and 1"):
        services.convert(
            version, label="1.0.0", dataset=given["dataset"], tolerance=Decimal(2), actor=fresh(cast.developer)
        )
    assert not Conversion.objects.exists()
