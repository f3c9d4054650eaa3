"""Access reviews over the API."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account, Person
from mrm.access.queries import person_with_email, units_visible_to, ways
from mrm.access.rest import Pages, SignIn, StatementOut, Strict, account_of, laid
from mrm.core.refusal import Invalid
from mrm.entitlement import queries, services
from mrm.entitlement.models import Review


class ReviewIn(Strict):
    title = serializers.CharField(max_length=120)
    unit = serializers.SlugField(help_text="Key of the unit; the review reaches everything below it.")
    due = serializers.DateField()
    revoke_overdue = serializers.BooleanField(default=False)
    substitute = serializers.EmailField(default="", allow_blank=True, help_text="E-mail address of who stands in.")


class ReviewOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ref = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField(source="unit.key")
    due = serializers.DateField()
    revoke_overdue = serializers.BooleanField()
    status = serializers.CharField()
    is_overdue = serializers.BooleanField()
    opened_at = serializers.DateTimeField()
    items = serializers.IntegerField(source="count")
    pending = serializers.IntegerField()
    snapshot_digest = serializers.CharField()
    completed_at = serializers.DateTimeField(allow_null=True)
    statement = serializers.CharField(help_text="The canonical JSON that was signed; empty while the review is open.")
    statement_digest = serializers.CharField()
    method = serializers.CharField(help_text="How the signer was confirmed.")
    evidence = serializers.JSONField(help_text="What a security key answered to the statement.")


class ItemOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    what = serializers.CharField()
    account = serializers.CharField(source="account.username")
    unit = serializers.CharField(source="unit.key")
    content = serializers.JSONField()
    outcome = serializers.CharField()
    reason = serializers.CharField()
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)


class SubstituteIn(Strict):
    substitute = serializers.EmailField(help_text="E-mail address of who stands in.")


class ConfirmIn(Strict):
    items = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=2000)
    reason = serializers.CharField(max_length=1000)


class RevokeIn(Strict):
    item = serializers.IntegerField()
    reason = serializers.CharField(max_length=1000)


class Reviews(APIView):
    @extend_schema(
        responses=ReviewOut(many=True), operation_id="access_reviews", summary="Access reviews that one may watch"
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.reviews_visible_to(account_of(request)), request, view=self)
        return pages.get_paginated_response(ReviewOut(found or (), many=True).data)

    @extend_schema(
        request=ReviewIn, responses={201: ReviewOut}, operation_id="access_reviews_open",
        summary="Open an access review: everything in force on a unit and below it is taken into it",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        account = account_of(request)
        values = ReviewIn.read(request)
        unit = get_object_or_404(units_visible_to(account), key=values.pop("unit"))
        address = values.pop("substitute")
        person = _person(address) if address else None
        made = services.open_review(**values, unit=unit, substitute=person, actor=account)
        return Response(_told(made), status=201)


class OneReview(APIView):
    @extend_schema(responses=ReviewOut, operation_id="access_review", summary="An access review with its counts")
    def get(self, request: Request, pk: int) -> Response:
        return Response(ReviewOut(_watched(account_of(request), pk)).data)


class Substitute(APIView):
    @extend_schema(
        request=SubstituteIn, responses=ReviewOut, operation_id="access_review_substitute",
        summary="Name who decides where nobody else may",
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _watched(account, pk)
        given = SubstituteIn.read(request)
        person = _person(given["substitute"])
        return Response(_told(services.name_substitute(found, substitute=person, actor=account)))


class Items(APIView):
    @extend_schema(
        responses=ItemOut(many=True), operation_id="access_review_items",
        summary="What is under review: all of it for who watches, one's own part for who decides",
    )  # fmt: skip
    def get(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _in_reach(account, pk)
        watches = queries.reviews_visible_to(account).filter(pk=pk).exists()
        rows = list(queries.items_of(found)) if watches else queries.own_items(found, account)
        return Response(ItemOut(rows, many=True).data)


class Confirm(APIView):
    @extend_schema(
        request=ConfirmIn,
        responses=ReviewOut,
        operation_id="access_review_confirm",
        summary="Confirm one or many items",
    )
    def post(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _in_reach(account, pk)
        values = ConfirmIn.read(request)
        return Response(_told(services.confirm(found, keys=values["items"], reason=values["reason"], actor=account)))


class Revoke(APIView):
    @extend_schema(
        request=RevokeIn,
        responses=ItemOut,
        operation_id="access_review_revoke",
        summary="Revoke one item; it ends at once",
    )
    def post(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _in_reach(account, pk)
        given = RevokeIn.read(request)
        item = get_object_or_404(queries.items_of(found), pk=given["item"])
        return Response(ItemOut(services.revoke(item, reason=given["reason"], actor=account)).data)


class Statement(APIView):
    @extend_schema(
        responses=StatementOut,
        operation_id="access_review_statement",
        summary="The statement that completes it, to be read",
    )
    def get(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _watched(account, pk)
        statement, token = services.compose(found, actor=account)
        return Response(laid(statement, token, ways(account), account))


class Attest(APIView):
    @extend_schema(
        request=SignIn,
        responses=ReviewOut,
        operation_id="access_review_attest",
        summary="Sign the statement that was read",
    )
    def post(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = _watched(account, pk)
        given = SignIn.read(request)
        return Response(_told(services.attest(found, **given, actor=account)))


def _in_reach(account: Account, pk: int) -> Review:
    """A review that the account watches, or in which it has a part."""
    found = get_object_or_404(queries.reviews(), pk=pk)
    if account.may("entitlement.review") and queries.open_to(found, account):
        return found
    return _watched(account, pk)


def _watched(account: Account, pk: int) -> Review:
    return get_object_or_404(queries.reviews_visible_to(account), pk=pk)


def _person(address: str) -> Person:
    person = person_with_email(address)
    if person is None:
        raise Invalid(f"Nobody here has the address {address}.", fields={"substitute": ["Unknown."]})
    return person


def _told(review: Review) -> Any:
    return ReviewOut(queries.reviews().get(pk=review.pk)).data
