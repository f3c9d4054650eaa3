"""Everybody signs in; a refusal becomes a sentence wherever it was raised."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from mrm.core.refusal import Forbidden, Invalid, Refused

Answer = Callable[[HttpRequest], HttpResponse]
OPEN = ("/sign-in/", "/static/", "/healthz", "/readyz", "/api/", "/verify/", "/metrics")


class SignedInMiddleware:
    """Pages are for people who are signed in; the API has its own door."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated or request.path.startswith(OPEN):
            return self.answer(request)
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)


class RefusalMiddleware:
    """Views do not catch refusals: here they become a message, a fragment, or a page."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError):
            return render(
                request,
                "503.html",
                {"reasons": ["The database does not answer. Nothing was lost; try again in a moment."]},
                status=503,
            )
        if not isinstance(exception, Refused):
            return None
        status = _status(exception)
        if getattr(request, "htmx", False):
            return render(request, "refused.html", {"reasons": exception.reasons}, status=status)
        back = request.headers.get("Referer", "")
        if request.method == "POST" and status != 403 and _ours(request, back):
            for reason in exception.reasons:
                messages.error(request, reason)
            return redirect(back)
        template = "403.html" if status == 403 else "409.html"
        return render(request, template, {"reasons": exception.reasons}, status=status)


def _status(refusal: Refused) -> int:
    if isinstance(refusal, Forbidden):
        return 403
    return 422 if isinstance(refusal, Invalid) else 409


def _ours(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
