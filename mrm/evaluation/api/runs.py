"""Runs over the API: ask, follow, cancel, read."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core import blobs
from mrm.core.actors import permit
from mrm.evaluation import queries, services
from mrm.evaluation.models import Run
from mrm.evaluation.services import KINDS, LEARNERS, MOST_SEGMENTS, SIDES
from mrm.inventory.models import ModelKind, Pack, PackKind, Version
from mrm.inventory.queries import packs, versions_visible_to
from mrm.jobs.queries import latest_for


def one() -> Any:
    return 1


class RunIn(Strict):
    dataset = serializers.UUIDField(help_text="A data set linked to the version.")
    kinds = serializers.ListField(child=serializers.ChoiceField(KINDS), allow_empty=False, max_length=len(KINDS))
    suite = serializers.CharField(
        max_length=80, default="", help_text="Key of a suite that fits the version; the first that does when absent."
    )
    reasons = serializers.CharField(
        max_length=80,
        default="",
        help_text="Key of a dictionary of reason codes without gaps for the version; the first such when absent.",
    )
    label = serializers.CharField(max_length=200, help_text="Column with the outcome.")  # type: ignore[assignment]
    positive = serializers.JSONField(default=one, help_text="Value of the outcome that is the event.")
    event_name = serializers.CharField(max_length=40, default="Event")
    cutoff = serializers.DecimalField(12, 6, required=False, help_text="The version's own when absent.")
    favourable = serializers.ChoiceField(
        SIDES,
        required=False,
        help_text="Which side of the cut-off is good for the person; of a model of amounts, none.",
    )
    references = serializers.DictField(child=serializers.CharField(max_length=120), default=dict)
    predictions = serializers.CharField(max_length=200, default="", allow_blank=True)
    endpoint = serializers.BooleanField(
        default=False, help_text="Score through the version's scoring endpoint; the model is not run here."
    )
    segments = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=list,
        max_length=MOST_SEGMENTS,
        help_text="Columns of legitimate factors, within which groups are compared as well; numbers are put into bands.",
    )
    learner = serializers.ChoiceField(LEARNERS, default="logistic", help_text="By what alternatives are fitted.")
    tolerance = serializers.DecimalField(
        5, 4, default=Decimal("0.01"), help_text="Loss of the area under the curve that an alternative may have."
    )
    period = serializers.CharField(
        max_length=200,
        default="",
        allow_blank=True,
        help_text="Column with a date, by which the impact ratio is followed.",
    )
    parameters = serializers.DictField(
        child=serializers.DictField(),
        default=dict,
        help_text="What tests need to know of these data, by the test's id, as the library of tests lists it.",
    )

    def validate_positive(self, value: Any) -> Any:
        if not isinstance(value, str | int | float):
            raise serializers.ValidationError("A number or a text is needed.")
        return value


class SuiteOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    purpose = serializers.CharField(source="content.purpose", default="")
    status = serializers.CharField(source="content.status")
    effective_from = serializers.CharField(source="content.effective_from", allow_null=True)
    regime = serializers.CharField(source="content.applies.regime", default="")
    groups = serializers.JSONField(source="content.groups", default=dict)
    tests = serializers.JSONField(source="content.tests", help_text="Tests by id, with parameters, required or not.")
    thresholds = serializers.JSONField(source="content.thresholds")
    sources = serializers.JSONField(source="content.sources")
    digest = serializers.CharField()


class RunOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    dataset = serializers.UUIDField(source="dataset_id")
    kinds = serializers.ListField(child=serializers.CharField())
    suite = serializers.CharField(help_text="Suite and version.")
    reasons = serializers.CharField(help_text="Dictionary of reason codes and version.", allow_null=True)
    status = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), source="counted")
    digest = serializers.CharField()


class FigureOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    alt = serializers.CharField()
    header = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField())
    url = serializers.CharField()


class ProgressOut(serializers.Serializer[Any]):
    state = serializers.CharField()
    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    attempts = serializers.IntegerField()


class RunDetail(RunOut):
    settings = serializers.JSONField()
    artifact_sha256 = serializers.CharField()
    endpoint = serializers.JSONField(help_text="The scoring endpoint that the run goes through; empty without one.")
    results = serializers.JSONField()
    figures = serializers.SerializerMethodField()
    crosscheck = serializers.JSONField()
    explanation = serializers.JSONField()
    pins = serializers.JSONField()
    reference = serializers.UUIDField(
        source="reference_id", allow_null=True, help_text="Data that stability is against."
    )
    progress = serializers.SerializerMethodField()

    @extend_schema(responses=FigureOut(many=True))
    def get_figures(self, run: Run) -> list[dict[str, Any]]:
        return [
            {
                **{key: figure[key] for key in ("name", "title", "alt", "header", "rows")},
                "url": _drawing(run, figure["name"]),
            }
            for figure in run.figures
        ]

    @extend_schema(responses=ProgressOut)
    def get_progress(self, run: Run) -> dict[str, Any] | None:
        job = latest_for(run)
        return dict(ProgressOut(job).data) if job else None


class Runs(APIView):
    @extend_schema(responses=RunOut(many=True), operation_id="runs_list", summary="The runs of a version, newest first")
    def get(self, request: Request, pk: UUID) -> Response:
        pages = Pages()
        found = queries.visible_to(account_of(request)).filter(version=_version(request, pk))
        return pages.get_paginated_response(RunOut(pages.paginate_queryset(found, request, view=self), many=True).data)

    @extend_schema(request=RunIn, responses={202: RunDetail}, operation_id="runs_start", summary="Ask for a run")
    def post(self, request: Request, pk: UUID) -> Response:
        version = _version(request, pk)
        given = RunIn(data=request.data)
        given.is_valid(raise_exception=True)
        settings = dict(given.validated_data)
        linked = {dataset.pk: dataset for dataset, _part in queries.dataset_choices(version)}
        dataset = linked.get(settings.pop("dataset"))
        if dataset is None:
            raise serializers.ValidationError({"dataset": ["No data set linked to this version has this id."]})
        cutoff = settings.pop("cutoff", version.cutoff)
        if cutoff is None and version.model_kind == ModelKind.CLASSIFICATION:
            raise serializers.ValidationError({"cutoff": ["The version has no cut-off of its own; give one."]})
        kinds, suite = settings.pop("kinds"), _suite(version, settings.pop("suite"))
        reasons = _dictionary(settings.pop("reasons"))
        settings["tolerance"] = str(settings["tolerance"])
        if version.model_kind == ModelKind.CLASSIFICATION:
            settings["cutoff"] = str(cutoff)
        run = services.start(
            version, dataset=dataset, kinds=kinds, settings=settings, suite=suite, reasons=reasons,
            actor=account_of(request),
        )  # fmt: skip
        return Response(RunDetail(run).data, 202)


def _suite(version: Version, key: str) -> Pack | None:
    if not key:
        return None
    fitting = {suite.key: suite for suite in queries.suites_for(version)}
    if key not in fitting:
        raise serializers.ValidationError(
            {"suite": [f"{key} does not fit {version}; {', '.join(fitting) or 'none'} does."]}
        )
    return fitting[key]


def _dictionary(key: str) -> Pack | None:
    if not key:
        return None
    found = {each.key: each for each in packs(PackKind.REASON_CODES).filter(current=True)}
    if key not in found:
        known = ", ".join(sorted(found)) or "none"
        raise serializers.ValidationError(
            {"reasons": [f"No dictionary of reason codes named {key} is in force; {known} is."]}
        )
    return found[key]


class Suites(APIView):
    @extend_schema(responses=SuiteOut(many=True), operation_id="suites_list", summary="The suites that fit a version")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(SuiteOut(queries.suites_for(_version(request, pk)), many=True).data)


class TestOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    pillar = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField(), help_text="Kinds of run that carry it out.")
    measures = serializers.DictField(child=serializers.CharField(), help_text="Title of each measure it produces.")
    models = serializers.ListField(child=serializers.CharField(), help_text="Kinds of model it fits.")
    needs = serializers.ListField(child=serializers.CharField())
    parameters = serializers.JSONField(source="schema", help_text="JSON Schema; ofRun marks what is given with a run.")
    purpose = serializers.CharField()
    mechanism = serializers.CharField()
    signs_of_risk = serializers.CharField()
    strengths = serializers.CharField()
    limitations = serializers.CharField()
    citations = serializers.ListField(child=serializers.CharField())
    reference = serializers.CharField(help_text="The test function that proves the numbers.")


class Tests(APIView):
    @extend_schema(responses=TestOut(many=True), operation_id="tests_list", summary="The library of tests")
    def get(self, request: Request) -> Response:
        permit(account_of(request), "view", None)
        return Response(TestOut([each.entry for _pillar, found in queries.library() for each in found], many=True).data)


class OneTest(APIView):
    @extend_schema(responses=TestOut, operation_id="tests_read", summary="What a test asks, and what it cannot tell")
    def get(self, request: Request, name: str) -> Response:
        permit(account_of(request), "view", None)
        found = queries.library_entry(name)
        if found is None:
            raise Http404
        return Response(TestOut(found.entry).data)


class OneRun(APIView):
    @extend_schema(responses=RunDetail, operation_id="runs_read", summary="A run with progress and results")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(RunDetail(_run(request, pk)).data)


class Cancel(APIView):
    @extend_schema(request=None, responses=RunDetail, operation_id="runs_cancel", summary="Stop a run")
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(RunDetail(services.cancel(_run(request, pk), actor=account_of(request))).data)


class FigureFile(APIView):
    @extend_schema(
        responses={(200, "image/svg+xml"): OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("theme", enum=["light", "dark"], default="light")],
        operation_id="runs_figure",
        summary="A figure as drawn",
    )
    def get(self, request: Request, pk: UUID, name: str) -> HttpResponse:
        figure = queries.figure_of(_run(request, pk), name)
        theme = request.query_params.get("theme", "light")
        if figure is None or theme not in {"light", "dark"}:
            raise Http404
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return HttpResponse(blobs.read(figure[theme]), content_type="image/svg+xml", headers=headers)


def _version(request: Request, pk: UUID) -> Version:
    found: Version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
    return found


def _run(request: Request, pk: UUID) -> Run:
    found: Run = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found


def _drawing(run: Run, name: str) -> str:
    return reverse("api:figure", args=[run.pk, name])
