"""A clause of policy that a model need not meet for a time, signed for by the business and a risk officer."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from mrm.approval import queries
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.core.refusal import Invalid, Refused
from mrm.inventory.models import Model
from mrm.inventory.queries import model_parts, models_to_change
from mrm.signoff.models import Change, Proposal, Request
from mrm.signoff.services import ProposalSubject, must_be_signed
from mrm.validation.models import RiskAcceptance
from mrm.validation.services import bearing


class PolicyException(ProposalSubject):
    """An exception of a model from one gate of its approval."""

    kind, action, permission = "policy_exception", "accept_risk", "approval.ask_exception"
    title = "Exception for"

    def records(self, targets: Sequence[str]) -> Mapping[str, Model]:
        found = models_to_change([target.partition("/")[0] for target in targets])
        pairs = ((target, found.get(target.partition("/")[0])) for target in targets)
        return {target: model for target, model in pairs if model}

    def target_of(self, record: Model, content: Mapping[str, Any]) -> str:
        return f"{record.pk}/{content.get('clause', '')}"

    def label_of(self, record: Model, content: Mapping[str, Any]) -> str:
        return f"{record}: {content['title'].lower()}"

    def record_tier(self, record: Model) -> str:
        return record.tier

    def check(self, record: Model, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        clauses = queries.clauses([record.pk])
        clause = str(content.get("clause", ""))
        if clause not in clauses:
            raise Invalid(
                f"clause: {clause or 'nothing'} is no clause that an exception may be from; use one of"
                f" {', '.join(clauses)}.",
                fields={"clause": ["Choose one of the clauses offered."]},
            )
        if standing := queries.exceptions_of([record.pk]).get((record.pk, clause)):
            raise Refused(f"{standing.ref} holds until {standing.until:%Y-%m-%d} already.")
        return {"clause": clause, "title": clauses[clause], **bearing(content)}

    def parts(self, record: Model, proposal: Proposal) -> Mapping[str, Any]:
        return model_parts(record)

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        model = self.record(proposal)
        return [("Model", model.ref, model.get_absolute_url()), ("Owner", model.owner.name, "")]

    def differences(self, record: Model, proposal: Proposal) -> list[Change]:
        given = proposal.content
        return [
            Change("Clause", "must be met", f"{given['title']}: need not be met", material=True),
            Change("What compensates it", "", given["compensation"], material=True),
            Change("Until", "", given["until"], material=True),
        ]

    def carry_out(self, record: Model, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        grant_exception(record, proposal=proposal, request=request, actor=actor)


@audited("approval.grant_exception", "excepted {subject} until {until}, as it was signed for in {request}")
def grant_exception(model: Model, *, proposal: Proposal, request: Request, actor: Actor) -> RiskAcceptance:
    """Let a model go without a clause for a time, as it was signed for."""
    must_be_signed(PolicyException.kind, request, proposal)
    given = proposal.content
    describe(until=dt.date.fromisoformat(given["until"]), request=request.ref, clause=given["clause"])
    return RiskAcceptance.objects.create(
        model=model,
        clause=given["clause"],
        reason=proposal.reason,
        compensation=given["compensation"],
        until=dt.date.fromisoformat(given["until"]),
        request=request,
    )
