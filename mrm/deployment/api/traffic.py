"""JSON: traffic plans, their steps, and taking a model out under a signature."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.queries import ways
from mrm.access.rest import SignIn, StatementOut, Strict, account_of, laid
from mrm.deployment import queries, services
from mrm.deployment.api.deployments import PlanOut, RevisionOut, RulesIn, asked_for, find
from mrm.deployment.models import Deployment, FailBack, VariantRole
from mrm.deployment.policies import Share


class ShareIn(Strict):
    version = serializers.UUIDField()
    role = serializers.ChoiceField(VariantRole.choices)
    weight_bp = serializers.IntegerField(
        min_value=0, max_value=10_000, default=0, help_text="Part of the traffic in basis points; 10000 in all"
    )
    mirror_bp = serializers.IntegerField(
        min_value=0, max_value=10_000, default=0, help_text="Of a shadow: part of the traffic that is copied to it"
    )


class TrafficIn(Strict):
    variants = ShareIn(many=True)
    steps = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=9_999),
        default=list,
        max_length=20,
        help_text="The challenger's shares by which a canary goes on, the first being that of this plan",
    )


class TrafficWanted(TrafficIn):
    unit_field = serializers.SlugField(
        max_length=60, default="unit", help_text="Field of a request that names the customer or account"
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    planned_on = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, default="")
    rules = RulesIn(required=False, help_text="Those in force where none are given")


class StopIn(Strict):
    reason = serializers.CharField()


def _shares(place: Deployment, given: list[dict[str, Any]]) -> list[Share]:
    versions = queries.candidates(place)
    return [Share(get_object_or_404(versions, pk=each.pop("version")), **each) for each in given]


class TrafficPlan(APIView):
    """What a traffic plan would change, version by version; nothing is sent."""

    @extend_schema(request=TrafficIn, responses=PlanOut)
    def post(self, request: Request, pk: Any) -> Response:
        place, given = find(request, pk), TrafficIn.read(request)
        return Response(PlanOut(services.plan(place, _shares(place, given["variants"]), given["steps"])).data)


class Traffic(APIView):
    """Want several versions behind one endpoint: champion, challengers, shadow, fallback."""

    @extend_schema(request=TrafficWanted, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        place, given = find(request, pk), TrafficWanted.read(request)
        shares = _shares(place, given.pop("variants"))
        given["rules"] = services.read_rules(given["rules"]) if "rules" in given else None
        made = services.change_traffic(place, shares=shares, actor=account_of(request), **given)
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)


class Advance(APIView):
    """Move the canary that is under way to its next registered step."""

    @extend_schema(request=None, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        made = services.advance(find(request, pk), actor=account_of(request))
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)


class StopStatement(APIView):
    """What whoever takes the model out will sign, word for word, with the sealed token that brings it back."""

    @extend_schema(request=StopIn, responses=StatementOut)
    def post(self, request: Request, pk: Any) -> Response:
        account = account_of(request)
        statement, token = services.compose_stop(find(request, pk), actor=account, **StopIn.read(request))
        return Response(laid(statement, token, ways(account), account))


class Stop(APIView):
    """Take the model out, at once: sign the statement of a token; a password, a code or a key says who signs."""

    @extend_schema(request=SignIn, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        given = SignIn.read(request)
        made = services.stop(find(request, pk), actor=account_of(request), **given)
        return Response(RevisionOut(made).data, status.HTTP_202_ACCEPTED)


class FailBackStatement(APIView):
    """What whoever sends back what the gateway passed over will sign, with the sealed token that brings it back."""

    @extend_schema(request=StopIn, responses=StatementOut)
    def post(self, request: Request, pk: Any) -> Response:
        account = account_of(request)
        statement, token = services.compose_fail_back(find(request, pk), actor=account, **StopIn.read(request))
        return Response(laid(statement, token, ways(account), account))


class FailBackOut(serializers.ModelSerializer[FailBack]):
    class Meta:
        model = FailBack
        fields = ("id", "deployment", "revision", "passed_over", "reason", "statement_digest", "method", "signed_at")


class FailBackSigned(APIView):
    """Send back what the gateway passed over: sign the statement of a token; a password, a code or a key says who signs."""

    @extend_schema(request=SignIn, responses=FailBackOut)
    def post(self, request: Request, pk: Any) -> Response:
        given = SignIn.read(request)
        made = services.fail_back(find(request, pk), actor=account_of(request), **given)
        return Response(FailBackOut(made).data)
