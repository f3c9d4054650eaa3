"""Who may deploy, and what: sentences why not, or None."""

from collections.abc import Iterable


def not_a_signer(person: str | None, signers: Iterable[str]) -> str | None:
    """Whoever approved a version does not bring it to production."""
    if person in set(signers):
        return "You signed for this version; somebody else deploys it."
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
