"""Reports over the API: ask, follow, fetch."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core.downloads import blob_answer, content_answer
from mrm.evaluation.models import Run
from mrm.evaluation.queries import visible_to as runs_visible_to
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to
from mrm.jobs.queries import latest_for
from mrm.reporting import queries, services
from mrm.reporting.models import Document
from mrm.reporting.workflow import DocumentState


class AttachmentOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    size = serializers.IntegerField()


class ReportOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    kind = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    run = serializers.UUIDField(source="run_id", allow_null=True)
    status = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    issued_at = serializers.DateTimeField(allow_null=True)
    pages = serializers.IntegerField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    content_digest = serializers.CharField()
    attachments = AttachmentOut(many=True)
    error = serializers.CharField()
    stage = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField()

    def get_stage(self, document: Document) -> str:
        job = latest_for(document) if document.status == DocumentState.QUEUED else None
        return job.stage if job else ""

    def get_file(self, document: Document) -> str:
        return reverse("api:report_file", args=[document.pk]) if document.status == DocumentState.ISSUED else ""


class Reports(APIView):
    @extend_schema(
        responses=ReportOut(many=True), operation_id="reports_list", summary="The reports of a version, newest first"
    )
    def get(self, request: Request, pk: UUID) -> Response:
        pages = Pages()
        found = queries.visible_to(account_of(request)).filter(version=_version(request, pk))
        return pages.get_paginated_response(
            ReportOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(request=None, responses={202: ReportOut}, operation_id="reports_request", summary="Ask for a report")
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(ReportOut(services.request(_version(request, pk), actor=account_of(request))).data, 202)


class AskIn(Strict):
    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in queries.ABOUT_A_RUN])


class RunReports(APIView):
    @extend_schema(
        responses=ReportOut(many=True), operation_id="run_reports_list", summary="The reports on a run, newest first"
    )
    def get(self, request: Request, pk: UUID) -> Response:
        pages, account = Pages(), account_of(request)
        found = queries.documents_on(_run(request, pk), account)
        return pages.get_paginated_response(
            ReportOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=AskIn,
        responses={202: ReportOut},
        operation_id="run_reports_request",
        summary="Ask for a report on a run",
    )
    def post(self, request: Request, pk: UUID) -> Response:
        run, given = _run(request, pk), AskIn(data=request.data)
        given.is_valid(raise_exception=True)
        document = services.request(run.version, kind=given.validated_data["kind"], run=run, actor=account_of(request))
        return Response(ReportOut(document).data, 202)


class OneReport(APIView):
    @extend_schema(responses=ReportOut, operation_id="reports_read", summary="A report: state, digests, attachments")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ReportOut(_document(request, pk)).data)


class BillOfMaterials(APIView):
    @extend_schema(
        responses={(200, "application/vnd.cyclonedx+json"): OpenApiTypes.OBJECT},
        operation_id="bill_of_materials_read",
        summary="The bill of materials of a version in CycloneDX 1.6; the download is recorded",
    )
    def get(self, request: Request, pk: UUID) -> FileResponse:
        version = _version(request, pk)
        content = services.bill_of_materials(version, actor=account_of(request))
        return content_answer(content, filename=queries.bill_name(version), content_type=queries.BILL_TYPE)


class ReportFile(APIView):
    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        operation_id="reports_file",
        summary="The issued PDF; the download is recorded",
    )
    def get(self, request: Request, pk: UUID) -> FileResponse:
        document = services.download(_document(request, pk), actor=account_of(request))
        return blob_answer(
            document.sha256, size=document.size, filename=f"{document.ref}.pdf", content_type="application/pdf"
        )


def _version(request: Request, pk: UUID) -> Version:
    found: Version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
    return found


def _run(request: Request, pk: UUID) -> Run:
    found: Run = get_object_or_404(runs_visible_to(account_of(request)), pk=pk)
    return found


def _document(request: Request, pk: UUID) -> Document:
    found: Document = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found
