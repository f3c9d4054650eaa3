"""A file as a download, which no browser takes for anything else."""

import io

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


def content_answer(content: bytes, *, filename: str, content_type: str) -> FileResponse:
    """Bytes at hand."""
    answer = FileResponse(io.BytesIO(content), as_attachment=True, filename=filename, content_type=content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
