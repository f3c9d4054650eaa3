"""An approval holds for its bytes, until its day, while its conditions are met and its signers independent."""

import datetime as dt

import pytest
from django.utils import timezone

from mrm.access import services as access
from mrm.approval import policies, queries, services
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory.models import Version
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import Cast, fresh, grant


def test_two_signatures_put_the_approval_in_force(cast: Cast) -> None:
    approval = make.approved(cast)
    version = approval.version
    assert (version.status, version.model.lifecycle, approval.status) == ("approved", "approved", "valid")
    assert approval.valid_until == timezone.localdate() + dt.timedelta(days=365)
    assert queries.why_not_usable(version, version.artifact_id) is None
    assert Event.objects.get(verb="approval.grant", outcome="done").details["artifact"] == approval.artifact_sha256


def test_other_bytes_are_not_approved(cast: Cast) -> None:
    approval = make.approved(cast)
    assert "The approval is for artifact" in (queries.why_not_usable(approval.version, "f" * 64) or "")


def test_an_approval_expires(cast: Cast) -> None:
    approval = make.approved(cast)
    assert policies.in_force(approval, approval.valid_until) is None
    assert "expired on" in (policies.in_force(approval, approval.valid_until + dt.timedelta(days=1)) or "")


def conditional(cast: Cast) -> Approval:
    version = validation.version(cast, validation.model(cast))
    validation.run(cast, version, ("performance", "explainability"))
    asked = make.submitted(cast, validation.validated(cast, version, runs=False))
    for officer in (cast.officer, cast.second_officer):
        make.sign(asked, officer, "approve_with_conditions", [make.condition(cast)])
    return Approval.objects.get(request=asked)


def test_an_overdue_condition_suspends_by_itself_and_a_met_one_does_not(cast: Cast) -> None:
    approval = conditional(cast)
    condition = approval.conditions.get()
    later = condition.due + dt.timedelta(days=1)
    assert policies.in_force(approval, condition.due) is None
    assert "is not met" in (policies.in_force(approval, later) or "")
    services.meet_condition(condition, note="EV-0009 seen.", actor=cast.officer)
    assert policies.in_force(Approval.objects.get(pk=approval.pk), later) is None


def test_who_owes_a_condition_does_not_accept_it(cast: Cast) -> None:
    condition = conditional(cast).conditions.get()
    with pytest.raises(Forbidden):
        services.meet_condition(condition, note="Done.", actor=cast.owner)
    grant(cast.owner, role="risk_officer", unit=cast.bank)
    with pytest.raises(Refused, match="You owe this condition"):
        services.meet_condition(condition, note="Done.", actor=fresh(cast.owner))
    with pytest.raises(Invalid):
        services.meet_condition(condition, note=" ", actor=cast.officer)


def test_a_signer_who_turns_out_a_party_voids_the_approval_at_use(cast: Cast) -> None:
    from mrm.inventory import services as inventory

    approval = make.approved(cast)
    model = approval.version.model
    inventory.edit(model, changes={"owner": cast.officer.person}, revision=model.revision, actor=cast.owner)
    assert "separation of duties is broken" in (
        queries.why_not_usable(approval.version, approval.artifact_sha256) or ""
    )


def test_a_signer_who_lost_the_role_voids_the_approval_at_use(cast: Cast) -> None:
    approval = make.approved(cast)
    access.revoke(cast.officer.role_grants.get(), reason="left", actor=cast.administrator)
    assert "no longer carry the approval" in (queries.why_not_usable(approval.version, approval.artifact_sha256) or "")


def test_a_withdrawal_ends_it_at_once_and_the_version_may_be_submitted_again(cast: Cast) -> None:
    approval = make.approved(cast)
    services.withdraw(approval, reason="The portfolio changed.", actor=cast.officer)
    version = Version.objects.get(pk=approval.version_id)
    assert (version.status, queries.valid_approval(version)) == ("validated", None)
    with pytest.raises(Refused):
        services.withdraw(Approval.objects.get(pk=approval.pk), reason="Again.", actor=cast.officer)
    assert make.approved(cast, version).status == "valid"


@pytest.mark.parametrize("who", ["owner", "developer", "validator", "deployer", "administrator", "outsider"])
def test_only_a_risk_officer_withdraws(cast: Cast, who: str) -> None:
    with pytest.raises(Forbidden):
        services.withdraw(make.approved(cast), reason="x", actor=getattr(cast, who))


def test_an_approved_version_is_renewed_and_the_former_approval_is_replaced(cast: Cast) -> None:
    first = make.approved(cast)
    second = make.approved(cast, Version.objects.get(pk=first.version_id))
    first.refresh_from_db()
    assert (first.status, second.status) == ("replaced", "valid")


def test_only_a_validated_version_is_submitted(cast: Cast) -> None:
    draft = validation.version(cast, validation.model(cast))
    with pytest.raises(Refused, match="only a validated version"):
        services.submit(draft, actor=cast.developer)
    with pytest.raises(Forbidden):
        services.submit(validation.validated(cast, draft), actor=cast.validator)


def test_the_next_version_is_compared_with_the_approved_one(cast: Cast) -> None:
    first = make.approved(cast)
    model = first.version.model
    second = validation.version(cast, model, "5.0.0", methodology="Gradient boosting")
    label, changes = services.VersionUse().changes(queries.subject_versions().get(pk=second.pk))
    assert label == "4.0.0"
    assert {(change.name, change.material) for change in changes} == {("Methodology", True), ("Artifact", True)}
