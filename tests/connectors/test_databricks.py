"""The Databricks connector keeps the contract against a fake that is held to Databricks' own package."""

import copy
import json
import os
from collections.abc import Iterator

import pytest

from mrm.connectors.protocol import AuthFailed, Conflict, Invalid, Role, Variant
from mrm.connectors.registry import connector
from tests.connectors.bench import Bench, applied, deleted, desired, op, settle, version
from tests.connectors.cloud_fake import Fault
from tests.connectors.contract import ConnectorContract
from tests.connectors.databricks_fake import FakeDatabricks
from tests.connectors.expect import require_converged
from tests.connectors.store import MemoryStore

MODEL = "main.approved.credit"


class DatabricksBench(Bench):
    id = "databricks"
    reads = r"/oidc/v1/token"
    poll_seconds = 0.01

    def __init__(self, fake: FakeDatabricks) -> None:
        self.fake, self.secret = fake, fake.secret
        self.config = {
            "base_url": fake.url,
            "catalog": "main",
            "schema": "approved",
            "client_id": fake.id,
            "client_secret": "principal",
        }
        self.secrets = {"principal": fake.secret}
        self.register()

    def register(self) -> None:
        """Both versions are in the catalog, each with the digest of its artifact in the comment."""
        store = MemoryStore()
        digests = [version(store, number).artifact.digest for number in (1, 2)]
        comments = ["an experiment", *(f"approved, sha256:{digest}" for digest in digests)]
        self.fake.catalog[MODEL] = comments

    def disturb(self, endpoint: str) -> None:
        """Somebody gives the endpoint the configuration of version 1 again."""
        applied(self.connector(store := MemoryStore()), desired("elsewhere", 1, version(store, 1)))
        self.fake.endpoints[endpoint]["config"] = copy.deepcopy(self.fake.endpoints["elsewhere"]["config"])


@pytest.fixture(scope="module")
def bench() -> Iterator[DatabricksBench]:
    with FakeDatabricks() as fake:
        yield DatabricksBench(fake)


class TestDatabricks(ConnectorContract):
    pass


def test_old_configuration_serves_until_the_new_one_is_ready(bench: DatabricksBench) -> None:
    """Meanwhile the revision of the tags is not told: it does not belong to what serves."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("in-order", 1, version(store, 1)))
    started = backend.apply(desired("in-order", 2, version(store, 2)), op=op())
    seen = backend.observe("in-order")
    assert ([v.version for v in seen.variants], seen.revision) == (["1"], None)
    settle(backend, started)
    require_converged(backend, desired("in-order", 2, version(store, 2)))


def test_digest_that_no_version_names_is_refused_before_anything_is_sent(bench: DatabricksBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    with pytest.raises(Invalid, match=r"has no version of main\.approved\.credit with sha256:\w{12}… in the comment"):
        backend.apply(desired("unnamed", 1, version(store, 3)), op=op())
    bench.fake.catalog[MODEL].append(bench.fake.catalog[MODEL][1])
    try:
        with pytest.raises(Invalid, match="has 2 versions of"):
            backend.apply(desired("unnamed", 1, version(store, 1)), op=op())
    finally:
        bench.register()
    assert not backend.observe("unnamed").exists


def test_comment_that_changes_afterwards_is_seen(bench: DatabricksBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("renamed", 1, version(store, 1)))
    bench.fake.catalog[MODEL][1] = "nothing to see"
    seen = backend.observe("renamed").variants[0]
    bench.register()
    assert (seen.ready, seen.reason) == (False, "The registered version does not name the approved digest any more.")


def test_failed_update_is_told_in_the_services_words_and_tried_again(bench: DatabricksBench) -> None:
    store = MemoryStore()
    backend, first, second = bench.connector(store), desired("fails", 1, version(store, 1)), version(store, 2)
    applied(backend, first)
    bench.fake.fails = "The container ran out of memory."
    try:
        with pytest.raises(Invalid, match=r"DEPLOYMENT_FAILED\. The container ran out of memory\."):
            applied(backend, desired("fails", 2, second))
    finally:
        bench.fake.fails = ""
    assert [v.version for v in backend.observe("fails").variants] == ["1"]
    applied(backend, desired("fails", 2, second))
    require_converged(backend, desired("fails", 2, second))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"entity_version": "1"}, "It serves something else than its name says."),
        ({"workload_size": "Large"}, "Its workload_size is not as it was deployed."),
    ],
)
def test_served_version_changed_by_hand_is_seen_and_healed(
    bench: DatabricksBench, change: dict[str, str], reason: str
) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("by-hand", 1, version(store, 1))
    applied(backend, plan)
    bench.fake.endpoints["by-hand"]["config"]["served_entities"][0] |= change
    seen = backend.observe("by-hand").variants[0]
    assert (seen.ready, seen.reason) == (False, reason)
    applied(backend, plan)
    require_converged(backend, plan)


def test_routes_that_the_service_fills_in_are_no_drift(bench: DatabricksBench) -> None:
    store = MemoryStore()
    backend, one, two = bench.connector(store), version(store, 1), version(store, 2)
    plan = desired(
        "weighed", 1, one, variants=(Variant(Role.CHAMPION, one, 9_000), Variant(Role.CHALLENGER, two, 1_000))
    )
    applied(backend, plan)
    routes = bench.fake.endpoints["weighed"]["config"]["traffic_config"]["routes"]
    for route in routes:
        del route["served_entity_name"]
    require_converged(backend, plan)
    for route in routes:
        route["traffic_percentage"] = 50
    assert {v.weight_bp for v in backend.observe("weighed").variants} == {5_000}


def test_endpoint_of_somebody_else_stays(bench: DatabricksBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("theirs", 1, version(store, 1)))
    bench.fake.endpoints["theirs"]["tags"] = [{"key": "team", "value": "pricing"}]
    with pytest.raises(Conflict, match="The endpoint theirs belongs to somebody else"):
        backend.apply(desired("theirs", 2, version(store, 2)), op=op())
    assert deleted(backend, "theirs").done
    assert "theirs" in bench.fake.endpoints


def test_token_serves_where_there_is_no_principal(bench: DatabricksBench) -> None:
    place = {"base_url": bench.fake.url, "catalog": "main", "schema": "approved"}
    with pytest.raises(Invalid, match="Name a service principal with its secret, or the secret with a token"):
        connector("databricks", place, {}, MemoryStore())
    bench.fake.tokens.add("a-token")
    named = place | {"token_secret": "token"}
    assert connector("databricks", named, {"token": "a-token"}, MemoryStore()).check().endswith(".")
    with pytest.raises(AuthFailed):
        connector("databricks", named, {"token": "another"}, MemoryStore()).check()


@pytest.mark.parametrize("handle", ["x", "[]", "{}", '{"plan": {"variants": [{}]}}', '{"operation": "x"}'])
def test_handle_of_somebody_else_is_refused(bench: DatabricksBench, handle: str) -> None:
    with pytest.raises(Invalid, match="databricks connector"):
        bench.connector().poll(handle)


def test_the_fake_refuses_what_the_package_does_not_know(bench: DatabricksBench) -> None:
    """A fake that accepts anything would prove nothing."""
    fits = {"name": "a", "config": {"name": "a", "traffic_config": {"routes": [{"traffic_percentage": 100}]}}}
    bench.fake.require(fits, "call create")
    for body in (
        {},
        fits | {"colour": "red"},
        fits | {"tags": [{"value": "x"}]},
        fits | {"config": {"name": "a", "traffic_config": {"routes": [{"traffic_percentage": "100"}]}}},
        fits | {"config": {"name": "a", "served_entities": [{"workload_type": "HUGE"}]}},
    ):
        with pytest.raises(Fault):
            bench.fake.require(body, "call create")


@pytest.mark.skipif("MRM_LIVE_DATABRICKS" not in os.environ, reason="needs a workspace: MRM_LIVE_DATABRICKS")
def test_live() -> None:
    """MRM_LIVE_DATABRICKS holds configuration and secrets as JSON; its model `credit` must have a version 1."""
    given = json.loads(os.environ["MRM_LIVE_DATABRICKS"])
    store = MemoryStore()
    backend = connector("databricks", given["config"], given["secrets"], store)
    plan = desired("mrm-live-test", 1, version(store, 1))
    try:
        applied(backend, plan, seconds=3600)
        require_converged(backend, plan)
    finally:
        deleted(backend, "mrm-live-test")
