"""Who may hold what: sentences why not, or None."""

from typing import TYPE_CHECKING

from mrm.access.roles import INCOMPATIBLE, Role

if TYPE_CHECKING:
    from mrm.access.models import Account, Factor


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


def person_not_machine(account: "Account", role: str) -> str | None:
    """A machine does not judge: service accounts get no role that signs."""
    if account.is_service and role in {Role.VALIDATOR, Role.RISK_OFFICER, Role.BU_LEAD}:
        return f"A service account cannot be {Role(role).label.lower()}: only a person signs."
    return None


def not_own_factor(actor_person: str | None, factor: "Factor") -> str | None:
    """Nobody strips himself of his second factor by office: he confirms who he is, or another helps him."""
    if actor_person and actor_person == str(factor.user.person_id):
        return "You may not remove your own factor as administrator; another administrator does it."
    return None
