"""The part of the contract that speaks of promises: what is declared is kept, the rest is refused."""

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mrm.connectors.protocol import (
    Action,
    ArtifactFile,
    Batch,
    Cap,
    Condition,
    Conflict,
    Connector,
    Desired,
    Failover,
    Invalid,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    Role,
    SegmentRule,
    Serving,
    Unsupported,
    Variant,
    VersionRef,
)
from tests.connectors.bench import Bench, applied, deleted, desired, op
from tests.connectors.contract_faults import ROOT
from tests.connectors.expect import is_converged, managed, require_converged, traffic
from tests.gateway.models import FEATURES, request

# which test shows that a declared capability is there; a connector's own class may hold it
PROOFS = {
    Cap.DEPLOY: "test_apply_converges",
    Cap.SPLIT: "test_traffic_is_kept_or_refused",
    Cap.CANARY: "test_canary",
    Cap.SHADOW: "test_traffic_is_kept_or_refused",
    Cap.FALLBACK: "test_traffic_is_kept_or_refused",
    Cap.BATCH: "test_batch",
    Cap.PREDICT: "test_predicts",
    Cap.OBSERVE_VERSION: "test_replace_and_roll_back",
    Cap.OBSERVE_DIGEST: "test_changed_bytes_are_seen_and_healed",
    Cap.DECLARED_ONLY: "test_exact_version_answers",
    Cap.ETAG: "test_condition_on_the_observed_state",
    Cap.NATIVE_ROLLBACK: "test_native_rollback",
    Cap.INVENTORY: "test_inventory_in_pages",
    Cap.PULL_LOGS: "test_pull_logs",
    Cap.ADOPT: "test_adopt",
    Cap.TELLS: "test_answers_tell_what_gave_them",
    Cap.RULES: "test_rules_are_kept_or_refused",
}

BATCH = Batch("a-batch", "1", "0" * 64)
ROWS = ArtifactFile("rows.csv", "0" * 64, 4)
USUAL = Serving().told()
# one for each rule that is not as usual
RULES = [
    Serving(salt="spring"),
    Serving(segment=(SegmentRule("adults", Action.FLAG, within=Condition("age", 18, 95)),)),
    Serving(on_withdrawn=OnWithdrawn.STOP),
    Serving(log=LogPolicy.MUST_LOG),
    Serving(inputs=LoggedInputs.FULL),
    Serving(unit_field="customer"),
    Serving(failover=Failover(minimum=50)),
]


class HonestyContract:
    """Every declared capability has a test that passes; every other one is refused aloud."""

    def test_every_promise_has_a_proof(self, backend: Connector) -> None:
        assert set(PROOFS) == set(Cap)
        declared = [cap for cap in Cap if cap in backend.caps]
        assert declared
        assert not [cap for cap in declared if not hasattr(type(self), PROOFS[cap])]

    def test_optional_calls_are_honest(self, backend: Connector, endpoint: str) -> None:
        calls: dict[Cap, list[Callable[[], Any]]] = {
            Cap.BATCH: [
                lambda: backend.stage_batch(BATCH, ROWS, io.BytesIO(b"0,1\n"), op=op()),
                lambda: backend.find_batch(endpoint, BATCH),
                lambda: backend.submit_batch(endpoint, BATCH, op=op()),
                lambda: backend.poll_batch("a"),
                lambda: backend.cancel_batch("a", op=op()),
                lambda: backend.fetch_batch(BATCH, ROWS, io.BytesIO()),
                lambda: backend.clear_batch(BATCH, ["rows.csv"], op=op()),
            ],
            Cap.INVENTORY: [backend.list_models],
            Cap.PULL_LOGS: [backend.pull_logs],
            Cap.ADOPT: [lambda: backend.adopt(endpoint)],
            Cap.RULES: [
                lambda: backend.tell_approval("a", "withdrawn", at=datetime.now(UTC), reason="", op=op()),
                lambda: backend.fail_back(endpoint, person="Rita Risk", reason="", op=op()),
            ],
            Cap.PREDICT: [lambda: backend.predict(endpoint, None, {"inputs": []}, timeout=1)],
        }
        for cap in set(calls) - {cap for cap in Cap if cap in backend.caps}:
            for call in calls[cap]:
                with pytest.raises(Unsupported) as caught:
                    call()
                assert caught.value.permanent
                assert caught.value.message.endswith(".")

    @pytest.mark.parametrize("cap", [Cap.SPLIT, Cap.SHADOW, Cap.FALLBACK])
    def test_traffic_is_kept_or_refused(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef, cap: Cap
    ) -> None:
        plan = traffic(endpoint, one, two, bench.most_mirrored)[cap]
        if cap in backend.caps:
            assert applied(backend, plan).done
            require_converged(backend, plan)
            return
        with pytest.raises(Unsupported):
            backend.apply(plan, op=op())
        assert not backend.observe(endpoint).exists

    @pytest.mark.parametrize(
        "rules", RULES, ids=lambda rules: next(k for k, v in rules.told().items() if v != USUAL[k])
    )
    def test_rules_are_kept_or_refused(
        self, backend: Connector, endpoint: str, one: VersionRef, rules: Serving
    ) -> None:
        plan = desired(endpoint, 1, replace(one, features=FEATURES), serving=rules)
        if Cap.RULES in backend.caps:
            assert applied(backend, plan).done
            require_converged(backend, plan)
            seen = backend.observe(endpoint)
            assert seen.rules == plan.rules.fingerprint()
            assert {(each.standing, each.passed_over) for each in seen.variants} == {("valid", "")}
            return
        with pytest.raises(Unsupported):
            backend.apply(plan, op=op())
        assert not backend.observe(endpoint).exists

    @pytest.mark.parametrize("share", [3_333, 1])
    def test_shares_are_exact_or_refused(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef, share: int
    ) -> None:
        """No share is rounded in silence."""
        champion = Variant(Role.CHAMPION, one, 10_000 - share)
        plan = Desired("d-1", 1, endpoint, (champion, Variant(Role.CHALLENGER, two, share)))
        try:
            applied(backend, plan)
        except (Invalid, Unsupported):
            assert not is_converged(backend, plan)
        else:
            require_converged(backend, plan)

    def test_answers_tell_what_gave_them(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        """Who promises it names version and digest with each answer; of who does not, an operator's program may still do so."""
        if Cap.TELLS not in backend.caps:
            return
        assert Cap.PREDICT in backend.caps
        for revision, version in enumerate((one, two), start=1):
            applied(backend, desired(endpoint, revision, version))
            answer = backend.predict(endpoint, None, request(), timeout=bench.warm_up)
            told = (answer.get("model_version"), answer.get("parameters", {}).get("digest"))
            assert told == (version.version, version.artifact.digest)

    def test_inventory_in_pages(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """Every page is asked for, and nothing is listed twice or lost."""
        if Cap.INVENTORY not in backend.caps:
            with pytest.raises(Unsupported):
                backend.list_models("next")
            return
        names = {f"{endpoint}-{i}" for i in range(3)}
        for name in names:
            applied(backend, desired(name, 1, one))
        backend.page_size = 1  # type: ignore[attr-defined]
        assert backend.list_models().cursor is not None
        assert names <= managed(backend)
        for name in names:
            deleted(backend, name)

    def test_adopt(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """What somebody else brought is shown by its bytes, left as it is, and taken over as it is."""
        if Cap.ADOPT not in backend.caps:
            with pytest.raises(Unsupported):
                backend.adopt(endpoint)
            return
        assert not backend.adopt(endpoint).exists
        theirs = replace(desired(endpoint, 7, one), deployment="theirs")
        assert applied(backend, theirs).done
        before = backend.observe(endpoint)
        seen = backend.adopt(endpoint)
        assert [(each.version, each.digest, each.ready) for each in seen.variants] == [("1", one.artifact.digest, True)]
        assert backend.observe(endpoint) == before
        ours = replace(desired(endpoint, 1, one), deployment="ours")
        with pytest.raises(Conflict):
            backend.apply(ours, op=replace(op(), seen="0" * 64))
        planned = replace(op(), seen=before.fingerprint())
        assert backend.apply(ours, op=planned, expect_etag=seen.etag).done
        require_converged(backend, ours)
        with pytest.raises(Conflict):
            backend.apply(replace(theirs, revision=8), op=op())

    def test_import_is_quiet(self, bench: Bench) -> None:
        """No network and no Django when the module is imported."""
        code = (
            "import sys\n"
            "def hook(event, args):\n"
            "    if event.startswith('socket.') and event != 'socket.gethostname':\n"
            "        raise RuntimeError(event)\n"
            "sys.addaudithook(hook)\n"
            "from mrm.connectors.registry import connector_class\n"
            f"connector_class({bench.id!r})\n"
            "assert not {'django', 'rest_framework', 'celery'} & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
