"""JSON: experiments, their readings and what follows from them."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Strict, account_of
from mrm.deployment import queries, services
from mrm.deployment.api.deployments import RevisionOut, asked_for, find
from mrm.deployment.models import Experiment, ExperimentArm, Reading

MOST_ROWS = services.MOST_ROWS


class ExperimentIn(Strict):
    metric = serializers.CharField(
        max_length=200, help_text="The outcome that is compared, such as default in 12 months"
    )
    higher_is_better = serializers.BooleanField()
    base_rate = serializers.FloatField(min_value=0.0001, max_value=0.9999, help_text="Share with the outcome today")
    smallest_effect = serializers.FloatField(
        min_value=0.0001, max_value=0.9999, help_text="The change that must not be missed, as a share"
    )
    horizon = serializers.IntegerField(min_value=1, help_text="Units in each arm")
    looks = serializers.IntegerField(min_value=1, max_value=20, default=5)
    alpha = serializers.FloatField(min_value=0.0001, max_value=0.1, default=0.05)
    power = serializers.FloatField(min_value=0.5, max_value=0.999, default=0.8)
    guardrail_tau = serializers.FloatField(min_value=0.0001, max_value=1, default=0.01)
    stop_rules = serializers.CharField()


class ExperimentArmOut(serializers.ModelSerializer[ExperimentArm]):
    version_label = serializers.CharField(source="version.label")

    class Meta:
        model = ExperimentArm
        fields = ("version", "version_label", "approval", "weight_bp")


class ReadingOut(serializers.ModelSerializer[Reading]):
    answer = serializers.SerializerMethodField()
    closed = serializers.BooleanField()

    class Meta:
        model = Reading
        fields = (
            "id", "kind", "look", "per_arm", "units", "ratio_p", "closed", "results", "stops", "answer", "table_sha256",
            "read_at",
        )  # fmt: skip

    def get_answer(self, reading: Reading) -> str:
        return services.answer(reading)


class ExperimentOut(serializers.ModelSerializer[Experiment]):
    arms = ExperimentArmOut(many=True)
    readings = ReadingOut(many=True)
    ended = serializers.SerializerMethodField()

    class Meta:
        model = Experiment
        fields = (
            "id", "deployment", "number", "metric", "higher_is_better", "unit_of_assignment", "salt", "base_rate",
            "smallest_effect", "horizon", "looks", "alpha", "power", "guardrail_tau", "stop_rules", "registered_at",
            "arms", "readings", "ended",
        )  # fmt: skip

    def get_ended(self, experiment: Experiment) -> bool:
        return queries.is_over(experiment)


class OutcomeIn(Strict):
    unit = serializers.RegexField(r"^[0-9a-f]{16,64}$", help_text="Hash of the customer or account, never its number")
    arm = serializers.CharField(help_text="Label of the version")
    outcome = serializers.IntegerField(min_value=0, max_value=1)


class ReadingIn(Strict):
    guardrail = serializers.BooleanField(default=False, help_text="Not a planned look: only whether it does harm")
    outcomes = serializers.ListField(child=OutcomeIn(), max_length=MOST_ROWS)


class ExperimentEndIn(Strict):
    reason = serializers.CharField()


class PromoteIn(Strict):
    version = serializers.CharField(help_text="Label of the version that was shown to be better")
    reason = serializers.CharField(required=False, allow_blank=True, default="")


def _find(request: Request, pk: Any) -> Experiment:
    found: Experiment = get_object_or_404(queries.experiments_visible_to(account_of(request)), pk=pk)
    return found


class Experiments(APIView):
    """Experiments at one endpoint; registering one says everything before anybody looks."""

    @extend_schema(responses=ExperimentOut(many=True))
    def get(self, request: Request, pk: Any) -> Response:
        found = queries.experiments_visible_to(account_of(request)).filter(deployment=find(request, pk))
        return Response(ExperimentOut(found, many=True).data)

    @extend_schema(request=ExperimentIn, responses={201: ExperimentOut})
    def post(self, request: Request, pk: Any) -> Response:
        made = services.register_experiment(find(request, pk), actor=account_of(request), **ExperimentIn.read(request))
        return Response(ExperimentOut(made).data, status.HTTP_201_CREATED)


class ExperimentDetail(APIView):
    @extend_schema(responses=ExperimentOut)
    def get(self, request: Request, pk: Any) -> Response:
        return Response(ExperimentOut(_find(request, pk)).data)


class Readings(APIView):
    """Hand in a table of outcomes and read it: the sample ratio first, then the look that is due."""

    @extend_schema(request=ReadingIn, responses={201: ReadingOut})
    def post(self, request: Request, pk: Any) -> Response:
        found, given = _find(request, pk), ReadingIn.read(request)
        rows = [(each["unit"], each["arm"], each["outcome"]) for each in given["outcomes"]]
        made = services.read_experiment(found, rows=rows, guardrail=given["guardrail"], actor=account_of(request))
        return Response(ReadingOut(made).data, status.HTTP_201_CREATED)


class End(APIView):
    @extend_schema(request=ExperimentEndIn, responses=ExperimentOut)
    def post(self, request: Request, pk: Any) -> Response:
        services.end_experiment(_find(request, pk), actor=account_of(request), **ExperimentEndIn.read(request))
        return Response(ExperimentOut(_find(request, pk)).data)


class Promote(APIView):
    """Ask that the version which was shown to be better takes everything."""

    @extend_schema(request=PromoteIn, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        found, given = _find(request, pk), PromoteIn.read(request)
        made = services.promote(found, label=given["version"], reason=given["reason"], actor=account_of(request))
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)
