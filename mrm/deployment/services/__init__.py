"""Named changes to targets, deployments and revisions, and the work that brings them about."""

from mrm.deployment.services.control import create, deploy, refresh, roll_back, stop
from mrm.deployment.services.reconcile import give_up, observe, reconcile
from mrm.deployment.services.target import add_target, check_target

__all__ = [
    "add_target",
    "check_target",
    "create",
    "deploy",
    "give_up",
    "observe",
    "reconcile",
    "refresh",
    "roll_back",
    "stop",
]
