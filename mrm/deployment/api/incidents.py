"""JSON: incidents at serving places."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.deployment import queries, services
from mrm.deployment.models import Incident


class ExplainIn(Strict):
    cause = serializers.CharField()


class CloseIn(Strict):
    resolution = serializers.CharField()


class IncidentOut(serializers.ModelSerializer[Incident]):
    explained_by = serializers.CharField(source="explained_by.username", default="")
    closed_by = serializers.CharField(source="closed_by.username", default="")

    class Meta:
        model = Incident
        fields = (
            "id", "deployment", "number", "kind", "severity", "sentence", "status", "revision", "seen", "opened_at",
            "cause", "explained_by", "resolution", "closed_by", "closed_at",
        )  # fmt: skip


def _find(request: Request, pk: Any) -> Incident:
    return get_object_or_404(queries.incidents_visible_to(account_of(request)), pk=pk)


class Incidents(APIView):
    """What went wrong at serving places: open ones first, the gravest first."""

    @extend_schema(responses=IncidentOut(many=True))
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(queries.incidents_visible_to(account_of(request)), request)
        return pages.get_paginated_response(IncidentOut(rows, many=True).data)


class IncidentDetail(APIView):
    @extend_schema(responses=IncidentOut)
    def get(self, request: Request, pk: Any) -> Response:
        return Response(IncidentOut(_find(request, pk)).data)


class Explain(APIView):
    @extend_schema(request=ExplainIn, responses=IncidentOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts, found = ExplainIn.read(request), _find(request, pk)
        return Response(IncidentOut(services.explain_incident(found, actor=account_of(request), **facts)).data)


class Close(APIView):
    @extend_schema(request=CloseIn, responses=IncidentOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts, found = CloseIn.read(request), _find(request, pk)
        return Response(IncidentOut(services.close_incident(found, actor=account_of(request), **facts)).data)
