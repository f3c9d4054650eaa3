"""Found the bank: its units, people, accounts, roles and its serving place."""

from typing import Any

import yaml
from django.conf import settings
from django.db import transaction

from mrm.access import queries as access_queries
from mrm.access import services as access
from mrm.access.models import Account, AccountKind, BusinessUnit
from mrm.access.roles import APPROVERS
from mrm.core.actors import System
from mrm.core.packs import FIXTURES
from mrm.core.secrets import ROUTE_KEY
from mrm.deployment import services as deployment
from mrm.deployment.models import Target
from mrm.project.packs import load_shipped
from mrm.project.route_key import is_signing

PASSWORD = "nordhaven-demo-2026"  # noqa: S105  no secret: the demo tells it to everybody
FOUNDER = System("demo")


def plan() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FIXTURES / "demo" / "bank.yaml").read_text())
    return content


def is_founded() -> bool:
    return Account.objects.exists()


def found(gateway: str) -> None:
    """Enter units, people and packs, and name the embedded gateway as the serving place."""
    facts = plan()
    load_shipped(actor=FOUNDER)
    units: dict[str, BusinessUnit] = {}
    for unit in facts["units"]:
        parent = units.get(unit["parent"])
        units[unit["key"]] = access.add_unit(key=unit["key"], name=unit["name"], parent=parent, actor=FOUNDER)
    # the first people who sign are appointed together, once; whoever follows them is signed for
    with transaction.atomic():
        for entry in facts["people"]:
            _enter(entry, units)
    for entry in facts["services"]:
        _service(entry, units)
    _serving_place(facts["target"], units, gateway)


def _enter(entry: dict[str, Any], units: dict[str, BusinessUnit]) -> None:
    email = f"{entry['username']}@nordhaven.example"
    person = access.add_person(name=entry["name"], email=email, unit=units[entry["unit"]], actor=FOUNDER)
    account = access.add_account(username=entry["username"], person=person, password=PASSWORD, actor=FOUNDER)
    for role, unit in entry["roles"].items():
        give = access.appoint if role in APPROVERS else access.grant
        give(account, role=role, unit=units[unit], actor=FOUNDER)


def _service(entry: dict[str, Any], units: dict[str, BusinessUnit]) -> None:
    person = account_of(entry["person"]).person
    account = access.add_account(
        username=entry["username"], person=person, password=None, kind=AccountKind.SERVICE, actor=FOUNDER
    )
    access.grant(account, role="developer", unit=person.unit, actor=FOUNDER)


def _serving_place(entry: dict[str, Any], units: dict[str, BusinessUnit], gateway: str) -> Target:
    secret = settings.DATA_DIR / "secrets" / "gateway"
    assert secret.exists(), "the gateway makes its token when it first starts"
    return deployment.add_target(
        key=entry["key"],
        name=entry["name"],
        connector_id=entry["connector"],
        config={
            "base_url": gateway,
            "token_secret": "gateway",
            **({"signing_secret": ROUTE_KEY} if is_signing() else {}),
        },
        environment=entry["environment"],
        unit=units[entry["unit"]],
        actor=FOUNDER,
    )


def account_of(username: str) -> Account:
    """The account, read anew so that its grants are those of now."""
    account = access_queries.accounts().filter(username=username).first()
    if account is None:
        raise LookupError(f"the demo bank has no {username}")
    return account
