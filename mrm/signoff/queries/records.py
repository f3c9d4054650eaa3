from collections.abc import Iterator

from django.db.models import QuerySet

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.core.canonical import canonical
from mrm.core.refusal import Refused
from mrm.signoff.models import Policy, Request, RequestState


def policy_for(action: str, tier: str) -> Policy:
    """The policy in force for an action on a tier; with none, nothing can be asked."""
    for policy in Policy.objects.filter(current=True):
        if policy.applies_to(action, tier):
            return policy
    raise Refused(f"No policy in force covers {action.replace('_', ' ')} for tier {tier or '(not rated)'}.")


def policies() -> QuerySet[Policy]:
    """Every version of every policy, those in force first: the rules are open to everybody who works here."""
    return Policy.objects.order_by("-current", "key", "-version")


def policy_bytes() -> Iterator[tuple[str, bytes]]:
    """Every version of every policy as the bytes that its digest is taken of."""
    for policy in policies():
        yield policy.digest, canonical(policy.content)


def visible_to(account: Account) -> QuerySet[Request]:
    """Requests on subjects of the units that the account's roles reach."""
    return Request.objects.filter(unit__in=access.unit_ids_for(account, "view")).select_related(
        "policy", "unit", "submitted_by__person__unit"
    )


def open_requests(account: Account) -> QuerySet[Request]:
    return visible_to(account).filter(status=RequestState.OPEN)
