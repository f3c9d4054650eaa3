"""JSON: endpoints and revisions, behind the same services as the pages."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of, receipt_address
from mrm.deployment import policies, queries, services
from mrm.deployment.models import Deployment, LoggedInputs, LogPolicy, OnWithdrawn, Revision, Variant
from mrm.inventory.queries import models_visible_to
from mrm.serving import Action


class DeploymentIn(Strict):
    model = serializers.UUIDField()
    target = serializers.SlugField(help_text="Key of the serving place")
    endpoint = serializers.SlugField(max_length=100)


class VariantOut(serializers.ModelSerializer[Variant]):
    version_label = serializers.CharField(source="version.label")

    class Meta:
        model = Variant
        fields = ("role", "version", "version_label", "artifact_sha256", "approval", "weight_bp", "mirror_bp")


class SegmentConditionIn(Strict):
    feature = serializers.CharField(max_length=100)
    low = serializers.FloatField(required=False, allow_null=True)
    high = serializers.FloatField(required=False, allow_null=True)
    categories = serializers.ListField(
        child=serializers.JSONField(), required=False, help_text="Texts or whole numbers, in place of bounds"
    )


class SegmentRuleIn(Strict):
    name = serializers.CharField(max_length=100)
    action = serializers.ChoiceField([str(each) for each in Action])
    within = SegmentConditionIn(required=False, allow_null=True)
    missing = serializers.BooleanField(required=False, help_text="A missing value is inside")
    never_all = SegmentConditionIn(many=True, required=False)


class FailoverIn(Strict):
    window_seconds = serializers.IntegerField(required=False)
    minimum = serializers.IntegerField(required=False)
    error_bp = serializers.IntegerField(required=False)
    timeout_ms = serializers.IntegerField(required=False)
    output = serializers.CharField(required=False, allow_blank=True)
    output_low = serializers.FloatField(required=False, allow_null=True)
    output_high = serializers.FloatField(required=False, allow_null=True)
    cool_down_seconds = serializers.IntegerField(required=False)
    flips_an_hour = serializers.IntegerField(required=False)


class ElsewhereIn(Strict):
    """Where the backup answers, if not in the same place."""

    deployment = serializers.RegexField(
        r"^[0-9a-f-]{36}$", help_text="The model's deployment at another gateway, which serves the fallback's version"
    )
    secret = serializers.RegexField(
        r"^[a-z0-9-]{0,40}$",
        required=False,
        allow_blank=True,
        help_text="Name of the token that the gateway shows there",
    )
    url = serializers.CharField(required=False, allow_blank=True, help_text="Of that deployment's place, as it is kept")
    endpoint = serializers.CharField(required=False, allow_blank=True, help_text="Likewise")


class RulesIn(Strict):
    """What is left out is as usual."""

    segment = SegmentRuleIn(many=True, required=False)
    on_withdrawn = serializers.ChoiceField(OnWithdrawn.choices, required=False)
    log = serializers.ChoiceField(LogPolicy.choices, required=False)
    inputs = serializers.ChoiceField(LoggedInputs.choices, required=False)
    failover = FailoverIn(required=False)
    elsewhere = ElsewhereIn(required=False, allow_null=True)


class RevisionOut(serializers.ModelSerializer[Revision]):
    version_label = serializers.CharField(source="version.label", default="")
    requested_by = serializers.CharField(source="requested_by.username")
    variants = VariantOut(many=True, read_only=True)
    steps = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    rules = RulesIn(read_only=True)
    receipt = serializers.SerializerMethodField()

    class Meta:
        model = Revision
        fields = (
            "id", "number", "kind", "version", "version_label", "artifact_sha256", "approval", "variants", "unit_field",
            "rules", "steps", "step", "restores", "emergency", "reason", "status", "requested_by", "requested_at", "settled_at",
            "error", "verification", "statement", "statement_digest", "method", "receipt",
        )  # fmt: skip

    def get_receipt(self, revision: Revision) -> str:
        return receipt_address(revision.place)


class DeploymentOut(serializers.ModelSerializer[Deployment]):
    target = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]
    current = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = ("id", "model", "target", "endpoint", "sync", "health", "observed", "observed_at", "drift", "current")

    @extend_schema(responses=RevisionOut)
    def get_current(self, deployment: Deployment) -> dict[str, Any] | None:
        found = queries.current(deployment)
        return dict(RevisionOut(found).data) if found else None


class DeployIn(Strict):
    version = serializers.UUIDField()
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    planned_on = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        required=False,
        default="",
        help_text="Fingerprint of the plan; refused when the place changed since",
    )
    rules = RulesIn(required=False, help_text="Those in force where none are given")


class PlannedIn(Strict):
    version = serializers.UUIDField()


class PlannedChangeOut(serializers.Serializer[Any]):
    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class PlanOut(serializers.Serializer[Any]):
    changes = PlannedChangeOut(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    closed = serializers.ListField(
        child=serializers.CharField(), help_text="Why a version may not serve there now; the wish is refused for it"
    )
    fingerprint = serializers.CharField(help_text="What `planned_on` of a deployment takes")


class RollBackIn(Strict):
    number = serializers.IntegerField(min_value=1, help_text="Revision to go back to")
    reason = serializers.CharField()
    emergency = serializers.BooleanField(
        default=False, help_text="At once, without signatures and in spite of a freeze; reviewed afterwards"
    )


def _valid(serializer: Strict) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class Deployments(APIView):
    """Endpoints of models at serving places."""

    @extend_schema(responses=DeploymentOut(many=True))
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(queries.visible_to(account_of(request)), request)
        return pages.get_paginated_response(DeploymentOut(rows, many=True).data)

    @extend_schema(request=DeploymentIn, responses={201: DeploymentOut})
    def post(self, request: Request) -> Response:
        facts, account = _valid(DeploymentIn(data=request.data)), account_of(request)
        model = get_object_or_404(models_visible_to(account), pk=facts["model"])
        target = get_object_or_404(queries.targets_for(account, model), key=facts["target"])
        made = services.create(model, target=target, endpoint=facts["endpoint"], actor=account)
        return Response(DeploymentOut(made).data, status.HTTP_201_CREATED)


def find(request: Request, pk: Any) -> Deployment:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


class DeploymentDetail(APIView):
    @extend_schema(responses=DeploymentOut)
    def get(self, request: Request, pk: Any) -> Response:
        return Response(DeploymentOut(find(request, pk)).data)


class PlanOf(APIView):
    """What bringing a version to an endpoint would change; nothing is sent."""

    @extend_schema(request=PlannedIn, responses=PlanOut)
    def post(self, request: Request, pk: Any) -> Response:
        place, facts = find(request, pk), _valid(PlannedIn(data=request.data))
        version = get_object_or_404(queries.candidates(place), pk=facts["version"])
        return Response(PlanOut(services.plan(place, policies.whole(version))).data)


class Revisions(APIView):
    """The history of one endpoint; asking for a new revision deploys."""

    @extend_schema(responses=RevisionOut(many=True))
    def get(self, request: Request, pk: Any) -> Response:
        return Response(RevisionOut(queries.revisions(find(request, pk)), many=True).data)

    @extend_schema(request=DeployIn, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        place, facts = find(request, pk), _valid(DeployIn(data=request.data))
        version = get_object_or_404(queries.candidates(place), pk=facts.pop("version"))
        facts["rules"] = services.read_rules(facts["rules"]) if "rules" in facts else None
        made = services.deploy(place, version=version, actor=account_of(request), **facts)
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)


def asked_for(revision: Revision) -> dict[str, Any]:
    """The revision, with the key of the request that must be signed before it is applied, where the tier asks."""
    asked = queries.release_request(revision)
    return RevisionOut(revision).data | {"request": str(asked.pk) if asked else None}


class RollBack(APIView):
    @extend_schema(request=RollBackIn, responses={202: RevisionOut})
    def post(self, request: Request, pk: Any) -> Response:
        facts = _valid(RollBackIn(data=request.data))
        made = services.roll_back(find(request, pk), actor=account_of(request), **facts)
        return Response(asked_for(made), status.HTTP_202_ACCEPTED)


class Refresh(APIView):
    """Look again at what the place serves."""

    @extend_schema(request=None, responses={202: DeploymentOut})
    def post(self, request: Request, pk: Any) -> Response:
        place = services.refresh(find(request, pk), actor=account_of(request))
        return Response(DeploymentOut(place).data, status.HTTP_202_ACCEPTED)
