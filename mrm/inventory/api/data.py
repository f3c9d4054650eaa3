"""Data sets: the list, one with its manifest, and the upload."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.rest import Pages, Strict, account_of
from mrm.inventory import queries, services
from mrm.inventory.api.fields import UnitField
from mrm.inventory.models import Dataset


class DatasetIn(Strict):
    file = serializers.FileField(help_text="CSV in UTF-8 with a header, Parquet, or XLSX with one table; up to 64 MiB.")
    name = serializers.CharField(max_length=120)
    source = serializers.CharField(max_length=300)  # type: ignore[assignment]  # a field may be called source
    unit = UnitField()
    holds_protected = serializers.BooleanField(default=False)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    period = serializers.CharField(max_length=120, required=False, allow_blank=True)
    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}$", required=False)


class DatasetOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field may be called source
    period = serializers.CharField()
    unit = UnitField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField())
    holds_protected = serializers.BooleanField()
    registered_at = serializers.DateTimeField()


class ColumnOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()
    nulls = serializers.IntegerField()
    distinct = serializers.IntegerField()
    min = serializers.JSONField(allow_null=True, required=False)
    max = serializers.JSONField(allow_null=True, required=False)


class OneDatasetOut(DatasetOut):
    profile = ColumnOut(
        many=True, help_text="Smallest and largest values of protected attributes only with permission."
    )


class Datasets(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(responses=DatasetOut(many=True), operation_id="datasets_list", summary="The data sets in reach")
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.datasets_visible_to(account_of(request)), request, view=self)
        return pages.get_paginated_response(DatasetOut(found, many=True).data)

    @extend_schema(
        request={"multipart/form-data": DatasetIn},
        responses={201: OneDatasetOut},
        operation_id="datasets_register",
        summary="Upload a table and register it",
    )
    def post(self, request: Request) -> Response:
        account = account_of(request)
        given = DatasetIn(data=dict(cast(dict[str, Any], request.data).items()), context={"account": account})
        given.is_valid(raise_exception=True)
        facts = dict(given.validated_data)
        made = services.register_upload(facts.pop("file").chunks(), **facts, actor=account)
        return Response(_shown(get_object_or_404(queries.datasets_visible_to(account), pk=made.pk), account), 201)


class OneDataset(APIView):
    @extend_schema(responses=OneDatasetOut, operation_id="datasets_get", summary="One data set with its profile")
    def get(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        return Response(_shown(get_object_or_404(queries.datasets_visible_to(account), pk=pk), account))


def _shown(dataset: Dataset, account: Account) -> dict[str, Any]:
    hidden = () if queries.shows_values(dataset, account) else ("min", "max")
    columns = dataset.manifest.get("columns", [])
    profile = [{name: value for name, value in column.items() if name not in hidden} for column in columns]
    return {**DatasetOut(dataset).data, "profile": profile}
