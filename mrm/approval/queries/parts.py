"""Who had which part in a version, ever: read from the record and from the log, never from what somebody says."""

from mrm.approval.models import Approval
from mrm.audit.models import Outcome
from mrm.audit.queries import contributors, of_subject, timeline
from mrm.inventory.models import Version
from mrm.signoff.models import Decision, Involved, Proposal, Vote, add_part
from mrm.validation.models import Validation

MADE = (
    "inventory.add_version", "inventory.edit_version", "inventory.attach_artifact", "inventory.link_dataset",
    "inventory.set_scoring_endpoint", "inventory.remove_scoring_endpoint",
)  # fmt: skip
DEPLOYED = (
    "deployment.adopt", "deployment.deploy", "deployment.change_traffic", "deployment.advance", "deployment.roll_back",
)  # fmt: skip


def parts(version: Version) -> Involved:
    """Person to part to words after his name."""
    model = version.model
    found: Involved = {}
    add_part(found, [model.owner_id], "model_owner", "owns this model")
    add_part(found, [version.developer_id], "developer", "developed this version")
    add_part(found, [model.developer_id], "developer", "developed this model")
    add_part(found, _validators(version), "validator", "validated this version: a validator does not approve")
    add_part(found, contributors(version, MADE), "contributor", "contributed to this version")
    add_part(found, _edited(version), "contributor", "changed this model's record since its last approval")
    add_part(found, _deployed(version), "deployer", "deployed this model")
    add_part(found, _approved(version), "approver", "approved this version")
    return found


def _validators(version: Version) -> list[object]:
    """Whoever took a validation of the version, for whichever artifact, or signed its outcome."""
    found = Validation.objects.filter(version=version)
    outcomes = Proposal.objects.filter(kind="validation_outcome", target__in=[str(each.pk) for each in found])
    signed = Vote.objects.filter(
        request__subject_kind="validation_outcome", request__subject_key__in=[str(each.pk) for each in outcomes]
    ).exclude(decision=Decision.WITHDRAW)
    took = [each.validator_id for each in found if each.validator_id]
    return [*took, *signed.order_by().values_list("person", flat=True).distinct()]


def _edited(version: Version) -> list[str]:
    events = of_subject(version.model).filter(verb="inventory.edit", outcome=Outcome.DONE).exclude(person="")
    last = Approval.objects.filter(version__model=version.model).order_by("-granted_at").first()
    if last:
        events = events.filter(at__gt=last.granted_at)
    return list(events.values_list("person", flat=True).distinct())


def _deployed(version: Version) -> list[str]:
    events = timeline(version.model).filter(verb__in=DEPLOYED, outcome=Outcome.DONE).exclude(person="")
    return list(events.order_by().values_list("person", flat=True).distinct())


def _approved(version: Version) -> list[object]:
    votes = Vote.objects.filter(
        request__subject_key=str(version.pk), decision__in=[Decision.APPROVE, Decision.CONDITIONS]
    )
    return list(votes.order_by().values_list("person", flat=True).distinct())
