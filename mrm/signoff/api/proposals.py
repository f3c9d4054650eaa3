"""Changes that take effect when they are signed for, as JSON."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request as Asking
from rest_framework.response import Response

from mrm.access.rest import Strict, account_of
from mrm.signoff import queries, services
from mrm.signoff.models import Proposal


class ProposedChangeOut(serializers.ModelSerializer[Proposal]):
    """A proposed change, and whether it was carried out."""

    unit = serializers.CharField(source="unit.key")
    proposed_by = serializers.CharField(source="proposed_by.name")

    class Meta:
        model = Proposal
        fields = (
            "id", "kind", "target", "label", "content", "reason", "unit", "tier", "proposed_by", "proposed_at",
            "settled_at", "carried_out",
        )  # fmt: skip


class ProposedChangeIn(Strict):
    kind = serializers.CharField(help_text="What is proposed, such as tier_override or policy_change.")
    target = serializers.CharField(help_text="Key of the record that it changes; for a policy or pack, its id.")
    content = serializers.DictField(help_text="The change, in the form of its kind.")
    reason = serializers.CharField()


class ProposedChangeMadeOut(ProposedChangeOut):
    request = serializers.CharField(source="request.pk")

    class Meta(ProposedChangeOut.Meta):
        fields = (*ProposedChangeOut.Meta.fields, "request")  # type: ignore[assignment]


class ProposedChanges(ListAPIView[Proposal]):
    """Proposals of the caller's units; posting puts one before the signers of the `request` that it opens."""

    serializer_class = ProposedChangeOut

    @extend_schema(parameters=[OpenApiParameter("kind"), OpenApiParameter("target")])
    def get(self, asking: Asking) -> Response:
        return self.list(asking)

    @extend_schema(request=ProposedChangeIn, responses={201: ProposedChangeMadeOut})
    def post(self, asking: Asking) -> Response:
        wanted, account = ProposedChangeIn.read(asking), account_of(asking)
        record = services.kind_of(wanted["kind"]).reached(account, wanted["target"])
        if record is None:
            raise Http404
        made = services.propose(
            record, wanted["kind"], content=wanted["content"], reason=wanted["reason"], actor=account
        )
        return Response(ProposedChangeMadeOut(made).data, status.HTTP_201_CREATED)

    def get_queryset(self) -> Any:
        asked = self.request.query_params
        wanted = {name: asked[name] for name in ("kind", "target") if asked.get(name)}
        return queries.proposals_visible_to(account_of(self.request)).filter(**wanted)
