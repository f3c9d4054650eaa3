"""Which variant a customer or account gets: the same one each time."""

from collections.abc import Sequence
from hashlib import blake2b

from .refusal import Refused
from .route import FULL, RouteVariant


def bucket(deployment: str, unit: str) -> int:
    """A number from 0 to 9999 that depends on nothing but the deployment and the unit."""
    digest = blake2b(unit.encode(), key=blake2b(deployment.encode(), digest_size=32).digest())
    return int.from_bytes(digest.digest()[:8], "big") % FULL


def assigned(variants: Sequence[RouteVariant], deployment: str, unit: str | None) -> RouteVariant:
    """The variant of this unit.

    Challengers hold the low buckets, so raising the share of one keeps every unit that has it.
    """
    live = [v for v in variants if v.weight_bp]
    if len(live) == 1:
        return live[0]
    if unit is None:
        raise Refused(
            400,
            "This endpoint splits its traffic: name the customer or account in parameters.unit, or ask for a version.",
        )
    place, edge = bucket(deployment, unit), 0
    for variant in sorted(live, key=lambda v: v.role == "champion"):
        edge += variant.weight_bp
        if place < edge:
            return variant
    raise AssertionError("the shares add up to 10000")
