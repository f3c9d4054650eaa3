from mrm.audit.records import show
from mrm.inventory.models import (
    Artifact,
    Dataset,
    Dependency,
    Model,
    ModelException,
    Pack,
    Rating,
    Version,
    VersionDataset,
)

show(Artifact, Dependency, Model, ModelException, Pack, Rating, Version, VersionDataset)
show(Dataset, without=("manifest",))
