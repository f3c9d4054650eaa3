"""Everybody signs in; a refusal becomes a sentence wherever it was raised."""

import sys
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.defaults import server_error

from mrm.core.methods import nearest_page
from mrm.core.outage import Outage, outage
from mrm.core.refusal import Forbidden, Invalid, Refused

Answer = Callable[[HttpRequest], HttpResponse]
OPEN = ("/sign-in/", "/static/", "/healthz", "/readyz", "/api/", "/verify/", "/metrics")
OUT_OF_DATE = _(
    "The form is out of date: it was opened before you signed in, or too long ago. Load the page again; what you typed"
    " comes back."
)


class SignedInMiddleware:
    """Pages are for people who are signed in; the API has its own door."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated or request.path.startswith(OPEN):
            return self.answer(request)
        if not getattr(request, "htmx", False):
            return redirect_to_login(_asked_for(request), settings.LOGIN_URL)
        answer = HttpResponse(status=401)
        if request.method == "POST":  # a part that only asks again must not take away what is being typed beside it
            answer["HX-Redirect"] = redirect_to_login(_asked_for(request), settings.LOGIN_URL)["Location"]
        return answer


class RefusalMiddleware:
    """Views do not catch refusals: here they become a message, a fragment, or a page."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if sentence := _too_large(request):
            return _plainly(request, "413.html", 413, sentence)
        answer = self.answer(request)
        if answer.status_code == 405 and not answer.content and not request.path.startswith("/api/"):
            answer.content = render_to_string("405.html", {"back_url": nearest_page(request, request.path)}, request)
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if found := outage(exception):
            return _out_of_order(request, found)
        if not isinstance(exception, Refused):
            return None
        status = _status(exception)
        if getattr(request, "htmx", False):
            return render(request, "refused.html", {"reasons": exception.reasons}, status=status)
        back = request.headers.get("Referer", "")
        if request.method == "POST" and status != 403 and _ours(request, back):
            for reason in exception.reasons:
                messages.error(request, reason)
            return redirect(_page_of(request, back))
        template = "403.html" if status == 403 else "409.html"
        context = {"reasons": exception.reasons, "back_url": nearest_page(request, request.path)}
        return render(request, template, context, status=status)


def failed(request: HttpRequest) -> HttpResponse:
    """The answer to what no view caught, as when the database is silent before a view is reached."""
    if found := outage(sys.exc_info()[1]):
        return _out_of_order(request, found)
    return server_error(request)


def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The answer to a form with no token or an old one; `reason` is Django's, for its log."""
    if getattr(request, "htmx", False):
        return render(request, "refused.html", {"reasons": [OUT_OF_DATE]}, status=409)
    return render(request, "403_csrf.html", status=403)


def _out_of_order(request: HttpRequest, found: Outage) -> HttpResponse:
    return _plainly(request, "503.html", found.status, found.sentence)


def _plainly(request: HttpRequest, template: str, status: int, sentence: str) -> HttpResponse:
    """A page that asks the database nothing, not even who is signed in."""
    if request.path.startswith("/api/"):
        return JsonResponse({"reasons": [sentence]}, status=status)
    name = "refused.html" if getattr(request, "htmx", False) else template
    return HttpResponse(render_to_string(name, {"reasons": [sentence], "status": status}), status=status)


def _too_large(request: HttpRequest) -> str | None:
    """A request announces its size, so what is too large is refused before it is read."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    size = int(announced) if announced.isdigit() else 0
    if request.content_type == "multipart/form-data":
        limit, what = settings.LARGEST_UPLOAD, "files"
    else:
        limit, what = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "text"
    # beside its file an upload carries the other fields
    if size <= limit + settings.DATA_UPLOAD_MAX_MEMORY_SIZE * (what == "files"):
        return None
    megabytes = 1024 * 1024
    return (
        f"The request is {size / megabytes:,.1f} MiB; at most {limit // megabytes} MiB of {what} are taken at once."
        " Nothing was read or recorded."
    )


def _status(refusal: Refused) -> int:
    if isinstance(refusal, Forbidden):
        return 403
    return 422 if isinstance(refusal, Invalid) else 409


def _ours(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())


def _asked_for(request: HttpRequest) -> str:
    """Where to go after signing in: the address, or the page on which the form stood that was sent to it."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    back = request.headers.get("Referer", "")
    if not _ours(request, back):
        return nearest_page(request, request.path)
    parts = urlsplit(_page_of(request, back))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _page_of(request: HttpRequest, url: str) -> str:
    """The address itself if people can look at it; what answers a form only is left for the page above, as it was asked."""
    parts = urlsplit(url)
    page = nearest_page(request, parts.path)
    return url if page == parts.path else urlunsplit(("", "", page, parts.query, ""))
