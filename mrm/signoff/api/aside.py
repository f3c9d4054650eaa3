"""What people do beside the votes, as JSON: stand in, step aside, ask, answer, ask further people."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request as Asking
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Person
from mrm.access.queries import persons_named_to
from mrm.access.rest import Strict, account_of
from mrm.core.refusal import Invalid
from mrm.signoff import queries, services
from mrm.signoff.api.requests import find


class RecusalIn(Strict):
    reason = serializers.CharField()


class QuestionIn(Strict):
    text = serializers.CharField()


class RecusalOut(serializers.Serializer[Any]):
    person = serializers.CharField(source="person.name")
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class QuestionOut(serializers.Serializer[Any]):
    """A question to those behind a request; the clock stands still until it is answered."""

    id = serializers.IntegerField()
    person = serializers.CharField(source="person.name")
    text = serializers.CharField()
    at = serializers.DateTimeField()
    answer = serializers.CharField()
    answered_by = serializers.CharField(source="answered_by.name", default=None)
    answered_at = serializers.DateTimeField()


class EscalationOut(serializers.Serializer[Any]):
    stage = serializers.CharField()
    role = serializers.CharField()
    at = serializers.DateTimeField()


class DelegationIn(Strict):
    to = serializers.EmailField(help_text="The delegate, by e-mail address.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    reason = serializers.CharField()


class DelegationOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    principal = serializers.CharField(source="principal.name")
    delegate = serializers.CharField(source="delegate.name")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    reason = serializers.CharField()
    ended_at = serializers.DateTimeField()


class Recuse(APIView):
    """Step aside from a request: no vote of this person counts on it, nor one given in his place."""

    @extend_schema(request=RecusalIn, responses={201: RecusalOut})
    def post(self, asking: Asking, pk: object) -> Response:
        asked, given = find(asking, pk), RecusalIn.read(asking)
        made = services.recuse(asked, **given, actor=account_of(asking))
        return Response(RecusalOut(made).data, status.HTTP_201_CREATED)


class Questions(APIView):
    """What was asked of those behind a request, with the answers."""

    @extend_schema(responses=QuestionOut(many=True))
    def get(self, asking: Asking, pk: object) -> Response:
        found = find(asking, pk).questions.select_related("person", "answered_by")
        return Response(QuestionOut(found, many=True).data)

    @extend_schema(request=QuestionIn, responses={201: QuestionOut})
    def post(self, asking: Asking, pk: object) -> Response:
        asked, given = find(asking, pk), QuestionIn.read(asking)
        made = services.ask(asked, **given, actor=account_of(asking))
        return Response(QuestionOut(made).data, status.HTTP_201_CREATED)


class Answer(APIView):
    """Answer a question; the clock runs on."""

    @extend_schema(request=QuestionIn, responses=QuestionOut)
    def post(self, asking: Asking, pk: int) -> Response:
        question = get_object_or_404(queries.questions_visible_to(account_of(asking)), pk=pk)
        given = QuestionIn.read(asking)
        return Response(QuestionOut(services.answer(question, **given, actor=account_of(asking))).data)


class Escalate(APIView):
    """Open an overdue stage to the role that the policy escalates to."""

    @extend_schema(request=None, responses={201: EscalationOut})
    def post(self, asking: Asking, pk: object) -> Response:
        made = services.escalate(find(asking, pk), actor=account_of(asking))
        return Response(EscalationOut(made).data, status.HTTP_201_CREATED)


class Delegations(APIView):
    """The delegations that the caller gave or holds; one who signs lets another sign in his place."""

    @extend_schema(responses=DelegationOut(many=True), operation_id="delegations_list")
    def get(self, asking: Asking) -> Response:
        return Response(DelegationOut(queries.delegations_of(account_of(asking)), many=True).data)

    @extend_schema(request=DelegationIn, responses={201: DelegationOut}, operation_id="delegations_create")
    def post(self, asking: Asking) -> Response:
        wanted = DelegationIn.read(asking)
        to = _person(asking, wanted.pop("to"))
        made = services.delegate(to, **wanted, actor=account_of(asking))
        return Response(DelegationOut(made).data, status.HTTP_201_CREATED)


def _person(asking: Asking, email: str) -> Person:
    found = persons_named_to(account_of(asking)).filter(email__iexact=email).first()
    if found is None:
        raise Invalid("to: nobody here has this address; name a person who signs.", fields={"to": ["Unknown."]})
    return found


class EndDelegation(APIView):
    """End a delegation at once; votes given before stand."""

    @extend_schema(request=None, responses=DelegationOut)
    def post(self, asking: Asking, pk: int) -> Response:
        found = get_object_or_404(queries.delegations_of(account_of(asking)), pk=pk)
        return Response(DelegationOut(services.end_delegation(found, actor=account_of(asking))).data)
