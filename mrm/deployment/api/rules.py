"""JSON: by which rules an endpoint serves."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Strict, account_of
from mrm.deployment import queries, services
from mrm.deployment.api.deployments import PlanOut, RevisionOut, RulesIn, asked_for, find
from mrm.deployment.models import Deployment
from mrm.inventory.models import Version


class RulesPlanIn(Strict):
    rules = RulesIn()
    version = serializers.UUIDField(required=False, help_text="The first version, where none serves yet")


class RulesWanted(RulesPlanIn):
    reason = serializers.CharField()
    planned_on = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, default="")


class RangeOut(serializers.Serializer[Any]):
    feature = serializers.CharField()
    kind = serializers.CharField()
    low = serializers.JSONField()
    high = serializers.JSONField()
    missing = serializers.IntegerField(help_text="Rows of the development data without a value")
    dataset = serializers.CharField()


class RulesOut(serializers.Serializer[Any]):
    rules = RulesIn()
    in_words = serializers.DictField(child=serializers.CharField())
    ranges = RangeOut(many=True, help_text="What the development data show: the bounds to think of first")


def _told(place: Deployment) -> dict[str, Any]:
    current = queries.current(place)
    rules = queries.rules_wanted(place)
    return {
        "rules": queries.rules_told(rules),
        "in_words": queries.rules_in_words(rules),
        "ranges": queries.ranges(current.version) if current and current.version else [],
    }


def _version(place: Deployment, given: dict[str, Any]) -> Version | None:
    key = given.pop("version", None)
    return get_object_or_404(queries.candidates(place), pk=key) if key else None


class Rules(APIView):
    """The rules in force, raised to what the environment asks; wanting others is a revision of its own."""

    @extend_schema(responses=RulesOut)
    def get(self, request: Request, pk: Any) -> Response:
        return Response(RulesOut(_told(find(request, pk))).data)

    @extend_schema(request=RulesWanted, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        place, given = find(request, pk), RulesWanted.read(request)
        rules, version = services.read_rules(given.pop("rules")), _version(place, given)
        made = services.change_rules(place, rules=rules, version=version, actor=account_of(request), **given)
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)


class RulesPlan(APIView):
    """What other rules would change, line by line; nothing is sent."""

    @extend_schema(request=RulesPlanIn, responses=PlanOut)
    def post(self, request: Request, pk: Any) -> Response:
        place, given = find(request, pk), RulesPlanIn.read(request)
        shares = services.shares_under(place, _version(place, given))
        return Response(PlanOut(services.plan(place, shares, rules=services.read_rules(given["rules"]))).data)
