import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.audit.trail import audited, describe, veiled
from mrm.core import blobs
from mrm.core.actors import permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import queries as inventory
from mrm.inventory.models import PackKind
from mrm.validation.models import Finding, Severity, Validation
from mrm.validation.services.validation import locked
from mrm.validation.workflow import FINDING, VALIDATION


@audited("validation.raise_finding", "raised {subject}")
def raise_finding(
    validation: Validation,
    *,
    title: str,
    description: str,
    severity: str,
    owner: Person,
    actor: Account,
) -> Finding:
    """Name a weakness; the findings policy sets the day by severity and tier."""
    validation = locked(validation)
    VALIDATION.apply(validation, "raise_finding", actor)
    if severity not in Severity.values:
        raise Invalid(f"{severity} is no severity.", fields={"severity": ["Choose one of the severities."]})
    if not title.strip() or not description.strip():
        raise Invalid("A finding needs a title and what was found.", fields={"title": ["Needed."]})
    tier = validation.version.model.tier
    due = _due(severity, tier)
    finding = Finding.objects.create(
        validation=validation,
        title=title.strip(),
        description=description.strip(),
        severity=severity,
        tier_at_issue=tier,
        owner=owner,
        raised_by=actor.person,
        due=due,
        first_due=due,
    )
    finding.refresh_from_db()
    describe(severity=severity, due=due.isoformat() if due else "", owner=veiled(owner.pk, owner.name))
    return finding


def _due(severity: str, tier: str) -> dt.date | None:
    policy = inventory.current_pack(PackKind.FINDINGS_POLICY).content
    days = policy["due_days"]["by_severity"][severity][f"tier_{tier}"]
    return None if days is None else timezone.localdate() + dt.timedelta(days=int(days))


def _moved(finding: Finding, move: str, actor: Account, **fields: object) -> Finding:
    """One step of a finding under its lock, with the words that belong to the step."""
    for name, value in fields.items():
        if value == "":
            raise Invalid(f"This step needs words: {name}.", fields={name: ["Needed."]})
    current = (
        Finding.objects.select_for_update(of=("self",))
        .select_related("validation__version__model__unit", "validation__version__developer", "owner")
        .get(pk=finding.pk)
    )
    FINDING.apply(current, move, actor)
    for name, value in fields.items():
        setattr(current, name, value)
    current.save(update_fields=["status", *fields])
    describe(**{name: value for name, value in fields.items() if isinstance(value, str)})
    return current


@audited("validation.accept_finding", "accepted {subject}")
def accept_finding(finding: Finding, *, response: str, actor: Account) -> Finding:
    """The owner agrees and owes a plan."""
    return _moved(finding, "accept_finding", actor, response=response.strip())


@audited("validation.rebut_finding", "rebutted {subject}")
def rebut_finding(finding: Finding, *, rebuttal: str, actor: Account) -> Finding:
    """The owner disagrees, with reasons; once."""
    return _moved(finding, "rebut_finding", actor, rebuttal=rebuttal.strip())


@audited("validation.uphold_finding", "upheld {subject}")
def uphold_finding(finding: Finding, *, reason: str, actor: Account) -> Finding:
    """The rebuttal does not convince; the reason says why."""
    if not reason.strip():
        raise Invalid("Say why the rebuttal does not convince.", fields={"reason": ["Needed."]})
    return _moved(finding, "uphold_finding", actor)


@audited("validation.withdraw_finding", "withdrew {subject}")
def withdraw_finding(finding: Finding, *, reason: str, actor: Account) -> Finding:
    """The validator takes a finding back, with the reason."""
    if not reason.strip():
        raise Invalid("A finding is withdrawn for a reason.", fields={"reason": ["Needed."]})
    return _moved(finding, "withdraw_finding", actor)


@audited("validation.plan_finding", "agreed a plan for {subject}")
def plan_finding(finding: Finding, *, plan: str, actor: Account) -> Finding:
    """Steps and dates."""
    return _moved(finding, "plan_finding", actor, plan=plan.strip())


@audited("validation.begin_finding", "began work on {subject}")
def begin_finding(finding: Finding, *, actor: Account) -> Finding:
    return _moved(finding, "begin_finding", actor)


@audited("validation.remediate_finding", "submitted the remediation of {subject}")
def remediate_finding(
    finding: Finding,
    *,
    remediation: str,
    actor: Account,
    chunks: Iterable[bytes] | None = None,
    filename: str = "",
) -> Finding:
    """The owner says it is done, in words and, where there is one, with the proof as a file."""
    permit(actor, "validation.remediate_finding", finding)
    if reasons := FINDING.closed(finding, "remediate_finding", actor):
        raise Refused(*reasons)
    fields: dict[str, object] = {"remediation": remediation.strip(), "remediated_by": actor.person}
    if chunks is not None:
        fields |= {"remediation_sha256": blobs.put(chunks).sha256, "remediation_filename": filename[-200:]}
    return _moved(finding, "remediate_finding", actor, **fields)


@audited("validation.return_finding", "sent back the remediation of {subject}")
def return_finding(finding: Finding, *, reason: str, actor: Account) -> Finding:
    """The proof does not suffice; the reason says what is missing."""
    if not reason.strip():
        raise Invalid("Say what is missing.", fields={"reason": ["Needed."]})
    return _moved(finding, "return_finding", actor)


@audited("validation.verify_finding", "verified and closed {subject}")
def verify_finding(finding: Finding, *, verification: str, actor: Account) -> Finding:
    """Another than the one who did the work checked the proof, and says what was checked."""
    return _moved(
        finding,
        "verify_finding",
        actor,
        verification=verification.strip(),
        verified_by=actor.person,
        closed_at=timezone.now(),
    )
