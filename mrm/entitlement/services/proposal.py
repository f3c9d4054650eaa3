"""Put a role that signs before other people, and grant it when they have signed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from mrm.access import policies as access_policies
from mrm.access import queries as access
from mrm.access.models import Account, BusinessUnit, RoleGrant
from mrm.access.roles import APPROVERS, Role
from mrm.access.services import give
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.entitlement import queries
from mrm.entitlement.models import Proposal
from mrm.signoff import services as signoff
from mrm.signoff.models import Change, Gate, GateState, PlainSubject, Request, Survey


@audited("entitlement.propose", "proposed {role} on {unit}")
def propose(
    account: Account, *, role: str, unit: BusinessUnit, reason: str, actor: Account, until: dt.datetime | None = None
) -> Proposal:
    """Ask other people to sign for a role that signs; nothing is granted before they have."""
    permit(actor, "entitlement.propose", unit)
    _check(role, reason, until)
    own = access_policies.not_to_oneself(actor.identity.person, account)
    against = access.against_holding(account, role, unit)
    if reasons := [reason for reason in (own, *against) if reason]:
        raise Refused(*reasons)
    if waiting := queries.waiting_proposal(account, role, unit):
        raise Refused(f"This is proposed already, on {waiting.proposed_at:%Y-%m-%d}; it waits for its signatures.")
    made = Proposal.objects.create(
        account=account, role=role, unit=unit, until=until, reason=reason.strip(), proposed_by=actor
    )
    describe(role=Role(role).label.lower(), unit=unit.name)
    signoff.submit(queries.KIND, made, action=queries.ACTION, actor=actor, note=made.reason)
    return made


def _check(role: str, reason: str, until: dt.datetime | None) -> None:
    if role not in APPROVERS:
        told = Role(role).label.lower() if role in Role.values else role
        raise Invalid(
            f"{told.capitalize()} is no role that signs; an administrator grants it on the person's page.",
            fields={"role": ["Validator, risk officer or business-unit lead."]},
        )
    if not reason.strip():
        raise Invalid("A proposal needs its reason.", fields={"reason": ["Needed."]})
    if until is not None and until <= timezone.now():
        raise Invalid("The last day must lie ahead.", fields={"until": ["Choose a day after today."]})


@audited("entitlement.take_effect", "made {subject} effective")
def take_effect(proposal: Proposal, *, actor: Actor) -> RoleGrant:
    """Grant what was proposed and signed; the grant takes the proposal's key, so it is made once."""
    return give(
        proposal.account,
        role=proposal.role,
        unit=proposal.unit,
        until=proposal.until,
        granted_by=proposal.proposed_by,
        key=proposal.pk,
    )


@audited("entitlement.lapse", "did not grant {subject}: {why}")
def lapse(proposal: Proposal, *, why: str, actor: Actor) -> Proposal:
    """What was signed cannot be granted any more; why stands on the proposal."""
    proposal.lapsed = why
    proposal.save(update_fields=["lapsed"])
    describe(why=why)
    return proposal


class RoleSubject(PlainSubject):
    """What sign-off is told of a role that is proposed: what is signed holds no name."""

    proposes = True

    def find(self, key: str) -> Proposal:
        return queries.proposals().get(pk=key)

    def content(self, proposal: Proposal) -> Mapping[str, Any]:
        return {
            "person": str(proposal.account.person_id),
            "account": str(proposal.account_id),
            "role": proposal.role,
            "unit": proposal.unit.path,
            "until": proposal.until.isoformat() if proposal.until else "",
            "reason": proposal.reason,
        }

    def unit(self, proposal: Proposal) -> BusinessUnit:
        return proposal.unit

    def tier(self, proposal: Proposal) -> str:
        return "1"

    def parties(self, proposal: Proposal) -> dict[str, str]:
        """The person concerned, whoever proposed it, and who keeps the policies: never signers, whatever a policy says."""
        keepers = dict.fromkeys(
            queries.policy_admins(), "is a policy administrator, who keeps the policy that this is signed under"
        )
        return {
            **keepers,
            str(proposal.proposed_by.person_id): "proposed it",
            str(proposal.account.person_id): "is the person concerned",
        }

    def gates(self, proposal: Proposal) -> list[Gate]:
        return queries.gates(proposal)

    def changes(self, proposal: Proposal) -> tuple[str, list[Change]]:
        role = f"{proposal.get_role_display()} on {proposal.unit.name}"
        return "", [Change("Role", "", role, material=True), Change("Until", "", self._until(proposal), material=True)]

    def _until(self, proposal: Proposal) -> str:
        return f"until {proposal.until:%Y-%m-%d}" if proposal.until else "no end"

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        until = self._until(proposal)
        return [
            ("Person", f"{proposal.account.person.name} ({proposal.account.username})", ""),
            ("Role", f"{proposal.get_role_display()} on {proposal.unit.name}, {until}", ""),
            ("Proposal", proposal.reason, proposal.get_absolute_url()),
        ]

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        return {
            str(each.pk): Survey(
                f"{each.get_role_display()} for {each.account.person.name}",
                each.unit.name,
                tuple(queries.gates(each)),
                self.content(each),
            )
            for each in queries.proposals().filter(pk__in=keys)
        }

    def decided(self, proposal: Proposal, request: Request, verdict: Any, *, actor: Actor) -> None:
        """Grant what was signed, or say on the proposal what came between; a clock that settles many goes on."""
        if verdict.state != "approved":
            return
        missing = [gate.detail for gate in queries.gates(proposal) if gate.state == GateState.MISSING]
        if missing:
            lapse(proposal, why=" ".join(missing), actor=actor)
        else:
            take_effect(proposal, actor=actor)
