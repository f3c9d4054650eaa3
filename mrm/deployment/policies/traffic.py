"""How traffic is divided between versions: sentences why not, or None."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mrm.connectors.protocol import FULL, Cap, Role

LIVE = (Role.CHAMPION, Role.CHALLENGER)
NEEDS = {
    Role.CHALLENGER: (Cap.SPLIT, "divide traffic between versions"),
    Role.SHADOW: (Cap.SHADOW, "send copies of the traffic to a shadow"),
    Role.FALLBACK: (Cap.FALLBACK, "hold a version for when another fails"),
}


@dataclass(frozen=True)
class Share:
    """A version in a role, with its part of the traffic, or of the copies, in basis points."""

    version: Any
    role: str
    weight_bp: int = 0
    mirror_bp: int = 0


def whole(version: Any) -> list[Share]:
    """One version that takes everything."""
    return [Share(version, str(Role.CHAMPION), FULL)]


def not_whole(shares: Sequence[Share]) -> str | None:
    """A plan names one champion, each version once, and shares that add up."""
    champions = [each.version.label for each in shares if each.role == Role.CHAMPION]
    if len(champions) != 1:
        return f"A traffic plan needs exactly one champion; this one names {', '.join(champions) or 'none'}."
    labels = [each.version.label for each in shares]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        return f"Version {twice[0]} stands in this plan twice; a version has one role behind an endpoint."
    if [each.role for each in shares].count(Role.FALLBACK) > 1:
        return "A traffic plan has one fallback at most."
    for each in shares:
        if reason := _wrong_share(each):
            return reason
    if (total := sum(each.weight_bp for each in shares)) != FULL:
        return f"The shares of the traffic add up to {total / 100:g} % instead of 100 %."
    return None


def _wrong_share(share: Share) -> str | None:
    label, live = share.version.label, share.role in LIVE
    if share.role not in set(Role):
        return f"{share.role} is no role; there are {', '.join(Role)}."
    if live and not 0 < share.weight_bp <= FULL:
        return f"Version {label} as {share.role} needs a share above 0 % and up to 100 %."
    if not live and share.weight_bp:
        return f"Version {label} as {share.role} takes no share of the traffic; only champion and challengers do."
    if share.role == Role.SHADOW and not 0 < share.mirror_bp <= FULL:
        return f"Version {label} as shadow needs copies of more than 0 % and up to 100 % of the traffic."
    if share.role != Role.SHADOW and share.mirror_bp:
        return f"Version {label} as {share.role} gets no copies; only a shadow does."
    return None


def place_cannot(place: str, connector: str, caps: Cap, shares: Sequence[Share]) -> str | None:
    """A place is asked for no more than its connector offers."""
    for each in shares:
        need, what = NEEDS.get(Role(each.role), (Cap.NONE, ""))
        if need not in caps:
            return f"{place} cannot {what}: its connector {connector} does not offer it. Choose another place."
    return None


def steps_wrong(shares: Sequence[Share], steps: Sequence[int], step: int = 1) -> str | None:
    """The steps of a canary are registered before the first, and each gives its challenger more."""
    if not steps:
        return None
    challengers = [each for each in shares if each.role == Role.CHALLENGER]
    if len(challengers) != 1:
        return f"The steps of a canary are those of one challenger; this plan has {len(challengers)}."
    if (due := steps[step - 1]) != challengers[0].weight_bp:
        label, share = challengers[0].version.label, challengers[0].weight_bp / 100
        return f"Step {step} is {due / 100:g} %, but this plan gives {label} {share:g} %."
    if any(not 0 < each < FULL for each in steps) or any(a >= b for a, b in pairwise(steps)):
        told = ", ".join(f"{step / 100:g} %" for step in steps)
        return f"The steps {told} do not rise from one to the next and stay below 100 %; all of it is a promotion."
    return None


def no_next_step(steps: Sequence[int], step: int | None) -> str | None:
    """A canary goes on by the steps that were registered, one after the other."""
    if step is None:
        return "No canary is under way here: register its steps with a traffic plan first."
    if step >= len(steps):
        return "Every step that was registered is done: promote the challenger, or plan anew."
    return None


def at_step(shares: Sequence[Share], weight_bp: int) -> list[Share]:
    """The same plan with the challenger at another share; the champion keeps the rest."""
    given = {Role.CHALLENGER: weight_bp, Role.CHAMPION: FULL - weight_bp}
    return [
        Share(each.version, each.role, given.get(Role(each.role), each.weight_bp), each.mirror_bp) for each in shares
    ]


def halted(waiting: int | None, incident: int | None) -> str | None:
    """A canary goes on from what was verified, and while nothing is wrong with it."""
    if waiting is not None:
        return f"Revision {waiting} is not settled yet; a canary goes on from what was verified."
    if incident is not None:
        return f"Incident {incident} is open here: a canary goes on when it is closed, or is rolled back."
    return None
