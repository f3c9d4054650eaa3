"""The same sign-off as JSON: read a request, compose what is signed, sign it."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request as Asking
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Person
from mrm.access.rest import SignIn, StatementOut, Strict, account_of, laid, receipt_address
from mrm.core.refusal import Refused
from mrm.signoff import queries, services
from mrm.signoff.models import Decision, Request, RequestState, Vote


class RequestOut(serializers.ModelSerializer[Request]):
    """A request as a list shows it."""

    ref = serializers.CharField()
    policy = serializers.CharField(source="policy.__str__")
    unit = serializers.CharField(source="unit.key")
    submitted_by = serializers.CharField(source="submitted_by.person.name")
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Request
        fields = (
            "id",
            "ref",
            "action",
            "subject_kind",
            "subject_key",
            "subject_label",
            "subject_digest",
            "policy",
            "unit",
            "tier",
            "status",
            "submitted_by",
            "submitted_at",
            "note",
            "terms",
            "due",
            "decided_at",
            "url",
        )


class VoteOut(serializers.ModelSerializer[Vote]):
    """A signature with all that makes it one, and the address of its receipt once the log holds it."""

    receipt = serializers.SerializerMethodField()

    class Meta:
        model = Vote
        fields = (
            "printed_name",
            "role",
            "decision",
            "meaning",
            "rationale",
            "conditions",
            "subject_digest",
            "statement",
            "statement_digest",
            "method",
            "evidence",
            "signed_at",
            "receipt",
        )

    def get_receipt(self, vote: Vote) -> str:
        return receipt_address(vote.place)


class ConditionIn(Strict):
    text = serializers.CharField()
    owner = serializers.EmailField()
    due = serializers.DateField()
    evidence = serializers.CharField()
    gate = serializers.CharField(required=False, allow_blank=True, default="")


class StatementIn(Strict):
    decision = serializers.ChoiceField(Decision.choices)
    rationale = serializers.CharField()
    conditions = ConditionIn(many=True, required=False, default=list)
    on_behalf_of = serializers.EmailField(
        required=False, default="", help_text="The person in whose place a delegate signs, by e-mail address."
    )


class CommentIn(Strict):
    text = serializers.CharField()
    section = serializers.CharField(required=False, allow_blank=True, default="", max_length=80)


class CommentOut(serializers.Serializer[Any]):
    person = serializers.CharField(source="person.name")
    section = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField()


class WithdrawIn(Strict):
    reason = serializers.CharField()


def find(asking: Asking, pk: object) -> Request:
    return get_object_or_404(queries.visible_to(account_of(asking)), pk=pk)


class Requests(ListAPIView[Request]):
    """Requests that the caller may see; `status` filters, `waiting=me` keeps those he may sign now."""

    serializer_class = RequestOut

    @extend_schema(
        parameters=[OpenApiParameter("status", enum=RequestState.values), OpenApiParameter("waiting", enum=["me"])]
    )
    def get(self, asking: Asking) -> Response:
        return self.list(asking)

    def get_queryset(self) -> Any:
        account = account_of(self.request)
        mine = self.request.query_params.get("waiting") == "me"
        found = queries.visible_to(account)
        if mine:
            waiting = queries.waiting(account)
            found = found.filter(pk__in=[each.pk for each in waiting]) if isinstance(waiting, list) else waiting
        if wanted := self.request.query_params.get("status"):
            found = found.filter(status=wanted)
        return found


class One(APIView):
    """A request with its verdict, needs, gates, changes and votes, and why the caller may not sign."""

    @extend_schema(responses=RequestOut)
    def get(self, asking: Asking, pk: object) -> Response:
        asked = find(asking, pk)
        sheet = queries.sheet(queries.Reading(asked), account_of(asking))
        needs = [
            {
                "stage": need.stage,
                "role": need.role,
                "quorum": need.quorum,
                "signed": need.signed,
                "missing": need.missing,
            }
            for need in sheet.verdict.needs
        ]
        gates = [
            {
                "key": gate.key,
                "title": gate.title,
                "state": gate.state,
                "detail": gate.detail,
                "as_of": gate.as_of,
                "waivable": gate.waivable,
                "url": gate.url,
            }
            for gate in sheet.gates
        ]
        changes = [
            {"name": change.name, "before": change.before, "after": change.after, "material": change.material}
            for change in (entry.change for entry in sheet.differences)
        ]
        candidates = [
            {"name": line.person.name, "role": line.role, "state": line.state, "detail": line.detail}
            for line in [*sheet.able, *sheet.unable]
        ]
        return Response(
            RequestOut(asked).data
            | {
                "verdict": sheet.verdict.state,
                "reason": sheet.verdict.reason,
                "stage": sheet.verdict.stage,
                "ignored": list(sheet.verdict.ignored),
                "needs": needs,
                "gates": gates,
                "changed_since": sheet.former,
                "changes": changes,
                "drift": sheet.drift,
                "votes": VoteOut(sheet.votes, many=True).data,
                "candidates": candidates,
                "why_not": sheet.why_not,
                "blocked": sheet.blocked,
            }
        )


class Statement(APIView):
    """What would be signed, word for word, with the sealed token that brings it back; changes nothing."""

    @extend_schema(request=StatementIn, responses=StatementOut)
    def post(self, asking: Asking, pk: object) -> Response:
        asked, wanted = find(asking, pk), StatementIn.read(asking)
        conditions = [{**entry, "due": entry["due"].isoformat()} for entry in wanted["conditions"]]
        statement, token = services.compose(
            asked,
            decision=wanted["decision"],
            rationale=wanted["rationale"],
            conditions=conditions,
            actor=account_of(asking),
            on_behalf_of=_principal(asking, wanted["on_behalf_of"]),
        )
        account = account_of(asking)
        return Response(laid(statement, token, queries.ways(asked, account), account))


def _principal(asking: Asking, email: str) -> Person | None:
    if not email:
        return None
    for entry in queries.delegations_of(account_of(asking)).filter(delegate=account_of(asking).person_id):
        if entry.principal.email == email.lower():
            return entry.principal
    raise Refused("on_behalf_of: nobody with this address lets you sign in his place.")


class Sign(APIView):
    """Sign the statement of a token; a password, a code or a security key says again who signs."""

    @extend_schema(request=SignIn, responses={201: VoteOut})
    def post(self, asking: Asking, pk: object) -> Response:
        asked, given = find(asking, pk), SignIn.read(asking)
        vote = services.sign(asked, **given, actor=account_of(asking))
        return Response(VoteOut(vote).data, status.HTTP_201_CREATED)


class Comments(APIView):
    """The discussion of a request."""

    @extend_schema(responses=CommentOut(many=True))
    def get(self, asking: Asking, pk: object) -> Response:
        return Response(CommentOut(find(asking, pk).comments.select_related("person"), many=True).data)

    @extend_schema(request=CommentIn, responses={201: CommentOut})
    def post(self, asking: Asking, pk: object) -> Response:
        asked, given = find(asking, pk), CommentIn.read(asking)
        said = services.comment(asked, **given, actor=account_of(asking))
        return Response(CommentOut(said).data, status.HTTP_201_CREATED)


class Withdraw(APIView):
    """Take the question back."""

    @extend_schema(request=WithdrawIn, responses=RequestOut)
    def post(self, asking: Asking, pk: object) -> Response:
        asked, given = find(asking, pk), WithdrawIn.read(asking)
        services.withdraw(asked, **given, actor=account_of(asking))
        return Response(RequestOut(find(asking, pk)).data)
