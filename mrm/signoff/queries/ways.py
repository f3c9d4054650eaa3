"""In which ways a person may confirm that it is he who signs."""

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.access.queries import Way
from mrm.signoff.models import Request
from mrm.signoff.policies import method_allowed


def ways(request: Request, account: Account) -> list[Way]:
    """What the policy takes and the person has."""
    return access.ways(account, lambda method: method_allowed(request.policy.content, str(request.policy), method))
