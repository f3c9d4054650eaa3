"""Who may deploy what, and who writes it down: sentences why not, or None."""

from collections.abc import Iterable, Mapping


def not_a_signer(person: str | None, signers: Iterable[str]) -> str | None:
    """Whoever approved a version does not bring it to production."""
    if person in set(signers):
        return "You signed for this version; somebody else deploys it."
    return None


def not_a_maker(person: str | None, makers: Iterable[str]) -> str | None:
    """Whoever made a version does not bring it to production."""
    if person in set(makers):
        return "You made this version; somebody else deploys it."
    return None


def named(environment: str, only: bool, person: str | None, people: Iterable[str]) -> str | None:
    """Where only named people deploy, the role alone is not enough."""
    if only and person not in set(people):
        return f"To {environment} only the people named for it deploy; you are not among them."
    return None


def applied_before(numbers: Iterable[int], wanted: int) -> str | None:
    """A rollback goes to something that ran here before."""
    if wanted not in set(numbers):
        return f"Revision {wanted} was never verified at this place; a rollback goes to one that was."
    return None


def records(actor: str, asked_by: str) -> str | None:
    """What a push came to is written down in the name of whoever asked for it."""
    if actor != asked_by:
        return "What became of a deployment is recorded by the worker, in the name of whoever asked for it."
    return None


def not_passed_over(over: Mapping[str, str]) -> str | None:
    """Only what was passed over is sent back."""
    if not over:
        return "No version is passed over here, as the place was seen last; look again if you know better."
    return None
