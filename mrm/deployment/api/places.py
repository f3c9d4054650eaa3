"""JSON: serving places and the kinds of them, behind the same services as the pages."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.queries import units_within
from mrm.access.rest import Strict, account_of
from mrm.core.actors import permit
from mrm.deployment import queries, services
from mrm.deployment.models import Target


class TargetIn(Strict):
    key = serializers.SlugField()
    name = serializers.CharField(max_length=120)
    connector = serializers.CharField()
    environment = serializers.SlugField(default="production", help_text="Key of the environment")
    unit = serializers.SlugField(help_text="Key of the business unit")
    config = serializers.DictField(help_text="Secrets by name only")


class TargetPatch(Strict):
    name = serializers.CharField(max_length=120, required=False)
    config = serializers.DictField(required=False, help_text="Every setting, complete; secrets by name only")
    revision = serializers.IntegerField(help_text="The one that was read; another answers 409 with what differs.")
    reason = serializers.CharField()


class TargetOut(serializers.ModelSerializer[Target]):
    unit = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]
    environment = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]
    config = serializers.DictField(read_only=True, help_text="Secrets by name only")

    class Meta:
        model = Target
        fields = (
            "id", "key", "name", "connector", "environment", "unit", "config", "revision", "answers", "checked",
            "checked_at",
        )  # fmt: skip


class PlaceKindOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="What `connector` of a place takes")
    title = serializers.CharField()
    enabled = serializers.BooleanField(help_text="Whether the operator lets places of it be added")
    caps = serializers.ListField(
        child=serializers.CharField(), help_text="What its places can do at most; settings can narrow it"
    )
    can = serializers.ListField(child=serializers.CharField(), help_text="The same in words")
    guide = serializers.ListField(child=serializers.CharField(), help_text="What must be there beside it")
    package = serializers.CharField(help_text="Which one brought the connector; empty where it is ours")
    config_schema = serializers.DictField(source="connector.config_schema", help_text="JSON Schema of `config`")
    secret_fields = serializers.ListField(
        child=serializers.CharField(), source="connector.secret_fields", help_text="Settings that name a secret"
    )
    examples = serializers.DictField(help_text="An example of each setting of which there is one")


class Targets(APIView):
    """Serving places."""

    @extend_schema(responses=TargetOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(TargetOut(queries.targets_visible_to(account_of(request)), many=True).data)

    @extend_schema(request=TargetIn, responses={201: TargetOut})
    def post(self, request: Request) -> Response:
        facts, account = TargetIn.read(request), account_of(request)
        unit = get_object_or_404(units_within(account.units_for("view")), key=facts.pop("unit"))
        target = services.add_target(connector_id=facts.pop("connector"), unit=unit, actor=account, **facts)
        return Response(TargetOut(target).data, status.HTTP_201_CREATED)


class TargetDetail(APIView):
    @extend_schema(responses=TargetOut)
    def get(self, request: Request, pk: Any) -> Response:
        return Response(TargetOut(_find(request, pk)).data)

    @extend_schema(request=TargetPatch, responses=TargetOut)
    def patch(self, request: Request, pk: Any) -> Response:
        """Another name or other settings; key, kind, environment and unit stay. What runs there is looked at straight after."""
        facts, place = TargetPatch.read(request), _find(request, pk)
        given = {"name": place.name, "config": place.config} | facts
        return Response(TargetOut(services.change_target(place, actor=account_of(request), **given)).data)


class PlaceKinds(APIView):
    """The kinds of places that may be added, with what each needs."""

    @extend_schema(responses=PlaceKindOut(many=True))
    def get(self, request: Request) -> Response:
        permit(account_of(request), "deployment.add_target", None)
        return Response(PlaceKindOut(queries.installed_kinds(), many=True).data)


def _find(request: Request, pk: Any) -> Target:
    return get_object_or_404(queries.targets_visible_to(account_of(request)), pk=pk)
