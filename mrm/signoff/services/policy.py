"""Put a policy in force: the first at the founding, every other when its change was signed for."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import account_of, root_unit
from mrm.access.roles import roles_with
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.packs import PackFile, of_content
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import Change, Policy, Proposal, Request
from mrm.signoff.policies import changed_sentences, fault_of
from mrm.signoff.services.proposal import ProposalSubject, must_be_signed

KIND = "signoff_policy"


@audited("signoff.load_policy", "loaded the policy {subject}")
def load_policy(file: PackFile, *, actor: Actor) -> Policy:
    """Put the first policy for its subjects in force, as when an institution is founded; any other is signed for."""
    permit(actor, "signoff.load_policy", None)
    if known := _loaded(file):
        return known
    if account_of(actor) or queries.covering(file.content, but="") or Policy.objects.filter(key=file.key).exists():
        raise Refused(f"A change of {file.key} is proposed and signed for; it is not loaded.")
    check_policy(file, actor)
    return _put_in_force(file, None)


@audited("signoff.change_policy", "put the policy {subject} in force, as it was signed for in {request}")
def change_policy(file: PackFile, *, proposal: Proposal, request: Request, actor: Actor) -> Policy:
    """Put a version in force that was signed for; open requests keep the one they were pinned to."""
    must_be_signed(PolicyChange.kind, request, proposal)
    describe(request=request.ref)
    return _put_in_force(file, proposal.proposed_by)


def _put_in_force(file: PackFile, loaded_by: Account | None) -> Policy:
    Policy.objects.filter(key=file.key, current=True).update(current=False)
    return Policy.objects.create(
        key=file.key,
        version=int(file.version),
        title=file.title,
        digest=file.digest,
        content=file.content,
        loaded_by=loaded_by,
    )


def _loaded(file: PackFile) -> Policy | None:
    known = Policy.objects.filter(key=file.key, version=int(file.version)).first()
    if known is not None and known.digest != file.digest:
        raise Refused(f"{known} is loaded with other content: a changed policy needs a new version.")
    return known


def check_policy(file: PackFile, actor: Actor) -> None:
    """Refuse a policy that makes no sense here, or does not stand alone for its subjects."""
    if fault := fault_in(file, actor):
        raise Invalid(fault, fields={fault.split(":", 1)[0]: [fault.split(": ", 1)[-1]]})


def fault_in(file: PackFile, actor: Actor) -> str | None:
    """What is wrong with the policy as one sentence, or None.

    The people are asked after only when a person brings it: an institution is founded without any.
    """
    if file.kind != KIND:
        return f"kind: {file.kind} is no sign-off policy; write {KIND}."
    roles = sorted(roles_with("signoff.vote"))
    staff = queries.staff() if isinstance(actor, Account) else None
    if fault := fault_of(file.content, roles=roles, today=timezone.localdate(), staff=staff):
        return fault
    if other := queries.covering(file.content, but=file.key):
        return f"applies: {other} covers this already; change that policy, or name tiers that it leaves out."
    return None


class PolicyChange(ProposalSubject):
    """Another version of a sign-off policy, or a new one: by those whom it binds, never by who wrote it."""

    kind, action, permission = "policy_change", "change_policy", "signoff.load_policy"
    title = "Change of policy"

    def records(self, targets: Sequence[str]) -> Mapping[str, Policy | BusinessUnit]:
        found = {each.key: each for each in Policy.objects.filter(key__in=targets, current=True)}
        return {target: found.get(target) or root_unit() for target in targets}

    def target_of(self, record: Any, content: Mapping[str, Any]) -> str:
        return str(content.get("id", ""))

    def unit_of(self, record: Any) -> BusinessUnit:
        return root_unit()

    def label_of(self, record: Any, content: Mapping[str, Any]) -> str:
        return f"{content['content']['id']} v{content['content']['version']}"

    def check(self, record: Any, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        file = of_content(content, "The policy")
        if _loaded(file):
            raise Refused(f"{file.key} v{file.version} is in force or was: raise `version` and change something.")
        check_policy(file, actor)
        return {"content": file.content}

    def bound(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        return {"replaces": record.digest if isinstance(record, Policy) else ""}

    def differences(self, record: Any, proposal: Proposal) -> list[Change]:
        before = record.content if isinstance(record, Policy) else {}
        told = changed_sentences(before, proposal.content["content"])
        return [Change(title, then, now, material=True) for title, then, now in told]

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        record = self.record(proposal)
        if not isinstance(record, Policy):
            return [("Policy", "a new one", "")]
        return [("Policy in force", str(record), record.get_absolute_url())]

    def parts(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        found = {str(proposal.proposed_by.person_id): {"policy_admin": "wrote this change"}}
        if isinstance(record, Policy) and record.loaded_by:
            found.setdefault(str(record.loaded_by.person_id), {})["policy_admin"] = "wrote the policy in force"
        return found

    def carry_out(self, record: Any, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        file = of_content(proposal.content["content"])
        change_policy(file, proposal=proposal, request=request, actor=actor)
