"""What the cover and the foot of every report say: number, digest, who asked, where to verify."""

from typing import Any

import segno
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from mrm.reporting.models import Document
from mrm.reporting.services.pages.words import image

# the marks of the charts: they survive greyscale by their shape
MARKS = {
    "pass": '<circle cx="5" cy="5" r="4.2" fill="#176b2c"/>',
    "watch": '<path d="M5 .8 9.6 9.2H.4z" fill="#9a5b00"/>',
    "fail": '<path d="M.8.8h8.4v8.4H.8z" fill="#a61b12"/>',
    "insufficient": '<circle cx="5" cy="5" r="3.6" fill="none" stroke="#545b66" stroke-width="1.3"/>',
}
WORDS = {"pass": "Pass", "watch": "Watch", "fail": "Fail", "insufficient": "Insufficient"}


def cover(document: Document, content_digest: str) -> dict[str, Any]:
    """The same for every kind of document."""
    address = settings.HOST_URL.rstrip("/") + reverse("reporting:verify_ref", args=[document.ref])
    return {
        "ref": document.ref,
        "kind": document.get_kind_display(),
        "bank": settings.BANK_NAME,
        "prepared_at": timezone.now(),
        "asked_by": document.requested_by.name,
        "digest": content_digest,
        "groups_of_digest": [content_digest[place : place + 8] for place in range(0, 64, 8)],
        "address": address,
        "short_address": address.split("://", 1)[-1],
        "qr": segno.make(address, error="m").svg_data_uri(scale=4, border=0, dark="#1f2937"),
        "marks": {name: _mark(shape) for name, shape in MARKS.items()},
        "words": WORDS,
    }


def _mark(shape: str) -> str:
    return image(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{shape}</svg>'.encode())
