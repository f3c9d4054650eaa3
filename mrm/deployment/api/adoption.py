"""JSON: taking over what already runs at a place."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.rest import Strict, account_of
from mrm.deployment import queries, services
from mrm.deployment.api.deployments import RevisionOut, asked_for
from mrm.inventory.queries import models_visible_to


class AdoptionIn(Strict):
    model = serializers.UUIDField()
    endpoint = serializers.SlugField(max_length=100, help_text="Its name at the place")


class AdoptIn(AdoptionIn):
    reason = serializers.CharField()
    planned_on = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="Fingerprint of the plan of it")


class TakenOut(serializers.Serializer[Any]):
    """One variant that serves there, and the version with its bytes."""

    served_as = serializers.CharField(source="seen.version")
    role = serializers.CharField(source="seen.role")
    weight_bp = serializers.IntegerField(source="seen.weight_bp")
    digest = serializers.CharField(source="seen.digest", allow_null=True)
    version = serializers.UUIDField(source="version.pk", default=None)
    why_not = serializers.CharField(source="refusal", allow_null=True)


class AdoptionOut(serializers.Serializer[Any]):
    taken = TakenOut(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    closed = serializers.ListField(child=serializers.CharField(), help_text="Why it is not taken over")
    fingerprint = serializers.CharField(help_text="What `planned_on` takes")


def _found(account: Account, pk: Any, facts: dict[str, Any]) -> dict[str, Any]:
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    model = get_object_or_404(models_visible_to(account), pk=facts.pop("model"))
    get_object_or_404(queries.targets_for(account, model), pk=place.pk)
    return {"model": model, "target": place, **facts}


class AdoptionPlan(APIView):
    """What would be taken over at an endpoint, matched by its bytes; nothing is changed."""

    @extend_schema(request=AdoptionIn, responses=AdoptionOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts = AdoptionIn.read(request)
        return Response(AdoptionOut(services.plan_adoption(**_found(account_of(request), pk, facts))).data)


class Adopt(APIView):
    """Take over what serves, as the plan showed it: signed for and verified as any deployment."""

    @extend_schema(request=AdoptIn, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        account, facts = account_of(request), AdoptIn.read(request)
        made = services.adopt(**_found(account, pk, facts), actor=account)
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)
