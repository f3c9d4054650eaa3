"""What the kit looks at, told apart from what it does."""

from collections.abc import Callable
from typing import Any

from mrm.connectors.protocol import Cap, Connector, ConnectorError, Desired, Role, Variant, VersionRef
from tests.connectors.bench import desired, op, version


def require_converged(backend: Connector, plan: Desired) -> None:
    """What is observed is what is desired, in every field that the connector can see."""
    found = backend.observe(plan.endpoint)
    assert found.exists
    assert found.revision == plan.revision
    assert (found.etag is not None) == (Cap.ETAG in backend.caps)
    assert found.rules in (None, plan.rules.fingerprint())
    assert (found.rules is not None) == (Cap.RULES in backend.caps)
    wanted = {v.version.version: v for v in plan.variants}
    assert {v.version for v in found.variants} == set(wanted)
    for seen in found.variants:
        variant = wanted[seen.version]
        assert seen.digest == (variant.version.artifact.digest if Cap.OBSERVE_DIGEST in backend.caps else None)
        assert (seen.name, seen.role) == (variant.version.model, variant.role)
        assert seen.weight_bp == variant.weight_bp
        assert seen.mirror_bp in (None, variant.mirror_bp)
        assert (seen.ready, seen.managed, seen.reason) == (True, True, "")


def is_converged(backend: Connector, plan: Desired) -> bool:
    """Whether the connector says that everything is as desired; a fault may also make it raise."""
    try:
        require_converged(backend, plan)
    except (AssertionError, ConnectorError):
        return False
    return True


def calls(backend: Connector, endpoint: str) -> list[Callable[[], Any]]:
    """Every call that must reach the backend."""
    store = backend.store  # type: ignore[attr-defined]
    return [
        backend.check,
        lambda: backend.observe(endpoint),
        lambda: backend.apply(desired(endpoint, 1, version(store, 1)), op=op()),
        lambda: backend.delete(endpoint, op=op()),
    ]


def managed(backend: Connector) -> set[str]:
    """Names of everything the connector manages, over all pages of the inventory."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = backend.list_models(cursor)
        found |= {item.name for item in page.items if item.managed}
        cursor = page.cursor
        if cursor is None:
            return found


def traffic(endpoint: str, one: VersionRef, two: VersionRef, mirrored: int = 10_000) -> dict[Cap, Desired]:
    """A plan that needs the capability."""
    full, half = Variant(Role.CHAMPION, one, 10_000), Variant(Role.CHAMPION, one, 5_000)
    return {
        Cap.SPLIT: Desired("d-1", 1, endpoint, (half, Variant(Role.CHALLENGER, two, 5_000))),
        Cap.SHADOW: Desired("d-1", 1, endpoint, (full, Variant(Role.SHADOW, two, 0, mirrored))),
        Cap.FALLBACK: Desired("d-1", 1, endpoint, (full, Variant(Role.FALLBACK, two))),
    }
