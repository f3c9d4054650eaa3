"""JSON: a day of the log, its counts, and what one request was answered by."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.core.actors import permit
from mrm.core.forms import well_formed
from mrm.prediction import queries, services
from mrm.prediction.forms import FindForm, LogFilter
from mrm.prediction.models import Alert, Outcome, Prediction

ON = OpenApiParameter("on", OpenApiTypes.DATE, description="A day in UTC.")
ENDPOINT = OpenApiParameter("deployment", OpenApiTypes.UUID)


class PredictionOut(serializers.ModelSerializer[Prediction]):
    id = serializers.CharField(source="request")
    deployment = serializers.UUIDField(source="deployment_id")
    approval = serializers.UUIDField(source="approval_id", allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Prediction
        fields = (
            "id", "at", "endpoint", "deployment", "revision", "role", "model", "version", "digest", "approval", "rows",
            "micros", "flags", "reason", "parent", "outcome",
        )  # fmt: skip


class PageOut(serializers.Serializer[Any]):
    on = serializers.DateField()
    results = PredictionOut(many=True)
    older = serializers.CharField(help_text="Give it as `before` for the next page; empty on the last.")


class SignatureOut(serializers.Serializer[Any]):
    person = serializers.CharField(source="printed_name")
    role = serializers.CharField()
    decision = serializers.CharField()
    signed_at = serializers.DateTimeField()


class ConditionThenOut(serializers.Serializer[Any]):
    text = serializers.CharField()
    owner = serializers.CharField(source="owner.name")
    due = serializers.DateField()
    met_on = serializers.DateField(allow_null=True)


class ApprovalThenOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    request = serializers.CharField(source="request.ref")
    policy = serializers.CharField(source="request.policy")
    digest = serializers.CharField(source="artifact_sha256")
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class DecisionOut(serializers.Serializer[Any]):
    prediction = PredictionOut()
    mismatch = serializers.CharField(allow_null=True, help_text="In what it differs from what was approved.")
    out_of_force = serializers.CharField(allow_null=True, help_text="Why the approval was not in force then.")
    approval = ApprovalThenOut(allow_null=True)
    signatures = SignatureOut(source="votes", many=True)
    conditions = ConditionThenOut(many=True)
    verification = serializers.DictField(
        source="proof", help_text="What was verified of this version when its revision was applied."
    )
    inputs = serializers.JSONField(allow_null=True)
    outputs = serializers.JSONField(allow_null=True)
    closed = serializers.CharField(allow_null=True, help_text="Why inputs and outputs are not open to the caller.")
    shadows = PredictionOut(many=True)


class HourOut(serializers.Serializer[Any]):
    hour = serializers.IntegerField()
    answers = serializers.IntegerField()
    flagged = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Refused or failed.")


class AnsweredOut(serializers.Serializer[Any]):
    deployment = serializers.UUIDField(source="deployment_id")
    revision = serializers.IntegerField()
    role = serializers.CharField()
    version = serializers.CharField()
    digest = serializers.CharField()
    answers = serializers.IntegerField(source="n")


class CountsOut(serializers.Serializer[Any]):
    on = serializers.DateField(source="day")
    outcomes = serializers.DictField(child=serializers.IntegerField())
    flagged = serializers.IntegerField()
    flags = serializers.SerializerMethodField()
    micros = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="p50, p95, p99 within 6.25 %."
    )
    hours = HourOut(many=True)
    answered = AnsweredOut(many=True)

    def get_flags(self, counts: queries.DayCounts) -> dict[str, int]:
        return dict(counts.flags)


class AlertOut(serializers.ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields = ("id", "kind", "sentence", "status", "opened_at", "resolution", "closed_at")


class CloseAlertIn(Strict):
    resolution = serializers.CharField()


class Predictions(APIView):
    @extend_schema(
        parameters=[
            ON, ENDPOINT, OpenApiParameter("unit", description="A customer or account, as it was sent."),
            OpenApiParameter("outcome", enum=Outcome.values), OpenApiParameter("flagged", bool), OpenApiParameter("before"),
        ],
        responses=PageOut, operation_id="predictions", summary="The rows of a day, the newest first",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        account = account_of(request)
        permit(account, queries.VIEW, None)
        given = well_formed(LogFilter(request.query_params, account=account)).cleaned_data
        day = given.pop("on") or _today(account)
        page = queries.listed(account, day, **given)
        return Response(PageOut({"on": day, "results": page.rows, "older": page.older}).data)


class Counts(APIView):
    @extend_schema(
        parameters=[ON, ENDPOINT], responses=CountsOut, operation_id="prediction_counts",
        summary="Answers of a day by hour, flag and version, and the quantiles of their time",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        account = account_of(request)
        permit(account, queries.VIEW, None)
        given = well_formed(LogFilter(request.query_params, account=account)).cleaned_data
        chosen = given["deployment"]
        counts = queries.day_counts(given["on"] or _today(account), account, chosen.pk if chosen else None)
        return Response(CountsOut(counts).data)


class Decisions(APIView):
    @extend_schema(
        parameters=[ON], responses=DecisionOut(many=True), operation_id="prediction_decisions",
        summary="Which version, digest, approval and policy decided a request; archived days are read when the day is given",
    )  # fmt: skip
    def get(self, request: Request, request_id: str) -> Response:
        account = account_of(request)
        permit(account, queries.VIEW, None)
        given = well_formed(FindForm({"request": request_id, "on": request.query_params.get("on", "")})).cleaned_data
        found = queries.by_request(request_id, account, on=given["on"], archived=False)
        if not found.rows:
            if found.unread:
                raise found.unread[0][1]
            raise Http404
        return Response(DecisionOut(queries.decisions(found.rows, account), many=True).data)


class Alerts(APIView):
    @extend_schema(responses=AlertOut(many=True), summary="Alerts about the prediction log itself, the open ones first")
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(queries.alerts_visible_to(account_of(request)), request)
        return pages.get_paginated_response(AlertOut(rows, many=True).data)


class CloseAlert(APIView):
    @extend_schema(request=CloseAlertIn, responses=AlertOut, summary="Say what became of an alert")
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        facts, found = CloseAlertIn.read(request), get_object_or_404(queries.alerts_visible_to(account), pk=pk)
        return Response(AlertOut(services.close_alert(found, actor=account, **facts)).data)


def _today(account: Any) -> dt.date:
    """The last day of which there is anything to read."""
    return queries.last_day(account) or timezone.now().date()
