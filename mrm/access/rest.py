"""What every part of the API shares: who asks, strict input, paging, refusals with their reasons."""

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions, pagination, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mrm.access import queries
from mrm.access.models import Account, Method
from mrm.audit.models import Place
from mrm.core.canonical import digest
from mrm.core.outage import outage
from mrm.core.refusal import Forbidden, Invalid, Refused, Stale


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer mrm_…`; the account then carries the token's scopes."""

    def authenticate(self, request: Request) -> tuple[Account, str] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = queries.usable_token(secret.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked.")
        token.account.scopes = tuple(token.scopes)
        return token.account, secret

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of somebody signed in at the pages, with its protection against forged requests."""


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "mrm.access.rest.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token issued on the account page."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "mrm.access.rest.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def receipt_address(place: Place | None) -> str:
    """Where the receipt of an event is fetched; empty while it waits for its place in the log."""
    return reverse("api:event_receipt", args=[place.event]) if place and place.index is not None else ""


class Strict(serializers.Serializer[Any]):
    """Input in which an unknown field is a fault, not a silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(sorted(self.fields))
            raise serializers.ValidationError({name: [f"Unknown field; known are {known}."] for name in unknown})
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """What the body of a request says, checked."""
        given = cls(data=request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500


def account_of(request: Request) -> Account:
    """The account behind a request that passed authentication."""
    return cast(Account, request.user)


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every fault as `{"reasons": [sentences], …}` with its status; anything else stays loud."""
    if isinstance(error, Stale):
        changes = {
            name: {"yours": str(yours), "theirs": str(theirs)} for name, (yours, theirs) in error.changes.items()
        }
        return Response({"reasons": error.reasons, "changes": changes}, 409)
    if isinstance(error, Invalid):
        return Response({"reasons": error.reasons, "fields": error.fields}, 422)
    if isinstance(error, Refused):
        return Response({"reasons": error.reasons}, 403 if isinstance(error, Forbidden) else 409)
    if found := outage(error):
        return Response({"reasons": [found.sentence]}, found.status)
    if isinstance(error, Http404):
        return Response({"reasons": ["There is no such record, or it is not open to you."]}, 404)
    if isinstance(error, PermissionDenied):
        return Response({"reasons": [str(error) or "This is not open to you."]}, 403)
    if isinstance(error, exceptions.ValidationError):
        return Response({"reasons": _sentences(error.detail), "fields": error.detail}, 400)
    if isinstance(error, exceptions.APIException):
        header = getattr(error, "auth_header", None)
        headers = {"WWW-Authenticate": header} if header else {}
        return Response({"reasons": [str(error.detail)]}, error.status_code, headers=headers)
    return None


def _sentences(detail: Any, field: str = "") -> list[str]:
    if isinstance(detail, dict):
        return [line for name, part in detail.items() for line in _sentences(part, name)]
    if isinstance(detail, list):
        return [line for part in detail for line in _sentences(part, field)]
    return [f"{field}: {detail}" if field and field != "non_field_errors" else str(detail)]


class WayOut(serializers.Serializer[Any]):
    method = serializers.ChoiceField(Method.choices)
    reason = serializers.CharField(help_text="Why it is closed to the caller; empty when it is open.")


class StatementOut(serializers.Serializer[Any]):
    statement = serializers.DictField()
    statement_digest = serializers.CharField()
    token = serializers.CharField()
    methods = WayOut(many=True)
    webauthn = serializers.DictField(
        allow_null=True, help_text="Request options for a security key; the challenge is the statement's digest."
    )


class SignIn(Strict):
    """The token of a statement, and exactly one of the other fields."""

    token = serializers.CharField()
    password = serializers.CharField(required=False, trim_whitespace=False)
    code = serializers.CharField(required=False, help_text="Of the authenticator app.")
    answer = serializers.DictField(required=False, help_text="What the security key answered, as JSON.")


def laid(statement: dict[str, Any], token: str, ways: list[queries.Way], account: Account) -> Any:
    """A statement as it is laid before a program, with the ways to sign it."""
    return StatementOut(
        {
            "statement": statement,
            "statement_digest": digest(statement),
            "token": token,
            "methods": ways,
            "webauthn": queries.key_options(statement, account),
        }
    ).data
