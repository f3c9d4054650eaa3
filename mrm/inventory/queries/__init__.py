"""Named reads of the inventory."""

from mrm.inventory.queries.facts import model_facts, rating_facts
from mrm.inventory.queries.packs import current_pack, field_packs, packs
from mrm.inventory.queries.records import (
    datasets_visible_to,
    downstream_of,
    model_named,
    models_visible_to,
    versions_visible_to,
)

__all__ = [
    "current_pack",
    "datasets_visible_to",
    "downstream_of",
    "field_packs",
    "model_facts",
    "model_named",
    "models_visible_to",
    "packs",
    "rating_facts",
    "versions_visible_to",
]
