from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mrm.access import queries, services
from mrm.access.roles import Role
from mrm.core.actors import System
from mrm.core.refusal import Refused


class Command(BaseCommand):
    help = "Open the first account, with the administrator's role on a new root unit; only while there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("name")
        parser.add_argument("email")
        parser.add_argument("--unit", default="Institution", help="name of the root unit")

    def handle(self, *args: Any, **options: Any) -> None:
        if queries.accounts().exists():
            raise CommandError("There are accounts already: an administrator opens further ones.")
        password = getpass("Password, 12 characters or more: ")
        actor = System("first_administrator")
        try:
            unit = services.add_unit(key="root", name=options["unit"], parent=None, actor=actor)
            person = services.add_person(name=options["name"], email=options["email"], unit=unit, actor=actor)
            account = services.add_account(username=options["username"], person=person, password=password, actor=actor)
            services.grant(account, role=Role.ADMINISTRATOR, unit=unit, actor=actor)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{account} may now sign in.")
