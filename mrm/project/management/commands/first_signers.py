from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from mrm.access import queries, services
from mrm.access.models import Account, BusinessUnit
from mrm.access.roles import APPROVERS, Role
from mrm.core.actors import System
from mrm.core.refusal import Refused

SHAPE = "USERNAME=ROLE@UNIT"


class Command(BaseCommand):
    help = (
        "Appoint the first people who sign, all at once and once only: "
        "`first_signers rita=risk_officer@root lena=bu_lead@root vera=validator@root`. "
        "Whoever follows them is proposed on a person's page, and they sign for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("grants", nargs="+", metavar=SHAPE)

    def handle(self, *args: Any, **options: Any) -> None:
        grants = [_read(told) for told in options["grants"]]
        _check_enough(grants)
        try:
            with transaction.atomic():
                for account, role, unit in grants:
                    services.appoint(account, role=role, unit=unit, actor=System("founding"))
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{len(grants)} roles that sign are appointed. From now on others sign for every further one."
        )


def _read(told: str) -> tuple[Account, str, BusinessUnit]:
    username, _, rest = told.partition("=")
    role, _, key = rest.partition("@")
    if role not in APPROVERS:
        raise CommandError(f"{told}: write {SHAPE}, where the role is one of {', '.join(APPROVERS)}.")
    account = queries.accounts().filter(username=username).first()
    if account is None:
        raise CommandError(f"{told}: there is no account {username}; an administrator opens it first.")
    unit = BusinessUnit.objects.filter(key=key).first()
    if unit is None:
        raise CommandError(f"{told}: there is no unit {key}; give its key.")
    return account, role, unit


def _check_enough(grants: list[tuple[Account, str, BusinessUnit]]) -> None:
    """Those who come later need a risk officer and a lead who reach them, whichever unit it is."""
    for role in (Role.RISK_OFFICER, Role.BU_LEAD):
        if len({account.person_id for account, given, unit in grants if given == role and unit.parent is None}) < 1:
            raise CommandError(
                f"Name at least one {Role(role).label.lower()} on the root unit: every later grant waits for a signature"
                " of his kind, and without one nobody could ever be added."
            )
