"""Inspections of artifacts over the API: read them, ask for another."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, account_of
from mrm.evaluation import queries, services
from mrm.inventory.queries import versions_visible_to


class ToolOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    outcome = serializers.CharField()


class FoundOut(serializers.Serializer[Any]):
    tool = serializers.CharField()
    outcome = serializers.CharField()
    sentence = serializers.CharField()


class InspectionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    artifact_sha256 = serializers.CharField(source="artifact_id")
    declared = serializers.CharField(help_text="The kind that was declared when the artifact was attached.")
    found = serializers.CharField(help_text="The format of the content.")
    outcome = serializers.CharField(help_text="clean, flagged or unscannable.")
    tools = ToolOut(many=True)
    findings = FoundOut(many=True)
    facts = serializers.JSONField(help_text="What the tools read of the model.")
    made_at = serializers.DateTimeField()


class AskedOut(serializers.Serializer[Any]):
    asked_at = serializers.DateTimeField(help_text="An inspection made after this is the answer.")


class Inspections(APIView):
    @extend_schema(
        responses=InspectionOut(many=True), operation_id="inspections_list",
        summary="The inspections of the artifact of a version, newest first: the first one counts",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID) -> Response:
        pages = Pages()
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        found = queries.inspections_of(version)
        return pages.get_paginated_response(
            InspectionOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=None, responses={202: AskedOut}, operation_id="inspections_ask",
        summary="Have the artifact of a version inspected again",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        asked_at = timezone.now()
        services.ask_inspection(version, actor=account)
        return Response(AskedOut({"asked_at": asked_at}).data, 202)
