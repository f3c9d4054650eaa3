"""Single sign-on by OpenID Connect: there with state, PKCE and nonce; back with a token that is verified in full.

The protocol is allauth's. Which account it opens is decided by `access.services.admit` alone: allauth's own tables of
providers and linked accounts stay empty and are not asked.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from allauth.account.adapter import get_adapter as accounts
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from requests import RequestException

from mrm.access import queries
from mrm.access.services import PROVIDER, admit, follow_groups, refuse
from mrm.access.single_sign_on import Claims, claims_of
from mrm.core.refusal import Refused

ID = "sso"
SIGNED_BY = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
SILENT = "The identity provider does not answer; try again, or sign in by password."
FAILED = "What came back from the identity provider does not hold, so you are not signed in; begin again."


def nonce_of(state: str) -> str:
    """Bound to the state, which is bound to the session and serves once."""
    return salted_hmac("mrm.sso.nonce", state, algorithm="sha256").hexdigest()


class Client(OAuth2Client):  # type: ignore[misc]
    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: Mapping[str, str]) -> str:
        nonce = {"nonce": nonce_of(str(self.state))}
        return str(super().get_redirect_url(authorization_url, scope, {**extra_params, **nonce}))


class Exchange(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The token's signature is always verified, and its nonce is that of the request it answers."""

    client_class = Client

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("sso_callback"))

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("no id token")
        return super().complete_login(request, app, token, **kwargs)

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in SIGNED_BY:
                raise OAuth2Error("an id token that is not signed by a key pair")
            told: dict[str, Any] = jwtkit.verify_and_decode(
                credential=id_token,
                keys_url=self.openid_config["jwks_uri"],
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                lookup_kid=jwtkit.lookup_kid_jwk,
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("an id token that cannot be read") from error
        if settings.SSO is None or told["iss"].rstrip("/") != settings.SSO.issuer:
            raise OAuth2Error("an id token of another issuer")
        given = str(told.get("nonce", ""))
        if not secrets.compare_digest(given.encode(), nonce_of(str(self.request.GET.get("state", ""))).encode()):
            raise OAuth2Error("an id token that answers another request")
        return told


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    oauth2_adapter_class = Exchange
    pkce_enabled_default = True

    def get_callback_url(self) -> str:
        return reverse("sso_callback")


class Arrivals(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The one provider of the settings, and our decision on who comes back from it."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        if settings.SSO is None:
            return []
        told = settings.SSO
        app = SocialApp(provider="openid_connect", provider_id=ID, name=told.name, client_id=told.client_id)
        app.secret, app.settings = told.secret, {"server_url": told.issuer}
        return [app]

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> Provider:
        return Provider(request, app=self.get_app(request, provider=ID))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Decide here, whatever allauth would make of it."""
        told = sociallogin.account.extra_data
        if settings.SSO is None:
            raise Http404
        try:
            account, kept_back = _arrived(claims_of(settings.SSO, told["id_token"], told.get("userinfo") or {}))
        except ValueError as error:
            raise ImmediateHttpResponse(_refused(request, str(error))) from error
        except Refused as refusal:
            raise ImmediateHttpResponse(_page(request, *refusal.reasons)) from refusal
        if request.user.is_authenticated:
            accounts(request).logout(request)
        for sentence in kept_back:
            messages.warning(request, sentence)
        record_authentication(request, account, "socialaccount", provider=ID)
        login = Login(user=account, redirect_url=sociallogin.get_redirect_url(request))
        raise ImmediateHttpResponse(perform_login(request, login))

    def on_authentication_error(self, request: HttpRequest, provider: Any, **kwargs: Any) -> None:
        error = kwargs.get("exception")
        words = SILENT if isinstance(error, RequestException) else FAILED
        raise ImmediateHttpResponse(_refused(request, words))


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """To the provider."""
    _must_be_configured()
    try:
        answer: HttpResponse = OAuth2LoginView.adapter_view(Exchange(request, ID))(request)
    except RequestException:
        return _page(request, SILENT, status=503)
    return answer


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider."""
    _must_be_configured()
    answer: HttpResponse = OAuth2CallbackView.adapter_view(Exchange(request, ID))(request)
    return answer


def _arrived(claims: Claims) -> tuple[Any, list[str]]:
    account = admit(queries.known_by(claims), claims=claims, actor=PROVIDER)
    return account, follow_groups(account, groups=claims.groups, actor=PROVIDER)


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """A failure of the protocol is written down at the institution: who it was is not known."""
    try:
        refuse(queries.institution(), reason=sentence, actor=PROVIDER)
    except Refused as refusal:
        return _page(request, *refusal.reasons)
    raise AssertionError("refuse() refuses")


def _page(request: HttpRequest, *reasons: str, status: int = 403) -> HttpResponse:
    return render(request, "account/sso_refused.html", {"reasons": reasons}, status=status)


def _must_be_configured() -> None:
    if settings.SSO is None:
        raise Http404
