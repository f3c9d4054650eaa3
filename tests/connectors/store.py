"""Artifacts in memory."""

import hashlib
import io
from typing import BinaryIO

from mrm.connectors.protocol import Artifact, ArtifactFile


class MemoryStore:
    """Artifacts by digest. A test may put other bytes under a digest."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def open(self, artifact: Artifact, name: str) -> BinaryIO:
        return io.BytesIO(self.contents[artifact.digest])

    def add(self, content: bytes) -> Artifact:
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        file = ArtifactFile("model.onnx", digest, len(content))
        return Artifact(f"memory:{digest}", digest, "onnx", (file,))
