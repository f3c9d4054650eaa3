"""Exceptions over the API."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access import services as access
from mrm.access.queries import accounts, exceptions_visible_to, persons_visible_to
from mrm.access.rest import Pages, Strict, account_of
from mrm.entitlement import queries
from mrm.inventory.queries import models_visible_to


class ExceptionIn(Strict):
    account = serializers.CharField(help_text="Sign-in name of the account that is to read the model.")
    model = serializers.UUIDField()
    until = serializers.DateTimeField()
    reason = serializers.CharField(max_length=300)


class EndIn(Strict):
    reason = serializers.CharField(max_length=1000)


class ExceptionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account = serializers.CharField(source="user.username")
    model = serializers.UUIDField(source="content_object_id")
    unit = serializers.CharField(source="unit.key")
    until = serializers.DateTimeField()
    reason = serializers.CharField()
    opened_by = serializers.CharField(source="granted_by.username", default=None, allow_null=True)
    in_force = serializers.BooleanField(source="is_in_force")


class Exceptions(APIView):
    @extend_schema(
        responses=ExceptionOut(many=True), operation_id="exceptions", summary="Models opened beside the roles, in reach",
        parameters=[OpenApiParameter("ended", bool, description="Those that ended, instead of those in force.")],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        pages = Pages()
        ended = request.query_params.get("ended") == "true"
        rows = queries.exceptions_listed(account_of(request), ended=ended)
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(ExceptionOut(found or (), many=True).data)

    @extend_schema(
        request=ExceptionIn, responses={201: ExceptionOut}, operation_id="exceptions_open",
        summary="Open one model to one account, to read, for a time",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        account = account_of(request)
        values = ExceptionIn.read(request)
        model = get_object_or_404(models_visible_to(account), pk=values.pop("model"))
        known = accounts().filter(person__in=persons_visible_to(account))
        reader = get_object_or_404(known, username=values.pop("account"))
        access.open_record(model, kind="model", account=reader, **values, actor=account)
        made = exceptions_visible_to(account, "model").get(user=reader, content_object=model)
        return Response(ExceptionOut(made).data, status=201)


class EndOfException(APIView):
    @extend_schema(request=EndIn, responses=ExceptionOut, operation_id="exceptions_end", summary="End it at once")
    def post(self, request: Request, pk: int) -> Response:
        account = account_of(request)
        found = get_object_or_404(exceptions_visible_to(account, "model"), pk=pk)
        given = EndIn.read(request)
        access.end_exception(found, **given, actor=account)
        return Response(ExceptionOut(found).data)
