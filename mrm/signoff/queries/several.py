"""Several requests that one person decides on beside each other, each with all that its own page says."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from mrm.access import queries as access
from mrm.access.models import Account, Method
from mrm.core.refusal import Refused
from mrm.signoff.models import Decision, Request
from mrm.signoff.policies import method_allowed
from mrm.signoff.queries.reading import Reading
from mrm.signoff.queries.records import visible_to
from mrm.signoff.queries.sheet import Choice, Sheet, sheet

MOST_AT_ONCE = 10  # so many statements are read within the time in which they may be signed
SIGN_ALONE = (
    "Your account has no password. A code serves once and a security key answers one statement: sign on its own page."
)
CONDITIONS_ALONE = "Conditions are written on the request's own page"


@dataclass(frozen=True)
class Single:
    """One of several requests; `alone` says why it is not decided here, beside the others."""

    sheet: Sheet
    alone: str

    @property
    def request(self) -> Request:
        return self.sheet.request

    @property
    def choices(self) -> list[Choice]:
        """The decisions, none of them chosen; conditions are not written here."""
        return [
            replace(choice, checked=False, reason=choice.reason or CONDITIONS_ALONE)
            if choice.value == Decision.CONDITIONS
            else replace(choice, checked=False)
            for choice in self.sheet.choices
        ]


def chosen(account: Account, keys: Collection[UUID]) -> list[Request]:
    """The requests that were chosen in the queue and that the account sees, while they are not too many to be read."""
    if len(set(keys)) > MOST_AT_ONCE:
        raise Refused(
            f"You chose {len(set(keys))} requests; at most {MOST_AT_ONCE} are read and signed together. Choose fewer."
        )
    return list(visible_to(account).filter(pk__in=keys))


def several(requests: Iterable[Request], account: Account) -> list[Single]:
    """Each request by itself, with what closes it here."""
    held = access.methods_of(account)
    sheets = [sheet(Reading(request), account) for request in requests]
    return [Single(each, _alone(each, held)) for each in sheets]


def _alone(found: Sheet, held: Collection[str]) -> str:
    request = found.request
    if found.why_not:
        return found.why_not
    if found.drift:
        return "The evidence changed since this was submitted, so nobody can sign it."
    if refused := method_allowed(request.policy.content, str(request.policy), Method.PASSWORD):
        return f"{refused} Several are signed by password: sign this on its own page."
    return "" if Method.PASSWORD in held else SIGN_ALONE
