"""What every part of the API shares: paging, and refusals as JSON with their reasons."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, pagination
from rest_framework.response import Response

from mrm.core.refusal import Forbidden, Invalid, Refused, Stale


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every fault as `{"reasons": [sentences], …}` with its status; anything else stays loud."""
    if isinstance(error, Stale):
        changes = {name: {"yours": yours, "theirs": theirs} for name, (yours, theirs) in error.changes.items()}
        return Response({"reasons": error.reasons, "changes": changes}, 409)
    if isinstance(error, Invalid):
        return Response({"reasons": error.reasons, "fields": error.fields}, 422)
    if isinstance(error, Refused):
        return Response({"reasons": error.reasons}, 403 if isinstance(error, Forbidden) else 409)
    if isinstance(error, OperationalError):
        return Response({"reasons": ["The database does not answer. Nothing was lost; try again in a moment."]}, 503)
    if isinstance(error, Http404):
        return Response({"reasons": ["There is no such record, or it is not open to you."]}, 404)
    if isinstance(error, PermissionDenied):
        return Response({"reasons": [str(error) or "This is not open to you."]}, 403)
    if isinstance(error, exceptions.ValidationError):
        return Response({"reasons": _sentences(error.detail), "fields": error.detail}, 400)
    if isinstance(error, exceptions.APIException):
        headers = {"WWW-Authenticate": error.auth_header} if hasattr(error, "auth_header") else {}  # type: ignore[attr-defined]
        return Response({"reasons": [str(error.detail)]}, error.status_code, headers=headers)
    return None


def _sentences(detail: Any, field: str = "") -> list[str]:
    if isinstance(detail, dict):
        return [line for name, part in detail.items() for line in _sentences(part, name)]
    if isinstance(detail, list):
        return [line for part in detail for line in _sentences(part, field)]
    return [f"{field}: {detail}" if field and field != "non_field_errors" else str(detail)]
