"""Who may validate, raise, remediate and verify: sentences why not, or None."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mrm.core.actors import Actor

if TYPE_CHECKING:
    from mrm.validation.models import Finding, Validation


def independent(actor: Actor, validation: "Validation") -> str | None:
    """Whoever owns, develops or contributed to a version does not validate it."""
    if reason := validation.parties().get(actor.identity.person or ""):
        return f"You may not validate this version: {reason}."
    return None


def a_person(actor: Actor, subject: Any) -> str | None:
    if actor.identity.on_behalf_of:
        return "A service account does not validate: only a person judges."
    return None


def the_validator(actor: Actor, validation: "Validation") -> str | None:
    """Only the validator who took the work carries it on."""
    if validation.validator_id and str(validation.validator_id) != actor.identity.person:
        return f"{validation.validator} has this validation; only the validator carries it on."
    return None


def outcome_not_asked(actor: Actor, validation: "Validation") -> str | None:
    """What is before the second validator stands still until he has signed."""
    if asked := validation.asked:
        return f"The outcome is before a second validator in {asked.ref}; have that withdrawn first."
    return None


def nothing_asked(actor: Actor, finding: "Finding") -> str | None:
    if asked := finding.asked:
        return f"This finding is before the signers in {asked.ref}."
    return None


def has_evidence(actor: Actor, validation: "Validation") -> str | None:
    if not validation.evidence.exists():
        return "There is no evidence yet: an outcome without evidence is an opinion."
    return None


def has_plan(actor: Actor, validation: "Validation") -> str | None:
    if not validation.plan:
        return "There is no plan yet: say what will be examined first."
    return None


def behind_the_model(actor: Actor, finding: "Finding") -> str | None:
    """The owner of the finding, or the model's owner or developer, answers it."""
    model = finding.validation.version.model
    people = {str(finding.owner_id), str(model.owner_id), str(model.developer_id)}
    if actor.identity.person not in people:
        return "The owner of this finding answers it, or the model's owner or developer."
    return None


def not_his_own_work(actor: Actor, finding: "Finding") -> str | None:
    """The verifier is never the person who did the work, nor a party to the model."""
    if actor.identity.person == str(finding.remediated_by_id):
        return "You remediated this finding; somebody else verifies it."
    if reason := finding.validation.parties().get(actor.identity.person or ""):
        return f"You may not verify this finding: {reason}."
    return None


def rebutted_once(actor: Actor, finding: "Finding") -> str | None:
    if finding.rebuttal:
        return "A finding is rebutted once; this one was."
    return None


def has_remediation(actor: Actor, finding: "Finding") -> str | None:
    if not finding.remediation:
        return "There is no remediation to verify yet."
    return None


# which pillar of a validation each kind of test is evidence for
_PILLAR_OF = {
    "performance": "outcomes",
    "bias": "fairness",
    "alternatives": "fairness",
    "stability": "monitoring",
    "explainability": "explainability",
    "quality": "soundness",
    "soundness": "soundness",
    "robustness": "soundness",
}


def pillars_of(kinds: Iterable[str]) -> list[str]:
    """The pillars that a run of these kinds of test is evidence for, each once."""
    return list(dict.fromkeys(_PILLAR_OF[kind] for kind in kinds))
