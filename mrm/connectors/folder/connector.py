"""A folder of model files, as shares and buckets mounted on this machine hold them. Read only."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from mrm.connectors.base import BaseConnector
from mrm.connectors.protocol import ArtifactStore, Cap, Desired, Listed, Observed, Op, Page, Result, Transient

# what models are kept in; a file of another kind is not taken for one
ENDINGS = (
    ".onnx", ".skops", ".pkl", ".pickle", ".joblib", ".ubj", ".xgb", ".lgb", ".cbm", ".pmml", ".mojo", ".safetensors", ".pt",
    ".pth", ".h5", ".keras", ".tflite", ".gguf", ".rds", ".sas7bitm",
)  # fmt: skip


class FolderConnector(BaseConnector):
    """Every model file below a folder, by its path, with the SHA-256 of its bytes.

    `credit/1.2/model.onnx` and `credit/1.2.onnx` are version 1.2 of credit, `credit.onnx` is credit without a version.
    """

    id: ClassVar[str] = "folder"
    title: ClassVar[str] = "A folder of model files"
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "folder": {
                "type": "string",
                "format": "folder",
                "minLength": 1,
                "title": "Folder",
                "examples": ["/srv/models"],
            }
        },
        "required": ["folder"],
        "additionalProperties": False,
    }
    caps = Cap.INVENTORY

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._root = Path(config["folder"])
        self._paths: list[str] | None = None

    def check(self) -> str:
        return f"The folder can be read; it holds {sum(1 for _ in self._files()):,} model files."

    def list_models(self, cursor: str | None = None) -> Page:
        """By path; the cursor is the last path already given. The folder is walked once for all pages of a listing."""
        if cursor is None or self._paths is None:
            self._paths = sorted(self._files())
        rest = [path for path in self._paths if cursor is None or path > cursor]
        page = rest[: self.page_size]
        items = tuple(item for path in page if (item := self._listed(path)))
        return Page(items, page[-1] if len(rest) > self.page_size else None)

    def observe(self, endpoint: str) -> Observed:
        raise self.unsupported("looking at an endpoint; it is a folder")

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        self._refuse()

    def poll(self, handle: str) -> Result:
        self._refuse()

    def delete(self, endpoint: str, *, op: Op) -> Result:
        self._refuse()

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; it is a folder")

    def _refuse(self) -> NoReturn:
        raise self.unsupported("changing anything; the folder is read only")

    def _files(self) -> Iterator[str]:
        """Relative paths of model files. Links are not followed: they lead out of what was shared."""
        if not self._root.is_dir():
            raise Transient(f"The folder {self._root} is not there now.")
        for place, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(place, name)
                if name.lower().endswith(ENDINGS) and not path.is_symlink():
                    yield path.relative_to(self._root).as_posix()

    def _listed(self, path: str) -> Listed | None:
        try:
            with (self._root / path).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return None  # taken away while the page was made
        except OSError as error:
            raise Transient(f"The file {path} cannot be read: {error.strerror}.") from error
        *above, file = path.split("/")
        stem = file.rsplit(".", 1)[0]
        name, version = (above[-2], above[-1]) if len(above) > 1 else (above[-1], stem) if above else (stem, "")
        return Listed(name, version, digest, path, managed=False, serving=False)
