"""Models: the list, the record, its rating and its timeline."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.rest import Pages, Strict, account_of
from mrm.audit.models import Event
from mrm.audit.queries import sentence
from mrm.audit.queries import timeline as events_of
from mrm.inventory import queries, services
from mrm.inventory.api.fields import MoveOut, PersonField, ShortList, UnitField
from mrm.inventory.forms import ModelFilter
from mrm.inventory.models import Model, Rating
from mrm.inventory.models.model import Autonomy, Explainability, Origin, RecordKind


class Facts(Strict):
    name = serializers.CharField(max_length=120)
    use_summary = serializers.CharField(max_length=20_000)
    owner = PersonField()
    developer = PersonField()
    kind = serializers.ChoiceField(choices=RecordKind.choices, required=False)
    key_features = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    rationale = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    origin = serializers.ChoiceField(choices=Origin.choices, required=False)
    vendor = serializers.CharField(max_length=120, required=False, allow_blank=True)
    approved_uses = ShortList(required=False)
    limitations = ShortList(required=False)
    limitation_conditions = ShortList(required=False)
    explainability_need = serializers.ChoiceField(choices=Explainability.choices, required=False)
    autonomy = serializers.ChoiceField(choices=Autonomy.choices, required=False)
    contingency_plan = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    generative_or_agentic = serializers.BooleanField(required=False)
    regimes = serializers.DictField(child=serializers.ChoiceField(choices=["in", "out", "refer"]), required=False)


class ModelIn(Facts):
    unit = UnitField()


class ModelPatch(Facts):
    revision = serializers.IntegerField(help_text="The one that was read; another answers 409 with what differs.")
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ModelOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ref = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    unit = UnitField()
    owner = PersonField()
    developer = PersonField()
    use_summary = serializers.CharField()
    key_features = serializers.CharField()
    rationale = serializers.CharField()
    origin = serializers.CharField()
    vendor = serializers.CharField()
    approved_uses = ShortList()
    limitations = ShortList()
    limitation_conditions = ShortList()
    explainability_need = serializers.CharField()
    autonomy = serializers.CharField()
    contingency_plan = serializers.CharField()
    generative_or_agentic = serializers.BooleanField()
    regimes = serializers.DictField(child=serializers.CharField())
    lifecycle = serializers.CharField()
    tier = serializers.CharField()
    tier_is_provisional = serializers.BooleanField()
    rated_on = serializers.DateField(allow_null=True)
    residual_risk = serializers.CharField()
    production_date = serializers.DateField(allow_null=True)
    last_validation_date = serializers.DateField(allow_null=True)
    next_validation_date = serializers.DateField(allow_null=True)
    monitoring_status = serializers.CharField()
    decommission_date = serializers.DateField(allow_null=True)
    registered_at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class OneModelOut(ModelOut):
    moves = MoveOut(many=True)


class RatingIn(Strict):
    answers = serializers.DictField(
        child=serializers.IntegerField(allow_null=True, min_value=0, max_value=3),
        help_text="Question to points; null where not known, counted as the highest.",
    )


class RatingOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    method = serializers.CharField()
    answers = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    materiality_score = serializers.DecimalField(max_digits=6, decimal_places=2)
    complexity_score = serializers.DecimalField(max_digits=6, decimal_places=2)
    materiality = serializers.CharField()
    complexity = serializers.CharField()
    matrix_tier = serializers.CharField()
    floors = serializers.ListField(child=serializers.CharField())
    computed_tier = serializers.CharField()
    tier = serializers.CharField()
    override_reason = serializers.CharField()
    rated_by = serializers.CharField(source="rater")
    rated_at = serializers.DateTimeField()


class ChangeOut(serializers.Serializer[Any]):
    table = serializers.CharField()
    row = serializers.CharField()
    op = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class EventOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    seq = serializers.IntegerField(source="position")
    at = serializers.DateTimeField()
    verb = serializers.CharField()
    outcome = serializers.CharField()
    actor = serializers.CharField()
    actor_name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField(), source="actor_roles")
    on_behalf_of = serializers.CharField()
    sentence = serializers.SerializerMethodField()
    reason = serializers.CharField()
    details = serializers.JSONField()
    digest = serializers.CharField()
    previous = serializers.CharField(source="object_prev")
    changes = ChangeOut(many=True)

    def get_sentence(self, event: Event) -> str:
        return sentence(event)


FILTERS = [
    OpenApiParameter("q", str, description="In name, use, owner, or the reference."),
    OpenApiParameter("tier", str, description="1 to 4, or none."),
    OpenApiParameter("lifecycle", str),
    OpenApiParameter("residual", str),
    OpenApiParameter("unit", str, description="Key of a unit; reaches below it."),
    OpenApiParameter("own", bool, description="Only models that the caller owns or develops."),
    OpenApiParameter("overdue", bool, description="Only models whose review is overdue."),
    OpenApiParameter("page", int),
    OpenApiParameter("page_size", int),
]


class Models(APIView):
    @extend_schema(
        responses=ModelOut(many=True), parameters=FILTERS, operation_id="models_list", summary="The models in reach"
    )
    def get(self, request: Request) -> Response:
        account = account_of(request)
        form = ModelFilter(request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(line) for line in lines] for name, lines in form.errors.items()}
            )
        found = queries.narrow(queries.models_listed_to(account), **form.conditions(account))
        pages = Pages()
        return pages.get_paginated_response(
            ModelOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=ModelIn, responses={201: OneModelOut}, operation_id="models_register", summary="Register a model"
    )
    def post(self, request: Request) -> Response:
        account = account_of(request)
        given = ModelIn(data=request.data, context={"account": account})
        given.is_valid(raise_exception=True)
        made = services.register(**given.validated_data, actor=account)
        return Response(_shown(_visible(account, made.pk), account), 201)


class OneModel(APIView):
    @extend_schema(responses=OneModelOut, operation_id="models_get", summary="One model")
    def get(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        return Response(_shown(_visible(account, pk), account))

    @extend_schema(
        request=ModelPatch, responses=OneModelOut, operation_id="models_edit", summary="Change fields of the record"
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        model = _visible(account, pk)
        given = ModelPatch(data=request.data, context={"account": account}, partial=True)
        given.is_valid(raise_exception=True)
        changes = dict(given.validated_data)
        revision, reason = changes.pop("revision", None), changes.pop("reason", "")
        if revision is None:
            raise serializers.ValidationError({"revision": ["Name the revision that you read."]})
        services.edit(model, changes=changes, revision=revision, reason=reason, actor=account)
        return Response(_shown(_visible(account, pk), account))


class ModelRating(APIView):
    @extend_schema(
        request=RatingIn,
        responses={201: RatingOut},
        operation_id="models_rate",
        summary="Rate by the method in force",
    )
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        given = RatingIn(data=request.data)
        given.is_valid(raise_exception=True)
        rating: Rating = services.rate_model(
            _visible(account, pk), answers=given.validated_data["answers"], actor=account
        )
        return Response(RatingOut(rating).data, 201)


class ModelTimeline(APIView):
    @extend_schema(
        responses=EventOut(many=True),
        parameters=[OpenApiParameter("page", OpenApiTypes.INT), OpenApiParameter("page_size", OpenApiTypes.INT)],
        operation_id="models_timeline",
        summary="Every event on the model and what belongs to it, newest first",
    )
    def get(self, request: Request, pk: UUID) -> Response:
        model = _visible(account_of(request), pk)
        pages = Pages()
        found = pages.paginate_queryset(events_of(model).prefetch_related("changes"), request, view=self)
        return pages.get_paginated_response(EventOut(found, many=True).data)


def _visible(account: Account, pk: UUID) -> Model:
    return get_object_or_404(queries.models_visible_to(account), pk=pk)


def _shown(model: Model, account: Account) -> dict[str, Any]:
    return {**ModelOut(model).data, "moves": queries.model_moves(model, account)}
