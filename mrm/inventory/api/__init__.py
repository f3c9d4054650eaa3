"""The inventory for programs."""

from mrm.inventory.api.data import Datasets, OneDataset
from mrm.inventory.api.models import ModelRating, Models, ModelTimeline, OneModel
from mrm.inventory.api.versions import ModelVersions, OneVersion, VersionArtifact, VersionData, VersionEndpoint

__all__ = [
    "Datasets",
    "ModelRating",
    "ModelTimeline",
    "ModelVersions",
    "Models",
    "OneDataset",
    "OneModel",
    "OneVersion",
    "VersionArtifact",
    "VersionData",
    "VersionEndpoint",
]
