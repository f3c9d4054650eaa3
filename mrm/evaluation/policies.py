"""Which suite a version may be tested by."""

from collections.abc import Mapping
from typing import Any


def why_not_suite(suite: Mapping[str, Any], *, tier: str, regimes: Mapping[str, str]) -> str | None:
    """A suite fits by tier, and by the regime it is for: the model must have been found to be in its scope."""
    applies = suite.get("applies", {})
    tiers, regime = applies.get("tiers"), applies.get("regime")
    if tiers and tier not in tiers:
        told = "a model without a tier" if not tier else f"tier {tier}"
        return f"{suite['title']} is for models of tier {', '.join(tiers)}, not for {told}."
    if regime and regimes.get(regime) != "in":
        return f"{suite['title']} is for models in the scope of {regime}; record that this one is, on the model's page."
    return None
