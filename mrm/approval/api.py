"""The same approvals as JSON: ask for one, read it, end it, accept its conditions."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.queries import units_visible_to
from mrm.access.rest import Pages, Strict, account_of
from mrm.approval import queries, services
from mrm.approval.models import Approval, ApprovalKind, Condition
from mrm.core.refusal import Invalid
from mrm.inventory.queries import versions_visible_to


class ConditionOut(serializers.ModelSerializer[Condition]):
    """A condition of an approval, and how it was met."""

    owner = serializers.CharField(source="owner.name")
    met_by = serializers.CharField(source="met_by.name", default=None)

    class Meta:
        model = Condition
        fields = ("id", "text", "gate", "owner", "due", "evidence", "asked_by", "met_on", "met_note", "met_by")


class ApprovalOut(serializers.ModelSerializer[Approval]):
    """An approval, bound to the bytes of its artifact; `why_not` says why it does not hold today."""

    request = serializers.CharField(source="request.ref")
    policy = serializers.CharField(source="request.policy.__str__")
    approved_for = serializers.CharField()
    conditions = ConditionOut(many=True)
    why_not = serializers.SerializerMethodField()

    class Meta:
        model = Approval
        fields = (
            "id",
            "version",
            "request",
            "policy",
            "artifact_sha256",
            "environments",
            "approved_for",
            "kind",
            "status",
            "granted_at",
            "valid_until",
            "expires_at",
            "suspended_at",
            "suspended_because",
            "reviewed_at",
            "review",
            "ended_at",
            "ended_reason",
            "conditions",
            "why_not",
        )

    def get_why_not(self, approval: Approval) -> str | None:
        return queries.why_not_in_force(approval)


class SubmitIn(Strict):
    note = serializers.CharField(required=False, allow_blank=True, default="")
    kind = serializers.ChoiceField(ApprovalKind.choices, required=False, default=ApprovalKind.FULL)
    environments = serializers.ListField(
        child=serializers.CharField(max_length=60),
        default=list(queries.USUAL),
        help_text="Keys of environments, or any:production, any:test or any:shadow; the signers sign for these alone",
    )


class SubmitOut(serializers.Serializer[object]):
    request = serializers.UUIDField()
    ref = serializers.CharField()
    due = serializers.DateField()
    subject_digest = serializers.CharField()


class ReasonIn(Strict):
    reason = serializers.CharField()


class NoteIn(Strict):
    note = serializers.CharField()


class Submit(APIView):
    """Put a version before the signers of its tier's policy."""

    @extend_schema(request=SubmitIn, responses={201: SubmitOut})
    def post(self, request: Request, pk: object) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        given = SubmitIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = services.submit(version, **given.validated_data, actor=account_of(request))
        asked.refresh_from_db()
        answer = {"request": asked.pk, "ref": asked.ref, "due": asked.due, "subject_digest": asked.subject_digest}
        return Response(SubmitOut(answer).data, status.HTTP_201_CREATED)


class ReopenOut(serializers.Serializer[object]):
    """The version after it was given back: its state, and the request that the signers had returned."""

    version = serializers.UUIDField()
    status = serializers.CharField()
    returned = serializers.CharField()


class Reopen(APIView):
    """Take a version that the signers returned back to work: it is a draft again."""

    @extend_schema(request=ReasonIn, responses=ReopenOut)
    def post(self, request: Request, pk: object) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        version = services.reopen(version, **given.validated_data, actor=account_of(request))
        asked = queries.last_request(version)
        answer = {"version": version.pk, "status": version.status, "returned": asked.ref if asked else ""}
        return Response(ReopenOut(answer).data)


class OfVersion(APIView):
    """Every approval of a version, the newest first."""

    @extend_schema(responses=ApprovalOut(many=True), operation_id="version_approvals_list")
    def get(self, request: Request, pk: object) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        return Response(ApprovalOut(queries.approvals_of(version), many=True).data)


class AcceptedRiskOut(serializers.Serializer[Any]):
    """An exception from a clause, or the accepted risk of a finding."""

    ref = serializers.CharField(source="entry.ref")
    kind = serializers.CharField()
    model = serializers.CharField(source="entry.model.ref")
    unit = serializers.CharField(source="entry.unit.key")
    about = serializers.CharField(source="title")
    reason = serializers.CharField(source="entry.reason")
    compensation = serializers.CharField(source="entry.compensation")
    accepted_at = serializers.DateTimeField(source="entry.accepted_at")
    until = serializers.DateField(source="entry.until")
    in_force = serializers.BooleanField()
    ended_on = serializers.DateField(allow_null=True)
    request = serializers.CharField(source="entry.request.ref")


class AcceptedRisks(APIView):
    """What is borne for a time under signatures, on models that the caller sees."""

    @extend_schema(
        parameters=[OpenApiParameter("view", enum=queries.RISK_VIEWS), OpenApiParameter("unit", str)],
        responses=AcceptedRiskOut(many=True),
        operation_id="accepted_risks_list",
    )
    def get(self, request: Request) -> Response:
        account, pages = account_of(request), Pages()
        view, key = request.query_params.get("view", queries.RISK_VIEWS[0]), request.query_params.get("unit")
        if view not in queries.RISK_VIEWS:
            raise Invalid(f"view: {view} is none; use one of {', '.join(queries.RISK_VIEWS)}.")
        unit = get_object_or_404(units_visible_to(account), key=key) if key else None
        found = pages.paginate_queryset(queries.risks_listed(account, view, unit), request, view=self)
        return pages.get_paginated_response(AcceptedRiskOut(queries.borne(found or ()), many=True).data)


class Renewals(APIView):
    """Approvals that end within two months and whose renewal nobody has asked for, the next to end first."""

    @extend_schema(responses=ApprovalOut(many=True), operation_id="approval_renewals_list")
    def get(self, request: Request) -> Response:
        found = queries.renewals(account_of(request)).prefetch_related("conditions__owner", "conditions__met_by")
        return Response(ApprovalOut(found, many=True).data)


class Review(APIView):
    """Write down what the review of an emergency use found; for somebody who took no part in it."""

    @extend_schema(request=NoteIn, responses=ApprovalOut)
    def post(self, request: Request, pk: object) -> Response:
        approval = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
        given = NoteIn(data=request.data)
        given.is_valid(raise_exception=True)
        reviewed = services.review_emergency(approval, **given.validated_data, actor=account_of(request))
        return Response(ApprovalOut(reviewed).data)


class Withdraw(APIView):
    """End an approval at once; what runs on it must be taken out."""

    @extend_schema(request=ReasonIn, responses=ApprovalOut)
    def post(self, request: Request, pk: object) -> Response:
        approval = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        ended = services.withdraw(approval, **given.validated_data, actor=account_of(request))
        return Response(ApprovalOut(ended).data)


class Meet(APIView):
    """Accept that a condition is met; never by the one who owes it."""

    @extend_schema(request=NoteIn, responses=ConditionOut)
    def post(self, request: Request, pk: int) -> Response:
        condition = get_object_or_404(queries.conditions_visible_to(account_of(request)), pk=pk)
        given = NoteIn(data=request.data)
        given.is_valid(raise_exception=True)
        met = services.meet_condition(condition, **given.validated_data, actor=account_of(request))
        return Response(ConditionOut(met).data)
