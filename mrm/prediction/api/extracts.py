"""JSON: parts of the log as files."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core.downloads import blob_answer
from mrm.inventory.queries import models_visible_to
from mrm.prediction import queries, services
from mrm.prediction.models import Extract, ExtractFormat


class ExtractIn(Strict):
    since = serializers.DateField()
    until = serializers.DateField()
    format = serializers.ChoiceField(ExtractFormat.choices, default=ExtractFormat.PARQUET)
    with_inputs = serializers.BooleanField(default=False)


class ExtractOut(serializers.ModelSerializer[Extract]):
    ref = serializers.CharField()

    class Meta:
        model = Extract
        fields = (
            "id", "ref", "model", "since", "until", "format", "with_inputs", "status", "requested_at", "issued_at", "sha256",
            "size", "rows", "error",
        )  # fmt: skip


class Extracts(APIView):
    @extend_schema(
        responses=ExtractOut(many=True), operation_id="prediction_extracts", summary="Extracts of a model's log"
    )
    def get(self, request: Request, pk: UUID) -> Response:
        account, pages = account_of(request), Pages()
        model = get_object_or_404(models_visible_to(account), pk=pk)
        rows = pages.paginate_queryset(queries.extracts_visible_to(account).filter(model=model), request)
        return pages.get_paginated_response(ExtractOut(rows, many=True).data)

    @extend_schema(
        request=ExtractIn, responses={201: ExtractOut}, operation_id="prediction_extract_ask",
        summary="Ask for the log of a model over some days as a file",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        model = get_object_or_404(models_visible_to(account), pk=pk)
        made: Any = services.request_extract(model, actor=account, **ExtractIn.read(request))
        return Response(ExtractOut(made).data, status=201)


class ExtractDetail(APIView):
    @extend_schema(responses=ExtractOut, operation_id="prediction_extract")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ExtractOut(_find(request, pk)).data)


class ExtractFile(APIView):
    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, operation_id="prediction_extract_file"
    )
    def get(self, request: Request, pk: UUID) -> FileResponse:
        found = services.download_extract(_find(request, pk), actor=account_of(request))
        name = f"{found.ref}.{found.format}"
        return blob_answer(found.sha256, size=found.size, filename=name, content_type="application/octet-stream")


def _find(request: Request, pk: UUID) -> Extract:
    return get_object_or_404(queries.extracts_visible_to(account_of(request)), pk=pk)
