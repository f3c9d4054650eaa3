"""Versions: the list of a model, the facts, the artifact, the data."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.rest import Pages, Strict, account_of
from mrm.connectors.remote_scoring import MOST_ROWS, Place
from mrm.inventory import queries, services
from mrm.inventory.api.fields import MoveOut, PersonField, ShortList
from mrm.inventory.models import ArtifactKind, DatasetRole, ModelKind, Version


class VersionFacts(Strict):
    model_kind = serializers.ChoiceField(
        ModelKind.choices, required=False, help_text="What the model predicts; decides which tests and suites fit."
    )
    methodology = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    intended_use = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    domain_of_use = ShortList(required=False)
    training_window = serializers.CharField(max_length=120, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    features = ShortList(required=False)
    target = serializers.CharField(max_length=80, required=False, allow_blank=True)
    cutoff = serializers.DecimalField(max_digits=12, decimal_places=6, required=False, allow_null=True)


class VersionIn(VersionFacts):
    label = serializers.CharField(max_length=40)  # type: ignore[assignment]  # a field may be called label
    developer = PersonField(required=False, help_text="The caller, when left out.")


class VersionPatch(VersionFacts):
    revision = serializers.IntegerField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ArtifactIn(Strict):
    file = serializers.FileField()
    kind = serializers.ChoiceField(choices=ArtifactKind.choices)
    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}$", required=False)


class EndpointIn(Strict):
    address = serializers.CharField(max_length=300, help_text="Base address by https, before /v2.")
    model = serializers.CharField(max_length=120, help_text="Name of the model there.")
    version = serializers.CharField(max_length=120, default="", allow_blank=True)
    output = serializers.CharField(
        max_length=120, default="", allow_blank=True, help_text="Output with the scores, where there are several."
    )
    secret = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text="Name of the bearer token, as scoring-vendor; never the token.",
    )
    rows = serializers.IntegerField(default=1_000, min_value=1, max_value=MOST_ROWS, help_text="Rows in one request.")


class LinkIn(Strict):
    dataset = serializers.UUIDField()
    role = serializers.ChoiceField(choices=DatasetRole.choices)


class ArtifactOut(serializers.Serializer[Any]):
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    kind = serializers.CharField()
    filename = serializers.CharField()
    stored_at = serializers.DateTimeField()


class LinkOut(serializers.Serializer[Any]):
    dataset = serializers.UUIDField(source="dataset_id")
    name = serializers.CharField(source="dataset.name")
    sha256 = serializers.CharField(source="dataset.sha256")
    role = serializers.CharField()


class VersionOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    model = serializers.UUIDField(source="model_id")
    label = serializers.CharField()  # type: ignore[assignment]  # a field may be called label
    status = serializers.CharField()
    developer = PersonField()
    model_kind = serializers.CharField()
    methodology = serializers.CharField()
    intended_use = serializers.CharField()
    domain_of_use = ShortList()
    training_window = serializers.CharField()
    notes = serializers.CharField()
    features = ShortList()
    target = serializers.CharField()
    cutoff = serializers.DecimalField(max_digits=12, decimal_places=6, allow_null=True)
    artifact = ArtifactOut(allow_null=True)
    scoring_endpoint = serializers.JSONField(help_text="Where it answers, if it is not run here; empty without.")
    datasets = LinkOut(many=True, source="seen_links")
    created_at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class OneVersionOut(VersionOut):
    moves = MoveOut(many=True)


class ModelVersions(APIView):
    @extend_schema(responses=VersionOut(many=True), operation_id="versions_list", summary="The versions of a model")
    def get(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        model = get_object_or_404(queries.models_visible_to(account), pk=pk)
        found = queries.with_links(queries.versions_of(model), queries.datasets_visible_to(account))
        pages = Pages()
        return pages.get_paginated_response(
            VersionOut(pages.paginate_queryset(found, request, view=self), many=True).data
        )

    @extend_schema(
        request=VersionIn, responses={201: OneVersionOut}, operation_id="versions_add", summary="Add a draft version"
    )
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        model = get_object_or_404(queries.models_visible_to(account), pk=pk)
        given = VersionIn(data=request.data)
        given.is_valid(raise_exception=True)
        facts = {"developer": account.person, **given.validated_data}
        made = services.add_version(model, **facts, actor=account)
        return Response(_shown(made.pk, account), 201)


class OneVersion(APIView):
    @extend_schema(responses=OneVersionOut, operation_id="versions_get", summary="One version")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(_shown(pk, account_of(request)))

    @extend_schema(
        request=VersionPatch, responses=OneVersionOut, operation_id="versions_edit", summary="Change a draft"
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = _visible(account, pk)
        given = VersionPatch(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changes = dict(given.validated_data)
        revision, reason = changes.pop("revision", None), changes.pop("reason", "")
        if revision is None:
            raise serializers.ValidationError({"revision": ["Name the revision that you read."]})
        services.edit_version(version, changes=changes, revision=revision, reason=reason, actor=account)
        return Response(_shown(pk, account))


class VersionArtifact(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": ArtifactIn},
        responses=OneVersionOut,
        operation_id="versions_attach",
        summary="Attach the artifact; with `sha256` the bytes must have it",
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return self._attach(request, pk)

    @extend_schema(
        request={"multipart/form-data": ArtifactIn},
        responses=OneVersionOut,
        operation_id="versions_put_artifact",
        summary="The same as POST",
    )
    def put(self, request: Request, pk: UUID) -> Response:
        return self._attach(request, pk)

    def _attach(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = _visible(account, pk)
        given = ArtifactIn(data=dict(cast(dict[str, Any], request.data).items()))
        given.is_valid(raise_exception=True)
        facts = given.validated_data
        file = facts["file"]
        services.attach_artifact(
            version,
            chunks=file.chunks(),
            filename=file.name,
            kind=facts["kind"],
            sha256=facts.get("sha256"),
            actor=account,
        )
        return Response(_shown(pk, account))


class VersionEndpoint(APIView):
    @extend_schema(
        request=EndpointIn, responses=OneVersionOut, operation_id="versions_set_endpoint",
        summary="Name where the draft answers over the Open Inference Protocol V2",
    )  # fmt: skip
    def put(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = _visible(account, pk)
        given = EndpointIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.set_scoring_endpoint(version, place=Place(**given.validated_data), actor=account)
        return Response(_shown(pk, account))

    @extend_schema(
        responses=OneVersionOut, operation_id="versions_remove_endpoint", summary="The draft names no endpoint any more"
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        services.remove_scoring_endpoint(_visible(account, pk), actor=account)
        return Response(_shown(pk, account))


class VersionData(APIView):
    @extend_schema(
        request=LinkIn, responses={201: LinkOut}, operation_id="versions_link_dataset", summary="Link a data set"
    )
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = _visible(account, pk)
        given = LinkIn(data=request.data)
        given.is_valid(raise_exception=True)
        dataset = get_object_or_404(queries.datasets_visible_to(account), pk=given.validated_data["dataset"])
        link = services.link_dataset(version, dataset=dataset, role=given.validated_data["role"], actor=account)
        return Response(LinkOut(link).data, 201)


def _visible(account: Account, pk: UUID) -> Version:
    return get_object_or_404(queries.versions_visible_to(account), pk=pk)


def _shown(pk: UUID, account: Account) -> dict[str, Any]:
    seen = queries.with_links(queries.versions_visible_to(account), queries.datasets_visible_to(account))
    version = get_object_or_404(seen, pk=pk)
    return {**VersionOut(version).data, "moves": queries.version_moves(version, account)}
