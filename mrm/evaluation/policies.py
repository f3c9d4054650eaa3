"""Which suite a version may be tested by, and by whom."""

from collections.abc import Mapping
from typing import Any

from mrm.access.models import Account
from mrm.inventory.models import Version


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


def why_not_by(suite: Mapping[str, Any], version: Version, account: Account) -> str | None:
    """An independent audit is run by a validator who has no part in the model; it may also show what is withheld elsewhere."""
    if not suite.get("applies", {}).get("independent"):
        return None
    if reason := account.lacks("validation.conclude", version):
        return f"{suite['title']} is an independent audit. {reason}"
    if account.person_id in {version.developer_id, version.model.developer_id, version.model.owner_id}:
        return f"{suite['title']} is an independent audit, and you have a part in {version.model}."
    return None
