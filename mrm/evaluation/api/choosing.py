"""The choice among the alternatives of a run over the API: read, propose, decide."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Strict, account_of
from mrm.evaluation import queries, services
from mrm.evaluation.models import Run


class Against(Strict):
    candidate = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=2_000)


class ChoiceIn(Strict):
    candidate = serializers.IntegerField(min_value=0, help_text="Number of the candidate; 0 keeps the present model.")
    reason = serializers.CharField(max_length=2_000)
    rejected = Against(
        many=True, default=list, help_text="A reason for each candidate that was better, within the tolerance, and is not taken."
    )  # fmt: skip


class ChoiceOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    candidate = serializers.IntegerField()
    said = serializers.CharField()
    reason = serializers.CharField()
    rejected = serializers.ListField(child=serializers.DictField())
    decided = serializers.BooleanField(help_text="Decided by somebody independent; else a proposal.")
    proposal = serializers.IntegerField(source="proposal_id", allow_null=True)
    made_by = serializers.CharField(source="made_by.username")
    made_at = serializers.DateTimeField()


class Choices(APIView):
    @extend_schema(
        responses=ChoiceOut(many=True), operation_id="alternatives_list",
        summary="What was proposed and decided on the alternatives of a run, the latest first",
    )  # fmt: skip
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ChoiceOut(queries.choices_of(_run(request, pk)), many=True).data)


class Propose(APIView):
    @extend_schema(
        request=ChoiceIn, responses={201: ChoiceOut}, operation_id="alternatives_propose",
        summary="Propose a candidate, or to keep the present model",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        made = services.propose_alternative(_run(request, pk), **_choice(request), actor=account_of(request))
        return Response(ChoiceOut(made).data, 201)


class Decide(APIView):
    @extend_schema(
        request=ChoiceIn, responses={201: ChoiceOut}, operation_id="alternatives_decide",
        summary="Decide on the alternatives, as somebody without a part in the model",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        made = services.decide_alternative(_run(request, pk), **_choice(request), actor=account_of(request))
        return Response(ChoiceOut(made).data, 201)


def _choice(request: Request) -> dict[str, Any]:
    given = ChoiceIn(data=request.data)
    given.is_valid(raise_exception=True)
    facts = dict(given.validated_data)
    return facts | {"rejected": {each["candidate"]: each["reason"] for each in facts["rejected"]}}


def _run(request: Request, pk: UUID) -> Run:
    found: Run = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found
