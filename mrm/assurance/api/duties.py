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
from mrm.assurance.forms import AgeingFilter, DutyFilter, HolderFilter
from mrm.audit.queries import reads_everything
from mrm.core.actors import permit
from mrm.core.forms import well_formed
from mrm.core.refusal import Forbidden

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


class WaitingOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="request.pk")
    ref = serializers.CharField(source="request.ref")
    subject = serializers.CharField(source="request.subject_label")
    policy = serializers.CharField(source="request.policy")
    tier = serializers.CharField(source="request.tier")
    unit = serializers.CharField(source="request.unit.key")
    submitted_at = serializers.DateTimeField(source="request.submitted_at")
    due = serializers.DateField(source="request.due")
    stage = serializers.CharField()
    stage_hours = serializers.FloatField(source="allowed")
    hours_used = serializers.FloatField(source="used", allow_null=True)
    hours_left = serializers.FloatField(source="left", allow_null=True, help_text="Negative when the stage is over.")
    clock_stands_still = serializers.BooleanField(source="paused")


class PaceOut(serializers.Serializer[Any]):
    policy = serializers.CharField()
    title = serializers.CharField()
    tier = serializers.CharField()
    decided = serializers.IntegerField(help_text="n: how many requests the numbers rest on.")
    in_time = serializers.IntegerField(help_text="How many of them were decided by their due day.")
    median_hours = serializers.FloatField(source="median")
    ninetieth_percentile_hours = serializers.FloatField(source="ninetieth")
    longest_hours = serializers.FloatField(source="longest")
    allowed_hours = serializers.FloatField(source="allowed")


class AttemptOut(serializers.Serializer[Any]):
    event = serializers.UUIDField(source="event.pk")
    at = serializers.DateTimeField(source="event.at")
    person = serializers.CharField(source="event.person")
    who = serializers.CharField(source="event.actor_name")
    verb = serializers.CharField(source="event.verb")
    record = serializers.CharField(source="event.subject_label")
    unit = serializers.CharField()
    rule = serializers.CharField(source="kind", help_text="The kind of rule that the reasons tell.")
    reasons = serializers.ListField(child=serializers.CharField(), source="entry.refusals")


class PairOut(serializers.Serializer[Any]):
    person = serializers.UUIDField(source="person.pk")
    name = serializers.CharField(source="person.name")
    roles = serializers.SerializerMethodField()
    units = serializers.SerializerMethodField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="None while both are held.")

    def get_roles(self, pair: queries.Pair) -> list[str]:
        return [pair.one.role, pair.other.role]

    def get_units(self, pair: queries.Pair) -> list[str]:
        return [pair.one.unit.key, pair.other.unit.key]


class PartOut(serializers.Serializer[Any]):
    request = serializers.CharField(source="request.ref")
    request_id = serializers.UUIDField()
    person = serializers.UUIDField(source="person_id")
    name = serializers.CharField(source="person.name")
    signed_at = serializers.DateTimeField()
    decision = serializers.CharField()
    party = serializers.CharField(help_text="Who has the other part: the voter, or in whose place he voted.")
    part = serializers.CharField(help_text="What the other part is, in words after the name.")


UNIT = OpenApiParameter("unit", description="The key of a business unit: of it and those below it.")
PERSON = OpenApiParameter("person", OpenApiTypes.UUID)
PERIOD = [OpenApiParameter("since", OpenApiTypes.DATE), OpenApiParameter("until", OpenApiTypes.DATE)]


class Attempts(APIView):
    @extend_schema(
        parameters=[PERSON, OpenApiParameter("kind", enum=[key for key, _ in queries.kinds()]), UNIT, *PERIOD, *PAGE],
        responses=AttemptOut(many=True),
        operation_id="oversight_attempts",
        summary="Refused attempts to sign, approve, validate, deploy or grant a role, with their reasons",
    )
    def get(self, request: Request) -> Response:
        given = well_formed(DutyFilter(request.query_params, account=_whole_auditor(request))).given
        pages = Pages()
        found = queries.told(pages.paginate_queryset(queries.attempts(**given), request, view=self) or ())
        return pages.get_paginated_response(AttemptOut(found, many=True).data)


class Pairs(APIView):
    @extend_schema(
        parameters=[PERSON, UNIT, *PERIOD],
        responses=PairOut(many=True),
        operation_id="oversight_pairs",
        summary="Roles that exclude each other and that one person held at once, past ones included",
    )
    def get(self, request: Request) -> Response:
        common = well_formed(DutyFilter(request.query_params, account=_whole_auditor(request))).common
        return Response(PairOut(queries.pairs(**common), many=True).data)


class DoubleParts(APIView):
    @extend_schema(
        parameters=[PERSON, UNIT, *PERIOD, *PAGE],
        responses=PartOut(many=True),
        operation_id="oversight_double_parts",
        summary="Votes on requests to which the voter, or in whose place he voted, is a party",
    )
    def get(self, request: Request) -> Response:
        common = well_formed(DutyFilter(request.query_params, account=_whole_auditor(request))).common
        pages = Pages()
        found = pages.paginate_queryset(queries.double_parts(**common), request, view=self)
        return pages.get_paginated_response(PartOut(found, many=True).data)


class Ageing(APIView):
    @extend_schema(
        parameters=[UNIT, OpenApiParameter("overdue", bool, description="Only those whose due day has passed."), *PAGE],
        responses=WaitingOut(many=True),
        operation_id="oversight_ageing",
        summary="Open requests with the hours that their open stage has left, by due day",
    )
    def get(self, request: Request) -> Response:
        account = _auditor(request)
        given = well_formed(AgeingFilter(request.query_params, account=account)).given
        requests = queries.audited_requests(account, given["unit"])
        pages = Pages()
        found = queries.overdue_of(requests) if given["overdue"] else queries.open_of(requests)
        rows = queries.waiting(pages.paginate_queryset(found, request, view=self) or ())
        return pages.get_paginated_response(WaitingOut(rows, many=True).data)


class Paces(APIView):
    @extend_schema(
        parameters=[UNIT, *PERIOD],
        responses=PaceOut(many=True),
        operation_id="oversight_decisions",
        summary="Hours from submission to decision, for each policy and tier",
    )
    def get(self, request: Request) -> Response:
        account = _auditor(request)
        given = well_formed(AgeingFilter(request.query_params, account=account)).given
        requests = queries.audited_requests(account, given["unit"])
        return Response(
            PaceOut(queries.paces(queries.decided_of(requests, given["since"], given["until"])), many=True).data
        )


class RolesHeld(APIView):
    @extend_schema(
        parameters=[
            PERSON,
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


def _whole_auditor(request: Request) -> Account:
    account = _auditor(request)
    if not reads_everything(account):
        raise Forbidden("Refused attempts are read by who audits the whole institution: the trail is not cut by unit.")
    return account
