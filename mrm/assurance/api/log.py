"""The log over the API: its state, receipts, exports."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.assurance import queries, services
from mrm.assurance.models import Export, ScopeKind
from mrm.assurance.workflow import ExportState
from mrm.audit.models import Event
from mrm.audit.queries import readable_by, reads_everything, receipt_of
from mrm.core.downloads import blob_answer
from mrm.core.refusal import Forbidden, Refused
from mrm.inventory.queries import models_visible_to
from mrm.jobs.queries import latest_for


class LogOut(serializers.Serializer[Any]):
    size = serializers.IntegerField()
    waiting = serializers.IntegerField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    checkpoint = serializers.CharField(source="checkpoint.note", allow_null=True, default=None)
    keys = serializers.ListField(child=serializers.CharField())


class ExportIn(Strict):
    scope = serializers.ChoiceField(choices=ScopeKind.choices, default=ScopeKind.LOG)
    model = serializers.UUIDField(required=False, allow_null=True, default=None)
    since = serializers.IntegerField(required=False, min_value=0, default=0)


class ExportOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    scope = serializers.CharField()
    model = serializers.UUIDField(source="model_id", allow_null=True)
    since = serializers.IntegerField()
    status = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    issued_at = serializers.DateTimeField(allow_null=True)
    log_size = serializers.IntegerField()
    events = serializers.IntegerField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    error = serializers.CharField()
    stage = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField()

    def get_stage(self, export: Export) -> str:
        job = latest_for(export) if export.status == ExportState.QUEUED else None
        return job.stage if job else ""

    def get_file(self, export: Export) -> str:
        return reverse("api:log_export_file", args=[export.pk]) if export.status == ExportState.ISSUED else ""


class Log(APIView):
    @extend_schema(responses=LogOut, operation_id="log_read", summary="How far the log is signed, and by which keys")
    def get(self, request: Request) -> Response:
        if not reads_everything(account_of(request)):
            raise Forbidden("The log opens to who audits the whole institution.")
        return Response(LogOut(queries.log_state()).data)


class Exports(APIView):
    @extend_schema(responses=ExportOut(many=True), operation_id="log_exports_list", summary="Exports, newest first")
    def get(self, request: Request) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.visible_to(account_of(request)), request, view=self)
        return pages.get_paginated_response(ExportOut(found, many=True).data)

    @extend_schema(
        request=ExportIn, responses={202: ExportOut}, operation_id="log_exports_request", summary="Ask for an export"
    )
    def post(self, request: Request) -> Response:
        given = ExportIn(data=request.data)
        given.is_valid(raise_exception=True)
        facts = dict(given.validated_data)
        account = account_of(request)
        if facts["model"] is not None:
            facts["model"] = get_object_or_404(models_visible_to(account), pk=facts["model"])
        return Response(ExportOut(services.request(**facts, actor=account)).data, 202)


class OneExport(APIView):
    @extend_schema(responses=ExportOut, operation_id="log_exports_read", summary="An export: state, size, digest")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ExportOut(_export(request, pk)).data)


class ExportFile(APIView):
    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        operation_id="log_exports_file",
        summary="The bundle; the download is recorded",
    )
    def get(self, request: Request, pk: UUID) -> FileResponse:
        found = services.download(_export(request, pk), actor=account_of(request))
        return blob_answer(found.sha256, size=found.size, filename=f"{found.ref}.zip", content_type="application/zip")


class Receipt(APIView):
    @extend_schema(
        responses={(200, "text/plain"): OpenApiTypes.STR},
        operation_id="events_receipt",
        summary="The receipt of an event: the proof that it stands in the signed log",
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        event = get_object_or_404(Event, pk=pk)
        if not readable_by(event, account_of(request)):
            raise Http404
        receipt = receipt_of(event)
        if receipt is None:
            raise Refused("The event waits for its place in the log; ask again in a second.")
        return HttpResponse(receipt, content_type="text/plain; charset=utf-8")


def _export(request: Request, pk: UUID) -> Export:
    found: Export = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found
