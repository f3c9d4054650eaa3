"""Serving places whose backends score whole data sets, as their published descriptions have them, on loopback."""

import secrets
from typing import Any

from django.db import transaction

from mrm.audit.trail import recorded
from mrm.core import blobs
from mrm.deployment import services as deployment
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.services.record import desired_of, read_revision, settle
from mrm.deployment.services.target import connect
from mrm.inventory.models import Version
from tests.connectors.azureml_batch_fake import ACCOUNT, CONTAINER
from tests.connectors.azureml_fake import SUBSCRIPTION, TENANT, WORKSPACE, FakeAzure
from tests.connectors.bench import applied
from tests.connectors.sagemaker_fake import FakeSagemaker
from tests.connectors.vertex_fake import FakeVertex
from tests.factories.access import SETUP, Cast
from tests.factories.release import released

KEYS = {
    "MRM_SECRET_SAGE_ACCESS": "AKIA" + secrets.token_hex(8).upper(),
    "MRM_SECRET_SAGE_KEY": secrets.token_urlsafe(30),
}


def a_backend(kind: type[FakeSagemaker] = FakeSagemaker) -> FakeSagemaker:
    """SageMaker with the keys of `KEYS`, which a test puts into the environment."""
    return kind(KEYS["MRM_SECRET_SAGE_ACCESS"], KEYS["MRM_SECRET_SAGE_KEY"])


def served_there(cast: Cast, version: Version, url: str) -> Revision:
    """The version brought to an endpoint there, verified and in force."""
    config: dict[str, Any] = {
        "region": "eu-central-1", "bucket": "models", "instance_type": "ml.m5.large", "base_url": url, "s3_url": url,
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/onnx@sha256:" + "a" * 64,
        "execution_role": "arn:aws:iam::123456789012:role/endpoint",
        "access_key_secret": "sage-access", "secret_key_secret": "sage-key",
    }  # fmt: skip
    return _brought_to(cast, version, "sagemaker", key="sage", name="SageMaker Frankfurt", config=config)


def served_at_vertex(cast: Cast, version: Version, fake: FakeVertex, **changes: str) -> Revision:
    """The same at Vertex AI, whose operator has laid the bytes where it reads them; the key of `fake` is MRM_SECRET_VERTEX."""
    assert version.artifact is not None
    config: dict[str, Any] = {
        "project": "bank", "location": "europe-west4", "storage": "gs://models/approved", "machine_type": "n2-standard-2",
        "image": "europe-docker.pkg.dev/bank/serving/onnx@sha256:" + "a" * 64, "predict_route": "/predict",
        "health_route": "/health", "key_secret": "vertex", "base_url": fake.url, "storage_url": fake.url, **changes,
    }  # fmt: skip
    fake.storage.write(f"gs://models/approved/{version.artifact_id}/model.onnx", blobs.read(version.artifact_id))
    return _brought_to(cast, version, "vertex", key="vertex", name="Vertex Eemshaven", config=config)


def served_at_azure(cast: Cast, version: Version, fake: FakeAzure, **changes: str) -> Revision:
    """The same at Azure ML; the application's secret of `fake` is MRM_SECRET_AZURE."""
    assert version.artifact is not None
    account = f"https://{ACCOUNT}.blob.core.windows.net"
    config: dict[str, Any] = {
        "subscription": SUBSCRIPTION, "resource_group": "models", "workspace": "credit", "location": "westeurope",
        "storage": f"{account}/approved/models", "environment": f"{WORKSPACE}/environments/onnx/versions/7",
        "instance_type": "Standard_DS3_v2", "tenant": TENANT, "client_id": fake.id, "client_secret": "azure",
        "authority": fake.url, "base_url": fake.url, "jobs_url": f"{fake.url}/mfe", "storage_url": fake.url, **changes,
        "batches": f"{account}/{CONTAINER}/mrm",
    }  # fmt: skip
    fake.batches.blobs.write(f"approved/models/{version.artifact_id}/model.onnx", blobs.read(version.artifact_id))
    return _brought_to(cast, version, "azureml", key="azure", name="Azure Amsterdam", config=config)


def _brought_to(
    cast: Cast, version: Version, connector: str, *, key: str, name: str, config: dict[str, Any]
) -> Revision:
    place = deployment.add_target(
        key=key, name=name, connector_id=connector, environment="production", unit=cast.bank, config=config, actor=SETUP,
    )  # fmt: skip
    opened = deployment.create(version.model, target=place, endpoint="credit", actor=cast.deployer)
    return brought(cast, opened, version)


def without(setting: str) -> None:
    """The only place loses a setting, as if it had been added without."""
    target = Deployment.objects.get().target
    del target.config[setting]
    resettled(target)


def resettled(target: Target) -> None:
    """Keep the settings of a place past the service, which looks at what runs there."""
    target.revision, target.checked, target.answers = target.revision + 1, "", False
    with recorded("deployment.check_target", actor=SETUP, subject=target), transaction.atomic():
        target.save()


def brought(cast: Cast, opened: Deployment, version: Version) -> Revision:
    """Another version in force at the same endpoint."""
    asked = released(cast, deployment.deploy(opened, version=version, actor=cast.deployer))
    revision = read_revision(str(asked.pk))
    place = connect(revision.deployment.target)
    applied(place, desired_of(revision, place.caps))
    return settle(revision, verification={"observed": {}}, actor=cast.deployer)
