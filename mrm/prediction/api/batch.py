"""JSON: data sets scored as a whole, and what scored a row."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core.downloads import blob_answer
from mrm.deployment.queries import environments_visible_to
from mrm.inventory.queries import datasets_visible_to, versions_visible_to
from mrm.jobs.queries import latest_for
from mrm.prediction import queries, services
from mrm.prediction.models import BatchPart, BatchRun
from mrm.prediction.queries import SCORE


class BatchIn(Strict):
    dataset = serializers.UUIDField(
        help_text="Data that hold every feature of the version, and no protected attributes."
    )
    environment = serializers.SlugField(help_text="Key of the environment under whose rules this happens.")
    use = serializers.CharField(help_text="One of the approved uses on the model's record, word for word.")


class BatchProgressOut(serializers.Serializer[Any]):
    state = serializers.CharField(help_text="Of the work: queued, running, done, failed or cancelled.")
    stage = serializers.CharField()
    done = serializers.IntegerField(help_text="Rows.")
    total = serializers.IntegerField()
    attempts = serializers.IntegerField(
        help_text="More than 1 if a worker was lost, or had to look at a place again; parts on record are not scored again."
    )


class BatchRunOut(serializers.ModelSerializer[BatchRun]):
    ref = serializers.CharField()
    approval_request = serializers.CharField(source="approval.request.ref")
    policy = serializers.CharField(source="approval.request.policy")
    environment = serializers.CharField(source="environment.key")
    status = serializers.CharField(help_text="queued, running, done, failed or cancelled.")
    requested_by = serializers.CharField(source="requested_by.username")
    way = serializers.CharField(help_text="worker, or backend: a job of the place that serves the version.")
    way_because = serializers.CharField(help_text="Why it goes this way.")
    place = serializers.CharField(
        source="revision.deployment.target.name",
        allow_null=True,
        default=None,
        help_text="That scores; null of a worker.",
    )
    backend_job = serializers.CharField(help_text="The place's own name of its job, once there is one.")

    class Meta:
        model = BatchRun
        fields = (
            "id", "ref", "version", "artifact_sha256", "approval", "approval_request", "policy", "dataset", "dataset_sha256",
            "rows", "environment", "use", "part_rows", "parts_planned", "status", "requested_by", "requested_at", "started_at",
            "finished_at", "output_sha256", "output_size", "error", "remedy", "way", "way_because", "place", "revision",
            "sent_at", "backend_job",
        )  # fmt: skip


class BatchRunDetail(BatchRunOut):
    parts_done = serializers.SerializerMethodField()
    rows_done = serializers.SerializerMethodField()
    ends_at = serializers.SerializerMethodField(
        help_text="Estimate by the pace of the parts on record; null before there is one."
    )
    progress = serializers.SerializerMethodField()

    class Meta(BatchRunOut.Meta):
        fields = (*BatchRunOut.Meta.fields, "parts_done", "rows_done", "ends_at", "progress")  # type: ignore[assignment]

    def get_parts_done(self, run: BatchRun) -> int:
        return self.context["done"].parts  # type: ignore[no-any-return]

    def get_rows_done(self, run: BatchRun) -> int:
        return self.context["done"].rows  # type: ignore[no-any-return]

    @extend_schema_field(OpenApiTypes.DATETIME)
    def get_ends_at(self, run: BatchRun) -> Any:
        return self.context["done"].ends_at if run.is_open else None

    @extend_schema_field(BatchProgressOut(allow_null=True))
    def get_progress(self, run: BatchRun) -> Any:
        job = latest_for(run, SCORE)
        return BatchProgressOut(job).data if job else None


class BatchPartOut(serializers.ModelSerializer[BatchPart]):
    version_label = serializers.CharField(source="version.label")
    approval_request = serializers.CharField(source="approval.request.ref")
    policy = serializers.CharField()
    policy_digest = serializers.CharField(source="policy.digest")
    place = serializers.CharField(
        source="revision.deployment.target.name",
        allow_null=True,
        default=None,
        help_text="That scored; null of a worker.",
    )
    revision_number = serializers.IntegerField(source="revision.number", allow_null=True, default=None)
    seconds = serializers.FloatField(allow_null=True, help_text="Null of a part that a place scored.")
    cpu_seconds = serializers.FloatField(allow_null=True, help_text="Null of a part that a place scored.")
    network = serializers.CharField(help_text="What the process of a worker had of one; backend of a place.")
    sent_sha256 = serializers.CharField(help_text="Of the rows sent to a place; empty of a worker.")
    answer_sha256 = serializers.CharField(help_text="Of what came back from it; empty of a worker.")

    class Meta:
        model = BatchPart
        fields = (
            "index", "row_group", "first_row", "rows", "output_sha256", "version", "version_label", "artifact_sha256",
            "approval", "approval_request", "policy", "policy_digest", "scored_at", "seconds", "cpu_seconds", "network",
            "place", "revision", "revision_number", "backend_job", "sent_sha256", "answer_sha256",
        )  # fmt: skip


class RowDecisionOut(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="Its place in the data, from 0.")
    row_id = serializers.CharField(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    closed = serializers.CharField(allow_null=True, help_text="Why the score is not open to the caller.")
    scored_by = BatchPartOut(source="part")


class Batches(APIView):
    @extend_schema(
        responses=BatchRunOut(many=True), operation_id="batch_runs", summary="Data sets scored as a whole, newest first"
    )
    def get(self, request: Request) -> Response:
        return _listed(request, queries.batches_visible_to(account_of(request)))


class VersionBatches(APIView):
    @extend_schema(
        responses=BatchRunOut(many=True), operation_id="version_batch_runs", summary="Data sets that a version scored"
    )
    def get(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        return _listed(request, queries.batches_visible_to(account).filter(version=version))

    @extend_schema(
        request=BatchIn, responses={202: BatchRunDetail}, operation_id="batch_run_start",
        summary="Have every row of a data set scored by an approved version",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        given, account = BatchIn.read(request), account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        dataset = get_object_or_404(datasets_visible_to(account), pk=given["dataset"])
        environment = get_object_or_404(environments_visible_to(account), key=given["environment"])
        run = services.start_batch(version, dataset=dataset, environment=environment, use=given["use"], actor=account)
        return Response(_detail(run), status=202)


class BatchDetail(APIView):
    @extend_schema(responses=BatchRunDetail, operation_id="batch_run", summary="A run with its progress")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(_detail(_find(request, pk)))


class CancelBatch(APIView):
    @extend_schema(
        request=None, responses=BatchRunDetail, operation_id="batch_run_cancel", summary="Score no further part"
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(_detail(services.cancel_batch(_find(request, pk), actor=account_of(request))))


class Parts(APIView):
    @extend_schema(
        responses=BatchPartOut(many=True),
        operation_id="batch_run_parts",
        summary="What scored which rows, part by part",
    )
    def get(self, request: Request, pk: UUID) -> Response:
        pages = Pages()
        found = pages.paginate_queryset(queries.parts_of(_find(request, pk)), request)
        return pages.get_paginated_response(BatchPartOut(found, many=True).data)


class Rows(APIView):
    @extend_schema(
        responses=RowDecisionOut(many=True), operation_id="batch_run_row",
        summary="Which version, digest, approval and policy scored a row, by its id, or its number from 0 without ids",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID, row: str) -> Response:
        found = queries.row_decisions(_find(request, pk), row, account_of(request))
        if not found:
            raise Http404
        return Response(RowDecisionOut(found, many=True).data)


class BatchFile(APIView):
    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, operation_id="batch_run_file",
        summary="The scores as Parquet, every row with what scored it",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID) -> FileResponse:
        run = services.download_batch(_find(request, pk), actor=account_of(request))
        return blob_answer(
            run.output_sha256,
            size=run.output_size,
            filename=f"{run.ref}.parquet",
            content_type="application/octet-stream",
        )


def _listed(request: Request, found: Any) -> Response:
    pages = Pages()
    return pages.get_paginated_response(BatchRunOut(pages.paginate_queryset(found, request), many=True).data)


def _detail(run: BatchRun) -> Any:
    return BatchRunDetail(run, context={"done": queries.batch_progress(run)}).data


def _find(request: Request, pk: UUID) -> BatchRun:
    return get_object_or_404(queries.batches_visible_to(account_of(request)), pk=pk)
