"""Named reads of the inventory."""

from mrm.inventory.queries.card import card, completeness
from mrm.inventory.queries.doors import model_doors, model_moves, version_doors, version_moves
from mrm.inventory.queries.facts import model_facts, rating_facts, with_exceptions, with_latest_version
from mrm.inventory.queries.lists import (
    data_of,
    lineage,
    list_counts,
    narrow,
    shows_values,
    uses_of,
    versions_of,
    with_links,
)
from mrm.inventory.queries.packs import current_pack, field_packs, pack_changes, packs
from mrm.inventory.queries.parts import model_parts, models_to_change
from mrm.inventory.queries.records import (
    datasets_visible_to,
    downstream_of,
    model_named,
    models_listed_to,
    models_visible_to,
    versions_visible_to,
)
from mrm.inventory.queries.tabs import life_mark, model_page, model_panels, tabs_of, version_panels

__all__ = [
    "card",
    "completeness",
    "current_pack",
    "data_of",
    "datasets_visible_to",
    "downstream_of",
    "field_packs",
    "life_mark",
    "lineage",
    "list_counts",
    "model_doors",
    "model_facts",
    "model_moves",
    "model_named",
    "model_page",
    "model_panels",
    "model_parts",
    "models_listed_to",
    "models_to_change",
    "models_visible_to",
    "narrow",
    "pack_changes",
    "packs",
    "rating_facts",
    "shows_values",
    "tabs_of",
    "uses_of",
    "version_doors",
    "version_moves",
    "version_panels",
    "versions_of",
    "versions_visible_to",
    "with_exceptions",
    "with_latest_version",
    "with_links",
]
