"""Which methods an address takes, known to others beside Django's own decorators."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponseBase]
_MARK = "takes_forms_only"


def takes_forms_only(view: View) -> View:
    """As `require_POST`, and nobody is led back to such an address, since there is no page to see."""
    closed: View = require_POST(view)
    setattr(closed, _MARK, True)
    return closed


def nearest_page(request: HttpRequest, path: str) -> str:
    """The path, or the closest above it, at which a person sees something."""
    parts = path.strip("/").split("/")
    above = ("".join(f"/{part}" for part in parts[:depth]) + "/" for depth in range(len(parts), 0, -1))
    return next((place for place in above if _shows_a_page(request, place)), "/")


def _shows_a_page(request: HttpRequest, path: str) -> bool:
    try:
        return not hasattr(resolve(path, getattr(request, "urlconf", None)).func, _MARK)
    except Resolver404:
        return False
