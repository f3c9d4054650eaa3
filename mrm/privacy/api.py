"""Erasure over the API."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.queries import persons_visible_to
from mrm.access.rest import Strict, account_of
from mrm.privacy import queries, services
from mrm.privacy.models import Erasure


class ErasureIn(Strict):
    reason = serializers.CharField(help_text="Kept for ever, so without the person's name.")


class ErasureOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    erased_at = serializers.DateTimeField(allow_null=True)
    kept_signatures = serializers.IntegerField()
    request = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()

    def get_request(self, erasure: Erasure) -> UUID | None:
        asked = queries.request_of(erasure)
        return asked.pk if asked else None

    def get_status(self, erasure: Erasure) -> str:
        asked = queries.request_of(erasure)
        return "erased" if erasure.erased_at else asked.status if asked else ""


class PersonErasure(APIView):
    @extend_schema(responses=ErasureOut, operation_id="person_erasure", summary="The erasure of a person's data")
    def get(self, request: Request, pk: UUID) -> Response:
        person = get_object_or_404(persons_visible_to(account_of(request)), pk=pk)
        found = queries.erased(person) or queries.asked(person)
        if found is None:
            raise Http404
        return Response(ErasureOut(found).data)

    @extend_schema(
        request=ErasureIn, responses={201: ErasureOut}, operation_id="person_erasure_ask",
        summary="Ask for the erasure of a person's data; signers decide",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        person = get_object_or_404(persons_visible_to(account), pk=pk)
        given = ErasureIn(data=request.data)
        given.is_valid(raise_exception=True)
        made = services.ask(person, **given.validated_data, actor=account)
        return Response(ErasureOut(made).data, status=201)
