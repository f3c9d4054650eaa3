"""What the tests of batch interfaces share: rows, and how a batch is sent, waited for and read."""

import hashlib
import io
import secrets

from mrm.connectors.protocol import ArtifactFile, Batch, BatchResult, Connector, NotYet, VersionRef
from tests.connectors.bench import op

FIRST, SECOND = b"0,1,2,3,4\n1,0.5,-0.5,1.5,-1.5\n", b"2,0,1,0,0\n"


def a_batch(version: VersionRef) -> Batch:
    return Batch(
        secrets.token_hex(8), version.version, version.artifact.digest, version.artifact.format, version.features
    )


def staged(backend: Connector, batch: Batch, contents: list[bytes]) -> list[ArtifactFile]:
    files = []
    for number, content in enumerate(contents):
        files.append(ArtifactFile(f"part-{number}.csv", hashlib.sha256(content).hexdigest(), len(content)))
        backend.stage_batch(batch, files[-1], io.BytesIO(content), op=op())
    return files


def submitted(backend: Connector, endpoint: str, batch: Batch) -> BatchResult:
    """Asked for as often as the backend still makes what it needs."""
    for _ in range(20):
        try:
            return backend.submit_batch(endpoint, batch, op=op())
        except NotYet:
            pass
    raise AssertionError(batch)


def fetched(backend: Connector, batch: Batch, file: ArtifactFile) -> list[list[str]]:
    target = io.BytesIO()
    backend.fetch_batch(batch, file, target)
    return [line.split(",") for line in target.getvalue().decode().splitlines()]


def ended(backend: Connector, result: BatchResult) -> BatchResult:
    for _ in range(20):
        if result.done:
            return result
        result = backend.poll_batch(result.handle)
    raise AssertionError(result)
