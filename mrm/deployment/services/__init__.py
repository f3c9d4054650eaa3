"""Named changes to environments, places, deployments and revisions.

The push, the looks and the golden rows are in `reconcile`, `looking` and `probe`, which only workers load.
"""

from mrm.deployment.services.adoption import Adoption, adopt, plan_adoption
from mrm.deployment.services.changing import change_target
from mrm.deployment.services.control import advance, change_traffic, create, deploy, refresh, roll_back
from mrm.deployment.services.environment import (
    declare_freeze,
    define_environment,
    lift_freeze,
    name_deployer,
    set_policy,
    unname_deployer,
)
from mrm.deployment.services.experiments import answer, end_experiment, promote, read_experiment, register_experiment
from mrm.deployment.services.failing_back import compose_fail_back, fail_back
from mrm.deployment.services.incidents import close_incident, explain_incident
from mrm.deployment.services.outcomes import MOST_ROWS, read_outcomes
from mrm.deployment.services.plan import Plan, plan
from mrm.deployment.services.record import give_up
from mrm.deployment.services.release import Release, refuse, release
from mrm.deployment.services.rules import change_rules, read_rules, shares_under
from mrm.deployment.services.taking_out import FRESH, compose_stop, stop
from mrm.deployment.services.target import add_target, check_target, contact, offered_by
from mrm.deployment.services.watching import look_around, look_early, watch

__all__ = [
    "FRESH",
    "MOST_ROWS",
    "Adoption",
    "Plan",
    "Release",
    "add_target",
    "adopt",
    "advance",
    "answer",
    "change_rules",
    "change_target",
    "change_traffic",
    "check_target",
    "close_incident",
    "compose_fail_back",
    "compose_stop",
    "contact",
    "create",
    "declare_freeze",
    "define_environment",
    "deploy",
    "end_experiment",
    "explain_incident",
    "fail_back",
    "give_up",
    "lift_freeze",
    "look_around",
    "look_early",
    "name_deployer",
    "offered_by",
    "plan",
    "plan_adoption",
    "promote",
    "read_experiment",
    "read_outcomes",
    "read_rules",
    "refresh",
    "refuse",
    "register_experiment",
    "release",
    "roll_back",
    "set_policy",
    "shares_under",
    "stop",
    "unname_deployer",
    "watch",
]
