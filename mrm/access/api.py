"""Who the caller is, the units in reach, and tokens."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access import queries, services
from mrm.access.models import Token
from mrm.access.rest import Pages, Strict, account_of


class GrantOut(serializers.Serializer[Any]):
    role = serializers.CharField()
    unit = serializers.CharField(source="unit.key")
    until = serializers.DateTimeField()


class MeOut(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.EmailField()
    unit = serializers.CharField(source="unit.key")
    kind = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    grants = GrantOut(many=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)


class UnitOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    path = serializers.CharField()


class TokenIn(Strict):
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]  # a field may be called label
    days = serializers.IntegerField(min_value=1, max_value=365, default=90)
    scopes = serializers.ListField(child=serializers.CharField(max_length=60), default=list, max_length=50)


class TokenOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field may be called label
    hint = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenIssued(TokenOut):
    secret = serializers.CharField(help_text="Shown this once.")


class Me(APIView):
    @extend_schema(responses=MeOut, operation_id="me", summary="The account behind the credential")
    def get(self, request: Request) -> Response:
        return Response(MeOut(account_of(request)).data)


class Units(APIView):
    @extend_schema(responses=UnitOut(many=True), operation_id="units_list", summary="The business units in reach")
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.units_visible_to(account_of(request)), request, view=self)
        return pages.get_paginated_response(UnitOut(found, many=True).data)


class Tokens(APIView):
    @extend_schema(
        responses=TokenOut(many=True), operation_id="tokens_list", summary="One's own tokens, without secrets"
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        own = Token.objects.filter(account=account_of(request))
        return pages.get_paginated_response(TokenOut(pages.paginate_queryset(own, request, view=self), many=True).data)

    @extend_schema(
        request=TokenIn, responses={201: TokenIssued}, operation_id="tokens_issue", summary="Issue a token for oneself"
    )
    def post(self, request: Request) -> Response:
        given = TokenIn(data=request.data)
        given.is_valid(raise_exception=True)
        account = account_of(request)
        token = services.issue_token(account, **given.validated_data, actor=account)
        return Response(TokenIssued(token).data, 201)


class OneToken(APIView):
    @extend_schema(responses=TokenOut, operation_id="tokens_revoke", summary="End a token at once")
    def delete(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        token = get_object_or_404(queries.tokens_visible_to(account), pk=pk)
        return Response(TokenOut(services.revoke_token(token, actor=account)).data)
