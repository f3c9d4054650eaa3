"""How a visitor becomes an account at the sign-in page, in one step or two."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import clear_state, get_state
from django import forms
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from mrm.access import queries
from mrm.access.models import Account, AccountKind, Method
from mrm.access.sealing import seal, unseal
from mrm.access.second_factors import decoded
from mrm.access.services import Proof, confirm_second_factor, note_sign_in
from mrm.core.refusal import Refused


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


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are encrypted at rest, and security keys know us by one name."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": settings.RELYING_PARTY, "name": settings.BANK_NAME}


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """The second step by a code of the app, or by a recovery code."""

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        _confirm(self.user, Proof(Method.TOTP, secret=code))
        return code

    def save(self) -> None:
        record_authentication(context.request, self.user, "mfa", type=Method.TOTP.value)


class KeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    """The second step by a security key; its challenge serves once."""

    def clean_credential(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.cleaned_data["credential"]
        begun = get_state() or {"challenge": ""}
        clear_state()
        _confirm(self.user, Proof(Method.WEBAUTHN, answer=answer, challenge=decoded(begun["challenge"])))
        return answer

    def save(self) -> None:
        record_authentication(context.request, self.user, "mfa", type=Method.WEBAUTHN.value)


def _confirm(account: Account, proof: Proof) -> None:
    try:
        confirm_second_factor(account, proof=proof, actor=account)
    except Refused as refusal:
        raise forms.ValidationError(list(refusal.reasons)) from refusal
