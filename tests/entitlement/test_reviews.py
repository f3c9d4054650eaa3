"""An access review: everything in force, decided by those who lead, attested under a signature."""

import datetime as dt
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account, RoleGrant
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.canonical import digest
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.entitlement import queries, services
from mrm.entitlement.models import Item, Review
from mrm.entitlement.workflow import Outcome
from mrm.inventory.models import ModelException
from tests.factories import inventory as make
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, with_password
from tests.factories.entitlement import client_of, decide_all, item_of, under_review


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    now = timezone.now() + dt.timedelta(**passed)
    monkeypatch.setattr(timezone, "now", lambda: now)


def deciders(review: Review) -> dict[str, set[str]]:
    """Account and role to the names of those who decide."""
    who = queries.reviewers()
    return {
        f"{item.account.username} {item.content.get('role', 'reads')}": set(who.names_of(item))
        for item in queries.items_of(review)
    }


def test_everything_in_force_is_taken_with_its_digest(cast: Cast, head: Account) -> None:
    ended = access.grant(cast.outsider, role="owner", unit=cast.markets, actor=SETUP)
    access.revoke(ended, reason="Left.", actor=SETUP)
    until = timezone.now() + dt.timedelta(days=9)
    model = make.model(cast)
    access.open_record(
        model, kind="model", account=cast.outsider, until=until, reason="Look.", actor=cast.administrator
    )
    review = under_review(cast)
    assert Item.objects.filter(grant__isnull=False).count() == RoleGrant.objects.in_force().count()
    assert Item.objects.get(kind="model").what == f"Reads {model.ref}, {model.name}"
    event = Event.objects.get(verb="entitlement.open_review")
    assert (event.actor, event.details["items"]) == ("adam", Item.objects.count())
    told = sorted((item.content for item in Item.objects.all()), key=lambda each: (each["type"], each["key"]))
    assert review.snapshot_digest == event.details["snapshot_digest"] == digest(told)
    local = under_review(cast, unit=cast.retail)
    assert {item.account.username for item in local.items.all()} == {"olivia", "dev", "lena", "otto"}


def test_nobody_reviews_himself_and_the_lead_above_does(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    found = deciders(review)
    assert found["olivia owner"] == {"Lena Lead"}
    assert found["lena bu_lead"] == {"Hanna Head"}
    assert found["rita risk_officer"] == {"Hanna Head"}
    assert found["hanna bu_lead"] == {"Rita Officer"}
    with pytest.raises(Refused, match="nobody reviews his own access"):
        services.revoke(item_of(review, cast.lead), reason="x", actor=fresh(cast.lead))
    with pytest.raises(Refused, match="this is reviewed by the lead of the unit"):
        services.confirm(review, keys=[item_of(review, cast.owner).pk], reason="x", actor=fresh(head))
    with pytest.raises(Refused, match="business-unit lead"):
        services.confirm(review, keys=[item_of(review, cast.owner).pk], reason="x", actor=fresh(cast.administrator))
    refused = Event.objects.filter(verb="entitlement.confirm_access", outcome="refused")
    assert refused.count() == 2


def test_what_nobody_decides_keeps_it_open(cast: Cast, head: Account) -> None:
    review = under_review(cast)
    assert deciders(review)["hanna bu_lead"] == set()
    decide_all(cast, review, cast.lead, head)
    with pytest.raises(Refused, match=r"1 of \d+ are not reviewed yet"):
        services.compose(review, actor=fresh(cast.administrator))
    with pytest.raises(Invalid, match="must be a business-unit lead or risk officer"):
        services.name_substitute(review, substitute=cast.outsider.person, actor=fresh(cast.administrator))
    url = reverse("entitlement:name_substitute", args=[review.pk])
    client_of(cast.administrator).post(url, {"substitute": str(cast.officer.person_id)})
    assert deciders(review)["hanna bu_lead"] == {"Rita Officer"}
    assert Event.objects.get(verb="entitlement.name_substitute").actor == "adam"
    decide_all(cast, review, cast.officer)
    assert services.compose(review, actor=fresh(cast.administrator))[0]["confirmed"] == review.items.count()


def test_confirmed_in_bulk_revoked_one_by_one_at_once(cast: Cast, head: Account) -> None:
    review = under_review(cast)
    keys = [item_of(review, who).pk for who in (cast.owner, cast.developer)]
    with pytest.raises(Invalid, match="needs its reason"):
        services.confirm(review, keys=keys, reason=" ", actor=fresh(cast.lead))
    services.revoke(item_of(review, cast.owner), reason="Moved.", actor=fresh(cast.lead))
    assert fresh(cast.owner).roles == ()
    grant = RoleGrant.objects.get(account=cast.owner)
    assert grant.revoked_by == cast.lead
    event = Event.objects.get(verb="entitlement.revoke_access", outcome="done")
    assert (event.actor, event.reason, event.details) == (
        "lena", "Moved.", {"what": "Model owner on Retail Lending", "review": review.ref},
    )  # fmt: skip
    with pytest.raises(Refused, match="is decided already: revoked"):
        services.confirm(review, keys=keys, reason="Needed.", actor=fresh(cast.lead))
    services.confirm(review, keys=keys[1:], reason="Needed.", actor=fresh(cast.lead))
    assert Event.objects.get(verb="entitlement.confirm_access", outcome="done").details["count"] == 1
    assert fresh(cast.developer).roles == ("developer",)


def test_an_exception_is_revoked_too(cast: Cast, head: Account) -> None:
    until = timezone.now() + dt.timedelta(days=9)
    access.open_record(
        make.model(cast), kind="model", account=cast.outsider, until=until, reason="Look.", actor=cast.administrator
    )
    review = under_review(cast)
    services.revoke(item_of(review, cast.outsider), reason="Done.", actor=fresh(cast.lead))
    assert not ModelException.objects.filter(until__gt=timezone.now()).exists()
    assert item_of(review, cast.outsider).outcome == Outcome.REVOKED


def test_what_ended_meanwhile_needs_nobody(cast: Cast, head: Account) -> None:
    review = under_review(cast)
    access.revoke(cast.developer.role_grants.get(), reason="Left.", actor=cast.administrator)
    services.confirm(review, keys=[item_of(review, cast.developer).pk], reason="Needed.", actor=fresh(cast.lead))
    assert item_of(review, cast.developer).outcome == Outcome.LAPSED
    access.revoke(cast.deployer.role_grants.get(), reason="Left.", actor=cast.administrator)
    services.watch()
    item = item_of(review, cast.deployer)
    assert (item.outcome, item.decided_by, item.reason) == (Outcome.LAPSED, None, "Ended before it was reviewed.")


@pytest.mark.parametrize("by_itself", [True, False])
def test_what_is_overdue_is_revoked_where_the_review_says_so(
    cast: Cast, head: Account, monkeypatch: pytest.MonkeyPatch, by_itself: bool
) -> None:
    review = under_review(cast, unit=cast.retail, revoke_overdue=by_itself)
    services.confirm(review, keys=[item_of(review, cast.owner).pk], reason="Needed.", actor=fresh(cast.lead))
    assert services.watch() == 0
    later(monkeypatch, days=15)
    review.refresh_from_db()
    assert review.is_overdue
    assert services.watch() == (2 if by_itself else 0)
    assert fresh(cast.owner).roles == ("owner",)
    assert fresh(cast.developer).roles == (() if by_itself else ("developer",))
    if by_itself:
        event = Event.objects.filter(verb="entitlement.revoke_overdue").first()
        assert event is not None
        assert event.actor == "system:access review"
        assert item_of(review, cast.lead).reason == "Not reviewed by the due day."
    assert services.watch() == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"due": 0}, "The due day must lie ahead"),
        ({"due": 500}, "A review is done within a year"),
        ({"substitute": "outsider"}, "must be a business-unit lead or risk officer"),
        ({"unit": "markets"}, "there is nothing to review"),
    ],
)
def test_what_cannot_be_opened(cast: Cast, given: dict[str, Any], sentence: str) -> None:
    values = dict(given)
    if "due" in values:
        values["due"] = timezone.localdate() + dt.timedelta(days=values["due"])
    if "substitute" in values:
        values["substitute"] = cast.outsider.person
    if "unit" in values:
        values["unit"] = cast.markets
    with pytest.raises(Refused, match=sentence):
        under_review(cast, **values)
    assert not Review.objects.exists()


def test_one_is_open_for_a_unit_and_only_keepers_open_one(cast: Cast) -> None:
    under_review(cast)
    with pytest.raises(Refused, match="is open for Bank already"):
        under_review(cast)
    with pytest.raises(Forbidden):
        services.open_review(
            title="x", unit=cast.retail, due=timezone.localdate(), revoke_overdue=False, substitute=None,
            actor=fresh(cast.lead),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("of", "change", "sentence"),
    [
        ("item", {"outcome": "confirmed", "decided_by": "concerned"}, "nobody reviews his own access"),
        ("item", {"outcome": "revoked", "decided_by": "lead"}, "what is revoked in a review is revoked"),
        ("item", {"outcome": "revoked", "decided_by": None}, "revokes nothing by itself"),
        ("item", {"content": {}}, "decided once and otherwise stays"),
        ("item", None, "stays in the record"),
        ("review", {"snapshot_digest": "0"}, "completed once and otherwise stays"),
        ("review", {"status": "completed"}, "when nothing in it waits"),
        ("review", None, "completed once and otherwise stays"),
    ],
)
def test_the_database_holds_it_too(cast: Cast, of: str, change: dict[str, Any] | None, sentence: str) -> None:
    review = under_review(cast)
    item = item_of(review, cast.owner)
    stands_for = {"concerned": cast.owner, "lead": cast.lead}
    values = {
        name: stands_for.get(value, value) if name == "decided_by" else value for name, value in (change or {}).items()
    }
    if "outcome" in values:
        values |= {"reason": "x", "decided_at": timezone.now()}
    if values.get("status"):
        values |= {
            "completed_at": timezone.now(), "completed_by": cast.auditor, "statement": "x", "statement_digest": "x",
        }  # fmt: skip
    rows: Any = Item.objects.filter(pk=item.pk) if of == "item" else Review.objects.filter(pk=review.pk)

    def attempted() -> None:
        _ = rows._raw_delete("default") if change is None else rows.update(**values)

    with (
        pytest.raises(Error, match=sentence),
        transaction.atomic(),
        recorded("access.grant", actor=SETUP, subject=item),
    ):
        attempted()


def test_pages_walk_a_review_to_its_end(cast: Cast, head: Account) -> None:
    with_password(cast.administrator)
    keeper, lead = client_of(cast.administrator), client_of(cast.lead)
    due = (timezone.localdate() + dt.timedelta(days=14)).isoformat()
    data = {"title": "Year end", "unit": str(cast.retail.pk), "due": due, "substitute": ""}
    past = keeper.post(reverse("entitlement:open_review"), {**data, "due": "2020-01-01"})
    assert (past.status_code, "The due day must lie ahead" in past.content.decode()) == (422, True)
    keeper.post(reverse("entitlement:open_review"), data)
    review = Review.objects.get()
    assert "3 of 3 are not reviewed yet" in keeper.get(review.get_absolute_url()).content.decode()
    home = lead.get("/").content.decode()
    assert "2 roles and exceptions wait for your review" in home
    mine = reverse("entitlement:my_review", args=[review.pk])
    assert mine in home
    page = lead.get(mine).content.decode()
    assert ("Olivia Owner" in page, "Lena Lead</td>" in page) == (True, False)
    confirm = reverse("entitlement:confirm", args=[review.pk])
    keys = [str(item_of(review, who).pk) for who in (cast.owner, cast.developer)]
    bare = lead.post(confirm, {"items": keys[1:], "reason": ""})
    assert (bare.status_code, "needs its reason" in bare.content.decode() or "Needed." in bare.content.decode()) == (
        422,
        True,
    )
    none = lead.post(confirm, {"reason": "Needed."})
    assert (none.status_code, "Choose at least one." in none.content.decode()) == (422, True)
    assert lead.post(confirm, {"items": keys[1:], "reason": "Needed."}).status_code == 302
    revoke = reverse("entitlement:revoke_item", args=[keys[0]])
    assert lead.get(revoke).status_code == 200
    assert lead.post(revoke, {"reason": "Moved."}).status_code == 302
    assert fresh(cast.owner).roles == ()
    client_of(head).post(confirm, {"items": [str(item_of(review, cast.lead).pk)], "reason": "Needed."})
    attest = reverse("entitlement:attest", args=[review.pk])
    shown = keeper.get(attest)
    assert "2 confirmed, 1 revoked, 0 ended meanwhile" in shown.content.decode()
    token = shown.context["token"]
    assert keeper.post(attest, {"token": token, "password": ""}).status_code == 422
    keeper.post(attest, {"token": token, "password": PASSWORD})
    page = keeper.get(review.get_absolute_url()).content.decode()
    assert ("Completed and attested" in page, "Adam Administrator" in page) == (True, True)
    sheet = b"".join(keeper.get(reverse("entitlement:review_csv", args=[review.pk])).streaming_content).decode()  # type: ignore[attr-defined]
    assert "Model owner on Retail Lending,Olivia Owner,olivia,retail,,revoked,Moved.,Lena Lead" in sheet
    assert "Year end" in keeper.get(reverse("entitlement:reviews")).content.decode()


def test_others_see_nothing_of_it(cast: Cast, head: Account) -> None:
    review = under_review(cast, unit=cast.retail)
    item = item_of(review, cast.owner)
    for who in (cast.outsider, cast.owner, cast.officer):
        client = client_of(who)
        pages = [
            reverse(f"entitlement:{name}", args=[review.pk]) for name in ("review", "review_csv", "my_review", "attest")
        ]
        for page in (*pages, reverse("entitlement:revoke_item", args=[item.pk])):
            assert client.get(page).status_code in {403, 404}, page
    assert client_of(cast.lead).get(review.get_absolute_url()).status_code == 404


def test_the_api_walks_it_too(cast: Cast, head: Account) -> None:
    with_password(cast.auditor)
    keeper, lead, above = APIClient(), APIClient(), APIClient()
    for api, who in ((keeper, cast.auditor), (lead, cast.lead), (above, head)):
        api.force_authenticate(fresh(who))
    body = {"title": "Year end", "unit": "retail", "due": (timezone.localdate() + dt.timedelta(days=9)).isoformat()}
    unknown = keeper.post("/api/v1/access-reviews/", {**body, "substitute": "no@bank.example"}, format="json")
    assert unknown.json()["reasons"] == ["Nobody here has the address no@bank.example."]
    made = keeper.post("/api/v1/access-reviews/", body, format="json").json()
    assert (made["items"], made["pending"], made["status"]) == (3, 3, "open")
    at = f"/api/v1/access-reviews/{made['id']}/"
    own = lead.get(f"{at}items/").json()
    assert {row["account"] for row in own} == {"olivia", "dev"}
    gone = lead.post(f"{at}revoke/", {"item": own[0]["id"], "reason": "Moved."}, format="json")
    assert (gone.status_code, gone.json()["outcome"]) == (200, "revoked")
    assert (
        lead.post(f"{at}confirm/", {"items": [own[1]["id"]], "reason": "Needed."}, format="json").json()["pending"] == 1
    )
    assert keeper.get(f"{at}statement/").json()["reasons"] == ["1 of 3 are not reviewed yet."]
    (rest,) = above.get(f"{at}items/").json()
    above.post(f"{at}confirm/", {"items": [rest["id"]], "reason": "Needed."}, format="json")
    token = keeper.get(f"{at}statement/").json()["token"]
    done = keeper.post(f"{at}attest/", {"token": token, "password": PASSWORD}, format="json").json()
    assert (done["status"], bool(done["statement_digest"])) == ("completed", True)
    assert keeper.get("/api/v1/access-reviews/").json()["results"][0]["ref"] == made["ref"]


def test_a_review_takes_constant_queries(cast: Cast, head: Account) -> None:
    review = under_review(cast, unit=cast.retail)
    larger = under_review(cast)
    counts = []
    for each in (review, larger):
        with CaptureQueriesContext(connection) as found:
            client_of(cast.administrator).get(each.get_absolute_url())
        counts.append(len(found))
    assert counts[0] == counts[1]
