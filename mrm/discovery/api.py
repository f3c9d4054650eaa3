"""JSON: what places and registries hold, and the findings about it."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Pages, Strict, account_of
from mrm.deployment.queries import targets_visible_to
from mrm.discovery import queries, services
from mrm.discovery.models import ShadowFinding, Sighting
from mrm.inventory.queries import versions_visible_to


class SightingConfirmIn(Strict):
    version = serializers.UUIDField()
    reason = serializers.CharField(default="", allow_blank=True)


class SightingDismissIn(Strict):
    reason = serializers.CharField()


class ShadowCloseIn(Strict):
    resolution = serializers.CharField()


class SightingOut(serializers.ModelSerializer[Sighting]):
    """`version` is told to those who may read it."""

    version = serializers.SerializerMethodField()
    settled_by = serializers.CharField(source="settled_by.username", default="")
    last_seen = serializers.DateTimeField(source="glimpse.at", default=None)
    open_finding = serializers.BooleanField(default=False)

    class Meta:
        model = Sighting
        fields = (
            "id", "target", "source", "name", "label", "digest", "aliases", "serving", "managed", "status", "version", "how",
            "reason", "settled_by", "settled_at", "first_seen", "last_seen", "gone_at", "open_finding",
        )  # fmt: skip

    def get_version(self, sighting: Sighting) -> str | None:
        return str(sighting.version_id) if sighting.version_id in self.context["readable"] else None


class ShadowFindingOut(serializers.ModelSerializer[ShadowFinding]):
    closed_by = serializers.CharField(source="closed_by.username", default="")

    class Meta:
        model = ShadowFinding
        fields = (
            "id", "sighting", "cause", "sentence", "status", "opened_at", "resolution", "closed_by", "closed_at",
        )  # fmt: skip


def _find(request: Request, pk: Any) -> Sighting:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


def _told(request: Request, pk: Any) -> Response:
    return Response(_shown(request, [_find(request, pk)])[0])


def _shown(request: Request, rows: list[Sighting]) -> Any:
    context = {"readable": queries.readable_versions(account_of(request), rows)}
    return SightingOut(rows, many=True, context=context).data


class List(APIView):
    @extend_schema(
        request=None, responses={202: None}, operation_id="target_list", summary="Have a place list what it holds"
    )
    def post(self, request: Request, pk: Any) -> Response:
        account = account_of(request)
        place = get_object_or_404(targets_visible_to(account), pk=pk)
        services.ask_for_listing(place, actor=account)
        return Response(status=202)


class CallerIn(Strict):
    secret_name = serializers.SlugField(
        allow_blank=True, help_text="Name of the secret that calls are signed with; empty, and none is heard"
    )


class CallerOf(APIView):
    @extend_schema(request=CallerIn, responses={204: None}, summary="Say by which secret a place may call")
    def put(self, request: Request, pk: Any) -> Response:
        facts, account = CallerIn.read(request), account_of(request)
        place = get_object_or_404(targets_visible_to(account), pk=pk)
        services.set_caller(place, actor=account, **facts)
        return Response(status=204)


class PlaceChanged(APIView):
    """What a place calls to say that something changed there: it is looked at early, and nothing else follows.

    The call is signed with the secret of the place, by MLflow's scheme of webhooks (X-MLflow-Signature) or by the one
    of this system (Mrm-Signature: hmac-sha256); its number counts once, its time within five minutes. The body is
    signed, and not read.
    """

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=None, responses={202: None, 403: None, 404: None, 409: None, 429: None}, auth=[])
    def post(self, request: Request, pk: Any) -> Response:
        body = request.body
        caller = queries.caller_of(pk)
        if caller is None:
            raise Http404("No place listens at this address.")
        if services.too_many(caller):
            raise Throttled(60)
        services.hear(caller, headers=request.headers, path=request.path, body=body)
        return Response(status=202)


class Sightings(APIView):
    """What was seen at places and registries; `show` is findings, confirm, serving or all."""

    @extend_schema(
        responses=SightingOut(many=True),
        parameters=[OpenApiParameter("show", OpenApiTypes.STR, enum=list(queries.SHOWN), default="all")],
    )
    def get(self, request: Request) -> Response:
        rule = queries.SHOWN.get(request.query_params.get("show", "all"))
        if rule is None:
            raise serializers.ValidationError({"show": [f"Unknown; known are {', '.join(queries.SHOWN)}."]})
        pages = Pages()
        rows = pages.paginate_queryset(queries.visible_to(account_of(request)).filter(rule), request)
        return pages.get_paginated_response(_shown(request, list(rows or ())))


class SightingDetail(APIView):
    @extend_schema(responses=SightingOut)
    def get(self, request: Request, pk: Any) -> Response:
        return _told(request, pk)


class Confirm(APIView):
    @extend_schema(request=SightingConfirmIn, responses=SightingOut, summary="Say which version of the inventory it is")
    def post(self, request: Request, pk: Any) -> Response:
        facts, account = SightingConfirmIn.read(request), account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=facts.pop("version"))
        services.confirm(_find(request, pk), version=version, actor=account, **facts)
        return _told(request, pk)


class Dismiss(APIView):
    @extend_schema(request=SightingDismissIn, responses=SightingOut, summary="Say that it is no model")
    def post(self, request: Request, pk: Any) -> Response:
        facts = SightingDismissIn.read(request)
        services.dismiss(_find(request, pk), actor=account_of(request), **facts)
        return _told(request, pk)


class Findings(APIView):
    """Findings about what serves without being registered or approved: open ones first."""

    @extend_schema(responses=ShadowFindingOut(many=True))
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(queries.findings_visible_to(account_of(request)), request)
        return pages.get_paginated_response(ShadowFindingOut(rows, many=True).data)


class Close(APIView):
    @extend_schema(request=ShadowCloseIn, responses=ShadowFindingOut)
    def post(self, request: Request, pk: Any) -> Response:
        facts, account = ShadowCloseIn.read(request), account_of(request)
        found = get_object_or_404(queries.findings_visible_to(account), pk=pk)
        return Response(ShadowFindingOut(services.close_finding(found, actor=account, **facts)).data)
