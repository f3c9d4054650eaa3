"""Comparisons over the API: ask, follow, read."""

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
from mrm.evaluation.api.runs import one
from mrm.evaluation.models import Comparison
from mrm.evaluation.services import SIDES
from mrm.inventory.queries import versions_visible_to


class CompareIn(Strict):
    challengers = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, help_text="Other versions of the model."
    )
    dataset = serializers.UUIDField(help_text="A data set linked to the champion.")
    label = serializers.CharField(max_length=200, help_text="Column with the outcome.")  # type: ignore[assignment]  # the field, not the caption
    positive = serializers.JSONField(default=one, help_text="Value of the outcome that is the event.")
    cutoff = serializers.DecimalField(12, 6, help_text="For contenders without one of their own.")
    favourable = serializers.ChoiceField(SIDES, help_text="Which side of the cut-off is good for the person.")
    references = serializers.DictField(child=serializers.CharField(max_length=120), default=dict)


class ComparisonOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    champion = serializers.UUIDField(source="champion_id")
    contenders = serializers.JSONField()
    dataset = serializers.UUIDField(source="dataset_id")
    status = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    results = serializers.JSONField()
    pins = serializers.JSONField()
    digest = serializers.CharField()


class Comparisons(APIView):
    @extend_schema(
        responses=ComparisonOut(many=True), operation_id="comparisons_list",
        summary="The comparisons of a champion, newest first",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID) -> Response:
        pages = Pages()
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        found = queries.comparisons_visible_to(account_of(request)).filter(champion=version)
        return pages.get_paginated_response(
            ComparisonOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=CompareIn, responses={202: ComparisonOut}, operation_id="comparisons_start",
        summary="Compare a champion with challengers on the same rows",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        champion = get_object_or_404(versions_visible_to(account), pk=pk)
        permit(account, "evaluation.compare", champion)
        given = CompareIn(data=request.data)
        given.is_valid(raise_exception=True)
        settings = {**given.validated_data, "cutoff": str(given.validated_data["cutoff"])}
        rivals = champion.model.versions.filter(pk__in=settings.pop("challengers"))
        link = champion.datasets.filter(dataset=settings.pop("dataset")).select_related("dataset").first()
        if link is None:
            raise serializers.ValidationError({"dataset": ["No data set linked to this version has this id."]})
        made = services.compare(
            champion, challengers=list(rivals), dataset=link.dataset, settings=settings, actor=account
        )
        return Response(ComparisonOut(made).data, 202)


class OneComparison(APIView):
    @extend_schema(responses=ComparisonOut, operation_id="comparisons_read", summary="A comparison with its results")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ComparisonOut(_comparison(request, pk)).data)


class CancelComparison(APIView):
    @extend_schema(
        request=None, responses=ComparisonOut, operation_id="comparisons_cancel", summary="Cancel a comparison"
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(
            ComparisonOut(services.cancel_comparison(_comparison(request, pk), actor=account_of(request))).data
        )


def _comparison(request: Request, pk: UUID) -> Comparison:
    found: Comparison = get_object_or_404(queries.comparisons_visible_to(account_of(request)), pk=pk)
    return found
