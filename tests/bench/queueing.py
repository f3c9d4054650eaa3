"""The approver's queue with thousands of open requests: half of them versions, half proposals."""

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from mrm.inventory import services as inventory
from mrm.inventory.models import Model
from mrm.project.demo import bank
from mrm.project.embedded import EmbeddedPostgres
from mrm.signoff import services as signoff
from mrm.signoff.models import Request
from tests.bench.table import Row, median_ms, wants

OPEN = 5_000
NAME = f"approver's queue, {OPEN:,} open requests"
ADDRESSES = (("waiting for me", "/approvals/"), ("all open", "/approvals/?view=open"), ("home", "/"))
CLONES = """
INSERT INTO signoff_request (id, number, policy_id, action, subject_kind, subject_key, subject_label, subject_digest,
  subject_content, unit_id, tier, status, submitted_by_id, submitted_at, note, due, open_roles, terms)
SELECT gen_random_uuid(), nextval('signoff_request_number'), r.policy_id, r.action, r.subject_kind, c.key, c.label,
  r.subject_digest, r.subject_content, r.unit_id, r.tier, 'open', r.submitted_by_id, r.submitted_at, '',
  r.due + (c.n %% 60)::int, r.open_roles, r.terms FROM signoff_request AS r, ({clones}) AS c WHERE r.id = %(request)s
"""
PROPOSALS = """
INSERT INTO signoff_proposal (id, kind, target, label, content, reason, unit_id, tier, proposed_by_id, proposed_at,
  carried_out)
SELECT gen_random_uuid(), 'tier_override', m.id::text, m.name, p.content, p.reason, p.unit_id, p.tier,
  p.proposed_by_id, p.proposed_at, false
  FROM signoff_proposal AS p, (SELECT * FROM inventory_model WHERE name LIKE 'Model %%' ORDER BY number DESC LIMIT %(count)s) AS m
"""
VERSIONS = """
INSERT INTO inventory_version
SELECT (jsonb_populate_record(v, jsonb_build_object('id', gen_random_uuid(), 'model_id', m.id))).*
  FROM inventory_version AS v, (SELECT id FROM inventory_model WHERE name LIKE 'Model %%' ORDER BY number DESC LIMIT %(count)s) AS m
 WHERE v.id = %(version)s
"""


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """Seed what is open, and ask for the pages as a risk officer does."""
    if not wants(wanted, NAME):
        return []
    _seed(server)
    client = Client()
    client.force_login(bank.account_of("maria"), backend="mrm.project.signin.AccountBackend")
    return [_page(client, name, address) for name, address in ADDRESSES]


def _page(client: Client, name: str, address: str) -> Row:
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert client.get(address).status_code == 200
        with CaptureQueriesContext(connection) as seen:
            client.get(address)
        queries = len(seen)
        taken = median_ms(lambda: client.get(address))
    return Row(f"{NAME}: {name}", taken, f"ms, {queries} queries", "150 ms", taken < 150)


def _seed(server: EmbeddedPostgres) -> None:
    """One of each through the services, the others as copies of them, as a restore would write them."""
    daniel, priya = bank.account_of("daniel"), bank.account_of("priya")
    model = Model.objects.filter(name__startswith="Model ").order_by("number").first()
    assert model is not None
    inventory.rate_model(model, answers=bank.plan()["answers"], actor=daniel)
    proposal = signoff.propose(model, "tier_override", content={"tier": "2"}, reason="Benchmark.", actor=daniel)
    version = inventory.add_version(model, label="1.0.0", developer=priya.person, actor=priya)
    asked = signoff.submit("version_use", version, action="approve_for_production", actor=priya)
    half = OPEN // 2
    with psycopg.connect(server.url("postgres"), autocommit=True) as raw:
        raw.execute("SET session_replication_role = replica")
        raw.execute("SELECT set_config('mrm.audit_event', gen_random_uuid()::text, false)")
        raw.execute(PROPOSALS, {"count": half})
        raw.execute(VERSIONS, {"count": half, "version": version.pk})
        of_proposals = (
            "SELECT id::text AS key, label, row_number() OVER () AS n FROM signoff_proposal WHERE id <> %(self)s"
        )
        raw.execute(CLONES.format(clones=of_proposals), {"request": proposal.request.pk, "self": proposal.pk})
        of_versions = (
            "SELECT id::text AS key, label, row_number() OVER () AS n FROM inventory_version WHERE id <> %(self)s"
        )
        raw.execute(CLONES.format(clones=of_versions), {"request": asked.pk, "self": version.pk})
        raw.execute("VACUUM ANALYZE")
    assert Request.objects.filter(status="open").count() >= OPEN
