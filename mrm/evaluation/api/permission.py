"""The permission to run a pickle over the API: ask, read, withdraw."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.rest import Strict, account_of
from mrm.evaluation import queries, services
from mrm.inventory.queries import versions_visible_to


class PermitIn(Strict):
    reason = serializers.CharField(max_length=1_000)


class PermissionOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    version = serializers.UUIDField(source="version_id")
    artifact_sha256 = serializers.CharField(source="artifact_id")
    status = serializers.CharField()
    reason = serializers.CharField()
    asked_by = serializers.CharField(source="asked_by.username")
    asked_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    names = serializers.ListField(
        child=serializers.CharField(), help_text="Every name that the scan found in the file."
    )
    error = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_reason = serializers.CharField()


class Permission(APIView):
    @extend_schema(
        responses=PermissionOut, operation_id="permission_read", summary="The permission to run the pickle of a version"
    )
    def get(self, request: Request, pk: UUID) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        found = queries.permission_of(version)
        if found is None:
            raise Http404
        return Response(PermissionOut(found).data)

    @extend_schema(
        request=PermitIn, responses={202: PermissionOut}, operation_id="permission_ask",
        summary="Have the pickle scanned, and permitted to run if it holds nothing but estimators",
    )  # fmt: skip
    def post(self, request: Request, pk: UUID) -> Response:
        account = account_of(request)
        version = get_object_or_404(versions_visible_to(account), pk=pk)
        made = services.permit_execution(version, reason=_reason(request), actor=account)
        return Response(PermissionOut(made).data, 202)


class WithdrawPermission(APIView):
    @extend_schema(
        request=PermitIn, responses=PermissionOut, operation_id="permission_withdraw", summary="Run the pickle no more"
    )
    def post(self, request: Request, pk: int) -> Response:
        account, reason = account_of(request), _reason(request)
        found = get_object_or_404(queries.permissions_visible_to(account), pk=pk)
        ended = services.withdraw_permission(found, reason=reason, actor=account)
        return Response(PermissionOut(ended).data)


def _reason(request: Request) -> str:
    given = PermitIn(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data["reason"])
