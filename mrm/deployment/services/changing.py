"""Other settings for a serving place: what was known of it is known no longer, and what runs there is looked at anew."""

from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.refusal import Invalid, Refused, Stale
from mrm.deployment import policies, queries
from mrm.deployment.models import Breaker, Deployment, Health, Look, Sync, Target
from mrm.deployment.services.target import check_settings
from mrm.deployment.services.watching import look_soon


@audited("deployment.change_target", "changed {changes} of the serving place {subject}; endpoints there: {endpoints}")
def change_target(
    target: Target, *, name: str, config: dict[str, Any], revision: int, reason: str, actor: Account
) -> Target:
    """Give a place another name or other settings, complete; `revision` is the one that was read.

    Key, kind, environment and unit stay. A check of before says nothing of the new settings, nor does what was seen:
    until it is looked at again, which is asked for here, no endpoint there counts as in step. Endpoints elsewhere whose
    backup answers there are looked at as well.
    """
    permit(actor, "deployment.change_target", target)
    name, reason = name.strip(), reason.strip()
    if not name:
        raise Invalid("A serving place has a name.", fields={"name": ["Needed."]})
    if not reason:
        raise Invalid("A change of a serving place needs its reason.", fields={"reason": ["Needed."]})
    target, endpoints = _locked(target)
    if target.revision != revision:
        raise _stale(target, name, config)
    changed = policies.settings_changed(target.name, target.config, name, config)
    if not changed:
        raise Refused(f"Nothing was changed: {target} has this name and these settings already.")
    if doing := queries.under_way(target):
        raise Refused(policies.busy(target.name, doing))
    elsewhere = target.config != config
    target.name, target.config, target.revision = name, config, target.revision + 1
    if elsewhere:
        check_settings(target)
        target.checked, target.answers, target.checked_at = "", False, None
    target.save(update_fields=["name", "config", "revision", "checked", "answers", "checked_at"])
    backed = queries.backed_by(target)  # whose rules keep the address that was signed for
    describe(changes=", ".join(changed), endpoints=len(endpoints), backups=len(backed))
    if elsewhere:
        _forget(target, endpoints, actor)
        for each in backed:
            look_soon(each, f"Other settings where its backup answers: look at {each}", actor)
    return target


def _locked(target: Target) -> tuple[Target, list[Deployment]]:
    """The place and its endpoints, held until the transaction ends: nothing new is wanted there meanwhile."""
    place = Target.objects.select_for_update(of=("self",), no_key=True).select_related("environment", "unit")
    found = place.get(pk=target.pk)
    held = Deployment.objects.select_for_update(of=("self",), no_key=True).filter(target=found)
    return found, list(held.select_related("model", "target").order_by("pk"))


def _stale(target: Target, name: str, config: dict[str, Any]) -> Stale:
    """What is otherwise than given, by setting."""
    given, kept = ({"name": each[0]} | each[1] for each in ((name, config), (target.name, target.config)))
    differing = {
        key: (given.get(key), kept.get(key)) for key in sorted(given | kept) if given.get(key) != kept.get(key)
    }
    names = ", ".join(differing) or "nothing that you changed"
    return Stale(f"{target} was changed by somebody else meanwhile. Differing now: {names}.", changes=differing)


def _forget(target: Target, endpoints: list[Deployment], actor: Account) -> None:
    """What was seen by the former settings holds no longer; it is looked at by the new ones once they are in force."""
    Breaker.objects.filter(target=target).delete()
    Look.objects.filter(deployment__target=target).update(due=timezone.now(), unseen=0)
    for each in endpoints:
        if (each.sync, each.health) != (Sync.UNKNOWN, Health.UNKNOWN):
            each.sync, each.health = Sync.UNKNOWN, Health.UNKNOWN
            each.save(update_fields=["sync", "health"])
        look_soon(each, f"Other settings: look at {each}", actor)
