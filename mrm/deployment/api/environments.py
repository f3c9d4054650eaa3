"""JSON: environments, their policy, their freezes, and the people named for them."""

from dataclasses import asdict
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.queries import persons
from mrm.access.rest import Strict, account_of
from mrm.deployment import queries, services
from mrm.deployment.models import DriftPolicy, Environment, Freeze, LoggedInputs, LogPolicy, OnWithdrawn, Stage
from mrm.deployment.policies import Least


class EnvironmentIn(Strict):
    key = serializers.SlugField()
    name = serializers.CharField(max_length=120)
    stage = serializers.ChoiceField(Stage.choices)
    drift_policy = serializers.ChoiceField(DriftPolicy.choices, default=DriftPolicy.REPORT)
    look_every = serializers.IntegerField(min_value=10, max_value=86_400, default=300, help_text="Seconds")


class LeastIn(Strict):
    """The least that rules of serving say here."""

    log = serializers.ChoiceField(LogPolicy.choices, default=LogPolicy.BEST_EFFORT)
    inputs = serializers.ChoiceField(LoggedInputs.choices, default=LoggedInputs.NONE)
    on_withdrawn = serializers.ChoiceField(OnWithdrawn.choices, default=OnWithdrawn.ALERT)
    segment = serializers.BooleanField(default=False, help_text="Every endpoint names whom its model is for")


class PolicyIn(Strict):
    drift_policy = serializers.ChoiceField(DriftPolicy.choices)
    look_every = serializers.IntegerField(min_value=10, max_value=86_400, help_text="Seconds")
    named_only = serializers.BooleanField(help_text="Only the people named deploy here")
    least = LeastIn(required=False, help_text="Stays as it is where none is given")
    reason = serializers.CharField()


class FreezeIn(Strict):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField()


class LiftIn(Strict):
    reason = serializers.CharField()


class NameIn(Strict):
    person = serializers.UUIDField(help_text="Key of the person")


class FreezeOut(serializers.ModelSerializer[Freeze]):
    declared_by = serializers.CharField(source="declared_by.username")

    class Meta:
        model = Freeze
        fields = ("id", "starts_at", "ends_at", "reason", "declared_by", "lifted_at", "lifted_because")


class EnvironmentOut(serializers.ModelSerializer[Environment]):
    freezes = FreezeOut(many=True, read_only=True)
    deployers = serializers.SerializerMethodField()
    least = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = (
            "id", "key", "name", "stage", "drift_policy", "look_every", "named_only", "least", "freezes", "deployers",
        )  # fmt: skip

    @extend_schema_field(LeastIn)
    def get_least(self, environment: Environment) -> dict[str, Any]:
        return asdict(queries.least_of(environment))

    def get_deployers(self, environment: Environment) -> list[str]:
        return [each.person.name for each in environment.deployers.all()]


def _find(request: Request, pk: Any) -> Environment:
    return get_object_or_404(queries.environments_visible_to(account_of(request)), pk=pk)


class Environments(APIView):
    """Groups of serving places under one policy."""

    @extend_schema(responses=EnvironmentOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(EnvironmentOut(queries.environments_visible_to(account_of(request)), many=True).data)

    @extend_schema(request=EnvironmentIn, responses={201: EnvironmentOut})
    def post(self, request: Request) -> Response:
        made = services.define_environment(actor=account_of(request), **EnvironmentIn.read(request))
        return Response(EnvironmentOut(made).data, status.HTTP_201_CREATED)


class Policy(APIView):
    @extend_schema(request=PolicyIn, responses=EnvironmentOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts = PolicyIn.read(request)
        if "least" in facts:
            facts["least"] = Least(**facts["least"])
        made = services.set_policy(_find(request, pk), actor=account_of(request), **facts)
        return Response(EnvironmentOut(made).data)


class Freezes(APIView):
    @extend_schema(request=FreezeIn, responses={201: FreezeOut})
    def post(self, request: Request, pk: Any) -> Response:
        facts = FreezeIn.read(request)
        made = services.declare_freeze(_find(request, pk), actor=account_of(request), **facts)
        return Response(FreezeOut(made).data, status.HTTP_201_CREATED)


class Lift(APIView):
    @extend_schema(request=LiftIn, responses=FreezeOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts = LiftIn.read(request)
        freeze = get_object_or_404(queries.freezes_visible_to(account_of(request)), pk=pk)
        return Response(FreezeOut(services.lift_freeze(freeze, actor=account_of(request), **facts)).data)


class Deployers(APIView):
    """The people named for an environment."""

    @extend_schema(request=NameIn, responses=EnvironmentOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts, found = NameIn.read(request), _find(request, pk)
        person = get_object_or_404(persons(), pk=facts["person"])
        services.name_deployer(found, person=person, actor=account_of(request))
        return Response(EnvironmentOut(_find(request, pk)).data)

    @extend_schema(request=NameIn, responses=EnvironmentOut)
    def delete(self, request: Request, pk: Any) -> Response:
        facts, found = NameIn.read(request), _find(request, pk)
        person = get_object_or_404(persons(), pk=facts["person"])
        services.unname_deployer(found, person=person, actor=account_of(request))
        return Response(EnvironmentOut(_find(request, pk)).data)
