"""The endpoints in memory: what is wanted, what is loaded, and how one becomes the other."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from .approvals import Approvals
from .artifacts import Artifacts, complaint
from .endpoint import Endpoint, Loaded
from .kept import Breakers
from .refusal import Refused
from .remote import Remote
from .route import LIVE, Route, RouteVariant, require_name
from .routes import Routes, Stored, parse_route
from .runtime import Model
from .seal import ROUTE, Seal
from .segment import Segment


class Serving:
    """All endpoints of this gateway. One change at a time; readers never wait."""

    def __init__(self, root: Path, max_artifact: int, public: bytes | None) -> None:
        self._seal = Seal(public)
        self.artifacts, self._routes = Artifacts(root, max_artifact), Routes(root, self._seal)
        self.approvals, self.breakers = Approvals(root, self._seal), Breakers(root)
        self._endpoints: dict[str, Endpoint] = {}
        self._models: WeakValueDictionary[str, Model] = WeakValueDictionary()
        self._changing = asyncio.Lock()
        self.damaged: list[str] = []

    @classmethod
    def open(cls, root: Path, max_artifact: int, public: bytes | None = None) -> "Serving":
        """Read the folder back; what cannot be loaded stays listed as not ready."""
        serving = cls(root, max_artifact, public)
        for stored in serving._routes.all():
            if isinstance(stored, str):
                serving.damaged.append(stored)
            else:
                serving._endpoints[stored.endpoint] = serving._restored(stored)
        return serving

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return self._endpoints

    def endpoint(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise Refused(404, f"There is no endpoint {name}.")
        return self._endpoints[name]

    async def apply(self, name: str, body: Any, if_match: str | None) -> Endpoint:
        """Load everything first, then write, then switch. A failure leaves the old route serving."""
        require_name(name)
        route = parse_route(name, self._seal.content(body, ROUTE))
        async with self._changing:
            current = self._endpoints.get(name)
            _require_allowed(name, current, route, if_match)
            if self._seal.closed:
                _require_newer(name, current, route)
            loaded = await asyncio.to_thread(self._load_all, name, route)
            if current and current.ready and current.stored.route == route:
                return current
            fresh = Endpoint(Stored(name, secrets.token_hex(8), route, body), loaded)
            await asyncio.to_thread(self._routes.save, fresh.stored)
            self._endpoints[name] = fresh
            return fresh

    async def delete(self, name: str, if_match: str | None) -> None:
        async with self._changing:
            current = self.endpoint(name)
            _require_match(current, if_match)
            await asyncio.to_thread(self._routes.remove, name)
            del self._endpoints[name]
            self.breakers.forget(name)

    def fail_back(self, name: str) -> None:
        """A person lets the versions that were passed over answer again."""
        self.endpoint(name)
        passed_over = self.breakers.open_at(name)
        if not passed_over:
            raise Refused(409, f"No version of {name} is passed over.")
        for breaker in passed_over:
            breaker.close()
        self.breakers.save()

    def observed(self, name: str) -> dict[str, Any]:
        """What is loaded now, with the files on disk hashed again."""
        endpoint = self.endpoint(name)
        stored = endpoint.stored
        return {
            "endpoint": name,
            "etag": stored.etag,
            "deployment": stored.route.deployment,
            "revision": stored.route.revision,
            "ready": endpoint.ready,
            "serving": stored.route.rules.told(),
            "variants": [self._observed_variant(item) for item in endpoint.loaded],
        }

    def _observed_variant(self, item: Loaded) -> dict[str, Any]:
        wanted, model = item.variant, item.model
        if item.remote is not None:  # its bytes are at the other place, which says whether they are the right ones
            file: str | None = wanted.digest
            digest, reason = item.remote.look()
        else:
            file = self.artifacts.found(wanted.digest)
            digest, reason = (model.digest if model else None), item.reason or complaint(wanted.digest, file)
        return {
            "role": wanted.role,
            "model": wanted.model,
            "version": wanted.version,
            "approval_id": wanted.approval_id,
            "weight_bp": wanted.weight_bp,
            "mirror_bp": wanted.mirror_bp,
            "features": list(wanted.features),
            "wanted_digest": wanted.digest,
            "digest": digest,
            "file": file,
            "ready": digest is not None and not (item.remote and reason),
            "reason": reason or self._trouble(item),
            "standing": fallen.standing if (fallen := self.approvals.fallen(wanted.approval_id)) else "valid",
            "passed_over": item.breaker.told() if item.breaker else "",
        }

    def _trouble(self, item: Loaded) -> str:
        """Why a version that is loaded does not answer, or should not."""
        fallen = self.approvals.fallen(item.variant.approval_id)
        passed_over = item.breaker.told() if item.breaker else ""
        return passed_over or (fallen.sentence if fallen else "")

    def _load_all(self, name: str, route: Route) -> tuple[Loaded, ...]:
        return tuple(self._loaded(name, variant, route) for variant in route.variants)

    def _loaded(self, name: str, variant: RouteVariant, route: Route) -> Loaded:
        rules = route.rules
        if variant.role == "fallback" and rules.elsewhere:
            breaker = self.breakers.of(name, variant.version, variant.digest, rules.failover)
            return Loaded(variant, None, breaker=breaker, remote=Remote(rules.elsewhere, variant))
        model = self._load(variant)
        if variant.role not in LIVE:  # the backup is there for whoever is outside, and has no backup itself
            return Loaded(variant, model)
        segment = Segment(rules.segment, model.inputs, variant.features) if rules.segment else None
        breaker = self.breakers.of(name, variant.version, variant.digest, rules.failover)
        return Loaded(variant, model, segment=segment, breaker=breaker)

    def _load(self, variant: RouteVariant) -> Model:
        content = self.artifacts.read(variant.digest)
        model = self._models.get(variant.digest)
        if model is None:
            model = self._models[variant.digest] = Model(content)
        _require_features(variant, model)
        return model

    def _restored(self, stored: Stored) -> Endpoint:
        return Endpoint(
            stored, tuple(self._try(stored.endpoint, variant, stored.route) for variant in stored.route.variants)
        )

    def _try(self, name: str, variant: RouteVariant, route: Route) -> Loaded:
        try:
            return self._loaded(name, variant, route)
        except Refused as refused:
            return Loaded(variant, None, refused.message)


def _require_allowed(name: str, current: Endpoint | None, route: Route, if_match: str | None) -> None:
    if if_match is not None:
        return _require_match(current, if_match)
    if current is None:
        return None
    standing = current.stored.route
    if standing.deployment != route.deployment:
        raise Refused(409, f"The endpoint {name} belongs to the deployment {standing.deployment}.")
    if standing.revision > route.revision:
        raise Refused(409, f"The endpoint {name} is already at revision {standing.revision}.")
    return None


def _require_newer(name: str, current: Endpoint | None, route: Route) -> None:
    """A signed route of yesterday, sent again, is no order of today, whoever knows the etag."""
    standing = current.stored.route if current else route
    if standing.deployment == route.deployment and standing.revision > route.revision:
        raise Refused(409, f"The endpoint {name} is already at revision {standing.revision}.")


def _require_match(current: Endpoint | None, if_match: str | None) -> None:
    if if_match is None or (if_match == "*" and current is not None):
        return
    tags = {tag.strip().strip('"') for tag in if_match.split(",")}
    if current is None or current.stored.etag not in tags:
        raise Refused(412, "The endpoint was changed since it was observed.")


def _require_features(variant: RouteVariant, model: Model) -> None:
    if not variant.features or len(model.inputs) != 1 or not model.inputs[0].shape:
        return
    width = model.inputs[0].shape[-1]
    if width not in (-1, len(variant.features)):
        raise Refused(422, f"The route names {len(variant.features)} features; the model takes {width}.")
