"""By which rules an endpoint serves: part of what a revision wants, and changed by a revision of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.fields import BadField
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Revision, RevisionKind
from mrm.deployment.policies import Share
from mrm.deployment.services.wanting import want
from mrm.inventory.models import Version
from mrm.serving import Serving, serving_of


def read_rules(told: Mapping[str, Any]) -> Serving:
    """Rules as they are given, complete; how units are assigned is said with the traffic."""
    try:
        return queries.placed(
            serving_of({name: value for name, value in told.items() if name not in ("salt", "unit_field")})
        )
    except BadField as fault:
        raise Invalid(fault.message, fields={"rules": [fault.message]}) from fault


def shares_under(deployment: Deployment, version: Version | None) -> Sequence[Share]:
    """What serves by the rules: the plan in force, or the first version, where nothing is in force yet."""
    if (current := queries.current(deployment)) and current.version is not None:
        return queries.shares_of(current)
    if version is None:
        raise Invalid(
            "Nothing is served here yet: name the version that is to serve by these rules.",
            fields={"version": ["Needed."]},
        )
    return policies.whole(version)


@audited("deployment.change_rules", "asked that {version} serves by other rules at {target}: {changes}")
def change_rules(
    deployment: Deployment,
    *,
    rules: Serving,
    reason: str,
    actor: Account,
    version: Version | None = None,
    planned_on: str = "",
) -> Revision:
    """Want what serves now, by other rules: a new revision through the same gate; each unit keeps its version."""
    permit(actor, "deployment.change_rules", deployment)
    if not reason.strip():
        raise Invalid("A change of rules needs its reason.", fields={"reason": ["Needed."]})
    rules = queries.placed(rules)
    shares, current = shares_under(deployment, version), queries.current(deployment)
    content: dict[str, Any] = {}
    if current and current.version:
        refusal = policies.rules_changed(queries.rules_of(current), rules) or policies.canary_under_way(
            current.steps, current.step
        )
        if refusal:
            raise Refused(refusal)
        content = {"salt": current.salt, "unit_field": current.unit_field}
    describe(changes=_changes(current, rules))
    return want(
        deployment,
        shares,
        actor,
        kind=RevisionKind.DEPLOY,
        rules=rules,
        reason=reason,
        planned_on=planned_on,
        **content,
    )


def _changes(current: Revision | None, rules: Serving) -> str:
    before, after = queries.rules_in_words(queries.rules_of(current)), queries.rules_in_words(rules)
    return ". ".join(f"{what}: {words}" for what, words in after.items() if words != before[what]) or "as usual"
