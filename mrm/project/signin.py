"""How a visitor becomes an account at the sign-in page."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

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
