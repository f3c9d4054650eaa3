"""What time does: interim and emergency use end, conditions and reviews fall due, approvals expire and are renewed."""

import datetime as dt

import pytest
from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import queries, services
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.project.watching import watch_all
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import Cast, account, fresh


@pytest.fixture
def third(cast: Cast) -> Account:
    return account("Olaf Officer", cast.markets, ("risk_officer", cast.bank))


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    now = timezone.now() + dt.timedelta(**passed)
    monkeypatch.setattr(timezone, "now", lambda: now)


def draft(cast: Cast) -> Version:
    return validation.version(cast, validation.model(cast))


def owed(cast: Cast, asked: object) -> list[dict[str, str]]:
    from mrm.signoff import queries as signoff

    return [
        make.condition(cast, text=gate.title, gate=gate.key)
        for gate in signoff.Reading(asked).gates  # type: ignore[arg-type]
        if gate.state == "missing"
    ]


def interim(cast: Cast) -> Approval:
    asked = services.submit(draft(cast), actor=cast.developer, kind="interim", note="The old model fails in March.")
    asked.refresh_from_db()
    with pytest.raises(Refused, match=r"Not open, missing|under conditions only"):
        make.sign(asked, cast.officer)
    for officer in (cast.officer, cast.second_officer):
        make.sign(asked, officer, "approve_with_conditions", owed(cast, asked))
    return Approval.objects.get(request=asked)


def emergency(cast: Cast) -> Approval:
    asked = services.submit(draft(cast), actor=cast.developer, kind="emergency", note="Fraud wave tonight.")
    asked.refresh_from_db()
    for officer in (cast.officer, cast.second_officer):
        make.sign(asked, officer)
    return Approval.objects.get(request=asked)


def usable(approval: Approval) -> str | None:
    return queries.why_not_usable(Version.objects.get(pk=approval.version_id), approval.artifact_sha256)


def test_an_interim_use_has_conditions_and_ends_by_itself(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = interim(cast)
    assert (approval.kind, approval.version.status, approval.conditions.exists()) == ("interim", "draft", True)
    assert approval.valid_until == timezone.localdate() + dt.timedelta(days=90)
    assert usable(approval) is None
    for condition in approval.conditions.all():
        services.meet_condition(condition, note="Seen.", actor=cast.officer)
    later(monkeypatch, days=90, seconds=1)
    assert usable(approval) == "The approval has expired."
    assert services.watch() == 1
    approval.refresh_from_db()
    assert (approval.status, Event.objects.filter(verb="approval.expire").count()) == ("expired", 1)
    assert "has no valid approval" in (usable(approval) or "")


def test_a_version_that_is_approved_needs_no_emergency(cast: Cast) -> None:
    approval = make.approved(cast)
    version = Version.objects.get(pk=approval.version_id)
    with pytest.raises(Refused, match="has an approval; ask for its renewal"):
        services.submit(version, actor=cast.developer, kind="emergency", note="Now.")


def test_one_person_opens_no_emergency(cast: Cast) -> None:
    asked = services.submit(draft(cast), actor=cast.developer, kind="emergency", note="Now.")
    asked.refresh_from_db()
    make.sign(asked, cast.officer)
    assert not Approval.objects.exists()
    with pytest.raises(Refused, match="a person counts once"):
        make.sign(asked, cast.officer)


def test_an_emergency_is_reviewed_by_another_or_suspended(
    cast: Cast, third: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = emergency(cast)
    assert usable(approval) is None
    with pytest.raises(Refused, match="you signed for it"):
        services.review_emergency(approval, note="Fine.", actor=cast.officer)
    with pytest.raises(Forbidden):
        services.review_emergency(approval, note="Fine.", actor=cast.deployer)
    later(monkeypatch, hours=49)
    assert usable(approval) == "The emergency use was not reviewed in time."
    assert services.watch() == 1
    assert "is suspended" in (usable(approval) or "")
    with pytest.raises(Invalid, match="Say what the review found"):
        services.review_emergency(approval, note=" ", actor=third)
    services.review_emergency(approval, note="Right to open it.", actor=fresh(third))
    approval.refresh_from_db()
    assert (approval.status, usable(approval)) == ("valid", None)
    with pytest.raises(Refused, match="was reviewed before"):
        services.review_emergency(approval, note="Again.", actor=third)
    later(monkeypatch, hours=24)
    assert "expired" in (usable(approval) or ""), "by the hour, or by the day when midnight has passed"


def test_an_overdue_condition_suspends_on_record_and_a_met_one_resumes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = validation.version(cast, validation.model(cast))
    validation.run(cast, version, ("performance", "explainability"))
    asked = make.submitted(cast, validation.validated(cast, version, runs=False))
    for officer in (cast.officer, cast.second_officer):
        make.sign(asked, officer, "approve_with_conditions", [make.condition(cast)])
    approval = Approval.objects.get(request=asked)
    assert services.watch() == 0
    later(monkeypatch, days=32)
    assert (services.watch(), services.watch()) == (1, 0)
    approval.refresh_from_db()
    assert (approval.status, "is overdue" in approval.suspended_because) == ("suspended", True)
    assert Event.objects.get(verb="approval.suspend").actor == "system:approval"
    assert "is suspended" in (usable(approval) or "")
    services.meet_condition(approval.conditions.get(), note="EV-9 seen.", actor=cast.officer)
    approval.refresh_from_db()
    assert (approval.status, usable(approval)) == ("valid", None)


def test_an_approval_expires_and_is_in_the_queue_for_renewal_before(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = make.approved(cast)
    assert not queries.renewals(fresh(cast.owner)).exists()
    later(monkeypatch, days=330)
    assert [entry.pk for entry in queries.renewals(fresh(cast.owner))] == [approval.pk]
    assert not queries.renewals(fresh(cast.outsider)).exists()
    make.submitted(cast, Version.objects.get(pk=approval.version_id))
    assert not queries.renewals(fresh(cast.owner)).exists()
    later(monkeypatch, days=36)
    assert usable(approval)
    assert watch_all()["approvals"] == 1
    version = Version.objects.get(pk=approval.version_id)
    assert (Approval.objects.get().status, version.status) == ("expired", "validated")


def test_a_material_change_voids_the_approval_at_use_and_new_evidence_does_not(cast: Cast) -> None:
    approval = make.approved(cast)
    validation.run(cast, Version.objects.get(pk=approval.version_id), ("performance",), auc=0.9)
    assert usable(approval) is None
    model = approval.version.model
    changed = inventory.edit(model, changes={"name": "Another name"}, revision=model.revision, actor=cast.owner)
    assert usable(approval) is None
    inventory.edit(changed, changes={"approved_uses": ["Mortgages"]}, revision=changed.revision, actor=cast.owner)
    assert "what was signed was changed" in (usable(approval) or "")


def test_withdrawing_works_on_a_suspended_approval_too(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = emergency(cast)
    later(monkeypatch, hours=49)
    services.watch()
    services.withdraw(Approval.objects.get(pk=approval.pk), reason="Over.", actor=cast.officer)
    assert Approval.objects.get(pk=approval.pk).status == "withdrawn"
    assert Version.objects.get(pk=approval.version_id).status == "draft"
