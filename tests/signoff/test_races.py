"""Real transactions side by side: two votes at one instant, a vote beside an edit, beside expiry, beside a recusal."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone
from fido2.utils import websafe_encode

from mrm.access import services as access
from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.approval import services as use
from mrm.approval.models import Approval
from mrm.core.actors import System
from mrm.core.canonical import digest
from mrm.core.refusal import Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Model, Version
from mrm.signoff import queries, services
from mrm.signoff.models import Delegation, Request, Vote
from tests.factories import approval as make
from tests.factories.access import PASSWORD, Cast, account, fresh, with_password
from tests.factories.factors import code_of, with_app, with_key


@pytest.fixture
def bank(own_database: str) -> Cast:
    """The cast, and two more risk officers who are appointed with them."""
    with transaction.atomic():
        found = Cast()
        account("Olaf Officer", found.risk, ("risk_officer", found.bank))
        account("Mona Officer", found.markets, ("risk_officer", found.bank))
    return found


def named(username: str) -> Account:
    return Account.objects.select_related("person__unit").get(username=username)


def side_by_side(*steps: Callable[[], Any]) -> list[Any]:
    """Each step in a thread and connection of its own, begun at one instant; what it gave, or how it was refused."""
    start = threading.Barrier(len(steps))

    def run(step: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return step()
        except Refused as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(steps)) as pool:
        return [future.result() for future in [pool.submit(run, step) for step in steps]]


def ready(asked: Request, who: Account, principal: Account | None = None) -> Callable[[], Vote]:
    """A signature that has been read and only waits to be given."""
    signer = with_password(fresh(who)) if not who.has_usable_password() else fresh(who)
    _, token = services.compose(
        asked, decision="approve", rationale="Read.", conditions=[], actor=signer,
        on_behalf_of=principal.person if principal else None,
    )  # fmt: skip
    return lambda: services.sign(asked, token=token, password=PASSWORD, actor=signer)


def test_two_who_sign_at_the_same_instant_are_both_counted_once(bank: Cast) -> None:
    asked = make.submitted(bank)
    found = side_by_side(ready(asked, bank.officer), ready(asked, bank.second_officer))
    assert [type(each) for each in found] == [Vote, Vote]
    asked.refresh_from_db()
    assert (asked.status, Approval.objects.count()) == ("approved", 1)


def test_one_person_who_signs_twice_at_the_same_instant_is_counted_once(bank: Cast) -> None:
    asked = make.submitted(bank)
    found = side_by_side(ready(asked, bank.officer), ready(asked, fresh(bank.officer)))
    assert sorted(type(each).__name__ for each in found) == ["Refused", "Vote"]
    assert Vote.objects.filter(request=asked).count() == 1


def test_one_code_on_two_decisions_at_the_same_instant_signs_one(bank: Cast) -> None:
    signer, secret = with_app(bank.officer)
    code = code_of(secret)

    def by_code(asked: Request) -> Callable[[], Vote]:
        _, token = services.compose(asked, decision="approve", rationale="Read.", conditions=[], actor=signer)
        return lambda: services.sign(asked, token=token, code=code, actor=fresh(signer))

    found = side_by_side(*(by_code(make.submitted(bank, name=name)) for name in ("Card fraud", "Mortgage LGD")))
    assert sorted(type(each).__name__ for each in found) == ["Unconfirmed", "Vote"]
    assert "used before" in next(str(each) for each in found if isinstance(each, Refused))


def test_one_answer_of_a_key_at_the_same_instant_signs_once(bank: Cast) -> None:
    signer, key = with_key(bank.officer, steps=0)
    asked = make.submitted(bank)
    shown, token = services.compose(asked, decision="approve", rationale="Read.", conditions=[], actor=signer)
    answer = key.get(websafe_encode(bytes.fromhex(digest(shown))))
    steps = [lambda: services.sign(asked, token=token, answer=answer, actor=fresh(signer))] * 2
    found = side_by_side(*steps)
    assert sorted(type(each).__name__ for each in found) == ["Refused", "Vote"]


def laid(bank: Cast) -> tuple[Account, list[tuple[Request, str]]]:
    """Three statements that the risk officer has read beside each other."""
    signer = with_password(fresh(bank.officer))
    asked = [make.submitted(bank, name=name) for name in ("Card fraud", "Mortgage LGD", "Retail PD")]
    read = services.compose_each([services.Decided(each, "approve", "Read.") for each in asked], actor=signer)
    return signer, [(each.request, each.token) for each in read]


def test_a_series_that_is_sent_twice_at_the_same_instant_signs_each_once(bank: Cast) -> None:
    signer, tokens = laid(bank)
    steps = [lambda: services.sign_each(tokens, password=PASSWORD, actor=fresh(signer))] * 2
    found = side_by_side(*steps)
    assert sum(each.vote is not None for series in found for each in series) == 3
    assert [Vote.objects.filter(request=request).count() for request, _ in tokens] == [1, 1, 1]


def test_a_series_beside_the_withdrawal_of_one_request_loses_at_most_that_one(bank: Cast) -> None:
    signer, tokens = laid(bank)
    found = side_by_side(
        lambda: services.sign_each(tokens, password=PASSWORD, actor=fresh(signer)),
        lambda: services.withdraw(tokens[1][0], reason="Later.", actor=fresh(bank.developer)),
    )
    first, second, third = found[0]
    assert (first.vote is not None, third.vote is not None) == (True, True)
    assert second.vote is not None or second.refusal == "This request is decided."
    assert Request.objects.get(pk=tokens[1][0].pk).status == "withdrawn"
    assert Vote.objects.filter(request=tokens[1][0]).count() == (second.vote is not None)


def test_two_of_one_unit_at_the_same_instant_fill_one_place(bank: Cast) -> None:
    colleague = named("olaf")
    asked = make.submitted(bank)
    found = side_by_side(ready(asked, bank.officer), ready(asked, colleague))
    assert sorted(type(each).__name__ for each in found) == ["Refused", "Vote"]
    asked.refresh_from_db()
    assert asked.status == "open"


def test_principal_and_delegate_at_the_same_instant_are_counted_once(bank: Cast) -> None:
    third = named("mona")
    asked = make.submitted(bank)
    now = timezone.now()
    services.delegate(third.person, since=now, until=now + dt.timedelta(days=1), reason="Away.", actor=bank.officer)
    found = side_by_side(ready(asked, bank.officer), ready(asked, third, bank.officer))
    assert sorted(type(each).__name__ for each in found) == ["Refused", "Vote"]
    asked.refresh_from_db()
    assert (asked.status, queries.verdict(asked).needs[0].signed) == ("open", 1)


@pytest.mark.parametrize("round", range(3))
def test_a_vote_beside_a_material_edit_never_carries_it(bank: Cast, round: int) -> None:
    asked = make.submitted(bank)
    make.sign(asked, bank.officer)
    last, model = ready(asked, bank.second_officer), Model.objects.get()

    def edit() -> Model:
        return inventory.edit(
            model, changes={"approved_uses": ["All"]}, revision=model.revision, actor=fresh(bank.owner)
        )

    side_by_side(last, edit)
    version = Version.objects.get(pk=asked.subject_key)
    assert Model.objects.get().approved_uses == ["All"]
    assert approval.why_not_usable(version, version.artifact_id or ""), "what was edited is in use unsigned"


def test_a_vote_beside_the_end_of_the_delegation_counts_or_is_refused(bank: Cast) -> None:
    third = named("mona")
    asked = make.submitted(bank)
    now = timezone.now()
    given = services.delegate(
        third.person, since=now, until=now + dt.timedelta(days=1), reason="Away.", actor=bank.officer
    )
    found = side_by_side(
        ready(asked, third, bank.officer), lambda: services.end_delegation(given, actor=fresh(bank.officer))
    )
    ended = Delegation.objects.get().ended_at
    counted = queries.verdict(asked).needs[0].signed
    assert ended
    assert counted == (1 if isinstance(found[0], Vote) and found[0].signed_at < ended else 0)


def test_a_vote_beside_a_recusal_of_the_same_person_never_counts(bank: Cast) -> None:
    asked = make.submitted(bank)
    side_by_side(
        ready(asked, bank.officer), lambda: services.recuse(asked, reason="Family.", actor=fresh(bank.officer))
    )
    assert queries.verdict(asked).needs[0].signed == 0


def test_a_vote_beside_a_lost_role_is_worth_nothing_afterwards(bank: Cast) -> None:
    asked = make.submitted(bank)
    make.sign(asked, bank.second_officer)
    grant = bank.officer.role_grants.get()
    side_by_side(
        ready(asked, bank.officer), lambda: access.revoke(grant, reason="Left.", actor=fresh(bank.administrator))
    )
    version = Version.objects.get(pk=asked.subject_key)
    assert approval.why_not_usable(version, version.artifact_id or "")


def test_a_vote_beside_the_withdrawal_of_the_request_decides_one_way(bank: Cast) -> None:
    asked = make.submitted(bank)
    make.sign(asked, bank.officer)
    side_by_side(
        ready(asked, bank.second_officer),
        lambda: services.withdraw(asked, reason="Later.", actor=fresh(bank.developer)),
    )
    asked.refresh_from_db()
    assert (asked.status, Approval.objects.count()) in {("approved", 1), ("withdrawn", 0)}


def test_a_renewal_signed_beside_the_expiry_leaves_one_approval(bank: Cast) -> None:
    first = make.approved(bank)
    asked = make.submitted(bank, Version.objects.get(pk=first.version_id))
    make.sign(asked, bank.officer)
    found = side_by_side(
        ready(asked, bank.second_officer),
        lambda: use.expire(first, actor=System("approval"), reason="Its year is over."),
    )
    assert Approval.objects.get(pk=first.pk).status in {"expired", "replaced"}
    standing = Approval.objects.filter(status__in=["valid", "suspended"])
    assert standing.count() == (1 if isinstance(found[0], Vote) else 0)
    for one in standing:
        assert approval.why_not_usable(one.version, one.artifact_sha256) is None
