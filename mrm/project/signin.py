"""How a request becomes an account: password at the sign-in page, token at the API."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from mrm.access import queries
from mrm.access.models import Account, AccountKind
from mrm.access.services import note_sign_in


class AccountBackend(BaseBackend):
    """Signs in active personal accounts; a service account has no password and no pages."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Account | None:
        account = queries.accounts().filter(username=(username or "").strip().lower()).first()
        if account is None:
            Account().set_password(password)  # takes as long as a real check, so names cannot be guessed by time
            return None
        if account.check_password(password) and account.is_active and account.kind == AccountKind.PERSONAL:
            return account
        note_sign_in(account, "access.fail_sign_in")
        return None

    def get_user(self, user_id: Any) -> Account | None:
        return queries.accounts().filter(pk=user_id, is_active=True).first()


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are opened by administrators; sign-in and sign-out go on the record."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Account) -> None:
        super().login(request, user)
        note_sign_in(user, "access.sign_in")

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, Account):
            note_sign_in(request.user, "access.sign_out")
        super().logout(request)


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
    target_class = "mrm.project.signin.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token issued on the account page."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "mrm.project.signin.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
