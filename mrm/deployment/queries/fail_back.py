"""Versions that the gateway passed over, and whether somebody may send them back."""

from mrm.core.actors import Actor
from mrm.deployment import policies
from mrm.deployment.models import Deployment
from mrm.deployment.queries.deployments import current, must_withdraw
from mrm.deployment.queries.environments import why_not_named
from mrm.deployment.queries.traffic import why_not_by


def passed_over(deployment: Deployment) -> dict[str, str]:
    """Why each version that was passed over does not answer, as it was seen last, by label."""
    seen = deployment.observed.get("variants", [])
    return {each["version"]: each["passed_over"] for each in seen if each.get("passed_over")}


def why_no_fail_back(deployment: Deployment, actor: Actor) -> str | None:
    """Why this person does not send the versions back that were passed over here, or None."""
    over, in_force = passed_over(deployment), current(deployment)
    if in_force is None or (refusal := policies.not_passed_over(over)):
        return policies.not_passed_over({}) if in_force is None else refusal
    if gone := must_withdraw(in_force):
        return gone.sentence
    mine = [
        why_not_by(actor, each.version, each.approval) for each in in_force.variants.all() if each.version.label in over
    ]
    return next((each for each in mine if each), None) or why_not_named(deployment, actor)
