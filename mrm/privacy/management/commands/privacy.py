from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from mrm.access.models import Account, Person
from mrm.access.queries import accounts, persons
from mrm.core.refusal import Refused
from mrm.privacy import queries, services


class Command(BaseCommand):
    help = (
        "Personal data: `privacy erase PERSON --reason …` puts an erasure before its signers, or says where it stands."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["erase"])
        parser.add_argument("person", help="e-mail address, account name or id")
        parser.add_argument("--reason", default="", help="kept for ever, so without the person's name")
        parser.add_argument("--as", dest="account", default="", help="name of the account that asks")

    def handle(self, *args: Any, **options: Any) -> None:
        person = _person(options["person"])
        if done := queries.erased(person):
            self.stdout.write(
                f"Erased on {done.erased_at:%Y-%m-%d %H:%M} UTC; signatures kept: {done.kept_signatures}."
            )
            return
        waiting = queries.asked(person)
        if waiting is None:
            try:
                waiting = services.ask(person, reason=options["reason"], actor=_account(options["account"]))
            except Refused as refusal:
                raise CommandError(str(refusal)) from refusal
        asked = queries.request_of(waiting)
        self.stdout.write(f"{asked.ref if asked else waiting} waits for its signatures; nothing is erased before them.")
        for gate in queries.missing(person):
            self.stdout.write(f"Before that: {gate.title}. {gate.detail}")


def _person(told: str) -> Person:
    known = Q(email__iexact=told) | Q(accounts__username__iexact=told)
    try:
        known |= Q(pk=UUID(told))
    except ValueError:
        pass
    found = persons().filter(known).distinct().first()
    if found is None:
        raise CommandError(f"Nobody here has the address, account name or id {told}.")
    return found


def _account(name: str) -> Account:
    found = accounts().filter(username__iexact=name).first() if name else None
    if found is None:
        raise CommandError("Name the account that asks with --as: somebody answers for it, and does not sign it.")
    return found
