"""Whether the process lives, and whether what it stands on answers."""

from django.db import OperationalError, connection
from django.http import HttpRequest, JsonResponse

from mrm.core.blobs import put_bytes
from mrm.core.refusal import Refused
from mrm.project.celery import app


def alive(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """Ready while database and storage answer; a silent broker is told, and delays only the work."""
    checks = {"database": _database(), "storage": _storage(), "broker": _broker()}
    good = checks["database"] == checks["storage"] == "answers"
    return JsonResponse({"status": "ready" if good else "not ready", **checks}, status=200 if good else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return "does not answer"
    return "answers"


def _storage() -> str:
    try:
        put_bytes(b"storage check")
    except Refused as refusal:
        return str(refusal)
    return "answers"


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=0, timeout=2)
    except Exception as error:
        return f"does not answer: {type(error).__name__}"
    return "answers"
