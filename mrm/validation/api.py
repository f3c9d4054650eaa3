"""The same validations and findings as JSON, with the moves that are open to the caller."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mrm.access.models import Person
from mrm.access.rest import Strict, account_of
from mrm.core.refusal import Invalid
from mrm.core.workflow import Offer
from mrm.inventory.models.model import Residual
from mrm.inventory.queries import versions_visible_to
from mrm.validation import queries, services
from mrm.validation.models import Evidence, Finding, Kind, Pillar, Severity, Validation, ValidationOutcome

# the move as the address names it, the service behind it, and the field that its words are
MOVES = {
    "accept": ("accept_finding", "response"),
    "rebut": ("rebut_finding", "rebuttal"),
    "uphold": ("uphold_finding", "reason"),
    "withdraw": ("withdraw_finding", "reason"),
    "plan": ("plan_finding", "plan"),
    "begin": ("begin_finding", ""),
    "remediate": ("remediate_finding", "remediation"),
    "resume": ("resume_finding", ""),
}


class EvidenceOut(serializers.ModelSerializer[Evidence]):
    """A piece of evidence, with the digest of its file or the run it is."""

    run = serializers.CharField(source="run.ref", default=None)
    added_by = serializers.CharField(source="added_by.name")

    class Meta:
        model = Evidence
        fields = ("id", "pillar", "title", "text", "run", "sha256", "filename", "added_by", "added_at")


class ValidationOut(serializers.ModelSerializer[Validation]):
    """A validation as it stands."""

    ref = serializers.CharField()
    version_label = serializers.CharField(source="version.__str__")
    requested_by = serializers.CharField(source="requested_by.name")
    validator = serializers.CharField(source="validator.name", default=None)
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Validation
        fields = (
            "id",
            "ref",
            "version",
            "version_label",
            "kind",
            "status",
            "requested_by",
            "requested_at",
            "validator",
            "plan",
            "outcome",
            "conclusion",
            "residual_risk",
            "artifact_sha256",
            "concluded_at",
            "url",
        )


class FindingOut(serializers.ModelSerializer[Finding]):
    """A finding with its whole story."""

    ref = serializers.CharField()
    validation_ref = serializers.CharField(source="validation.ref")
    model = serializers.CharField(source="validation.version.model.ref")
    owner = serializers.CharField(source="owner.name")
    raised_by = serializers.CharField(source="raised_by.name")
    remediated_by = serializers.CharField(source="remediated_by.name", default=None)
    verified_by = serializers.CharField(source="verified_by.name", default=None)
    is_overdue = serializers.BooleanField()
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Finding
        fields = (
            "id",
            "ref",
            "validation",
            "validation_ref",
            "model",
            "title",
            "description",
            "severity",
            "tier_at_issue",
            "status",
            "owner",
            "raised_by",
            "raised_at",
            "due",
            "first_due",
            "is_overdue",
            "response",
            "rebuttal",
            "plan",
            "remediation",
            "remediation_sha256",
            "remediated_by",
            "verification",
            "verified_by",
            "closed_at",
            "url",
        )


class RequestIn(Strict):
    kind = serializers.ChoiceField(Kind.choices, default=Kind.INITIAL)


class PlanIn(Strict):
    plan = serializers.CharField()


class EvidenceIn(Strict):
    pillar = serializers.ChoiceField(Pillar.choices)
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(required=False, allow_blank=True, default="")
    run = serializers.UUIDField(required=False, allow_null=True, default=None)
    file = serializers.FileField(required=False, allow_null=True, default=None)


class FindingIn(Strict):
    title = serializers.CharField(max_length=200)
    description = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    owner = serializers.EmailField(help_text="The person who answers the finding, by e-mail address.")


class ConcludeIn(Strict):
    outcome = serializers.ChoiceField(ValidationOutcome.choices)
    conclusion = serializers.CharField()
    residual_risk = serializers.ChoiceField(Residual.choices)


class WordsIn(Strict):
    text = serializers.CharField(required=False, allow_blank=True, default="")
    file = serializers.FileField(required=False, allow_null=True, default=None)


def _clean(serializer: type[Strict], request: Request) -> dict[str, Any]:
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = given.validated_data
    return found


def _validation(request: Request, pk: object) -> Validation:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


def _finding(request: Request, pk: object) -> Finding:
    return get_object_or_404(queries.findings_visible_to(account_of(request)), pk=pk)


def _moves(offers: Iterable[Offer]) -> list[dict[str, Any]]:
    return [
        {"name": offer.move.name, "label": offer.move.title, "open": offer.open, "reasons": offer.reasons}
        for offer in offers
    ]


def _asked(record: Validation | Finding) -> str | None:
    """The key of the open request in which a step of it waits for signatures."""
    return str(record.asked.pk) if record.asked else None


def _whole(request: Request, pk: object) -> dict[str, Any]:
    found = _validation(request, pk)
    return ValidationOut(found).data | {
        "evidence": EvidenceOut(found.evidence.select_related("run", "added_by"), many=True).data,
        "findings": FindingOut(
            queries.findings_visible_to(account_of(request)).filter(validation=found), many=True
        ).data,
        "moves": _moves(queries.moves_of(found, account_of(request)).values()),
        "request": _asked(found),
    }


class OfVersion(APIView):
    """The validations of a version; posting asks for one."""

    @extend_schema(responses=ValidationOut(many=True), operation_id="version_validations_list")
    def get(self, request: Request, pk: object) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        return Response(ValidationOut(queries.visible_to(account_of(request)).filter(version=version), many=True).data)

    @extend_schema(request=RequestIn, responses={201: ValidationOut})
    def post(self, request: Request, pk: object) -> Response:
        version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
        made = services.request(version, **_clean(RequestIn, request), actor=account_of(request))
        return Response(_whole(request, made.pk), status.HTTP_201_CREATED)


class One(APIView):
    """A validation with its evidence, findings and moves."""

    @extend_schema(responses=ValidationOut)
    def get(self, request: Request, pk: object) -> Response:
        return Response(_whole(request, pk))


class Take(APIView):
    """Take a validation on."""

    @extend_schema(request=None, responses=ValidationOut)
    def post(self, request: Request, pk: object) -> Response:
        services.take(_validation(request, pk), actor=account_of(request))
        return Response(_whole(request, pk))


class Plan(APIView):
    """Write the plan."""

    @extend_schema(request=PlanIn, responses=ValidationOut)
    def post(self, request: Request, pk: object) -> Response:
        services.write_plan(_validation(request, pk), **_clean(PlanIn, request), actor=account_of(request))
        return Response(_whole(request, pk))


class AddEvidence(APIView):
    """Add a run, a file or an examination in words."""

    @extend_schema(request=EvidenceIn, responses={201: EvidenceOut})
    def post(self, request: Request, pk: object) -> Response:
        found, given = _validation(request, pk), _clean(EvidenceIn, request)
        file, run = given.pop("file"), given.pop("run")
        if run is not None:
            run = get_object_or_404(queries.runs_for(found), pk=run)
        made = services.add_evidence(
            found,
            **given,
            run=run,
            chunks=file.chunks() if file else None,
            filename=file.name if file else "",
            actor=account_of(request),
        )
        return Response(EvidenceOut(made).data, status.HTTP_201_CREATED)


class RaiseFinding(APIView):
    """Name a weakness; its due day follows from severity and tier."""

    @extend_schema(request=FindingIn, responses={201: FindingOut})
    def post(self, request: Request, pk: object) -> Response:
        found, given = _validation(request, pk), _clean(FindingIn, request)
        given["owner"] = _person(given["owner"])
        made = services.raise_finding(found, **given, actor=account_of(request))
        return Response(FindingOut(_finding(request, made.pk)).data, status.HTTP_201_CREATED)


def _person(email: str) -> Person:
    person = Person.objects.filter(email__iexact=email).first()
    if person is None:
        raise Invalid(f"{email} is no person here.", fields={"owner": ["Unknown person."]})
    return person


class Conclude(APIView):
    """Give the outcome; it holds when a second validator has signed the `request` that it opens."""

    @extend_schema(request=ConcludeIn, responses=ValidationOut)
    def post(self, request: Request, pk: object) -> Response:
        services.conclude(_validation(request, pk), **_clean(ConcludeIn, request), actor=account_of(request))
        return Response(_whole(request, pk))


class Findings(ListAPIView[Finding]):
    """Findings of the caller's units: `view` is open, mine, overdue or closed; `severity` and `q` filter."""

    serializer_class = FindingOut

    @extend_schema(
        parameters=[
            OpenApiParameter("view", enum=list(queries.VIEWS)),
            OpenApiParameter("severity", enum=Severity.values),
            OpenApiParameter("q"),
        ]
    )
    def get(self, request: Request) -> Response:
        return self.list(request)

    def get_queryset(self) -> Any:
        asked = self.request.query_params
        return queries.findings_listed(
            account_of(self.request),
            asked.get("view", "open"),
            severity=asked.get("severity", ""),
            model=asked.get("q", ""),
        )


class OneFinding(APIView):
    """A finding with its story and moves."""

    @extend_schema(responses=FindingOut)
    def get(self, request: Request, pk: object) -> Response:
        return Response(_story(request, pk))


def _story(request: Request, pk: object) -> dict[str, Any]:
    found = _finding(request, pk)
    moves = _moves(queries.finding_moves(found, account_of(request)))
    return FindingOut(found).data | {"moves": moves, "request": _asked(found)}


class MoveFinding(APIView):
    """One step of a finding, named in the address; `text` holds the words that the step needs."""

    @extend_schema(
        request=WordsIn,
        responses=FindingOut,
        parameters=[OpenApiParameter("move", location=OpenApiParameter.PATH, enum=sorted(MOVES))],
    )
    def post(self, request: Request, pk: object, move: str) -> Response:
        if move not in MOVES:
            raise Http404
        found, given = _finding(request, pk), _clean(WordsIn, request)
        service, field = MOVES[move]
        words: dict[str, Any] = {field: given["text"]} if field else {}
        if move == "remediate" and given["file"]:
            words |= {"chunks": given["file"].chunks(), "filename": given["file"].name}
        getattr(services, service)(found, **words, actor=account_of(request))
        return Response(_story(request, pk))
