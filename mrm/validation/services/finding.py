import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.audit.trail import audited, describe, veiled
from mrm.core import blobs
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import queries as inventory
from mrm.inventory.models import PackKind
from mrm.signoff import services as signoff
from mrm.signoff.models import Proposal, Request
from mrm.signoff.services import must_be_signed
from mrm.validation.models import Finding, RiskAcceptance, Severity, Validation
from mrm.validation.services.validation import locked
from mrm.validation.workflow import FINDING, VALIDATION

CLOCK = System("validation")


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


def withdraw_finding(finding: Finding, *, reason: str, actor: Account) -> Proposal:
    """A validator would take a finding back, with the reason; another validator signs for it."""
    return signoff.propose(finding, "finding_withdrawal", content={}, reason=reason, actor=actor)


@audited("validation.withdraw_finding", "withdrew {subject}")
def withdraw(finding: Finding, *, proposal: Proposal, request: Request, actor: Actor) -> Finding:
    """Take a finding back, as it was signed for."""
    must_be_signed("finding_withdrawal", request, proposal)
    describe(request=request.ref)
    return _settled(finding, "withdraw_finding")


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
    moved = _moved(finding, "remediate_finding", actor, **fields)
    signoff.propose(moved, "finding_closure", content={}, reason=moved.remediation, actor=actor)
    return moved


@audited("validation.return_finding", "sent back the remediation of {subject}")
def send_back(finding: Finding, *, reason: str, actor: Actor) -> Finding:
    """The proof does not suffice, as a signer says, or was taken back: the work goes on."""
    describe(reason=reason)
    return _settled(finding, "return_finding")


@audited("validation.verify_finding", "verified and closed {subject}")
def close(
    finding: Finding, *, verification: str, by: Person, proposal: Proposal, request: Request, actor: Actor
) -> Finding:
    """Another than the one who did the work checked the proof and signed; his words are the verification."""
    must_be_signed("finding_closure", request, proposal)
    describe(request=request.ref, verification=verification)
    return _settled(finding, "verify_finding", verification=verification, verified_by=by, closed_at=timezone.now())


def accept_risk(finding: Finding, *, reason: str, compensation: str, until: dt.date, actor: Account) -> Proposal:
    """The owner would bear the risk of a finding for a time; the business and a risk officer sign for it."""
    content = {"compensation": compensation, "until": until.isoformat()}
    return signoff.propose(finding, "risk_acceptance", content=content, reason=reason, actor=actor)


@audited("validation.accept_risk", "accepted the risk of {subject} until {until}")
def bear_risk(finding: Finding, *, proposal: Proposal, request: Request, actor: Actor) -> Finding:
    """Bear the risk of a finding for a time, as it was signed for."""
    must_be_signed("risk_acceptance", request, proposal)
    moved = _settled(finding, "accept_risk")
    RiskAcceptance.objects.create(
        model=moved.validation.version.model,
        finding=moved,
        reason=proposal.reason,
        compensation=proposal.content["compensation"],
        until=dt.date.fromisoformat(proposal.content["until"]),
        request=request,
    )
    describe(until=dt.date.fromisoformat(proposal.content["until"]), request=request.ref)
    return moved


@audited("validation.resume_finding", "took up {subject} again")
def resume_finding(finding: Finding, *, actor: Actor) -> Finding:
    """The risk is borne no longer: its time is over, or the owner says so; the work is owed again."""
    if actor.identity.person:
        permit(actor, "validation.resume_finding", finding)
        if reasons := FINDING.closed(finding, "resume_finding", actor):
            raise Refused(*reasons)
    RiskAcceptance.objects.filter(finding=finding, ended_at=None).update(ended_at=timezone.now())
    return _settled(finding, "resume_finding")


def watch(*, actor: Actor = CLOCK) -> int:
    """Take up every finding whose risk was accepted until a day that is past."""
    over = RiskAcceptance.objects.filter(ended_at=None, until__lt=timezone.localdate(), finding__isnull=False)
    found = [each.finding for each in over.select_related("finding__validation__version__model__unit")]
    for finding in found:
        assert finding is not None
        resume_finding(finding, actor=actor)
    return len(found)


def _settled(finding: Finding, move: str, **fields: object) -> Finding:
    """One step of a finding that signatures or time bring about, under its lock."""
    current = (
        Finding.objects.select_for_update(of=("self",))
        .select_related("validation__version__model__unit", "validation__version__developer", "owner")
        .get(pk=finding.pk)
    )
    step = FINDING.moves[move]
    if current.status not in step.sources:
        raise Refused(f"{current.ref} is {current.get_status_display().lower()}; it has moved on meanwhile.")
    current.status = step.target
    for name, value in fields.items():
        setattr(current, name, value)
    current.save(update_fields=["status", *fields])
    return current
