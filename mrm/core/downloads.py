"""A stored blob as a download."""

from django.http import FileResponse

from mrm.core import blobs


def blob_answer(sha256: str, *, size: int, filename: str, content_type: str) -> FileResponse:
    """The stored bytes, checked against their digest before the first byte leaves."""
    path = blobs.fetch(sha256)
    source = path.open("rb")
    path.unlink()
    answer = FileResponse(source, as_attachment=True, filename=filename, content_type=content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Length"] = str(size)
    return answer
