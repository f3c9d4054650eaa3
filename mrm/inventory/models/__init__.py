"""The tables of the inventory."""

from mrm.inventory.models.data import Dataset, DatasetRole, VersionDataset
from mrm.inventory.models.letters import HoldLetters, LettersOf
from mrm.inventory.models.model import Dependency, DependencyKind, Model, ModelException, Residual, Tier
from mrm.inventory.models.pack import Pack, PackKind
from mrm.inventory.models.rating import Rating
from mrm.inventory.models.version import Artifact, ArtifactKind, ModelKind, Version

__all__ = [
    "Artifact",
    "ArtifactKind",
    "Dataset",
    "DatasetRole",
    "Dependency",
    "DependencyKind",
    "HoldLetters",
    "LettersOf",
    "Model",
    "ModelException",
    "ModelKind",
    "Pack",
    "PackKind",
    "Rating",
    "Residual",
    "Tier",
    "Version",
    "VersionDataset",
]
