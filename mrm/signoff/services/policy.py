"""Put a policy in force, after asking whether it makes sense here."""

from django.utils import timezone

from mrm.access.models import Account
from mrm.access.queries import account_of
from mrm.access.roles import roles_with
from mrm.audit.trail import audited
from mrm.core.actors import Actor, permit
from mrm.core.packs import PackFile
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import Policy
from mrm.signoff.policies import fault_of


@audited("signoff.load_policy", "loaded the policy {subject}")
def load_policy(file: PackFile, *, actor: Actor) -> Policy:
    """Put a policy version in force; open requests keep the one they were pinned to."""
    permit(actor, "signoff.load_policy", None)
    version = int(file.version)
    known = Policy.objects.filter(key=file.key, version=version).first()
    if known is not None:
        if known.digest != file.digest:
            raise Refused(f"{known} is loaded with other content: a changed policy needs a new version.")
        return known
    _check(file, actor)
    Policy.objects.filter(key=file.key, current=True).update(current=False)
    return Policy.objects.create(
        key=file.key,
        version=version,
        title=file.title,
        digest=file.digest,
        content=file.content,
        loaded_by=account_of(actor),
    )


def _check(file: PackFile, actor: Actor) -> None:
    """The people are asked after only when a person loads the policy: an institution is founded without any."""
    roles = sorted(roles_with("signoff.vote"))
    staff = queries.staff() if isinstance(actor, Account) else None
    if fault := fault_of(file.content, roles=roles, today=timezone.localdate(), staff=staff):
        raise Invalid(fault, fields={fault.split(":", 1)[0]: [fault.split(": ", 1)[-1]]})
