"""Reports on duties over the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Account
from mrm.access.rest import Pages, account_of
from mrm.access.roles import Role
from mrm.assurance import queries
from mrm.assurance.forms import HolderFilter, well_formed
from mrm.core.actors import permit

PAGE = [OpenApiParameter("page", int), OpenApiParameter("page_size", int)]


class HoldingOut(serializers.Serializer[Any]):
    person = serializers.UUIDField(source="grant.account.person_id")
    name = serializers.CharField(source="grant.account.person.name")
    account = serializers.CharField(source="grant.account.username")
    role = serializers.CharField(source="grant.role")
    unit = serializers.CharField(source="grant.unit.key")
    since = serializers.DateTimeField(source="grant.since")
    granted_by = serializers.CharField()
    until = serializers.DateTimeField(source="grant.until", allow_null=True)
    ended = serializers.DateTimeField(allow_null=True)
    account_closed = serializers.DateTimeField(source="closed", allow_null=True)
    state = serializers.ChoiceField(choices=["held", "idle", "ended"])


class RolesHeld(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("person", OpenApiTypes.UUID),
            OpenApiParameter("role", enum=Role.values),
            OpenApiParameter("unit", description="The key of a business unit: roles that reach into it."),
            OpenApiParameter("on", OpenApiTypes.DATE, description="The end of that day in UTC; now without it."),
            OpenApiParameter("ended", bool, description="Also those that were over by then."),
            *PAGE,
        ],
        responses=HoldingOut(many=True),
        operation_id="oversight_roles",
        summary="Who holds which role since when, granted by whom, until when, as of a day",
    )
    def get(self, request: Request) -> Response:
        account = _auditor(request)
        form = well_formed(HolderFilter(request.query_params, account=account))
        moment = queries.moment_of(form.cleaned_data["on"])
        pages = Pages()
        grants = queries.role_grants(account, moment=moment, **form.conditions())
        found = queries.holdings(pages.paginate_queryset(grants, request, view=self) or (), moment)
        return pages.get_paginated_response(HoldingOut(found, many=True).data)


def _auditor(request: Request) -> Account:
    account = account_of(request)
    permit(account, "audit.view", None)
    return account
