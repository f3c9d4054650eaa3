"""Named changes to targets, deployments and revisions; the push itself is in `reconcile`, which only workers load."""

from mrm.deployment.services.control import create, deploy, refresh, roll_back, stop
from mrm.deployment.services.record import give_up, observe
from mrm.deployment.services.release import Release, refuse, release
from mrm.deployment.services.target import add_target, check_target
from mrm.deployment.services.watching import watch

__all__ = [
    "Release",
    "add_target",
    "check_target",
    "create",
    "deploy",
    "give_up",
    "observe",
    "refresh",
    "refuse",
    "release",
    "roll_back",
    "stop",
    "watch",
]
