"""Roles that sign over the API: propose one, and where a proposal stands."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.queries import accounts, persons_visible_to, units_visible_to
from mrm.access.rest import Pages, Strict, account_of
from mrm.access.roles import APPROVERS
from mrm.entitlement import queries, services
from mrm.entitlement.queries import Standing


class ProposalIn(Strict):
    account = serializers.CharField(help_text="Sign-in name of the account that is to hold the role.")
    role = serializers.ChoiceField(choices=APPROVERS)
    unit = serializers.SlugField(help_text="Key of the unit; the role reaches everything below it.")
    until = serializers.DateTimeField(allow_null=True, default=None)
    reason = serializers.CharField(help_text="Kept for ever, so without the person's name.")


class ProposalOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="proposal.pk")
    account = serializers.CharField(source="proposal.account.username")
    role = serializers.CharField(source="proposal.role")
    unit = serializers.CharField(source="proposal.unit.key")
    until = serializers.DateTimeField(source="proposal.until", allow_null=True)
    reason = serializers.CharField(source="proposal.reason")
    proposed_by = serializers.CharField(source="proposal.proposed_by.username")
    proposed_at = serializers.DateTimeField(source="proposal.proposed_at")
    status = serializers.CharField(source="state", help_text="open, cooling, granted, ended, lapsed, or how it ended.")
    detail = serializers.CharField(source="words")
    may_sign = serializers.SerializerMethodField(help_text="Names of those who may sign now.")
    request = serializers.SerializerMethodField()

    def get_may_sign(self, row: Standing) -> list[str]:
        return list(row.signers)

    def get_request(self, row: Standing) -> UUID | None:
        return row.request.pk if row.request else None


class Proposals(APIView):
    @extend_schema(
        responses=ProposalOut(many=True),
        operation_id="role_proposals",
        summary="Proposals of roles that sign, in reach",
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.proposals_visible_to(account_of(request)), request, view=self)
        return pages.get_paginated_response(ProposalOut(queries.standings(found or ()), many=True).data)

    @extend_schema(
        request=ProposalIn, responses={201: ProposalOut}, operation_id="role_proposals_create",
        summary="Propose a role that signs; others sign, then it takes effect",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        account = account_of(request)
        values = ProposalIn.read(request)
        concerned = _account(account, values.pop("account"))
        unit = get_object_or_404(units_visible_to(account), key=values.pop("unit"))
        made = services.propose(concerned, **values, unit=unit, actor=account)
        return Response(ProposalOut(queries.standing(made)).data, status=201)


def _account(asking: Account, username: str) -> Account:
    """An account that may be inspected; for the one who asks it is his own too, so that he is told why not."""
    known = accounts().filter(person__in=persons_visible_to(asking))
    return get_object_or_404(known | accounts().filter(pk=asking.pk), username=username)


class OneProposal(APIView):
    @extend_schema(responses=ProposalOut, operation_id="role_proposal", summary="Where a proposal stands")
    def get(self, request: Request, pk: UUID) -> Response:
        found = get_object_or_404(queries.proposals_visible_to(account_of(request)), pk=pk)
        return Response(ProposalOut(queries.standing(found)).data)
