"""One pass over two thousand deployments at the embedded gateway: look, compare, score the golden rows, keep what changed."""

import dataclasses
import tempfile
import time
from pathlib import Path

import psycopg
from django.conf import settings
from django.utils import timezone

from mrm.audit.trail import recorded
from mrm.connectors.protocol import Op
from mrm.deployment.models import Deployment, Look, Revision, Target, Variant
from mrm.deployment.services.looking import look_at_due
from mrm.deployment.services.record import desired_of, read_revision
from mrm.deployment.services.target import connect
from mrm.project.demo.bank import FOUNDER
from mrm.project.demo.walk import walk
from mrm.project.embedded import EmbeddedPostgres
from tests.bench.table import Row, wants
from tests.gateway.process import GatewayProcess

DEPLOYMENTS = 2_000
GOAL = 60.0
SHARES = ("role", "version", "approval", "artifact_sha256", "weight_bp")
NAME = "reconcile of 2,000 deployments, one pass, one worker"


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    if not wants(wanted, NAME):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-gateway-") as folder:
        gateway = GatewayProcess(Path(folder)).start()
        try:
            return [_pass(server, gateway)]
        finally:
            gateway.stop()


def _pass(server: EmbeddedPostgres, gateway: GatewayProcess) -> Row:
    (settings.DATA_DIR / "secrets" / "gateway").write_text(gateway.token)
    with recorded("deployment.add_target", actor=FOUNDER, subject=Target.objects.get()):
        there = {"base_url": gateway.url, "token_secret": "gateway"}
        Target.objects.update(config=there, revision=2, checked="", answers=False)
    walk(lambda step: None)
    _multiply(server, Revision.objects.select_related("deployment__target").get(status="applied"))
    Look.objects.update(due=timezone.now())
    look_at_due(lambda stage, done=0, total=0: None)
    Look.objects.update(due=timezone.now())
    began = time.perf_counter()
    seen = look_at_due(lambda stage, done=0, total=0: None)
    taken = time.perf_counter() - began
    assert seen == DEPLOYMENTS
    assert Deployment.objects.filter(sync="in_sync", health="healthy").count() == DEPLOYMENTS
    return Row(NAME, taken, "s", f"under {GOAL:.0f} s", taken < GOAL)


def _multiply(server: EmbeddedPostgres, first: Revision) -> None:
    """The same verified revision at so many endpoints, each served by the gateway; the signatures are not asked again."""
    place = connect(first.deployment.target)
    deployments = [
        Deployment(model=first.deployment.model, target=first.deployment.target, endpoint=f"endpoint-{number:04d}")
        for number in range(DEPLOYMENTS - 1)
    ]
    facts = {
        field.attname: getattr(first, field.attname) for field in Revision._meta.concrete_fields if field.name != "id"
    }
    _signatures(server, "DISABLE")
    with recorded("deployment.create", actor=FOUNDER, subject=first.deployment):
        Deployment.objects.bulk_create(deployments)
        made = [Revision(**{**facts, "deployment_id": each.pk}) for each in deployments]
        Revision.objects.bulk_create(made)
        shares = {name: getattr(first.variants.get(), name) for name in SHARES}
        Variant.objects.bulk_create([Variant(revision=each, **shares) for each in made])
    _signatures(server, "ENABLE ALWAYS")
    Look.objects.bulk_create([Look(deployment=each) for each in deployments])
    wanted = desired_of(read_revision(str(first.pk)), place.caps)
    for each in deployments:
        desired = dataclasses.replace(wanted, deployment=str(each.pk), endpoint=each.endpoint)
        place.apply(desired, op=Op(id=str(each.pk), idempotency_key=str(each.pk)))


def _signatures(server: EmbeddedPostgres, how: str) -> None:
    with psycopg.connect(server.url("mrm_owner"), autocommit=True) as owner:
        owner.execute(f"ALTER TABLE deployment_revision {how} TRIGGER deployment_release_rules")
