"""Conversions to ONNX over the API: ask, follow, read."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core.actors import permit
from mrm.evaluation import queries, services
from mrm.inventory.queries import versions_visible_to


class ConvertIn(Strict):
    label = serializers.CharField(max_length=40, help_text="Label of the new version.")  # type: ignore[assignment]  # the field, not the caption
    dataset = serializers.UUIDField(help_text="A data set linked to the version, on whose rows both are compared.")
    tolerance = serializers.DecimalField(12, 9, help_text="So far may two scores of a row differ.")


class ConversionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ref = serializers.CharField(source="__str__")
    source = serializers.UUIDField(source="source_id")  # type: ignore[assignment]  # the field, not where it is from
    source_sha256 = serializers.CharField()
    dataset = serializers.UUIDField(source="dataset_id")
    label = serializers.CharField()  # type: ignore[assignment]  # the field, not the caption
    tolerance = serializers.DecimalField(12, 9)
    status = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    converter = serializers.CharField()
    parity = serializers.JSONField(help_text="Rows, largest difference, and decisions that differ at the cut-off.")
    made = serializers.UUIDField(source="made_id", allow_null=True, help_text="The new version.")
    made_sha256 = serializers.CharField()
    error = serializers.CharField()


class Conversions(APIView):
    @extend_schema(
        responses=ConversionOut(many=True), operation_id="conversions_list",
        summary="The conversions of a version to ONNX, newest first",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID) -> Response:
        pages, account = Pages(), account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        found = queries.conversions_visible_to(account).filter(source=version)
        return pages.get_paginated_response(
            ConversionOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=ConvertIn, responses={202: ConversionOut}, operation_id="conversions_start",
        summary="Have the artifact of a version converted to ONNX, as a new draft beside it",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        permit(account, "evaluation.convert", version)
        given = ConvertIn(data=request.data)
        given.is_valid(raise_exception=True)
        link = version.datasets.filter(dataset=given.validated_data["dataset"]).select_related("dataset").first()
        if link is None:
            raise serializers.ValidationError({"dataset": ["No data set linked to this version has this id."]})
        made = services.convert(version, **{**given.validated_data, "dataset": link.dataset}, actor=account)
        return Response(ConversionOut(made).data, 202)


class OneConversion(APIView):
    @extend_schema(responses=ConversionOut, operation_id="conversions_get", summary="A conversion, and what came of it")
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(queries.conversions_visible_to(account_of(request)), pk=pk)
        return Response(ConversionOut(found).data)
