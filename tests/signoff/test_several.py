"""Several requests beside each other: each has its own statement, vote and event, and none carries another."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.core.canonical import digest
from mrm.core.refusal import Refused
from mrm.inventory.models import Model
from mrm.signoff import queries, services
from mrm.signoff.models import Policy, Request, Vote
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.factors import with_app
from tests.factories.proposal import policy_in_force

SEVERAL, SIGN = "/approvals/several/", "/approvals/several/sign/"
NAMES = ("Card fraud", "Mortgage LGD", "Retail PD")


@pytest.fixture
def asked(cast: Cast) -> list[Request]:
    return [make.submitted(cast, name=name) for name in NAMES]


@pytest.fixture
def desk(cast: Cast, client: Client) -> Client:
    """The risk officer at his desk."""
    client.force_login(with_password(fresh(cast.officer)))
    return client


def keys(requests: list[Request]) -> list[str]:
    return [str(each.pk) for each in requests]


def decided(requests: list[Request], *decisions: str) -> dict[str, Any]:
    """What the page sends: a decision for each, with words of its own."""
    given: dict[str, Any] = {"asked": keys(requests)}
    for request, decision in zip(requests, decisions, strict=True):
        given |= {f"d-{request.pk}-decision": decision, f"d-{request.pk}-rationale": f"Read: {request.ref}."}
    return given


def tokens(client: Client, requests: list[Request], *decisions: str) -> dict[str, Any]:
    """The statements are laid before the signer; what he sends to sign them, without the password."""
    shown = client.post(SEVERAL, decided(requests, *decisions))
    assert shown.status_code == 200
    laid = shown.context["statements"]
    return {"asked": [str(each["asked"].pk) for each in laid]} | {
        f"token-{each['asked'].pk}": each["token"] for each in laid
    }


def refused(verb: str) -> int:
    return Event.objects.filter(verb=verb, outcome="refused").count()


def test_requests_are_chosen_in_the_queue_and_nothing_is_decided_beforehand(asked: list[Request], desk: Client) -> None:
    queue = desk.get("/approvals/").content.decode()
    assert queue.count('name="asked"') == 3
    assert "Read side by side" in queue
    page = desk.get(SEVERAL, {"asked": keys(asked)}).content.decode()
    for each in asked:
        assert each.subject_digest in page
        assert f"Your decision on {each.ref}" in page
    radios = re.findall(r"<input[^>]*type=\"radio\"[^>]*>", page)
    assert len(radios) == 15
    assert not any("checked" in radio for radio in radios)
    assert "password" not in page


def test_what_a_person_may_not_sign_is_not_offered_for_choosing(cast: Cast, asked: list[Request], desk: Client) -> None:
    desk.force_login(cast.validator)
    queue = desk.get("/approvals/?view=open").content.decode()
    assert asked[0].ref in queue
    assert 'name="asked"' not in queue
    assert "Read side by side" not in queue  # nor is there a column for it


def test_each_is_signed_with_its_own_statement_vote_and_event(asked: list[Request], desk: Client) -> None:
    given = tokens(desk, asked, "approve", "return", "approve")
    page = desk.post(SIGN, given | {"password": PASSWORD})
    assert page.status_code == 200
    assert "3 signed, 0 not signed" in page.content.decode()
    votes = [each.votes.get() for each in asked]
    assert [(vote.decision, vote.rationale) for vote in votes] == [
        ("approve", f"Read: {asked[0].ref}."),
        ("return", f"Read: {asked[1].ref}."),
        ("approve", f"Read: {asked[2].ref}."),
    ]
    assert len({vote.statement_digest for vote in votes}) == 3
    for each, vote in zip(asked, votes, strict=True):
        assert f'"request":"{each.ref}"' in vote.statement
        assert vote.subject_digest == each.subject_digest
        assert vote.statement_digest in page.content.decode()
    done = Event.objects.filter(outcome="done", person=str(votes[0].person_id)).order_by("position")
    events = done.filter(verb="signoff.vote")
    told = [(event.details["request"], event.details["statement_digest"]) for event in events]
    assert told == [(each.ref, vote.statement_digest) for each, vote in zip(asked, votes, strict=True)]
    assert done.filter(verb="access.confirm_identity").count() == 3
    assert [Request.objects.get(pk=each.pk).status for each in asked] == ["open", "returned", "open"]


def test_one_that_changed_meanwhile_is_refused_beside_it_and_the_others_stand(
    cast: Cast, asked: list[Request], desk: Client
) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    services.withdraw(asked[1], reason="Refit first.", actor=fresh(cast.developer))
    page = desk.post(SIGN, given | {"password": PASSWORD})
    text = page.content.decode()
    assert "2 signed, 1 not signed" in text
    assert [(each.vote is None, each.refusal) for each in page.context["given"]] == [
        (False, ""), (True, "This request is decided."), (False, "")
    ]  # fmt: skip
    assert [each.votes.count() for each in asked] == [1, 0, 1]
    event = Event.objects.filter(verb="signoff.vote", outcome="refused").get()
    assert event.details["reasons"] == ["This request is decided."]


def test_evidence_that_changed_between_reading_and_signing_is_refused(
    cast: Cast, asked: list[Request], desk: Client
) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    changed = validation.Version.objects.get(pk=asked[0].subject_key)
    validation.run(cast, changed, ("performance",), auc=0.9)
    page = desk.post(SIGN, given | {"password": PASSWORD})
    assert [each.votes.count() for each in asked] == [0, 1, 1]
    assert "The evidence or the subject changed since this request was submitted" in page.content.decode()
    text = desk.get(SEVERAL, {"asked": keys(asked)}).content.decode()
    assert "The evidence changed since this was submitted, so nobody can sign it." in text


def test_a_wrong_password_signs_none_and_is_one_failure(asked: list[Request], desk: Client) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    page = desk.post(SIGN, given | {"password": "wrong"})
    assert page.status_code == 422
    assert "The password is wrong; nothing was signed." in page.content.decode()
    assert (Vote.objects.filter(request__in=asked).count(), refused("access.confirm_identity")) == (0, 1)
    again = {f"token-{each['asked'].pk}": each["token"] for each in page.context["statements"]}
    assert again == {name: value for name, value in given.items() if name != "asked"}
    for _ in range(4):
        desk.post(SIGN, given | {"password": "wrong"})
    closed = desk.post(SIGN, given | {"password": PASSWORD})
    assert "Too many wrong passwords, codes or keys" in closed.content.decode()
    assert (Vote.objects.filter(request__in=asked).count(), refused("access.confirm_identity")) == (0, 6)


def test_no_password_signs_nothing_and_keeps_the_statements(asked: list[Request], desk: Client) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    page = desk.post(SIGN, given)
    assert (page.status_code, refused("access.confirm_identity")) == (422, 0)
    assert "Type your password; nothing was signed." in page.content.decode()
    assert len(page.context["statements"]) == 3


def test_what_is_left_without_a_decision_stays_as_it_is(asked: list[Request], desk: Client) -> None:
    page = desk.post(SEVERAL, decided(asked[:1], "approve") | {"asked": keys(asked)})
    assert [each["asked"] for each in page.context["statements"]] == asked[:1]
    page = desk.post(SEVERAL, {"asked": keys(asked)})
    assert page.status_code == 422
    assert "Nothing was decided: choose a decision for at least one request." in page.content.decode()


def test_a_decision_needs_its_words_and_words_their_decision(asked: list[Request], desk: Client) -> None:
    given = decided(asked, "approve", "", "approve_with_conditions") | {f"d-{asked[0].pk}-rationale": " "}
    page = desk.post(SEVERAL, given)
    text = page.content.decode()
    assert page.status_code == 422
    for sentence in (
        "It goes into the record; say why.",
        "Choose a decision, or take the rationale away to leave this request as it is.",
        "Choose one of the decisions offered here.",
        "Conditions are written on the request&#x27;s own page",
    ):
        assert sentence in text
    assert f"Read: {asked[1].ref}." in text


def test_what_is_read_can_be_taken_back_to_the_decisions(asked: list[Request], desk: Client) -> None:
    page = desk.post(SEVERAL, decided(asked, "approve", "return", "reject") | {"back": "1"})
    text = page.content.decode()
    assert "password" not in text
    for each in asked:
        assert f"Read: {each.ref}." in text


def test_what_was_picked_stands_in_every_address_on_the_way(asked: list[Request], desk: Client) -> None:
    picked = urlencode([("asked", key) for key in keys(asked)])
    read = desk.post(f"{SEVERAL}?{picked}", decided(asked[:1], "approve"))
    assert len(read.context["statements"]) == 1
    signing = tokens(desk, asked[:1], "approve") | {"password": "wrong"}
    for page in (read, desk.post(f"{SIGN}?{picked}", signing)):
        addresses = re.findall(r'action="([^"]+several[^"]*)"', page.content.decode())
        assert [html.unescape(each) for each in addresses] == [f"{SIGN}?{picked}", f"{SEVERAL}?{picked}"]
    back = desk.post(f"{SEVERAL}?{picked}", decided(asked[:1], "approve") | {"back": "1"}).content.decode()
    assert all(f"Your decision on {each.ref}" in back for each in asked)


def test_who_is_not_entitled_signs_nothing(cast: Cast, asked: list[Request], client: Client) -> None:
    client.force_login(with_password(fresh(cast.developer)))
    text = client.get(SEVERAL, {"asked": keys(asked)}).content.decode()
    assert text.count("You may not sign: you developed this version.") == 3
    assert "Not open: none of these is decided here." in text
    assert client.post(SEVERAL, decided(asked, "approve", "approve", "approve")).status_code == 422
    client.force_login(cast.outsider)
    assert client.get(SEVERAL, {"asked": keys(asked)}).status_code == 404
    assert client.post(SIGN, {"asked": keys(asked), "password": PASSWORD}).status_code == 404
    assert client.get(SEVERAL, {"asked": "word"}).status_code == 404
    assert not Vote.objects.filter(request__in=asked).exists()


def test_a_statement_of_another_person_or_request_signs_nothing(cast: Cast, asked: list[Request], desk: Client) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    first, second = (f"token-{each.pk}" for each in asked[:2])
    crossed = given | {first: given[second], second: given[first]}
    page = desk.post(SIGN, crossed | {"password": PASSWORD})
    reason = "This statement was made for another request or another person."
    assert [each.refusal for each in page.context["given"]] == [reason, reason, ""]
    desk.force_login(with_password(fresh(cast.second_officer)))
    page = desk.post(SIGN, given | {"password": PASSWORD})
    assert {each.refusal for each in page.context["given"]} == {reason}
    assert Vote.objects.filter(request__in=asked).count() == 1


def test_a_statement_signs_once(asked: list[Request], desk: Client) -> None:
    given = tokens(desk, asked, "approve", "approve", "approve")
    desk.post(SIGN, given | {"password": PASSWORD})
    page = desk.post(SIGN, given | {"password": PASSWORD})
    assert page.status_code == 409
    assert {each.refusal for each in page.context["given"]} == {
        "This statement was signed before; open the request and read a new one."
    }
    assert Vote.objects.filter(request__in=asked).count() == 3


def test_what_needs_a_stronger_factor_is_signed_on_its_own_page(cast: Cast, desk: Client) -> None:
    plain = make.submitted(cast, name=NAMES[0])
    old = Policy.objects.get(key="production-use-tier-1", current=True)
    policy_in_force(cast, old.key, signature={**old.content["signature"], "methods": ["webauthn"]})
    strong = make.submitted(cast, name=NAMES[1])
    desk.force_login(fresh(cast.officer))
    both = [plain, strong]
    sentence = (
        "takes signatures confirmed by security key only. Several are signed by password: sign this on its own page."
    )
    assert sentence in desk.get(SEVERAL, {"asked": keys(both)}).content.decode()
    page = desk.post(SEVERAL, decided(both, "approve", "approve"))
    assert [each["asked"] for each in page.context["statements"]] == [plain]
    statement, token = services.compose(
        strong, decision="approve", rationale="Read.", conditions=[], actor=fresh(cast.officer)
    )
    given = {"asked": keys([strong]), f"token-{strong.pk}": token, "password": PASSWORD}
    page = desk.post(SIGN, given)
    assert page.status_code == 409
    assert "takes signatures confirmed by security key only." in page.context["given"][0].refusal
    assert not Vote.objects.filter(statement_digest=digest(statement)).exists()


def test_who_has_no_password_signs_each_on_its_own_page(cast: Cast, asked: list[Request], client: Client) -> None:
    account, _secret = with_app(cast.officer)
    account.set_unusable_password()
    found = queries.several(asked, account)
    assert {each.alone for each in found} == {
        "Your account has no password. A code serves once and a security key answers one statement: sign on its own page."
    }


def test_too_many_are_not_read_together(asked: list[Request], cast: Cast) -> None:
    from uuid import uuid4

    with pytest.raises(Refused, match="You chose 11 requests; at most 10 are read and signed together"):
        queries.chosen(cast.officer, {uuid4() for _ in range(11)})


def test_a_signature_that_makes_the_signer_a_party_closes_the_next(cast: Cast, asked: list[Request]) -> None:
    """Each is judged when it is its turn, after what the one before it did."""
    signer = with_password(fresh(cast.officer))
    laid = services.compose_each([services.Decided(each, "approve", "Read.") for each in asked[:2]], actor=signer)
    services.recuse(asked[1], reason="Family.", actor=fresh(cast.officer))
    given = services.sign_each([(each.request, each.token) for each in laid], password=PASSWORD, actor=signer)
    assert [bool(each.vote) for each in given] == [True, False]
    assert "conflict of interest" in given[1].refusal


def test_the_queue_alone_shows_no_more_than_a_person_sees(cast: Cast, asked: list[Request], client: Client) -> None:
    assert Model.objects.count() == 3
    outsider: Account = cast.outsider
    assert queries.chosen(outsider, {each.pk for each in asked}) == []
