"""The cast of every test: a small bank, and one person for each part in it."""

import copy
from typing import Any

from django.db import transaction

from mrm.access import services
from mrm.access.models import Account, BusinessUnit, Person, RoleGrant
from mrm.access.roles import APPROVERS, Role
from mrm.core.actors import System

SETUP = System("tests")
PASSWORD = "correct horse battery"


def person(name: str, unit: BusinessUnit) -> Person:
    email = f"{name.lower().replace(' ', '.')}@bank.example"
    return services.add_person(name=name, email=email, unit=unit, actor=SETUP)


def account(name: str, unit: BusinessUnit, *roles: tuple[str, BusinessUnit], kind: str = "personal") -> Account:
    opened = services.add_account(
        username=name.lower().split()[0], person=person(name, unit), password=None, kind=kind, actor=SETUP
    )
    for role, reach in roles:
        grant(opened, role=role, unit=reach)
    return opened


def grant(opened: Account, *, role: str, unit: BusinessUnit) -> RoleGrant:
    """Any role: those that sign as the founding gives them, which in a test goes on until its transaction ends."""
    give = services.appoint if role in APPROVERS else services.grant
    return give(opened, role=role, unit=unit, actor=SETUP)


class Cast:
    """Owner, developer, validator, two risk officers, deployer, auditor, administrator, outsider."""

    def __init__(self) -> None:
        # one transaction: where commits are real, it is the founding
        with transaction.atomic():
            self._found()

    def _found(self) -> None:
        self.bank = services.add_unit(key="bank", name="Bank", parent=None, actor=SETUP)
        self.retail = services.add_unit(key="retail", name="Retail Lending", parent=self.bank, actor=SETUP)
        self.markets = services.add_unit(key="markets", name="Markets", parent=self.bank, actor=SETUP)
        self.risk = services.add_unit(key="risk", name="Group Risk", parent=self.bank, actor=SETUP)
        self.retail_risk = services.add_unit(key="retail-risk", name="Retail Risk", parent=self.bank, actor=SETUP)
        self.owner = account("Olivia Owner", self.retail, (Role.OWNER, self.retail))
        self.developer = account("Dev Developer", self.retail, (Role.DEVELOPER, self.retail))
        self.validator = account("Vera Validator", self.risk, (Role.VALIDATOR, self.bank))
        self.second_validator = account("Walt Validator", self.risk, (Role.VALIDATOR, self.bank))
        self.officer = account("Rita Officer", self.risk, (Role.RISK_OFFICER, self.bank))
        self.second_officer = account("Sven Officer", self.retail_risk, (Role.RISK_OFFICER, self.bank))
        self.lead = account("Lena Lead", self.retail, (Role.BU_LEAD, self.retail))
        self.deployer = account("Dora Deployer", self.bank, (Role.DEPLOYER, self.bank))
        self.auditor = account("Anna Auditor", self.bank, (Role.AUDITOR, self.bank))
        self.administrator = account("Adam Administrator", self.bank, (Role.ADMINISTRATOR, self.bank))
        self.policy_admin = account("Paula Policy", self.bank, (Role.POLICY_ADMIN, self.bank))
        self.outsider = account("Otto Outsider", self.markets)

    def anew(self) -> "Cast":
        """The same people without what their accounts remember."""
        again = copy.copy(self)
        vars(again).update({name: fresh(opened) for name, opened in self.everybody().items()})
        return again

    def everybody(self) -> dict[str, Account]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Account)}


def with_password(account: Account) -> Account:
    """Give the account the tests' password."""
    services.change_password(account, password=PASSWORD, actor=account)
    return account


def fresh(account: Account) -> Any:
    """The account read anew, without what it remembered."""
    return Account.objects.select_related("person__unit").get(pk=account.pk)
