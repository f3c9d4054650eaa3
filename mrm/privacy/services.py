"""Ask for an erasure, and carry out what was signed for."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person, Token
from mrm.access.services import rename
from mrm.audit import personal
from mrm.audit.models import IntegrityFinding, PersonalKey
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.jobs.services import rename_requester
from mrm.privacy import queries
from mrm.privacy.models import Erasure
from mrm.signoff import services as signoff
from mrm.signoff.models import Gate, PlainSubject, Request, RequestState, Survey, Vote


@audited("privacy.ask_erasure", "asked to erase the {subject}")
def ask(person: Person, *, reason: str, actor: Account) -> Erasure:
    """Put the erasure of a person's data before the signers. The reason must not name the person."""
    permit(actor, "privacy.ask_erasure", person)
    if not reason.strip():
        raise Invalid("An erasure needs its reason.", fields={"reason": ["Needed."]})
    if word := _names(person, reason):
        raise Invalid(
            f"The reason stays in the record for ever, so it must not hold “{word}”: say it without the name.",
            fields={"reason": ["Holds the name or address that is to be erased."]},
        )
    if actor.person_id == person.pk:
        raise Refused("Somebody else asks for the erasure of your data: you could not carry it through.")
    if queries.erased(person):
        raise Refused("The personal data of this person are erased already.")
    if waiting := queries.asked(person):
        raise Refused(f"This is asked already, on {waiting.asked_at:%Y-%m-%d}; it waits for its signatures.")
    erasure = Erasure.objects.create(person=person, reason=reason.strip(), asked_by=actor)
    signoff.submit(queries.KIND, erasure, action=queries.ACTION, actor=actor, note=erasure.reason)
    return erasure


@audited("privacy.erase", "erased the {subject}; signatures kept: {kept}")
def erase(erasure: Erasure, *, actor: Actor) -> Erasure:
    """Take the names out of every row, then end the key under which their past is sealed."""
    erasure = Erasure.objects.select_for_update(of=("self",)).select_related("person").get(pk=erasure.pk)
    if missing := queries.missing(erasure.person):
        raise Refused(*(f"Not yet: {gate.title[:1].lower()}{gate.title[1:]}. {gate.detail}" for gate in missing))
    asked = queries.request_of(erasure)
    if asked is None or asked.status != RequestState.APPROVED:
        raise Refused("This erasure is not signed; the signers decide on its request.")
    whose = str(erasure.person_id)
    name = personal.erased_name(whose)
    for account in erasure.person.accounts.all():
        rename_requester(account.username, name)
    rename(erasure.person, name)
    Token.objects.filter(account__person=erasure.person, revoked_at=None).update(revoked_at=timezone.now())
    IntegrityFinding.objects.filter(explained_person=whose).update(explained_by=name)
    PersonalKey.objects.filter(person=whose).update(key=None, erased_at=timezone.now())
    personal.forget()
    erasure.erased_at = timezone.now()
    erasure.kept_signatures = Vote.objects.filter(person=erasure.person).count()
    erasure.save(update_fields=["erased_at", "kept_signatures"])
    describe(kept=erasure.kept_signatures)
    return erasure


class ErasureSubject(PlainSubject):
    """What sign-off is told of an erasure: never a name."""

    def find(self, key: str) -> Erasure:
        return queries.erasures().get(pk=key)

    def content(self, erasure: Erasure) -> Mapping[str, Any]:
        return {"person": str(erasure.person_id), "reason": erasure.reason}

    def unit(self, erasure: Erasure) -> BusinessUnit:
        return erasure.unit

    def tier(self, erasure: Erasure) -> str:
        return "1"

    def parties(self, erasure: Erasure) -> dict[str, str]:
        return {str(erasure.person_id): "is the person concerned", str(erasure.asked_by.person_id): "asked for it"}

    def gates(self, erasure: Erasure) -> list[Gate]:
        return queries.gates(erasure.person)

    def facts(self, erasure: Erasure) -> list[tuple[str, str, str]]:
        return [
            ("Person", erasure.person.name, ""),
            ("Erasure", "what goes and what stays", erasure.get_absolute_url()),
        ]

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        found = queries.erasures().filter(pk__in=keys)
        return {
            str(each.pk): Survey(str(each), each.unit.name, tuple(queries.gates(each.person)), self.content(each))
            for each in found
        }

    def decided(self, erasure: Erasure, request: Request, verdict: Any, *, actor: Actor) -> None:
        if verdict.state == "approved":
            erase(erasure, actor=actor)


def _names(person: Person, text: str) -> str:
    """The first of the person's names that a text holds."""
    told = [person.email, *person.name.split(), *person.accounts.values_list("username", flat=True)]
    words = text.casefold()
    return next((each for each in told if len(each) > 2 and each.casefold() in words), "")
