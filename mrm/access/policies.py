"""Who may hold what: sentences why not, or None."""

import datetime as dt
from typing import TYPE_CHECKING

from mrm.access.roles import APPROVERS, INCOMPATIBLE, Role

if TYPE_CHECKING:
    from mrm.access.models import Account, Factor

# days; the database holds it too
LONGEST_EXCEPTION = 90


def not_to_oneself(actor_person: str | None, account: "Account") -> str | None:
    """Nobody grants a role to himself, through whichever account."""
    if actor_person and actor_person == str(account.person_id):
        return "You may not grant a role to yourself; another administrator does it."
    return None


def compatible(held: set[str], role: str) -> str | None:
    """A person does not gather two roles that check each other."""
    for one, other in INCOMPATIBLE:
        for mine, wanted in ((one, other), (other, one)):
            if wanted == role and mine in held:
                return f"This person is {Role(mine).label.lower()}; one person is not also {Role(role).label.lower()}."
    return None


def signed_for(role: str) -> str | None:
    """A role that signs is held because others signed for it; nobody and nothing grants it alone."""
    if role in APPROVERS:
        return (
            f"{Role(role).label} is a role that signs, so nobody grants it alone: propose it on the page of the person;"
            " it takes effect when others have signed and the time to object has passed."
        )
    return None


def exception_period(until: dt.datetime, now: dt.datetime) -> str | None:
    """What is opened beside the roles ends soon, and is asked for again if it is still needed."""
    if until <= now:
        return "The end must lie ahead: choose a day after today."
    if until > now + dt.timedelta(days=LONGEST_EXCEPTION + 1):
        return f"An exception lasts {LONGEST_EXCEPTION} days at most: choose an earlier end, or have a role granted."
    return None


def person_not_machine(account: "Account", role: str) -> str | None:
    """A machine does not judge: service accounts get no role that signs."""
    if account.is_service and role in APPROVERS:
        return f"A service account cannot be {Role(role).label.lower()}: only a person signs."
    return None


def not_own_factor(actor_person: str | None, factor: "Factor") -> str | None:
    """Nobody strips himself of his second factor by office: he confirms who he is, or another helps him."""
    if actor_person and actor_person == str(factor.user.person_id):
        return "You may not remove your own factor as administrator; another administrator does it."
    return None
