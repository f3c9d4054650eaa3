"""Propose a change that takes effect when it is signed for, and carry it out when it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.canonical import plain
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import SUBJECTS, Change, Gate, PlainSubject, Proposal, Request, RequestState, Survey
from mrm.signoff.services.asking import submit

LONGEST_LABEL = 200


class ProposalSubject(PlainSubject):
    """A kind of change: what it is called, who may propose it, what it would do, and how it is done.

    An area derives one for each kind and registers it under `kind`; `propose` opens one, the decision carries it out.
    """

    proposes = True
    kind: str
    action: str  # of the policy that it is signed under
    permission: str  # of whoever proposes it
    title: str  # before the label of the record, "Override of the tier of"

    def records(self, targets: Sequence[str]) -> Mapping[str, Any]:
        """Target to the record that is changed, as it is now, by a number of queries that does not grow."""
        raise LookupError(f"{self.kind} does not say what it changes")

    def record(self, proposal: Proposal) -> Any:
        return self.records([proposal.target])[proposal.target]

    def reached(self, account: Account, target: str) -> Any:
        """The record, when the account may see it; None else."""
        try:
            record = self.records([target]).get(target)
        except ValidationError:  # what is no key at all
            return None
        return None if record is None or account.lacks("view", record) else record

    def target_of(self, record: Any, content: Mapping[str, Any]) -> str:
        return str(record.pk)

    def unit_of(self, record: Any) -> BusinessUnit:
        unit: BusinessUnit = record.unit
        return unit

    def label_of(self, record: Any, content: Mapping[str, Any]) -> str:
        """What is changed, after the title."""
        return str(record)

    def check(self, record: Any, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        """The change in its clean form; Invalid or Refused with the sentence when it cannot be."""
        return content

    def bound(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        """What of the record's present state the signature binds beside the change."""
        return {}

    def gates_of(self, record: Any, proposal: Proposal) -> list[Gate]:
        """What must hold before it may be signed."""
        return []

    def differences(self, record: Any, proposal: Proposal) -> list[Change]:
        """What would change, now and as proposed."""
        return []

    def parts(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        """Person to his parts in the record, as `Subject.parties` gives them."""
        return {}

    def carry_out(self, record: Any, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        """Do what was signed for, in the transaction of the decision."""
        raise LookupError(f"{self.kind} does not say what it does")

    def turned_down(self, record: Any, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        """What follows when it was rejected or returned."""

    def record_tier(self, record: Any) -> str:
        return ""

    def find(self, key: str) -> Proposal:
        return Proposal.objects.select_related("unit", "proposed_by__person").get(pk=key)

    def content(self, proposal: Proposal) -> Mapping[str, Any]:
        return self._content(self.record(proposal), proposal)

    def _content(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        change = {"about": proposal.target, "reason": proposal.reason, **proposal.content}
        return change | dict(self.bound(record, proposal))

    def unit(self, proposal: Proposal) -> BusinessUnit:
        return proposal.unit

    def tier(self, proposal: Proposal) -> str:
        return proposal.tier

    def parties(self, proposal: Proposal) -> Mapping[str, Any]:
        return self.parts(self.record(proposal), proposal)

    def gates(self, proposal: Proposal) -> list[Gate]:
        return self.gates_of(self.record(proposal), proposal)

    def changes(self, proposal: Proposal) -> tuple[str, list[Change]]:
        return "", self.differences(self.record(proposal), proposal)

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        found = list(Proposal.objects.filter(pk__in=keys).select_related("unit", "proposed_by__person"))
        records = self.records([each.target for each in found])
        return {str(each.pk): self._survey(each, records[each.target]) for each in found}

    def _survey(self, proposal: Proposal, record: Any) -> Survey:
        gates = tuple(self.gates_of(record, proposal))
        return Survey(proposal.label, proposal.unit.name, gates, self._content(record, proposal))

    def decided(self, proposal: Proposal, request: Request, verdict: Any, *, actor: Actor) -> None:
        record = self.record(proposal)
        if verdict.state == "approved":
            self.carry_out(record, proposal, request, actor=actor)
        else:
            self.turned_down(record, proposal, request, actor=actor)
        _settle(proposal, carried_out=verdict.state == "approved")

    def withdrawn(self, proposal: Proposal, *, actor: Actor) -> None:
        _settle(proposal, carried_out=False)


def _settle(proposal: Proposal, *, carried_out: bool) -> None:
    proposal.settled_at, proposal.carried_out = timezone.now(), carried_out
    proposal.save(update_fields=["settled_at", "carried_out"])


def kind_of(name: str) -> ProposalSubject:
    """A kind of proposal by its name."""
    found = SUBJECTS.get(name)
    if not isinstance(found, ProposalSubject):
        known = ", ".join(each for each, subject in SUBJECTS.items() if subject.proposes)
        raise Invalid(f"{name} is nothing that can be proposed; use one of {known}.", fields={"kind": ["Unknown."]})
    return found


@audited("signoff.propose", "proposed {what}")
def propose(record: Any, kind: str, *, content: Mapping[str, Any], reason: str, actor: Account) -> Proposal:
    """Put a change before those who must sign for it; nothing changes until they have."""
    subject = kind_of(kind)
    permit(actor, subject.permission, record)
    if not reason.strip():
        raise Invalid("A proposal needs its reason; the signers read it first.", fields={"reason": ["Needed."]})
    target = subject.target_of(record, content)
    record = subject.records([target]).get(target, record)  # as it is now, whatever the caller held
    change = subject.check(record, content, actor)
    if waiting := queries.open_proposal(kind, target):
        raise Refused(f"This is proposed already, in {waiting.request.ref}; it waits for its signatures.")
    proposal = Proposal.objects.create(
        kind=kind,
        target=target,
        label=f"{subject.title} {subject.label_of(record, change)}"[:LONGEST_LABEL],
        content=plain(change),
        reason=reason.strip(),
        unit=subject.unit_of(record),
        tier=subject.record_tier(record),
        proposed_by=actor,
    )
    request = submit(kind, proposal, action=subject.action, actor=actor, note=proposal.reason)
    describe(what=proposal.label, request=request.ref)
    return proposal


def must_be_signed(kind: str, request: Request, proposal: Proposal) -> None:
    """Refuse to carry out what no approved request stands behind: every service that does it asks here first."""
    fits = request.subject_kind == proposal.kind == kind and request.subject_key == str(proposal.pk)
    if not fits or request.status != RequestState.APPROVED or proposal.settled_at is not None:
        raise Refused(f"{proposal} is not signed for; the signers decide on its request.")
