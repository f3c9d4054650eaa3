"""Named changes to the inventory."""

from mrm.inventory.services.artifact import attach_artifact
from mrm.inventory.services.data import link_dataset, register_dataset, register_upload
from mrm.inventory.services.endpoint import remove_scoring_endpoint, set_scoring_endpoint
from mrm.inventory.services.importing import decode, import_models, keep_import, kept_import, plan_import
from mrm.inventory.services.life import advance_model, advance_version, retire, retire_version
from mrm.inventory.services.model import edit, link_models, note_validation, register
from mrm.inventory.services.pack import change_pack, load_pack
from mrm.inventory.services.rating import confirm_tier, override_tier, rate_model
from mrm.inventory.services.subjects import SIGNED
from mrm.inventory.services.version import add_version, edit_version

__all__ = [
    "SIGNED",
    "add_version",
    "advance_model",
    "advance_version",
    "attach_artifact",
    "change_pack",
    "confirm_tier",
    "decode",
    "edit",
    "edit_version",
    "import_models",
    "keep_import",
    "kept_import",
    "link_dataset",
    "link_models",
    "load_pack",
    "note_validation",
    "override_tier",
    "plan_import",
    "rate_model",
    "register",
    "register_dataset",
    "register_upload",
    "remove_scoring_endpoint",
    "retire",
    "retire_version",
    "set_scoring_endpoint",
]
