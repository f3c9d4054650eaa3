"""What people do beside the votes: step aside, ask for information, answer it, ask further people."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import Escalation, Question, Recusal, Request, RequestState
from mrm.signoff.policies import History, clock, evaluate, words
from mrm.signoff.services.asking import CLOCK, keep_open_roles, locked


@audited("signoff.recuse", "stepped aside from {request}")
def recuse(request: Request, *, reason: str, actor: Account) -> Recusal:
    """Declare a conflict of interest: no vote of this person counts, given or to come, nor one given for him."""
    permit(actor, "signoff.recuse", request)
    if not reason.strip():
        raise Invalid("Say what the conflict of interest is.", fields={"reason": ["Needed."]})
    request = _open(request)
    if request.recusals.filter(person=actor.person).exists():
        raise Refused("You have stepped aside already.")
    describe(request=request.ref)
    return Recusal.objects.create(request=request, person=actor.person, reason=reason.strip())


@audited("signoff.ask", "asked for information on {request}")
def ask(request: Request, *, text: str, actor: Account) -> Question:
    """A signer asks those behind the request; the clock of the stage stands still until they answer."""
    permit(actor, "signoff.ask", request)
    if not text.strip():
        raise Invalid("A question needs words.", fields={"text": ["Write what you need to know."]})
    request = _open(request)
    if str(actor.person_id) in queries.Reading(request).parties():
        raise Refused("You are a party to this request; those who sign it ask, and you answer.")
    if request.questions.filter(person=actor.person, answered_at=None).exists():
        raise Refused("Your last question waits for its answer; the clock stands still already.")
    describe(request=request.ref)
    return Question.objects.create(request=request, person=actor.person, text=text.strip())


@audited("signoff.answer", "answered the {subject}")
def answer(question: Question, *, text: str, actor: Account) -> Question:
    """Somebody behind the request answers, and the clock runs on."""
    permit(actor, "signoff.answer", question)
    if not text.strip():
        raise Invalid("An answer needs words.", fields={"text": ["Write the answer."]})
    request = _open(question.request)
    question = Question.objects.select_for_update(of=("self",)).select_related("request").get(pk=question.pk)
    if question.answered_at:
        raise Refused("This question is answered already.")
    if str(actor.person_id) not in queries.Reading(request).behind():
        raise Refused("Only somebody who stands behind this request answers.")
    question.answer, question.answered_by, question.answered_at = text.strip(), actor.person, timezone.now()
    question.save(update_fields=["answer", "answered_by", "answered_at"])
    return question


@audited("signoff.escalate", "asked {role} to sign the stage {stage} of {request} too")
def escalate(request: Request, *, actor: Actor, reason: str = "") -> Escalation:
    """An overdue stage opens to a further role; the quorum stays as it was."""
    permit(actor, "signoff.escalate", request)
    request = _open(request)
    stage, closed = _overdue_stage(request, queries.Reading(request).past)
    if closed:
        raise Refused(closed)
    describe(request=request.ref, stage=stage["id"], role=words(stage["escalate_to"]))
    made = Escalation.objects.create(request=request, stage=stage["id"], role=stage["escalate_to"])
    keep_open_roles(request, queries.verdict(request))
    return made


def _overdue_stage(request: Request, past: History) -> tuple[Mapping[str, Any], str | None]:
    """The open stage, and why it is not escalated now."""
    now = evaluate(request.policy.content, past)
    runs = clock(request.policy.content, past, now)
    stage: Mapping[str, Any] = next((each for each in request.policy.content["stages"] if each["id"] == now.stage), {})
    if runs is None:
        return stage, f"No stage of {request.ref} waits for a signature."
    if not stage.get("escalate_to"):
        return stage, f"{request.policy} names nobody to whom the stage {stage['id']} escalates."
    if any(each.stage == stage["id"] for each in past.escalations):
        return stage, f"The stage {stage['id']} was escalated before."
    if runs.paused:
        return stage, "The clock stands still until the question is answered."
    if not runs.overdue and now.state != "blocked":
        return stage, f"The stage {stage['id']} is not overdue, and somebody can complete it."
    return stage, None


def escalate_overdue(*, actor: Actor = CLOCK) -> int:
    """Escalate every stage that is overdue, or that nobody can complete, and names somebody for that."""
    done = 0
    for each in queries.judged_open():
        if _overdue_stage(each.request, each.past)[1] is None and _is_late(each.request):
            escalate(each.request, actor=actor)
            done += 1
    return done


def _is_late(request: Request) -> bool:
    """Whether it is open still, and its stage late as the log has it now."""
    request.refresh_from_db(fields=["status"])
    return request.status == RequestState.OPEN and _overdue_stage(request, queries.Reading(request).past)[1] is None


def _open(request: Request) -> Request:
    request = locked(request)
    if request.status != RequestState.OPEN:
        raise Refused(f"{request.ref} is decided.")
    return request
