"""Which variant a customer or account gets: the same one each time."""

import random
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from .refusal import Refused
from .route import FULL, LIVE, Route, RouteVariant


def bucket(deployment: str, unit: str, salt: str = "") -> int:
    """A number from 0 to 9999 that depends on nothing but the deployment, the salt and the unit."""
    return _bucket(_keyed(deployment, salt), unit)


class Assignment:
    """The shares of a route. Challengers hold the low buckets, so raising the share of one keeps its units."""

    def __init__(self, route: Route) -> None:
        self._place = route.deployment, route.rules.salt
        self._keyed = _keyed(*self._place)
        self._field = route.rules.unit_field
        self._edges: list[tuple[int, RouteVariant]] = []
        edge = 0
        for variant in sorted(route.variants, key=lambda v: v.role == "champion"):
            if variant.role in LIVE and variant.weight_bp:
                edge += variant.weight_bp
                self._edges.append((edge, variant))
        self.shadows: Sequence[RouteVariant] = tuple(v for v in route.variants if v.mirror_bp)

    def of(self, unit: str | None) -> RouteVariant:
        """The variant of this unit."""
        if len(self._edges) == 1:
            return self._edges[0][1]
        if unit is None:
            raise Refused(
                400,
                "This endpoint splits its traffic: name the customer or account in "
                f"parameters.{self._field}, or ask for a version.",
            )
        place = _bucket(self._keyed, unit)
        for edge, variant in self._edges:
            if place < edge:
                return variant
        raise AssertionError("the shares add up to 10000")

    def mirrored(self, shadow: RouteVariant, unit: str | None) -> bool:
        """Whether a shadow sees the request: the same units each time, or at random where none is named."""
        if shadow.mirror_bp >= FULL:
            return True
        deployment, salt = self._place
        place = random.randrange(FULL) if unit is None else bucket(f"{deployment}/{shadow.version}", unit, salt)  # noqa: S311
        return place < shadow.mirror_bp


def _bucket(keyed: blake2b, unit: str) -> int:
    digest = keyed.copy()
    digest.update(unit.encode())
    return int.from_bytes(digest.digest()) % FULL


@lru_cache(maxsize=4_096)
def _keyed(deployment: str, salt: str) -> blake2b:
    key = blake2b(f"{deployment}\x00{salt}".encode() if salt else deployment.encode(), digest_size=32).digest()
    return blake2b(digest_size=8, key=key)
