"""Where models run, what is wanted there, what was tried, and what went wrong."""

from mrm.deployment.models.environment import (
    Breaker,
    Deployer,
    DriftPolicy,
    Environment,
    Freeze,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    Stage,
    Target,
)
from mrm.deployment.models.experiment import Ending, Experiment, ExperimentArm, Reading, ReadingKind
from mrm.deployment.models.fail_back import FailBack
from mrm.deployment.models.incident import Incident, Look, Operation
from mrm.deployment.models.revision import Deployment, Health, Revision, RevisionKind, Sync
from mrm.deployment.models.variant import LIVE, Variant, VariantRole

__all__ = [
    "LIVE",
    "Breaker",
    "Deployer",
    "Deployment",
    "DriftPolicy",
    "Ending",
    "Environment",
    "Experiment",
    "ExperimentArm",
    "FailBack",
    "Freeze",
    "Health",
    "Incident",
    "LogPolicy",
    "LoggedInputs",
    "Look",
    "OnWithdrawn",
    "Operation",
    "Reading",
    "ReadingKind",
    "Revision",
    "RevisionKind",
    "Stage",
    "Sync",
    "Target",
    "Variant",
    "VariantRole",
]
